"""What use cases answer, as clients see it. The OpenAPI document is made of these types, with what stands below each field.

For type checkers and that document: no function imports it when it starts, so import it under `TYPE_CHECKING`. Clients must bear
with fields that come later.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from workflow_engine.language.document import refers_to
from workflow_engine.statuses import RUN_STATUSES, STEP_STATUSES

RunStatus = TypeAliasType("RunStatus", Annotated[str, Field(json_schema_extra={"enum": list(RUN_STATUSES)})])
StepStatus = TypeAliasType("StepStatus", Annotated[str, Field(json_schema_extra={"enum": list(STEP_STATUSES)})])
Time = Annotated[str, Field(description="ISO 8601, UTC.", json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0)]
Version = Annotated[int, Field(ge=1)]
Id = Annotated[str, Field(description="The same as the id that is named after what this is.")]
Cursor = Annotated[str | None, Field(description="Pass it as ?cursor for the next page. Null after the last.")]
Object = dict[str, Any]

AnyValue = Annotated[Any, Field(description="Any JSON value.")]
Document = Annotated[Object, Field(description="An OpenAPI document.")]
Text = Annotated[str, Field(description="Text of the media type.")]


class Health(TypedDict):
    """That the service answers."""

    status: Literal["healthy"]
    service: str


class Finding(TypedDict):
    """What is wrong at one place, or may go wrong."""

    code: str
    """Stable code of the finding."""
    pointer: str
    """RFC 6901 JSON pointer into the request's body; "" is all of it, or something beside it."""
    detail: str
    """What is wrong and what to do."""


class Problem(TypedDict):
    """RFC 9457 problem details."""

    type: str
    title: str
    """The status in words."""
    status: int
    code: str
    """Stable code of the problem."""
    detail: str
    """What is wrong."""
    errors: list[Finding]
    """The findings; never empty."""


class GatewayRefusal(TypedDict):
    """What API Gateway answers before any function is asked: no or wrong credentials, or too many requests."""

    message: str


class Costs(TypedDict):
    """US dollars."""

    transitions: float | None
    """Of the states that are entered. Null where a size is not known."""


class Plan(TypedDict):
    """What a run costs and takes, from the graph alone. Maxima are null where a size is not known."""

    states: Count
    transitions_min: Count | None
    transitions_max: Count | None
    history_events_min: Count | None
    history_events_max: Count | None
    definition_bytes: Count
    critical_path_seconds: float | None
    ideal_seconds: float | None
    parallel_width: Count
    cost_usd_per_1000_runs: Costs
    warnings: list[Finding]


class OutputLink(TypedDict):
    """In place of an output that is too large for the answer. An address in S3 holds for 15 minutes."""

    href: str | None
    """Where the output is; null where it is put together from outputs of parts, and no one has it in one piece."""
    bytes: Count


class StepResult(TypedDict):
    """How a step ended. With `output_link`, `output_data` is null. Times are null for a step that has no state of its own."""

    status: StepStatus
    output_data: Any
    error_type: str | None
    error_message: str | None
    execution_time_ms: float | None
    retry_count: Count
    started_at: Time | None
    completed_at: Time | None
    output_link: NotRequired[OutputLink]


class StepOutput(TypedDict):
    """The output of a step once more; null over 64 KB."""

    output_data: Any


class RunError(TypedDict):
    """Why a run failed."""

    step_id: str | None
    type: str
    message: str


class Results(TypedDict):
    """A page of the results of a run. With `output_link`, `output` is null."""

    execution_id: str
    id: Id
    workflow_id: str
    status: RunStatus
    output: Any
    error: RunError | None
    started_at: Time | None
    completed_at: Time | None
    output_link: NotRequired[OutputLink]
    step_results: dict[str, StepResult]
    """By step id; a part of a step as `outer[3].inner`."""
    step_io_data: dict[str, StepOutput]
    next_cursor: Cursor
    metadata: Object
    """What is kept of the run beside its results."""


