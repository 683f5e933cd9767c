"""Routes of executions: list them, read status, results and history, cancel a run."""

from __future__ import annotations

from typing import Any

from functions.api_executions.settings import clients, engine
from workflow_engine.http.caller import caller_of
from workflow_engine.http.parameters import moment, page, query_parameter, wait_seconds
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases import cancel_run, read_results

app = api_resolver()

Answer = dict[str, Any]


@app.get("/executions")
@app.takes("workflow_id", "status", "started_after", "started_before", "limit", "cursor")
def list_() -> Answer:
    event, wanted = app.current_event, page(app.current_event)
    return read_results.list_executions(
        engine(),
        caller_of(event),
        workflow_id=query_parameter(event, "workflow_id"),
        status=query_parameter(event, "status"),
        started_after=moment(event, "started_after"),
        started_before=moment(event, "started_before"),
        limit=wanted.limit,
        cursor=wanted.cursor,
    )


@app.get("/executions/<execution_id>")
@app.takes("wait")
def get(execution_id: str) -> Answer:
    _wait(execution_id)
    return read_results.get_execution(engine(), caller_of(app.current_event), execution_id)


@app.get("/executions/<execution_id>/results")
@app.takes("wait")
def results(execution_id: str) -> Answer:
    _wait(execution_id)
    return read_results.results(engine(), caller_of(app.current_event), execution_id)


@app.get("/executions/<execution_id>/events")
@app.takes("limit", "cursor")
def events(execution_id: str) -> Answer:
    wanted = page(app.current_event)
    return read_results.events(engine(), caller_of(app.current_event), execution_id, wanted.limit, wanted.cursor)


@app.post("/executions/<execution_id>/cancel")
def cancel(execution_id: str) -> Answer:
    return cancel_run.cancel(engine(), caller_of(app.current_event), execution_id)


def _wait(execution_id: str) -> None:
    """Hold the answer back until the run has ended, for at most `?wait` seconds."""
    seconds = wait_seconds(app.current_event)
    if seconds:
        read_results.wait_for_end(engine(), caller_of(app.current_event), execution_id, seconds)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
