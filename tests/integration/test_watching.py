"""Runs that are watched in the cloud: DynamoDB, Step Functions by boto3, the handler called as Lambda calls it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from functions.api_executions import handler as api_executions
from infra.local.gateway import HttpRequest, api_gateway_event
from infra.local.lambda_context import LambdaContext
from tests.integration.support import ME
from tests.support.backend_cloud import counted
from tests.support.event_source import parsed_events
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import cancel_run, redrive_run, start_run
from workflow_engine.usecases.runs.live_events import open_stream, run_events

WAITS: dict[str, Any] = {
    "name": "Waits",
    "steps": [
        {"step_id": "words", "step_type": "data_input", "config": {"data": {"message": "Hello"}}},
        {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 1}, "dependencies": ["words"]},
        {"step_id": "again", "step_type": "data_input", "config": {"data": {}}, "dependencies": ["pause"]},
    ],
}
ALL = [
    ("run.started", None),
    ("step.completed", "words"),
    ("step.started", "pause"),
    ("step.waiting", "pause"),
    ("step.completed", "pause"),
    ("step.completed", "again"),
    ("run.completed", None),
]


def called(path: str, **headers: str) -> dict[str, Any]:
    """What the function answers API Gateway."""
    route, _, query = path.partition("?")
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    event = api_gateway_event(HttpRequest("GET", route, query, given), "GET", {})
    context: Any = LambdaContext("api_executions", "arn", "r", 1e12, "512")
    return api_executions.handler(event, context)


def test_a_client_that_comes_back_at_once_misses_and_repeats_nothing(engine: Engine) -> None:
    execution_id = start_run.start(engine, ME, WAITS)["execution_id"]
    found: list[dict[str, Any]] = []
    last: str | None = None
    for _ in range(30):
        headers = {} if last is None else {"last_event_id": last}
        answer = called(f"/executions/{execution_id}/stream", **headers)
        if answer["statusCode"] == 204:
            break
        assert answer["statusCode"] == 200
        assert answer["isBase64Encoded"] is False
        assert answer["headers"]["Content-Type"] == "text/event-stream"
        assert answer["body"].startswith("retry: 100\n")
        stream = parsed_events(answer["body"])
        found += [json.loads(event.data) for event in stream.events]
        last = stream.last_id or last
    else:
        raise AssertionError("the stream has no end")
    assert [(event["type"], event["step"]) for event in found] == ALL
    assert called(f"/executions/{execution_id}/stream?last_event_id={last}")["statusCode"] == 204


def test_fifty_who_watch_a_run_read_its_history_together(engine: Engine) -> None:
    execution_id = start_run.start(engine, ME, WAITS)["execution_id"]
    engines = [Engine.from_environment() for _ in range(5)]
    with counted(*(each.stepfunctions for each in engines)) as calls, ThreadPoolExecutor(50) as pool:

        def watch(number: int) -> list[tuple[str, str | None]]:
            found, cursor = list[tuple[str, str | None]](), None
            while True:
                page = run_events(engines[number % 5], ME, execution_id, 3, cursor, 25)
                found += [(e["type"], e["step"]) for e in page["items"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    return found

        found = list(pool.map(watch, range(50)))
    assert found == [ALL] * 50
    # At its start, each second that it goes on, and after its end; not once for each that watches.
    assert calls.count("GetExecutionHistory") < 15


def test_a_run_that_was_stopped_is_told_to_have_been(engine: Engine) -> None:
    execution_id = start_run.start(
        engine,
        ME,
        {"name": "Long", "steps": [{"step_id": "a", "step_type": "delay", "config": {"delay_seconds": 600}}]},
    )["execution_id"]
    cancel_run.cancel(engine, ME, execution_id)
    opened = open_stream(engine, ME, execution_id, None)
    assert opened.text is not None
    events = [json.loads(event.data) for event in parsed_events(opened.text).events]
    assert [event["type"] for event in events][-2:] == ["step.aborted", "run.cancelled"]


def test_a_run_that_is_redriven_goes_on_after_its_end(engine: Engine) -> None:
    execution_id = start_run.start(
        engine,
        ME,
        {"name": "Long", "steps": [{"step_id": "a", "step_type": "delay", "config": {"delay_seconds": 600}}]},
    )["execution_id"]
    cancel_run.cancel(engine, ME, execution_id)
    opened = open_stream(engine, ME, execution_id, None)
    assert open_stream(engine, ME, execution_id, opened.place.text).text is None
    redrive_run.redrive(engine, ME, execution_id)
    again = open_stream(engine, ME, execution_id, opened.place.text)
    assert again.text is not None
    assert json.loads(parsed_events(again.text).events[0].data)["type"] == "run.redriven"
    cancel_run.cancel(engine, ME, execution_id)
    ended = open_stream(engine, ME, execution_id, again.place.text)
    assert ended.text is not None
    assert json.loads(parsed_events(ended.text).events[-1].data)["type"] == "run.cancelled"
