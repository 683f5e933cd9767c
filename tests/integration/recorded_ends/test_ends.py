"""An end is recorded from its event, in whatever order events come."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.integration.recorded_ends.support import ME, found, history, redriven
from tests.support.recorded_ends import (
    TENANT,
    Machines,
    after,
    arn,
    event,
    running,
    tell,
)
from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.machines.ends import SubflowStart
from workflow_engine.store import keys
from workflow_engine.store.control import begin_redrive, note_cancelled, take_back_redrive
from workflow_engine.store.executions import ASKED_FOR
from workflow_engine.store.run_deletions import delete_run
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import cancel_run
from workflow_engine.usecases.runs.record_subflow import record_subflow

FAILED: Final[dict[str, Any]] = {"error": "Boom", "cause": "It broke."}


def test_the_end_of_a_run_is_recorded_from_its_event_alone(engine: Engine, machines: Machines) -> None:
    tell(engine, [event(output={"n": 1.0})])
    run = found(engine)
    assert (run.status, run.completed_at, run.redrive_count) == ("completed", iso(after(10)), 0)
    assert run.output == '{"n":1.0}'
    assert machines.calls == []


def test_a_failed_run_is_recorded_at_once_with_type_and_message(engine: Engine, machines: Machines) -> None:
    cause = json.dumps({"errorType": "ValueError", "errorMessage": "no such thing", "stackTrace": ["secret.py"]})
    tell(engine, [event("FAILED", error="ValueError", cause=cause)])
    assert found(engine).error == {"step_id": None, "type": "ValueError", "message": "no such thing"}
    assert machines.calls == []


def test_the_step_is_known_at_once_where_failure_steps_have_run(engine: Engine) -> None:
    cause = json.dumps({"step_id": "a", "type": "ValueError", "message": "no such thing"})
    tell(engine, [event("FAILED", error="WorkflowFailed", cause=cause)])
    assert found(engine).error == {"step_id": "a", "type": "ValueError", "message": "no such thing"}


@pytest.mark.parametrize(
    ("status", "expected", "error"),
    [
        ("ABORTED", "cancelled", None),
        ("TIMED_OUT", "timed_out", "It did not end within its timeout."),
    ],
)
def test_every_kind_of_end_has_its_status(engine: Engine, status: str, expected: str, error: str | None) -> None:
    tell(engine, [event(status)])
    run = found(engine)
    assert (run.status, run.error and run.error["message"]) == (expected, error)


ENDS: Final = {
    "first": event("FAILED", 10, **FAILED),
    "first again": event("FAILED", 10, **FAILED),
    "redriven": event("SUCCEEDED", 30, redrive_count=1, output={"n": 1}),
}


UNCOUNTED: Final = {
    name: {key: value for key, value in detail.items() if key != "redriveCount"} for name, detail in ENDS.items()
}


@pytest.mark.parametrize("details", [ENDS, UNCOUNTED], ids=["counted", "uncounted"])
@pytest.mark.parametrize("order", list(itertools.permutations(ENDS)), ids=" - ".join)
def test_in_whatever_order_events_come_the_end_of_the_last_redrive_stays(
    engine: Engine, details: dict[str, Any], order: tuple[str, ...]
) -> None:
    redriven(engine, 1, 20)
    tell(engine, [details[name] for name in order])
    run = found(engine)
    assert (run.status, run.redrive_count, run.output) == ("completed", 1, '{"n":1}')
    assert (run.completed_at, run.error) == (iso(after(30)), None)


@pytest.mark.parametrize("count", [0, None])
def test_an_end_from_before_a_redrive_does_not_end_the_redrive(engine: Engine, count: int | None) -> None:
    redriven(engine, 1, 20)
    tell(engine, [event("FAILED", 10, redrive_count=count, **FAILED)])
    assert (found(engine).status, found(engine).redrive_count) == ("running", 1)


@pytest.mark.parametrize("count", [1, None])
def test_a_redrive_that_somebody_else_has_asked_for_ends_too(engine: Engine, count: int | None) -> None:
    tell(engine, [event("FAILED", 10, **FAILED), event("SUCCEEDED", 40, redrive_count=count, output={"n": 2})])
    assert (found(engine).status, found(engine).output, found(engine).error) == ("completed", '{"n":2}', None)
    tell(engine, [event("FAILED", 10, **FAILED)])
    assert found(engine).status == "completed"


def test_a_run_that_is_asked_to_stop_is_what_it_ended_as(engine: Engine) -> None:
    engine.executions.update_status(running(), "cancelled", 0, completed_at=iso(after(9)), rank=ASKED_FOR)
    tell(engine, [event("SUCCEEDED", 9.5, output={"n": 3})])
    assert found(engine).status == "completed"


@pytest.mark.parametrize("detail", [event("FAILED", 9.5, **FAILED), event("ABORTED", 9.5)], ids=["failed", "stopped"])
def test_who_cancelled_a_run_is_told_only_of_one_that_was_cancelled(engine: Engine, detail: dict[str, Any]) -> None:
    engine.executions.update_status(running(), "cancelled", 0, completed_at=iso(after(9)), rank=ASKED_FOR)
    note_cancelled(engine.executions, running(), "ann", "Not today.")
    tell(engine, [detail])
    told = ("ann", "Not today.") if found(engine).status == "cancelled" else (None, None)
    assert (found(engine).cancelled_by, found(engine).cancel_cause) == told


def test_a_redrive_that_somebody_else_has_asked_for_is_not_told_as_cancelled(engine: Engine) -> None:
    tell(engine, [event("ABORTED")])
    note_cancelled(engine.executions, running(), "ann", "Not today.")
    assert engine.executions.update_status(running(), "running", 1)
    assert (found(engine).cancelled_by, found(engine).cancel_cause) == (None, None)


def test_an_end_before_the_record_is_there_is_told_again(engine: Engine) -> None:
    early = event(execution_id="early", output={"n": 1})
    with pytest.raises(NotFoundError, match="no record of execution 'early'"):
        tell(engine, [early])
    engine.executions.create(running("early"))
    tell(engine, [early])
    assert engine.executions.get(TENANT, "early").status == "completed"


def test_a_run_whose_input_was_left_out_is_found_by_its_arn(engine: Engine) -> None:
    tell(engine, [event(input=None, inputDetails={"included": False}, output={"n": 1})])
    assert found(engine).status == "completed"
    with pytest.raises(NotFoundError):
        tell(engine, [event(execution_id="unknown", input=None, inputDetails={"included": False})])


def test_an_execution_with_the_input_of_another_ends_nothing_of_it(engine: Engine) -> None:
    theirs = event(output={"n": "forged"}, executionArn=arn("by-hand"))
    tell(engine, [theirs])
    assert (found(engine).status, found(engine).output) == ("running", None)


@pytest.mark.parametrize(
    "text", ["1", "[]", '{"run": 1}', '{"run": {"tenant_id": ""}}', "{", '{"run": {"tenant_id": "t"}}']
)
def test_an_input_that_names_no_run_is_no_input(engine: Engine, text: str) -> None:
    tell(engine, [event(input=text, output={"n": 1})])
    assert found(engine).status == "completed"


def test_a_run_that_ended_just_before_it_was_cancelled_is_not_told_as_cancelled(
    engine: Engine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(machines)
    machines.histories[arn("e")].pop()  # it lags behind the event
    monkeypatch.setattr(machines, "stop", lambda *_: tell(engine, [event(seconds=0.9, output={"n": 1})]), raising=False)
    with pytest.raises(ConflictError, match="it is completed"):
        cancel_run.cancel(engine, ME, "e")
    assert found(engine).status == "completed"


def test_an_end_that_comes_again_after_its_run_was_deleted_is_no_fault(engine: Engine, machines: Machines) -> None:
    tell(engine, [event(output={"n": 1})])
    delete_run(engine.executions.table, TENANT, "e", after(3600).timestamp())
    tell(engine, [event(output={"n": 1})])
    assert engine.executions.table.count(keys.execution(TENANT, "e")) == 0


def test_of_two_who_cancel_at_once_the_first_is_told(engine: Engine) -> None:
    tell(engine, [event("ABORTED")])
    note_cancelled(engine.executions, found(engine), "ann", None)
    note_cancelled(engine.executions, found(engine), "bob", "Too late.")
    assert (found(engine).cancelled_by, found(engine).cancel_cause) == ("ann", None)


def test_a_redrive_is_taken_back_only_as_long_as_it_is_the_last_and_has_no_end(engine: Engine) -> None:
    tell(engine, [event("FAILED", 5, **FAILED)])
    first = found(engine)
    begun = begin_redrive(engine.executions, first, iso(after(20)), "ann")
    tell(engine, [event("ABORTED", 30, redrive_count=1)])
    assert not take_back_redrive(engine.executions, first, iso(after(20)))
    begin_redrive(engine.executions, replace(begun, status="cancelled"), iso(after(40)), "ann")
    assert not take_back_redrive(engine.executions, first, iso(after(20)))
    assert (found(engine).status, found(engine).redrive_count) == ("running", 2)


@pytest.mark.parametrize(("redrive_count", "is_stopped"), [(0, True), (1, False)])
def test_a_subflow_goes_on_where_somebody_else_has_redriven_its_cancelled_parent(
    engine: Engine, machines: Machines, monkeypatch: pytest.MonkeyPatch, redrive_count: int, is_stopped: bool
) -> None:
    tell(engine, [event("ABORTED")])
    stopped: list[str] = []
    monkeypatch.setattr(machines, "stop", lambda execution_arn, _: stopped.append(execution_arn), raising=False)
    run = {
        "tenant_id": TENANT,
        "workflow_id": "w",
        "workflow_version": 1,
        "workflow_name": "Child",
        "parent_execution_id": "e",
        "parent_place": "a",
        "parent_redrive_count": redrive_count,
    }
    assert record_subflow(engine, SubflowStart(arn("child"), after(20), json.dumps({"run": run}))) is not None
    assert stopped == ([arn("child")] if is_stopped else [])
