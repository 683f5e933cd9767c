"""Routes of step types: register one, list the built-in and the registered ones, read one, remove one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from functions.api_steps.settings import clients, engine
from workflow_engine.http.body import json_body
from workflow_engine.http.caller import caller_of
from workflow_engine.http.parameters import idempotency_key, page
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.steps import read_steps, register_step

app = api_resolver()

Answer = dict[str, Any]


@app.post("/steps/register")
def register() -> tuple[Answer, int]:
    event = app.current_event
    record, created = register_step.register(engine(), caller_of(event), json_body(event), idempotency_key(event))
    return record, HTTPStatus.CREATED if created else HTTPStatus.OK


@app.get("/steps")
@app.takes("limit", "cursor")
def list_() -> Answer:
    wanted = page(app.current_event)
    return read_steps.list_steps(engine(), caller_of(app.current_event), wanted.limit, wanted.cursor)


@app.get("/steps/<step_type>")
def get(step_type: str) -> Answer:
    return read_steps.get(engine(), caller_of(app.current_event), step_type)


@app.delete("/steps/<step_type>")
def delete(step_type: str) -> Response[str]:
    register_step.delete(engine(), caller_of(app.current_event), step_type)
    return Response(HTTPStatus.NO_CONTENT)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
