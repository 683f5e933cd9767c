"""Tasks of activities on the code path of AWS: a function asks Step Functions, workers are given what it keeps."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import InvalidRequestError, NotFoundError, ThrottledError, TooLateError
from workflow_engine.usecases.activities import answer
from workflow_engine.usecases.activities.poll import RELAY_SECONDS, poll
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import cancel_run, read_results, start_run
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.workflows import compile_workflow

ME: Final = Caller("default", "me")
SCAN: Final = {"name": "Scan", "steps": [{"step_id": "scan", "step_type": "scan"}]}
START: Final = datetime(2030, 1, 1, tzinfo=UTC)
RELAY_ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:workflow-activity-relay"


@dataclass
class Lambda:
    """A client of Lambda that knows one function; `calls` are the events that it was invoked with."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    is_lost: bool = False
    refusals: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803  # boto3's names
        from functions.activity_relay import handler

        assert (FunctionName, InvocationType) == (RELAY_ARN, "Event")
        if self.refusals:
            self.refusals -= 1
            raise ThrottledError("Lambda takes no more at the moment.")
        event = json.loads(Payload)
        self.calls.append(event)
        if not self.is_lost:

            def work() -> None:
                with contextlib.suppress(Exception):  # the test ends before it does, and the table is gone
                    handler.handler(event, None)

            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self.threads.append(thread)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("ACTIVITY_RELAY", RELAY_ARN)
    with MotoCloud():
        made = Engine.from_environment()
        made._clients["lambda"] = Lambda()
        register_step.register(made, ME, {"step_type": "scan", "execution_type": "activity"})
        yield made


def relays(engine: Engine) -> Lambda:
    found: Lambda = engine.client("lambda")
    return found


def start(engine: Engine) -> str:
    return str(start_run.start(engine, ME, SCAN)["execution_id"])


def ended(engine: Engine, execution_id: str) -> dict[str, Any]:
    assert read_results.wait_for_end(engine, ME, execution_id, 30)
    return dict(read_results.results(engine, ME, execution_id))


def test_a_worker_is_given_what_the_relay_has_kept(engine: Engine) -> None:
    execution_id = start(engine)
    task = poll(engine, ME, "scan", 20, "w")
    assert task is not None
    assert task["input"]["execution_context"]["place"] == "scan"
    answer.heartbeat(engine, ME, "scan", task["task_id"])
    answer.succeed(engine, ME, "scan", task["task_id"], {"output": {"n": 1}})
    assert ended(engine, execution_id)["step_results"]["scan"]["output_data"] == {"n": 1}
    assert {call["worker"] for call in relays(engine).calls} == {"w"}


def test_step_functions_is_asked_once_at_a_time_for_a_worker(engine: Engine) -> None:
    for _ in range(3):
        assert poll(engine, ME, "scan", 0, "w") is None
    assert len(relays(engine).calls) == 1
    assert poll(engine, ME, "scan", 0, "another") is None
    assert [call["worker"] for call in relays(engine).calls] == ["w", "another"]


def test_who_asked_and_was_lost_is_followed_by_another(engine: Engine) -> None:
    relays(engine).is_lost = True
    assert poll(engine, ME, "scan", 0, "w") is None
    later = Engine(engine.settings, now=lambda: datetime.now(UTC) + timedelta(seconds=RELAY_SECONDS + 1))
    later._clients.update(engine._clients)
    assert poll(later, ME, "scan", 0, "w") is None
    assert len(relays(engine).calls) == 2


def test_a_worker_whose_asking_was_refused_asks_again(engine: Engine) -> None:
    relays(engine).refusals = 1
    with pytest.raises(ThrottledError):
        poll(engine, ME, "scan", 0, "w")
    assert poll(engine, ME, "scan", 0, "w") is None
    assert len(relays(engine).calls) == 1


