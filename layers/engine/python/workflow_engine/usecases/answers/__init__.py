"""What use cases answer, as clients see it. The OpenAPI document is made of these types, with what stands below each field.

For type checkers and that document: no function imports it when it starts, so import it under `TYPE_CHECKING`. Clients must bear
with fields that come later.
"""

from __future__ import annotations

from workflow_engine.usecases.answers.activities import ActivityTask, TaskAnswer
from workflow_engine.usecases.answers.approvals import Approval, ApprovalPage, Decision
from workflow_engine.usecases.answers.definitions import (
    AgentPage,
    AgentSummary,
    DefinitionSummary,
    PromptPage,
    PromptSummary,
    RenderedPrompt,
    StoredAgent,
    StoredDefinition,
    StoredPrompt,
)
from workflow_engine.usecases.answers.files import FilePage, StoredFile, Upload
from workflow_engine.usecases.answers.problems import Finding, GatewayRefusal, Problem
from workflow_engine.usecases.answers.runs import (
    Event,
    EventPage,
    Execution,
    ExecutionPage,
    ExecutionProgress,
    ExecutionStarted,
    ExecutionSummary,
    OutputLink,
    Progress,
    Results,
    RunError,
    StepOutput,
    StepResult,
)
from workflow_engine.usecases.answers.service import Health
from workflow_engine.usecases.answers.steps import (
    RegisteredStep,
    StepPage,
    StepRetry,
    StepSchemas,
    StepType,
    StepVersionPage,
)
from workflow_engine.usecases.answers.tools import McpServer, McpServerPage, McpTool, McpToolPage, Tool, ToolPage
from workflow_engine.usecases.answers.values import (
    AnyValue,
    Count,
    Cursor,
    Document,
    Id,
    Object,
    RunStatus,
    StepStatus,
    Text,
    Time,
    Version,
)
from workflow_engine.usecases.answers.workflows import (
    CompiledWorkflow,
    Costs,
    Plan,
    StepValidation,
    StoredWorkflow,
    ValidationReport,
    WorkflowPage,
    WorkflowSummary,
)

__all__ = (
    "ActivityTask",
    "AgentPage",
    "AgentSummary",
    "AnyValue",
    "Approval",
    "ApprovalPage",
    "CompiledWorkflow",
    "Costs",
    "Count",
    "Cursor",
    "Decision",
    "DefinitionSummary",
    "Document",
    "Event",
    "EventPage",
    "Execution",
    "ExecutionPage",
    "ExecutionProgress",
    "ExecutionStarted",
    "ExecutionSummary",
    "FilePage",
    "Finding",
    "GatewayRefusal",
    "Health",
    "Id",
    "McpServer",
    "McpServerPage",
    "McpTool",
    "McpToolPage",
    "Object",
    "OutputLink",
    "Plan",
    "Problem",
    "Progress",
    "PromptPage",
    "PromptSummary",
    "RegisteredStep",
    "RenderedPrompt",
    "Results",
    "RunError",
    "RunStatus",
    "StepOutput",
    "StepPage",
    "StepResult",
    "StepRetry",
    "StepSchemas",
    "StepStatus",
    "StepType",
    "StepValidation",
    "StepVersionPage",
    "StoredAgent",
    "StoredDefinition",
    "StoredFile",
    "StoredPrompt",
    "StoredWorkflow",
    "TaskAnswer",
    "Text",
    "Time",
    "Tool",
    "ToolPage",
    "Upload",
    "ValidationReport",
    "Version",
    "WorkflowPage",
    "WorkflowSummary",
)