class ExecutionStarted(TypedDict):
    """A run that has been started."""

    execution_id: str
    id: Id
    status: RunStatus
    workflow_name: str
    workflow_id: str
    workflow_version: Version
    started_at: Time


class ExecutionSummary(TypedDict):
    """A run as lists have it."""

    execution_id: str
    id: Id
    workflow_id: str
    workflow_name: str
    workflow_version: Version
    status: RunStatus
    started_at: Time
    completed_at: Time | None
    user_id: str | None
    """For whom the run is: what its start said, else who started it."""
    session_id: str | None
    correlation_id: str | None


class Execution(ExecutionSummary):
    """A run without its results."""

    started_by: str | None
    """Who started the run, as the API authenticated them."""
    tags: Any
    metadata: Any
    organization_id: str | None
    backend: str | None
    error: Any
    redrive_count: Count


class Progress(TypedDict):
    """How far a run has come; all of it is null while AWS does not tell."""

    step_statuses: dict[str, StepStatus] | None
    step_counts: dict[str, Count] | None
    """How many of the workflow's own steps have each status."""
    total_steps: Count | None
    completed_steps: Count | None
    failed_steps: Count | None
    current_step: str | None
    """The first step that runs."""


class ExecutionProgress(Execution, Progress):
    """A run, and how far it has come. What tells of its steps is null while AWS does not tell."""


class ExecutionPage(TypedDict):
    """Runs, newest first."""

    items: list[ExecutionSummary]
    next_cursor: Cursor


class Event(TypedDict):
    """An event of a run's history."""

    id: Count
    type: str
    """As AWS Step Functions names it: TaskSucceeded."""
    timestamp: Time | None
    state: str | None
    """Null for events of the run itself, and for those that end a Parallel."""
    step_id: str | None
    details: Object
    """What AWS tells of it, without secrets and stack traces."""


class EventPage(TypedDict):
    """Events, oldest first."""

    items: list[Event]
    next_cursor: Cursor


class StepValidation(TypedDict):
    """The findings of one step."""

    is_valid: bool
    errors: list[Finding]


class ValidationReport(TypedDict):
    """What is wrong with a workflow, and what a run of it would cost."""

    is_valid: bool
    errors: list[Finding]
    warnings: list[Finding]
    plan: Plan | None
    """Null when the workflow is invalid."""
    step_validation: dict[str, StepValidation]
    """By step id."""


class CompiledWorkflow(TypedDict):
    """What a workflow becomes."""

    asl: Object
    """The state machine in Amazon States Language (JSONata)."""
    plan: Plan
    diagram: str
    """The structure as a Mermaid diagram."""
    bindings: Object
    """What a run passes to the machine beside its input."""


class WorkflowSummary(TypedDict):
    """A version of a workflow as lists have it."""

    workflow_id: str
    id: Id
    version: Version
    name: str
    description: str | None
    created_at: Time
    updated_at: Time


class WorkflowPage(TypedDict):
    """Versions of workflows."""

    items: list[WorkflowSummary]
    next_cursor: Cursor


class StoredWorkflow(TypedDict):
    """A version of a workflow."""

    workflow_id: str
    id: Id
    version: Version
    name: str
    content_hash: str
    """SHA-256 of the workflow; the order of keys does not matter."""
    created_at: Time
    updated_at: Time
    created_by: str | None
    plan: Plan
    workflow: Object
    """The workflow as it was saved."""
    configuration: Object
    """The same as `workflow`."""
    warnings: NotRequired[list[Finding]]
    """In answers to saving: what may go wrong all the same, such as an agent that does not exist now."""


