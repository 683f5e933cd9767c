"""Routes of executions: list them, read status, results, outputs and history, cancel a run."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from functions.api_executions.settings import clients, engine
from workflow_engine.http.caller import caller_of
from workflow_engine.http.parameters import moment, page, query_parameter, results_query, wait_seconds
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.runs import cancel_run, read_progress, read_results

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
    return read_progress.read_progress(engine(), caller_of(app.current_event), execution_id)


@app.get("/executions/<execution_id>/results")
@app.takes("wait", "limit", "cursor", "steps", "links")
def results(execution_id: str) -> Answer:
    query = results_query(app.current_event)
    _wait(execution_id)
    return read_results.results(engine(), caller_of(app.current_event), execution_id, query)


@app.get("/executions/<execution_id>/steps/<step>/output")
def step_output(execution_id: str, step: str) -> Response[str]:
    key = unquote(step)  # a decoded one has no percent sign
    return _output(read_results.output_of_step(engine(), caller_of(app.current_event), execution_id, key))


@app.get("/executions/<execution_id>/output")
def output(execution_id: str) -> Response[str]:
    return _output(read_results.output_of_run(engine(), caller_of(app.current_event), execution_id))


def _output(output: read_results.Output) -> Response[str]:
    if output.href is not None:
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": output.href})
    return Response(HTTPStatus.OK, "application/json", output.text)


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
