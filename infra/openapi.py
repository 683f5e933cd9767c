"""The OpenAPI 3.1 document of the API, made offline: `python -m infra.openapi > infra/openapi.json`.

Paths and methods come from the catalogue, so a route cannot be served and not documented, nor the other way round;
the workflow's schema is the generated one of the language. What remains is written here: what each operation is for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from infra.catalog import FUNCTIONS, Route
from infra.openapi_agents import AGENT_OPERATIONS, AGENT_SCHEMAS
from infra.openapi_operation import INVALID, PAGED, Operation
from infra.openapi_schemas import ANY, SCHEMAS, WORKFLOW_RUN_FIELDS, Schema, record, reference, text

ROOT: Final = Path(__file__).parents[1]
WORKFLOW_SCHEMA: Final = ROOT / "statemachines" / "workflow.schema.json"
EXAMPLE: Final = ROOT / "statemachines" / "examples" / "hello-world" / "workflow.json"

DESCRIPTION: Final = """\
Workflows in JSON, compiled to AWS Step Functions state machines and run there.

Errors are RFC 9457 problem details (`application/problem+json`) with a stable `code` and `errors`, a list of
`{code, pointer, detail}` whose pointers point into the request's body."""

TAGS: Final = {
    "workflows": "Execute, validate and compile workflows; store them, each save an immutable version.",
    "executions": "Runs of workflows: status, results, history, cancelling.",
    "steps": "The step types that workflows may use: the built-in ones, and those that you register.",
    "agents": "LLM agents: store them, each save an immutable version; run one by itself.",
    "prompts": "Texts with variables for agents: store, render and try them.",
    "tools": "What agents may call: built-in tools, registered steps, agents, MCP servers.",
    "service": "About the API itself.",
}

PARAMETERS: Final[dict[str, Schema]] = {
    "wait": {
        "name": "wait",
        "in": "query",
        "description": "Seconds to wait for the end of the run before answering.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 25, "default": 0},
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many items a page has at most. When absent, 50; of results of a run, as many as fit 5 MB.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100},
    },
    "steps": {
        "name": "steps",
        "in": "query",
        "description": "Only these steps and their parts: step ids, or keys of step_results, joined by commas.",
        "schema": text(),
    },
    "links": {
        "name": "links",
        "in": "query",
        "description": "Outputs of steps that are over 64 KB as links; without, those over 1 MB.",
        "schema": {"type": "boolean", "default": False},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "`next_cursor` of the page before. Opaque.",
        "schema": {"type": "string"},
    },
    "version": {
        "name": "version",
        "in": "query",
        "description": "A version; the newest when absent.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "workflow_id": {
        "name": "workflow_id",
        "in": "query",
        "description": "Only runs of this workflow.",
        "schema": text(),
    },
    "status": {
        "name": "status",
        "in": "query",
        "description": "Only runs of this status.",
        "schema": SCHEMAS["Results"]["properties"]["status"],
    },
    "started_after": {
        "name": "started_after",
        "in": "query",
        "description": "Only runs started at this moment or later. ISO 8601, UTC unless it has an offset.",
        "schema": {"type": "string", "examples": ["2026-01-31T08:00:00Z"]},
    },
    "started_before": {
        "name": "started_before",
        "in": "query",
        "description": "Only runs started before this moment. ISO 8601, UTC unless it has an offset.",
        "schema": {"type": "string", "examples": ["2026-02-01"]},
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key and body give the same answer and create nothing twice, whatever failed before; another "
        "body: 409. For 24 hours; later the key is that of a new request.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
}

