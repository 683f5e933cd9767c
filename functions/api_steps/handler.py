"""Routes of step types: register one, list and read the built-in and the registered ones, try one, remove one; and the JSON
Schema of workflows of them all.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from functions.api_steps.settings import clients, engine
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.queries import EXECUTION_TYPE, KIND, TAG, VERSION, WAIT
from workflow_engine.http.request import Handlers, Request, saved, tagged
from workflow_engine.http.resolver import api_resolver
from workflow_engine.http.runs import started
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.steps import read_steps, register_step, remove_step, try_step, workflow_schema
from workflow_engine.usecases.steps.read_steps import Filters

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted, Results, StepPage


def _list(request: Request) -> StepPage:
    filters = Filters(*map(request.text, (KIND, EXECUTION_TYPE, TAG)))
    return read_steps.list_steps(engine(), request.caller, *request.page, filters)


def _test(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    caller, wait = request.caller, request.number(WAIT)  # refused before anything starts
    run = try_step.try_out(engine(), caller, request.path["step_type"], request.body, request.idempotency_key)
    return started(engine(), caller, run, wait or 0)


HANDLERS: Final[Handlers] = {
    "register_step": lambda r: saved(register_step.register(engine(), r.caller, r.body, r.idempotency_key)),
    "list_steps": _list,
    "get_step": lambda r: read_steps.get(engine(), r.caller, r.path["step_type"], r.number(VERSION)),
    "get_step_schema": lambda r: read_steps.get_schema(engine(), r.caller, r.path["step_type"], r.number(VERSION)),
    "list_step_versions": lambda r: read_steps.list_versions(engine(), r.caller, r.path["step_type"], *r.page),
    "delete_step": lambda r: remove_step.delete(engine(), r.caller, r.path["step_type"]),
    "test_step": _test,
    "get_workflow_schema": lambda r: tagged(r, *workflow_schema.workflow_schema(engine(), r.caller)),
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