def test_a_poll_writes_seldom_while_it_waits_and_asks_again_when_who_asked_is_done(engine: Engine) -> None:
    relays(engine).is_lost = True
    slept = [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds
        engine.activity_tasks.end_relay("default", "scan", "w")

    waiting = Engine(engine.settings, now=lambda: START + timedelta(seconds=slept[0]), sleep=sleep)
    waiting._clients.update(engine._clients)
    assert poll(waiting, ME, "scan", 25, "w") is None
    assert len(relays(engine).calls) == 5


def test_a_task_whose_worker_has_gone_is_given_to_another(engine: Engine) -> None:
    assert poll(engine, ME, "scan", 0, "gone") is None
    execution_id = start(engine)
    relays(engine).threads[0].join(30)
    relays(engine).is_lost = True
    task = poll(engine, ME, "scan", 0, "another")
    assert task is not None
    answer.fail(engine, ME, "scan", task["task_id"], {"error": "Torn", "message": "in two"})
    assert ended(engine, execution_id)["error"] == {"step_id": "scan", "type": "Torn", "message": "in two"}


def test_a_task_of_a_run_that_has_ended_meanwhile_is_given_to_nobody(engine: Engine) -> None:
    assert poll(engine, ME, "scan", 0, "w") is None
    execution_id = start(engine)
    relays(engine).threads[0].join(30)
    cancel_run.cancel(engine, ME, execution_id)
    relays(engine).is_lost = True
    assert poll(engine, ME, "scan", 0, "w") is None


def test_another_tenant_has_neither_the_activity_nor_its_tasks(engine: Engine) -> None:
    start(engine)
    task = poll(engine, ME, "scan", 20, "w")
    assert task is not None
    other = Caller("other", "me")
    with pytest.raises(NotFoundError, match="activity 'scan'"):
        poll(engine, other, "scan", 0, "w")
    with pytest.raises(NotFoundError):
        answer.succeed(engine, other, "scan", task["task_id"], {})


def test_an_answer_that_comes_too_late_says_so_each_time(engine: Engine) -> None:
    execution_id = start(engine)
    task = poll(engine, ME, "scan", 20, "w")
    assert task is not None
    cancel_run.cancel(engine, ME, execution_id)
    for _ in range(2):
        with pytest.raises(TooLateError):
            answer.succeed(engine, ME, "scan", task["task_id"], {"output": 1})


def test_a_worker_that_is_silent_for_too_long_is_taken_for_lost_and_another_tries_again(engine: Engine) -> None:
    standing = engine.steps.find("default", "scan") or {}
    engine.steps.put("default", {**standing, "heartbeat_seconds": 1}, "shorter than clients may ask for")
    step = {"step_id": "scan", "step_type": "scan", "max_retries": 1, "retry_delay_seconds": 1}
    execution_id = str(start_run.start(engine, ME, {"name": "Scan", "steps": [step]})["execution_id"])
    silent, second = poll(engine, ME, "scan", 20, "w"), poll(engine, ME, "scan", 20, "w")
    assert silent is not None
    assert second is not None
    answer.succeed(engine, ME, "scan", second["task_id"], {"output": 2})
    with pytest.raises(TooLateError):
        answer.heartbeat(engine, ME, "scan", silent["task_id"])
    assert ended(engine, execution_id)["step_results"]["scan"]["output_data"] == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"heartbeat_seconds": 59}, "60"),
        ({"heartbeat_seconds": 90, "timeout_seconds": 90}, "must be less than 'timeout_seconds'"),
        ({"heartbeat_seconds": 60, "execution_type": "local", "handler": "m:f"}, "of execution_type 'activity'"),
    ],
)
def test_a_heartbeat_that_would_not_work_is_refused(engine: Engine, more: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        register_step.register(engine, ME, {"step_type": "beat", "execution_type": "activity", **more})
    (error,) = refused.value.errors
    assert error["pointer"] == "/heartbeat_seconds"
    assert told in error["detail"]


@pytest.mark.parametrize(("timeout", "heartbeat"), [(None, 60), (61, 60), (60, None), (30, None)])
def test_a_step_has_the_heartbeat_of_its_type_unless_its_time_is_over_before(
    engine: Engine, timeout: int | None, heartbeat: int | None
) -> None:
    body = {"step_type": "beat", "execution_type": "activity", "heartbeat_seconds": 60}
    register_step.register(engine, ME, body)
    step = {"step_id": "a", "step_type": "beat", **({} if timeout is None else {"timeout_seconds": timeout})}
    machine = compile_workflow.compile_body(engine, ME, {"name": "Beat", "steps": [step]})["asl"]
    assert machine["States"]["a"].get("HeartbeatSeconds") == heartbeat
