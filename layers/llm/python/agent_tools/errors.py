"""What tools can end in. The text of a `ToolError` is for the model that called the tool: it tells what to do otherwise."""

from __future__ import annotations

from workflow_engine.errors import WorkflowEngineError


class ToolError(WorkflowEngineError):
    """The tool cannot give what was asked for."""

    code = "tool_error"
