"""Calls of built-in tools, with their arguments checked as an agent's toolbox does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_runtime.toolbox import BoundTool, Toolbox
from agent_tools.builtin import BUILTIN_TOOLS, ToolEnvironment
from llm_gateway.request import Tool


def call(name: str, arguments: Mapping[str, Any], environment: ToolEnvironment) -> Any:
    """What a tool gives. Raises ToolFailedError for arguments that do not fit its schema, else what the tool raises."""
    builtin = BUILTIN_TOOLS[name]
    told = Tool(name, builtin.description, builtin.parameters)
    bound = BoundTool(told, lambda given: builtin.function(given, environment))
    return Toolbox({name: bound}).call(name, arguments)
