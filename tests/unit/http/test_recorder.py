"""The recorder's messages: which are acknowledged, which come again, and when."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from functions.execution_recorder import handler
from tests.support.http_events import sample
from workflow_engine.errors import NotFoundError, ThrottledError, UnavailableError
from workflow_engine.machines.ends import ExecutionEnd, SubflowStart


class Queue:
    """What the recorder asks SQS for."""

    meta = SimpleNamespace(endpoint_url="https://sqs.example")

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        self.asked.append((QueueUrl, ReceiptHandle, VisibilityTimeout))


@dataclass
class Recorder:
    """The recorder's handler with a use case that fails by the name of the execution."""

    queue: Queue
    recorded: list[ExecutionEnd]
    starts: list[SubflowStart | None] = field(default_factory=list)

    def receive(self, *names: str, received: int = 1, **detail: Any) -> list[str]:
        """Hand over a message for each name; gives the ids of those that failed."""
        (message,) = sample("sqs_execution_ended")["Records"]
        records = []
        for name in names:
            told = json.loads(message["body"])
            told["detail"] |= {"executionArn": f"arn:{name}", **detail}
            body = "{}" if name == "unreadable" else json.dumps(told)
            attributes = message["attributes"] | {"ApproximateReceiveCount": str(received)}
            records.append(message | {"messageId": name, "body": body, "attributes": attributes})
        failures = handler.handler({"Records": records}, None)["batchItemFailures"]
        return [f["itemIdentifier"] for f in failures]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder(Queue(), [])
    errors = {
        "broken": RuntimeError("broken"),
        "unknown": NotFoundError("no record"),
        "throttled": ThrottledError("busy"),
        "unanswered": UnavailableError("no answer"),
    }

    def record(engine: Any, end: ExecutionEnd, start: SubflowStart | None = None) -> None:
        made.recorded.append(end)
        made.starts.append(start)
        if end.execution_arn.removeprefix("arn:") in errors:
            raise errors[end.execution_arn.removeprefix("arn:")]

    monkeypatch.setattr(handler, "engine", lambda: SimpleNamespace(laptop=None))
    monkeypatch.setattr(handler, "sqs", lambda: made.queue)
    monkeypatch.setattr(handler, "record_execution", SimpleNamespace(record=record))
    return made


def test_the_recorder_names_the_messages_that_failed(recorder: Recorder) -> None:
    assert recorder.receive("broken", "unreadable", "good") == ["broken", "unreadable"]
    assert sorted(end.execution_arn for end in recorder.recorded) == ["arn:broken", "arn:good"]


def test_what_may_pass_is_delivered_again_soon_and_ever_later(recorder: Recorder) -> None:
    assert recorder.receive("unknown", "throttled", "unanswered") == ["unknown", "throttled", "unanswered"]
    url = "https://sqs.example/123456789012/workflow-executions"
    assert {(asked[0], asked[2]) for asked in recorder.queue.asked} == {(url, 5)}
    recorder.queue.asked.clear()
    for received in (2, 5, 20):
        recorder.receive("throttled", received=received)
    assert [asked[2] for asked in recorder.queue.asked] == [10, 80, 900]


def test_what_does_not_pass_waits_for_the_queues_own_timeout(recorder: Recorder) -> None:
    recorder.receive("broken", "unreadable", "good")
    assert recorder.queue.asked == []


def test_a_message_that_cannot_be_put_back_has_failed_all_the_same(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("lost")

    monkeypatch.setattr(recorder.queue, "change_message_visibility", refuse)
    assert recorder.receive("throttled", "good") == ["throttled"]


def test_on_a_laptop_there_is_no_queue_to_put_a_message_back_into(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "engine", lambda: SimpleNamespace(laptop=object()))
    assert recorder.receive("throttled") == ["throttled"]
    assert recorder.queue.asked == []


def test_the_recorder_takes_the_whole_end_from_its_event(recorder: Recorder) -> None:
    run = {"run": {"tenant_id": "t", "execution_id": "e-1"}}
    recorder.receive("first", input=json.dumps(run))
    recorder.receive("second", redriveCount=2, status="FAILED", output=None, error="Boom", cause="It broke.")
    stopped_at = datetime(2026, 1, 12, 21, 45, 58, tzinfo=UTC)
    assert recorder.recorded == [
        ExecutionEnd("arn:first", "completed", stopped_at, output="{}", run=("t", "e-1"), input=json.dumps(run)),
        ExecutionEnd("arn:second", "failed", stopped_at, 2, error="Boom", cause="It broke.", input="{}"),
    ]


def test_what_an_event_left_out_is_not_taken_for_what_is_not_there(recorder: Recorder) -> None:
    recorder.receive(
        "large", inputDetails={"included": False}, outputDetails={"included": False}, output=None, input=None
    )
    (end,) = recorder.recorded
    assert end.run is None
    assert end.lacks_output


def test_a_batch_is_recorded_side_by_side_each_message_by_itself(recorder: Recorder) -> None:
    names = [f"good-{number}" for number in range(9)]
    assert recorder.receive(*names, "broken") == ["broken"]
    assert sorted(end.execution_arn for end in recorder.recorded) == sorted(
        [*(f"arn:{n}" for n in names), "arn:broken"]
    )


def test_a_start_is_recorded_of_a_subflow_alone(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[SubflowStart] = []
    monkeypatch.setattr(handler, "record_subflow", lambda _, start: started.append(start))
    assert recorder.receive("machine:by-hand", "machine:sub-1", status="RUNNING", stopDate=None, input="{}") == []
    began = started[0].started_at
    assert started == [SubflowStart("arn:machine:sub-1", began, "{}")]
    assert recorder.recorded == []


def test_the_end_of_a_subflow_tells_of_its_start_which_may_not_have_been_heard(recorder: Recorder) -> None:
    recorder.receive("machine:sub-1", input=None, inputDetails={"included": False})
    recorder.receive("machine:other")
    start, other = recorder.starts
    assert start is not None
    assert (start.execution_arn, start.input) == ("arn:machine:sub-1", None)
    assert start.started_at < recorder.recorded[0].stopped_at
    assert other is None
