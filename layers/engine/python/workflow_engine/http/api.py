"""The HTTP API as data: one declaration a route.

The resolver registers from it and refuses what it does not name, the catalogue of functions takes its routes from it
(`infra.catalog`), and the OpenAPI document is made of it (`infra.openapi`). Bodies and answers are named, not imported, so that
a cold start loads only what its own routes use; texts and examples stand in `infra/openapi/prose.json` for the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflow_engine.http.operation import EVENT_STREAM, Answers, Operation
from workflow_engine.http.queries import (
    BUCKET,
    CONFIRM,
    CORRELATION_ID,
    CURSOR,
    ELEMENT,
    ERROR,
    EXECUTION_ID,
    EXECUTION_TYPE,
    FROM,
    FROM_VERSION,
    HAS_FAILURES,
    INCLUDE,
    KIND,
    LAST_EVENT_ID,
    LINKS,
    NAME,
    PAGED,
    PARENT_ID,
    ROLE,
    SESSION_ID,
    SIGN_IN,
    STARTED_AFTER,
    STARTED_BEFORE,
    STATUS,
    STEP,
    STEPS,
    TAG,
    TO,
    TO_VERSION,
    USER_ID,
    VERSION,
    WAIT,
    WORKER,
    WORKFLOW_ID,
)

STARTED: Final[Answers] = {202: "ExecutionStarted", 200: "Results"}
OUTPUT: Final[Answers] = {200: "AnyValue", 303: None}
GONE: Final[Answers] = {204: None}


def _stored(noun: str, root: str, body: str) -> tuple[Operation, ...]:
    """The routes of what is stored in versions, a workflow aside."""
    all_, one, kind = f"/{root}", f"/{root}/{{{noun}_id}}", noun.capitalize()
    whole, page = f"Stored{kind}", f"{kind}Page"
    return (
        Operation(f"create_{noun}", f"POST {all_}", {201: whole}, body=body, takes_key=True),
        Operation(f"list_{noun}s", f"GET {all_}", {200: page}, query=PAGED),
        Operation(f"get_{noun}", f"GET {one}", {200: whole}, query=(VERSION,)),
        Operation(f"update_{noun}", f"PUT {one}", {200: whole}, body=body, conflicts=True),
        Operation(f"delete_{noun}", f"DELETE {one}", GONE),
        Operation(f"list_{noun}_versions", f"GET {one}/versions", {200: page}, query=PAGED),
    )


_WORKFLOW: Final = "language.document:WorkflowDocument"
"""A workflow, alone or in a field of its own (`usecases.bodies.workflow`)."""
_RUN: Final = "usecases.bodies.run:WorkflowRunFields"
"""The same, and what is said of the run beside it."""

_WORKFLOWS: Final = (
    Operation(
        "execute_workflow", "POST /workflows/execute", STARTED, query=(WAIT,), body=_RUN, form="RunForm", takes_key=True
    ),
    Operation("validate_workflow", "POST /workflows/validate", {200: "ValidationReport"}, body=_RUN),
    Operation("compile_workflow", "POST /workflows/compile", {200: "CompiledWorkflow"}, body=_WORKFLOW),
    Operation(
        "create_workflow", "POST /workflows", {201: "StoredWorkflow"}, body=_WORKFLOW, takes_key=True, has_etag=True
    ),
    Operation("list_workflows", "GET /workflows", {200: "ListedWorkflowPage"}, query=(NAME, TAG, *PAGED)),
    Operation(
        "get_workflow",
        "GET /workflows/{workflow_id}",
        {200: "StoredWorkflow", 304: None},
        query=(VERSION,),
        has_etag=True,
    ),
    Operation(
        "update_workflow",
        "PUT /workflows/{workflow_id}",
        {200: "StoredWorkflow", 201: "StoredWorkflow"},
        body=_WORKFLOW,
        conflicts=True,
        has_etag=True,
    ),
    Operation("delete_workflow", "DELETE /workflows/{workflow_id}", GONE, has_etag=True),
    Operation(
        "diff_workflow", "GET /workflows/{workflow_id}/diff", {200: "WorkflowDiff"}, query=(FROM_VERSION, TO_VERSION)
    ),
    Operation(
        "roll_back_workflow",
        "POST /workflows/{workflow_id}/rollback",
        {200: "StoredWorkflow"},
        body="usecases.workflows.roll_back:RollbackRequest",
        conflicts=True,
        has_etag=True,
    ),
    Operation(
        "get_workflow_stats",
        "GET /workflows/{workflow_id}/stats",
        {200: "WorkflowStats"},
        query=(FROM, TO, BUCKET),
    ),
    Operation("list_workflow_versions", "GET /workflows/{workflow_id}/versions", {200: "WorkflowPage"}, query=PAGED),
    Operation(
        "list_workflow_builds",
        "GET /workflows/{workflow_id}/builds",
        {200: "WorkflowBuildPage"},
        query=(VERSION, *PAGED),
    ),
    Operation(
        "execute_stored_workflow",
        "POST /workflows/{workflow_id}/execute",
        STARTED,
        query=(WAIT,),
        body="usecases.bodies.run:StoredRunRequest",
        body_required=False,
        takes_key=True,
    ),
    Operation(
        "pause_workflow",
        "POST /workflows/{workflow_id}/pause",
        {200: "StoredWorkflow"},
        body="usecases.workflows.pause_workflow:PauseRequest",
        body_required=False,
    ),
    Operation("resume_workflow", "POST /workflows/{workflow_id}/resume", {200: "StoredWorkflow"}),
)

_OF_RUNS: Final = (
    WORKFLOW_ID,
    STATUS,
    TAG,
    USER_ID,
    SESSION_ID,
    CORRELATION_ID,
    PARENT_ID,
    HAS_FAILURES,
    ERROR,
    FROM,
    TO,
    STARTED_AFTER,
    STARTED_BEFORE,
)
"""What runs are found by."""

_EXECUTIONS: Final = (
    Operation("list_executions", "GET /executions", {200: "ExecutionPage"}, query=(*_OF_RUNS, *PAGED)),
    Operation("count_executions", "GET /executions/counts", {200: "ExecutionCounts"}, query=(*_OF_RUNS, CURSOR)),
    Operation("get_stats", "GET /stats", {200: "Stats"}, query=(FROM, TO, BUCKET)),
    Operation("get_execution", "GET /executions/{execution_id}", {200: "ExecutionProgress"}, query=(WAIT,)),
    Operation(
        "get_results",
        "GET /executions/{execution_id}/results",
        {200: "Results"},
        query=(WAIT, *PAGED, STEPS, LINKS, INCLUDE),
    ),
    Operation("get_output", "GET /executions/{execution_id}/output", OUTPUT, conflicts=True),
    Operation("get_step_output", "GET /executions/{execution_id}/steps/{step}/output", OUTPUT, conflicts=True),
    Operation("get_executed_workflow", "GET /executions/{execution_id}/workflow", {200: "ExecutedWorkflow"}),
    Operation(
        "list_events",
        "GET /executions/{execution_id}/events",
        {200: "RunEventPage"},
        query=(WAIT, LAST_EVENT_ID, *PAGED),
    ),
    Operation(
        "stream_events",
        "GET /executions/{execution_id}/stream",
        {200: "Text", 204: None},
        query=(LAST_EVENT_ID,),
        media_type=EVENT_STREAM,
    ),
    Operation("list_history", "GET /executions/{execution_id}/history", {200: "EventPage"}, query=PAGED),
    Operation("list_logs", "GET /executions/{execution_id}/logs", {200: "LogPage"}, query=(STEP, *PAGED, WAIT)),
    Operation("list_approvals", "GET /approvals", {200: "ApprovalPage"}, query=(ROLE, EXECUTION_ID, *PAGED)),
    *(
        Operation(
            f"{verb}_step",
            f"POST /executions/{{execution_id}}/steps/{{step}}/{verb}",
            {200: "Decision"},
            query=(ELEMENT,),
            body="usecases.approvals.decide:DecisionRequest",
            body_required=False,
            conflicts=True,
        )
        for verb in ("approve", "deny")
    ),
    Operation(
        "cancel_execution",
        "POST /executions/{execution_id}/cancel",
        {200: "Execution"},
        body="usecases.bodies.cancel:CancelRequest",
        body_required=False,
        conflicts=True,
    ),
    Operation(
        "redrive_execution",
        "POST /executions/{execution_id}/redrive",
        {202: "Execution", 200: "Results"},
        query=(WAIT,),
        takes_key=True,
    ),
    Operation(
        "rerun_execution",
        "POST /executions/{execution_id}/rerun",
        STARTED,
        query=(WAIT,),
        body="usecases.bodies.rerun:RerunRequest",
        body_required=False,
        takes_key=True,
    ),
    Operation("delete_execution", "DELETE /executions/{execution_id}", GONE, conflicts=True),
    Operation("delete_tenant", "DELETE /tenant", {200: "TenantDeletion"}, query=(CONFIRM,)),
    Operation("list_audit", "GET /audit", {200: "AuditPage"}, query=PAGED),
)

_TASK: Final = "POST /activities/{activity}/tasks/{task_id}"

_ACTIVITIES: Final = (
    Operation(
        "poll_activity",
        "POST /activities/{activity}/poll",
        {200: "ActivityTask", 204: None},
        query=(WAIT, WORKER),
    ),
    Operation(
        "succeed_task",
        f"{_TASK}/success",
        {200: "TaskAnswer"},
        body="usecases.activities.answer:TaskSuccess",
        conflicts=True,
    ),
    Operation(
        "fail_task",
        f"{_TASK}/failure",
        {200: "TaskAnswer"},
        body="usecases.activities.answer:TaskFailure",
        conflicts=True,
    ),
    Operation("beat_task", f"{_TASK}/heartbeat", {200: "TaskAnswer"}, conflicts=True),
)

_STEPS: Final = (
    Operation(
        "register_step",
        "POST /steps/register",
        {200: "RegisteredStep", 201: "RegisteredStep"},
        body="usecases.steps.register_step:StepRegistration",
        takes_key=True,
    ),
    Operation("list_steps", "GET /steps", {200: "StepPage"}, query=(KIND, EXECUTION_TYPE, TAG, *PAGED)),
    Operation("get_step", "GET /steps/{step_type}", {200: "StepType"}, query=(VERSION,)),
    Operation("get_step_schema", "GET /steps/{step_type}/schema", {200: "StepSchemas"}, query=(VERSION,)),
    Operation("list_step_versions", "GET /steps/{step_type}/versions", {200: "StepVersionPage"}, query=PAGED),
    Operation("delete_step", "DELETE /steps/{step_type}", GONE, conflicts=True),
    Operation(
        "test_step",
        "POST /steps/{step_type}/test",
        STARTED,
        query=(WAIT,),
        body="usecases.steps.try_step:StepTestRequest",
        body_required=False,
        takes_key=True,
    ),
    Operation("get_workflow_schema", "GET /schema", {200: "WorkflowSchema", 304: None}, has_etag=True),
)

_AGENTS: Final = (
    *_stored("agent", "agents", "agents.schema:AGENT_DOCUMENT"),
    Operation(
        "execute_agent",
        "POST /agents/{agent_id}/execute",
        STARTED,
        query=(WAIT,),
        body="usecases.agents.run_agent:AgentRunRequest",
        takes_key=True,
    ),
    *_stored("prompt", "prompts", "agents.schema:PROMPT_DOCUMENT"),
    Operation(
        "render_prompt",
        "POST /prompts/{prompt_id}/render",
        {200: "RenderedPrompt"},
        body="usecases.prompts.render_prompt:RenderRequest",
        body_required=False,
    ),
    Operation(
        "test_prompt",
        "POST /prompts/{prompt_id}/test",
        STARTED,
        query=(WAIT,),
        body="usecases.prompts.try_prompt:PromptTestRequest",
        takes_key=True,
    ),
)

_TOOLS: Final = (
    Operation("list_tools", "GET /tools", {200: "ToolPage"}, query=PAGED),
    Operation(
        "register_mcp_server",
        "POST /tools/mcp-servers",
        {200: "McpServer", 201: "McpServer"},
        body="usecases.tools.register_mcp_server:McpServerRegistration",
        takes_key=True,
    ),
    Operation("list_mcp_servers", "GET /tools/mcp-servers", {200: "McpServerPage"}, query=PAGED),
    Operation("get_mcp_server", "GET /tools/mcp-servers/{name}", {200: "McpServer"}),
    Operation("delete_mcp_server", "DELETE /tools/mcp-servers/{name}", GONE),
    Operation("discover_mcp_tools", "GET /tools/mcp-servers/{name}/tools", {200: "McpToolPage"}, asks_others=True),
)

_FILES: Final = (
    Operation(
        "store_file",
        "POST /files",
        {201: "StoredFile"},
        body="usecases.files.store_file:FileUpload",
        form="FileForm",
        takes_key=True,
    ),
    Operation("list_files", "GET /files", {200: "FilePage"}, query=PAGED),
    Operation("get_file", "GET /files/{file_id}", {200: "StoredFile"}),
    Operation("delete_file", "DELETE /files/{file_id}", GONE),
)

_SERVICE: Final = (
    Operation("health", "GET /health", {200: "Health"}, is_open=True),
    Operation("docs", "GET /docs", {200: "Text"}, media_type="text/html", is_page=True),
    Operation("docs_script", "GET /docs/swagger-ui.js", {200: "Text"}, media_type="text/javascript", is_asset=True),
    Operation("docs_style", "GET /docs/swagger-ui.css", {200: "Text"}, media_type="text/css", is_asset=True),
    Operation("openapi", "GET /openapi.json", {200: "Document"}),
)

_CONSOLE: Final = (
    Operation(
        "console",
        "GET /console",
        {200: "Text", 308: None},
        query=SIGN_IN,
        media_type="text/html",
        is_open=True,
        is_page=True,
    ),
    Operation("console_config", "GET /console/config.json", {200: "ConsoleConfig"}, is_open=True),
    Operation("console_file", "GET /console/{file}", {200: "Text"}, media_type="text/javascript", is_open=True),
)

OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.name: operation
    for operation in (
        *_WORKFLOWS,
        *_EXECUTIONS,
        *_ACTIVITIES,
        *_STEPS,
        *_AGENTS,
        *_TOOLS,
        *_FILES,
        *_SERVICE,
        *_CONSOLE,
    )
}
"""Every route, by name."""


def below(*roots: str) -> tuple[Operation, ...]:
    """The routes whose paths begin with one of these segments."""
    return tuple(operation for operation in OPERATIONS.values() if operation.root in roots)
