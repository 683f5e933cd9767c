"""Routes of workflows: execute, validate and compile what a client posts; store, list, change and execute stored
ones.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from functions.api_workflows.settings import clients, engine
from workflow_engine.http.body import json_body
from workflow_engine.http.caller import caller_of
from workflow_engine.http.parameters import idempotency_key, page, version, wait_seconds
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.resolver import api_resolver
from workflow_engine.http.runs import started
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.bodies.run import waiting_seconds
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.workflows import compile_workflow, read_workflows, save_workflow, validate_workflow

app = api_resolver()

Answer = dict[str, Any]


@app.post("/workflows/execute")
@app.takes("wait")
def execute() -> tuple[Answer, int]:
    event, caller = app.current_event, caller_of(app.current_event)
    wait_seconds(event)  # refused before anything starts
    body = json_body(event)
    run = start_run.start(engine(), caller, body, idempotency_key(event))
    return started(engine(), caller, run, wait_seconds(event, waiting_seconds(body)))


@app.post("/workflows/validate")
def validate() -> Answer:
    return validate_workflow.validate(engine(), caller_of(app.current_event), json_body(app.current_event))


@app.post("/workflows/compile")
def compile_() -> Answer:
    return compile_workflow.compile_body(engine(), caller_of(app.current_event), json_body(app.current_event))


@app.post("/workflows", status_code=HTTPStatus.CREATED)
def create() -> Answer:
    event = app.current_event
    return save_workflow.create(engine(), caller_of(event), json_body(event), idempotency_key(event))


@app.get("/workflows")
@app.takes("limit", "cursor")
def list_() -> Answer:
    wanted = page(app.current_event)
    return read_workflows.list_workflows(engine(), caller_of(app.current_event), wanted.limit, wanted.cursor)


@app.get("/workflows/<workflow_id>")
@app.takes("version")
def get(workflow_id: str) -> Answer:
    return read_workflows.get(engine(), caller_of(app.current_event), workflow_id, version(app.current_event))


@app.put("/workflows/<workflow_id>")
def update(workflow_id: str) -> tuple[Answer, int]:
    event = app.current_event
    workflow, is_new = save_workflow.update(engine(), caller_of(event), workflow_id, json_body(event))
    return workflow, HTTPStatus.CREATED if is_new else HTTPStatus.OK


@app.delete("/workflows/<workflow_id>")
def delete(workflow_id: str) -> Response[str]:
    save_workflow.delete(engine(), caller_of(app.current_event), workflow_id)
    return Response(HTTPStatus.NO_CONTENT)


@app.get("/workflows/<workflow_id>/versions")
@app.takes("limit", "cursor")
def versions(workflow_id: str) -> Answer:
    wanted = page(app.current_event)
    return read_workflows.list_versions(
        engine(), caller_of(app.current_event), workflow_id, wanted.limit, wanted.cursor
    )


@app.post("/workflows/<workflow_id>/execute")
@app.takes("wait")
def execute_stored(workflow_id: str) -> tuple[Answer, int]:
    event, caller = app.current_event, caller_of(app.current_event)
    wait_seconds(event)
    body = json_body(event, when_empty={})
    run = start_run.start_stored(engine(), caller, workflow_id, body, idempotency_key(event))
    return started(engine(), caller, run, wait_seconds(event, waiting_seconds(body)))


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