class StepType(TypedDict):
    """A step type, built-in or registered."""

    step_type: str
    id: Id
    name: str
    """The type's own name when none was given."""
    kind: Literal["builtin", "registered"]
    description: str
    available: bool
    """Whether this version can run it."""
    config_schema: Object
    """JSON Schema of a step's config."""
    parameters_schema: Object
    """The same as `config_schema`."""
    output_schema: Object
    """JSON Schema of a step's output."""
    aliases: NotRequired[list[str]]
    """Other names of a built-in type."""
    template_fields: NotRequired[list[str]]
    """Fields of a built-in type's config in which {{ references }} are filled in."""
    execution_type: NotRequired[Literal["lambda", "local", "http"]]
    """Of a registered type, like what follows."""
    function_arn: NotRequired[str | None]
    function_reference: NotRequired[str | None]
    handler: NotRequired[str | None]
    endpoint_config: NotRequired[Object | None]
    timeout_seconds: NotRequired[int | None]
    tags: NotRequired[list[str]]
    created_at: NotRequired[Time]
    updated_at: NotRequired[Time]
    created_by: NotRequired[str | None]


class RegisteredStep(StepType):
    """A registration, and what became of it."""

    step_id: str
    """The same as `step_type`."""
    message: str
    """What registering did."""


class StepPage(TypedDict):
    """Step types: the built-in ones, then the registered ones by name."""

    steps: list[StepType]
    total: Count
    """Of all pages."""
    next_cursor: Cursor


class DefinitionSummary(TypedDict):
    """A version of an agent or a prompt."""

    id: Id
    version: Version
    description: str | None
    created_at: Time
    updated_at: Time
    created_by: str | None


class StoredDefinition(DefinitionSummary):
    """A version of an agent or a prompt, with what may yet not do what was meant."""

    warnings: list[str]
    """Sentences about what is valid and may yet not do what was meant."""


class AgentSummary(DefinitionSummary):
    """A version of an agent as lists have it."""

    agent_id: str
    agent_name: str


class StoredAgent(StoredDefinition):
    """A version of an agent."""

    agent_id: str
    agent_name: str
    agent: Annotated[Object, refers_to("agents.schema:AGENT_DOCUMENT")]


class AgentPage(TypedDict):
    """Versions of agents."""

    items: list[AgentSummary]
    next_cursor: Cursor


class PromptSummary(DefinitionSummary):
    """A version of a prompt as lists have it."""

    prompt_id: str
    name: str


class StoredPrompt(StoredDefinition):
    """A version of a prompt."""

    prompt_id: str
    name: str
    prompt: Annotated[Object, refers_to("agents.schema:PROMPT_DOCUMENT")]


class PromptPage(TypedDict):
    """Versions of prompts."""

    items: list[PromptSummary]
    next_cursor: Cursor


class RenderedPrompt(TypedDict):
    """Both texts of a prompt with the variables filled in."""

    prompt_id: str
    version: Version
    system_prompt: str | None
    query: str | None
    missing: list[str]
    """Placeholders without a value."""


class Tool(TypedDict):
    """A tool that agents may have."""

    tool: str
    """What stands in an agent's `tools`."""
    type: Literal["builtin", "step", "agent", "mcp"]
    name: str
    description: str
    parameters: Object | None
    """JSON Schema of the arguments, where it is known."""


class ToolPage(TypedDict):
    """Tools; an MCP server is one of them, whose own tools are listed by itself."""

    items: list[Tool]
    next_cursor: Cursor


class McpServer(TypedDict):
    """The registration of an MCP server."""

    name: str
    url: str
    description: str | None
    allowed_tools: list[str] | None
    """The tools that may be called. Null: all."""
    bearer_secret: str | None
    """The name of a secret, never its value."""
    timeout_seconds: int | None
    created_at: Time
    updated_at: Time
    created_by: str | None


class McpServerPage(TypedDict):
    """MCP servers, by name."""

    items: list[McpServer]
    next_cursor: Cursor


class McpTool(TypedDict):
    """A tool as its server tells of it."""

    name: str
    description: str
    parameters: Object
    """JSON Schema of the arguments."""
    allowed: bool
    """Whether the registration lets agents call it."""


class McpToolPage(TypedDict):
    """All tools of an MCP server."""

    items: list[McpTool]
    next_cursor: str | None
    """Always null: the list is whole."""
    warnings: list[str]
    """What could not be read of the server's list."""
