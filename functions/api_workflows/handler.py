"""Routes of workflows: execute, validate and compile what a client posts; store, list, change and execute stored ones."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from functions.api_workflows.settings import clients, engine
from workflow_engine.http.api import VERSION, WAIT
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.request import Handlers, Request, saved
from workflow_engine.http.resolver import api_resolver
from workflow_engine.http.runs import started
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.bodies.run import waiting_seconds
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.workflows import compile_workflow, read_workflows, save_workflow, validate_workflow

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted, Results


def _execute(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    caller, wait = request.caller, request.number(WAIT)  # refused before anything starts
    body = request.body
    run = start_run.start(engine(), caller, body, request.idempotency_key)
    return started(engine(), caller, run, waiting_seconds(body) if wait is None else wait)


def _execute_stored(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    caller, wait = request.caller, request.number(WAIT)
    body = request.body
    run = start_run.start_stored(engine(), caller, request.path["workflow_id"], body, request.idempotency_key)
    return started(engine(), caller, run, waiting_seconds(body) if wait is None else wait)


HANDLERS: Final[Handlers] = {
    "execute_workflow": _execute,
    "validate_workflow": lambda r: validate_workflow.validate(engine(), r.caller, r.body),
    "compile_workflow": lambda r: compile_workflow.compile_body(engine(), r.caller, r.body),
    "create_workflow": lambda r: save_workflow.create(engine(), r.caller, r.body, r.idempotency_key),
    "list_workflows": lambda r: read_workflows.list_workflows(engine(), r.caller, *r.page),
    "get_workflow": lambda r: read_workflows.get(engine(), r.caller, r.path["workflow_id"], r.number(VERSION)),
    "update_workflow": lambda r: saved(save_workflow.update(engine(), r.caller, r.path["workflow_id"], r.body)),
    "delete_workflow": lambda r: save_workflow.delete(engine(), r.caller, r.path["workflow_id"]),
    "list_workflow_versions": lambda r: read_workflows.list_versions(
        engine(), r.caller, r.path["workflow_id"], *r.page
    ),
    "execute_stored_workflow": _execute_stored,
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
