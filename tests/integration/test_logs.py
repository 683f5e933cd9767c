"""Logs of runs in CloudWatch, which moto plays: lines of a run are found in the groups of the functions that it calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.integration.support import ME, run
from tests.support.moto_cloud import MotoCloud
from workflow_engine.usecases.answers import LogPage
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs.read_logs import read_logs
from workflow_engine.usecases.steps import register_step

DATA = "/aws/lambda/workflow-step-data"
OWN = "/aws/lambda/workflow-step-local-charge"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
COUNT = {
    "step_id": "count",
    "step_type": "data_processing",
    "config": {"processing_type": "word_count"},
    "input_mapping": {"input": {"value": "a b"}},
}

Put = Callable[..., None]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with MotoCloud() as cloud:
        for name in ("workflow-step-local-charge", "workflow-step-foreign"):
            cloud.functions().register(f"{ARN}{name}", lambda _event, _context: {})
        made = Engine.from_environment()
        for step_type, name in (("charge", "workflow-step-local-charge"), ("foreign", "workflow-step-foreign")):
            body = {"step_type": step_type, "execution_type": "lambda", "function_arn": f"{ARN}{name}"}
            register_step.register(made, ME, body)
        client = boto3.client("logs")
        for group in (DATA, OWN):
            client.create_log_group(logGroupName=group)
            client.create_log_stream(logGroupName=group, logStreamName="s")
        yield made


@pytest.fixture
def later(engine: Engine) -> Engine:
    """The engine ten minutes from now, when all that was logged is found."""
    return replace(engine, now=lambda: datetime.now(UTC) + timedelta(minutes=10))


def put(group: str, run_id: str, *messages: str, seconds: float = 0, **fields: Any) -> None:
    """Log lines, a second after each other, as a step function does."""
    at = datetime.now(UTC).timestamp() + seconds
    about = {
        "level": "INFO",
        "execution_id": run_id,
        "step_id": "count",
        "place": "count",
        "attempt": "1",
        "requestId": "q",
    }
    events = [
        {"timestamp": int((at + number) * 1000), "message": json.dumps({**about, "message": text, **fields})}
        for number, text in enumerate(messages)
    ]
    boto3.client("logs").put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def started(engine: Engine, *steps: dict[str, Any]) -> str:
    return str(run(engine, {"name": "Logged", "steps": list(steps)})["execution_id"])


def read(engine: Engine, run_id: str, **query: Any) -> LogPage:
    return read_logs(engine, ME, run_id, **{"limit": 50, **query})


def test_lines_of_the_run_are_found_and_no_others(engine: Engine, later: Engine) -> None:
    run_id = started(engine, COUNT)
    put(DATA, run_id, "one", "two", order=7)
    put(DATA, "another-run", "not mine")
    page = read(later, run_id)
    assert [line["message"] for line in page["items"]] == ["one", "two"]
    line = page["items"][0]
    assert (line["step"], line["attempt"], line["request_id"], line["level"]) == ("count", 1, "q", "INFO")
    assert line["fields"] == {"order": 7}
    assert (page["next_cursor"], page["elsewhere"]) == (None, [])


def test_lines_of_several_functions_are_merged_by_time_and_paged(engine: Engine, later: Engine) -> None:
    run_id = started(engine, COUNT, {"step_id": "charge", "step_type": "charge", "dependencies": ["count"]})
    put(DATA, run_id, "1", "3", "5")
    put(OWN, run_id, "2", "4", "6", seconds=0.5, step_id="charge", place="charge")
    messages, cursor = list[str](), None
    while True:
        page = read(later, run_id, limit=2, cursor=cursor)
        messages += [line["message"] for line in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert messages == ["1", "2", "3", "4", "5", "6"]
    of_one = read(later, run_id, step="charge")["items"]
    assert [line["message"] for line in of_one] == ["2", "4", "6"]


def test_what_was_logged_just_now_is_left_for_the_next_page(engine: Engine) -> None:
    run_id = started(engine, COUNT)
    put(DATA, run_id, "late", seconds=1)
    first = read(engine, run_id)
    assert first["items"] == []
    assert first["next_cursor"] is not None
    in_a_minute = replace(engine, now=lambda: datetime.now(UTC) + timedelta(minutes=2))
    second = read(in_a_minute, run_id, cursor=first["next_cursor"])
    assert [line["message"] for line in second["items"]] == ["late"]
    assert second["next_cursor"] is None


def test_calls_of_functions_that_log_elsewhere_are_named_by_their_requests(engine: Engine, later: Engine) -> None:
    run_id = started(engine, COUNT, {"step_id": "other", "step_type": "foreign"})
    (elsewhere,) = read(later, run_id)["elsewhere"]
    assert (elsewhere["step"], elsewhere["attempt"]) == ("other", 1)
    assert elsewhere["log_group"] == "/aws/lambda/workflow-step-foreign"
    assert len(elsewhere["request_id"]) == 36


def test_a_run_that_calls_no_function_asks_nothing(
    later: Engine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = started(engine, {"step_id": "a", "step_type": "data_input", "config": {"data": {"n": 1}}})
    monkeypatch.setattr(later.client("logs"), "filter_log_events", None)
    assert read(later, run_id) == {"items": [], "next_cursor": None, "elsewhere": []}


def test_a_function_without_a_log_group_has_no_lines(engine: Engine, later: Engine) -> None:
    step = {"step_id": "ask", "step_type": "http_request", "config": {"url": "https://192.0.2.1/"}, "critical": False}
    assert read(later, started(engine, step, COUNT))["items"] == []


def test_secrets_in_lines_are_not_told(engine: Engine, later: Engine) -> None:
    run_id = started(engine, COUNT)
    put(DATA, run_id, "Authorization: Bearer abc.def-123456", api_key="k-123456")
    (line,) = read(later, run_id)["items"]
    assert "abc.def" not in line["message"]
    assert line["fields"] == {"api_key": "[redacted]"}