OPERATIONS: Final[dict[str, Operation]] = {
    "POST /workflows/execute": Operation(
        "executeWorkflow",
        "workflows",
        "Compile a workflow and start a run of it",
        {200: "Results", 202: "ExecutionStarted"},
        "ExecuteRequest",
        parameters=("wait", "Idempotency-Key"),
        problems=(*INVALID, 409, 429, 503),
    ),
    "POST /workflows/validate": Operation(
        "validateWorkflow",
        "workflows",
        "Check a workflow; 200 also when it is invalid",
        {200: "ValidationReport"},
        "WorkflowRequest",
        problems=INVALID,
    ),
    "POST /workflows/compile": Operation(
        "compileWorkflow",
        "workflows",
        "Compile a workflow without running it",
        {200: "CompiledWorkflow"},
        "WorkflowRequest",
        problems=INVALID,
    ),
    "POST /workflows": Operation(
        "createWorkflow",
        "workflows",
        "Store a workflow as version 1",
        {201: "StoredWorkflow"},
        "WorkflowRequest",
        parameters=("Idempotency-Key",),
        problems=(*INVALID, 409, 429),
    ),
    "GET /workflows": Operation(
        "listWorkflows", "workflows", "List stored workflows", {200: "WorkflowPage"}, parameters=PAGED, problems=(422,)
    ),
    "GET /workflows/{workflow_id}": Operation(
        "getWorkflow",
        "workflows",
        "Read a stored workflow",
        {200: "StoredWorkflow"},
        parameters=("version",),
        problems=(404, 422),
    ),
    "PUT /workflows/{workflow_id}": Operation(
        "updateWorkflow",
        "workflows",
        "Store a new version of a workflow, or a new workflow under an id of your own",
        {200: "StoredWorkflow", 201: "StoredWorkflow"},
        "WorkflowRequest",
        problems=(*INVALID, 404, 409, 429),
    ),
    "DELETE /workflows/{workflow_id}": Operation(
        "deleteWorkflow", "workflows", "Delete a stored workflow; its runs stay", {204: None}, problems=(404,)
    ),
    "GET /workflows/{workflow_id}/versions": Operation(
        "listWorkflowVersions",
        "workflows",
        "List the versions of a stored workflow, newest first",
        {200: "WorkflowPage"},
        parameters=PAGED,
        problems=(404, 422),
    ),
    "POST /workflows/{workflow_id}/execute": Operation(
        "executeStoredWorkflow",
        "workflows",
        "Start a run of a stored workflow",
        {200: "Results", 202: "ExecutionStarted"},
        "ExecuteStoredRequest",
        body_required=False,
        parameters=("wait", "Idempotency-Key"),
        problems=(*INVALID, 404, 409, 429, 503),
    ),
    "GET /executions": Operation(
        "listExecutions",
        "executions",
        "List runs, newest first",
        {200: "ExecutionPage"},
        parameters=("workflow_id", "status", "started_after", "started_before", *PAGED),
        problems=(422,),
    ),
    "GET /executions/{execution_id}": Operation(
        "getExecution",
        "executions",
        "Read the status of a run",
        {200: "Execution"},
        parameters=("wait",),
        problems=(404, 422),
    ),
    "GET /executions/{execution_id}/results": Operation(
        "getResults",
        "executions",
        "Read the results of a run, also while it runs",
        {200: "Results"},
        parameters=("wait", "limit", "cursor", "steps", "links"),
        problems=(404, 422),
    ),
    "GET /executions/{execution_id}/output": Operation(
        "getOutput",
        "executions",
        "Read the output of a run; 303 to where it is when it is over 5 MB",
        {200: "AnyValue", 303: None},
        problems=(404, 409, 422),
    ),
    "GET /executions/{execution_id}/steps/{step}/output": Operation(
        "getStepOutput",
        "executions",
        "Read the output of a step, also while the run goes on; 303 to where it is when it is over 5 MB",
        {200: "AnyValue", 303: None},
        problems=(404, 409, 422),
    ),
    "GET /executions/{execution_id}/events": Operation(
        "listEvents",
        "executions",
        "Page through the history of a run",
        {200: "EventPage"},
        parameters=PAGED,
        problems=(404, 422),
    ),
    "POST /executions/{execution_id}/cancel": Operation(
        "cancelExecution", "executions", "Cancel a run", {200: "Execution"}, problems=(404, 409, 429)
    ),
    "POST /steps/register": Operation(
        "registerStep",
        "steps",
        "Register a step type, or replace a registered one",
        {200: "StepType", 201: "StepType"},
        "StepRegistration",
        parameters=("Idempotency-Key",),
        problems=(*INVALID, 409, 429),
    ),
    "GET /steps": Operation(
        "listSteps",
        "steps",
        "List step types, built-in and registered",
        {200: "StepPage"},
        parameters=PAGED,
        problems=(422,),
    ),
    "GET /steps/{step_type}": Operation("getStep", "steps", "Read a step type", {200: "StepType"}, problems=(404,)),
    "DELETE /steps/{step_type}": Operation(
        "deleteStep", "steps", "Remove a registered step type", {204: None}, problems=(404, 409)
    ),
    **AGENT_OPERATIONS,
    "GET /health": Operation("health", "service", "Tell that the API is up; asks for no credentials", {200: "Health"}),
    "GET /docs": Operation("docs", "service", "This documentation, to be read", {200: "Text"}, media_type="text/html"),
    "GET /docs/swagger-ui.js": Operation(
        "docsScript", "service", "Script of the documentation", {200: "Text"}, media_type="text/javascript"
    ),
    "GET /docs/swagger-ui.css": Operation(
        "docsStyle", "service", "Style of the documentation", {200: "Text"}, media_type="text/css"
    ),
    "GET /openapi.json": Operation("openapi", "service", "This document", {200: "Document"}),
}


