"""Routes of step types: register one, list the built-in and the registered ones, read one, remove one."""

from __future__ import annotations

from typing import Any, Final

from functions.api_steps.settings import clients, engine
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.request import Handlers, saved
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.steps import read_steps, register_step

HANDLERS: Final[Handlers] = {
    "register_step": lambda r: saved(register_step.register(engine(), r.caller, r.body, r.idempotency_key)),
    "list_steps": lambda r: read_steps.list_steps(engine(), r.caller, *r.page),
    "get_step": lambda r: read_steps.get(engine(), r.caller, r.path["step_type"]),
    "delete_step": lambda r: register_step.delete(engine(), r.caller, r.path["step_type"]),
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