def routes() -> Iterator[Route]:
    """Every route that has a path of its own."""
    return (route for function in FUNCTIONS for route in function.routes if route.method)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, Any] = {}
    for route in routes():
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, OPERATIONS[route.key])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Unified Workflow Execution Engine", "version": "1", "description": DESCRIPTION},
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {"schemas": _schemas(), "parameters": PARAMETERS},
    }


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    names = [segment[1:-1] for segment in route.path.split("/") if segment.startswith("{")]
    of_path = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in operation.parameters]
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if of_path or shared:
        described["parameters"] = [*of_path, *shared]
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": _content(operation.body)},
        }
    answers = {str(status): _answer(status, name, operation) for status, name in operation.answers.items()}
    of_aws = () if operation.tag == "service" else (429, 503)  # `workflow_engine.aws`: any call may end so
    problems = {str(status): _problem(status) for status in sorted({*operation.problems, *of_aws, 500})}
    described["responses"] = answers | problems
    return described


def _content(name: str) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": reference(name)}
    if name in ("ExecuteRequest", "WorkflowRequest"):
        content["examples"] = {"hello-world": {"value": json.loads(EXAMPLE.read_text(encoding="utf-8"))}}
    return content


def _answer(status: int, name: str | None, operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if name is not None:
        answer["content"] = {operation.media_type: {"schema": reference(name)}}
    return answer


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    }
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer


def _schemas() -> dict[str, Schema]:
    """All components: those of the answers, and the workflow's with its definitions beside it."""
    workflow = json.loads(WORKFLOW_SCHEMA.read_text(encoding="utf-8"))
    definitions = {_component(name): _moved(schema) for name, schema in workflow.pop("$defs", {}).items()}
    for key in ("$schema", "$id"):
        workflow.pop(key, None)
    workflow = _moved(workflow)
    whole = ("workflow", "workflow_config")
    flat = workflow | {"properties": {**workflow["properties"], **_without_metadata(WORKFLOW_RUN_FIELDS)}}
    return {
        **SCHEMAS,
        **AGENT_SCHEMAS,
        "Health": record({"status": text(enum=["healthy"]), "service": text()}),
        "Document": {"type": "object"},
        "Text": {"type": "string"},
        "AnyValue": ANY,
        "Workflow": workflow,
        "WorkflowRequest": {"anyOf": [reference("Workflow"), *(_wrapped(name, {}) for name in whole)]},
        "ExecuteRequest": {
            "anyOf": [flat, *(_wrapped(name, WORKFLOW_RUN_FIELDS) for name in whole)],
            "description": "The workflow's fields beside those of the run, or the workflow in a field of its own.",
        },
        **definitions,
    }


def _wrapped(name: str, beside: Schema) -> Schema:
    """A body that has the workflow in a field of this name."""
    return {"type": "object", "properties": {name: reference("Workflow"), **beside}, "required": [name]}


def _without_metadata(fields: Schema) -> Schema:
    """Beside the fields of a workflow, `metadata` is the workflow's."""
    return {name: schema for name, schema in fields.items() if name != "metadata"}


def _moved(schema: Any) -> Any:
    """A schema whose references point among the components."""
    if isinstance(schema, list):
        return [_moved(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(value) for key, value in schema.items()}
    target = schema.get("$ref")
    if isinstance(target, str) and target.startswith("#/$defs/"):
        name, slash, within = target.removeprefix("#/$defs/").partition("/")
        moved["$ref"] = f"#/components/schemas/{_component(name)}{slash}{within}"
    return moved


def _component(name: str) -> str:
    """A component's name is of letters, digits, `.`, `-` and `_` only (OpenAPI 3.1, Components Object)."""
    return "Workflow." + "".join(c if c.isalnum() or c in "._-" else "_" for c in name)


def main() -> None:
    """Print the document."""
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
