"""The recorder under faults: events twice, late, out of order, lost, without their data; redrives in between; a busy table.

Real code on DynamoDB (as moto plays it) and on a laptop's table; what Step Functions tells is a script.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.backend_history import History
from tests.support.recorded_ends import (
    OUTLINE,
    TENANT,
    Machines,
    after,
    arn,
    engine_on,
    event,
    machine_output,
    running,
    tell,
)
from tests.support.stores import dynamodb, sqlite_in_memory
from workflow_engine.errors import ConflictError, NotFoundError, ThrottledError
from workflow_engine.machines.ends import SubflowStart, of_event
from workflow_engine.run_output import MARKER
from workflow_engine.store import keys
from workflow_engine.store.control import begin_redrive, note_cancelled, take_back_redrive
from workflow_engine.store.executions import ASKED_FOR, Execution
from workflow_engine.store.items import Record
from workflow_engine.store.results import ResultsStore
from workflow_engine.store.run_deletions import delete_run
from workflow_engine.store.shared_budgets import LEFT_OUT_OUTPUTS
from workflow_engine.store.table import Table
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import cancel_run, read_results, record_execution
from workflow_engine.usecases.runs.record_subflow import record_subflow
from workflow_engine.usecases.upkeep.sweep_executions import sweep_executions

ME: Final = Caller(TENANT)
FAILED: Final[dict[str, Any]] = {"error": "Boom", "cause": "It broke."}


@pytest.fixture(params=(dynamodb, sqlite_in_memory), ids=lambda made: made.__name__)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    make: Callable[[Path], AbstractContextManager[Table]] = request.param
    with make(tmp_path) as made:
        yield made


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def engine(table: Table, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine with one run of two steps."""
    monkeypatch.setattr(record_execution, "outline", lambda *_: OUTLINE)
    monkeypatch.setattr(read_results, "outline", lambda *_: OUTLINE)
    made = engine_on(table, machines)
    made.executions.create(running())
    return made


def redriven(engine: Engine, count: int, seconds: float) -> None:
    """What the redrive of a run writes before it asks Step Functions."""
    key = keys.execution(TENANT, "e"), keys.META
    changes: Record = {
        "status": "running",
        "status_rank": 1,
        "redrive_count": count,
        "last_redrive_at": iso(after(seconds)),
    }
    engine.executions.table.update(*key, {**changes, "completed_at": None, "error": None, "output": None})


def found(engine: Engine) -> Execution:
    return engine.executions.get(TENANT, "e")


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


def left_out() -> dict[str, Any]:
    return event(outputDetails={"included": False})


def history(machines: Machines, output: dict[str, Any] | None = None) -> None:
    told = History()
    told.task("a", 1)
    told.task("b", 2)
    told.end(machine_output(output or {}))
    machines.histories[arn("e")] = told.events


def test_an_output_that_only_the_event_left_out_is_read_from_the_end_of_the_history(
    engine: Engine, machines: Machines
) -> None:
    history(machines, {"large": True})
    tell(engine, [left_out()])
    assert (found(engine).status, found(engine).output) == ("completed", '{"large":true}')
    assert machines.calls == ["GetExecutionHistory"]


def refusing(wanted: str) -> Callable[[str], None]:
    def refuse(call: str) -> None:
        if call == wanted:
            raise ThrottledError("busy")

    return refuse


def test_recording_waits_for_no_history_and_an_output_is_added_when_it_is_read(
    engine: Engine, machines: Machines
) -> None:
    history(machines, {"large": True})
    machines.refuse = refusing("GetExecutionHistory")
    tell(engine, [left_out()])
    assert (found(engine).status, found(engine).output) == ("completed", None)
    assert engine.due.archive(iso(after(3600)), 10) == [(keys.execution(TENANT, "e"), keys.META)]
    machines.refuse = lambda _: None
    assert read_results.results(engine, ME, "e")["output"] == {"large": True}
    assert found(engine).output == '{"large":true}'
    assert engine.due.archive(iso(after(3600)), 10) == []


def test_outputs_that_were_left_out_are_read_within_a_budget(engine: Engine, machines: Machines) -> None:
    most = LEFT_OUT_OUTPUTS.at_once
    for number in range(2 * most):
        engine.executions.create(running(f"e{number}"))
        machines.histories[arn(f"e{number}")] = History().end(machine_output({"n": 1}))
    tell(engine, [event(execution_id=f"e{n}", outputDetails={"included": False}) for n in range(2 * most)])
    assert most / 2 <= len(machines.calls) <= most  # no time has passed
    assert all(engine.executions.get(TENANT, f"e{n}").status == "completed" for n in range(2 * most))


@pytest.mark.parametrize("table", [sqlite_in_memory], indirect=True)  # moto has changed what it refuses
def test_beside_long_metadata_an_output_is_kept_apart(engine: Engine) -> None:
    engine.executions.create(running("full", metadata={"text": "x" * 250_000}))
    output = {"n": "y" * 200_000}
    tell(engine, [event(execution_id="full", output=output)])
    run = engine.executions.get(TENANT, "full")
    assert run.output is not None
    assert run.output.startswith("s3:")
    assert read_results.output_of_run(engine, ME, "full").text == json.dumps(output, separators=(",", ":"))


class Busy:
    """A table that is too busy for the first so many updates."""

    def __init__(self, table: Table, times: int) -> None:
        self._table, self._left = table, times

    def update(self, *arguments: Any) -> Any:
        if self._left:
            self._left -= 1
            raise ThrottledError("busy")
        return self._table.update(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def test_what_a_busy_table_did_not_take_is_told_again_and_recorded_then(table: Table, engine: Engine) -> None:
    busy: Any = Busy(table, 2)
    vars(engine).pop("ends", None)
    vars(engine)["_table"] = busy
    for _ in range(2):
        with pytest.raises(ThrottledError):
            tell(engine, [event(output={"n": 1})])
    tell(engine, [event(output={"n": 1})])
    assert found(engine).output == '{"n":1}'


def test_the_first_reading_adds_the_step_that_failed_and_keeps_the_results(engine: Engine, machines: Machines) -> None:
    told = History()
    told.task("a", 1)
    told.enter("b")
    told.schedule()
    told.fail("ValueError", "no such thing")
    cause = told.cause_of_last_failure()
    told.end_failed("ValueError", cause)
    machines.histories[arn("e")] = told.events
    tell(engine, [event("FAILED", 0.7, error="ValueError", cause=cause)])
    error = found(engine).error
    assert error["step_id"] is None
    answer = read_results.results(engine, ME, "e")
    assert answer["error"] == {**error, "step_id": "b"}
    assert found(engine).error == answer["error"]
    assert found(engine).failed_steps == ["b"]
    assert read_results.results(engine, ME, "e") == answer
    assert machines.calls == ["GetExecutionHistory"]
    tell(engine, [event("FAILED", 0.7, error="ValueError", cause=cause)])  # once more: what was read stays
    assert found(engine).error == answer["error"]


def test_a_run_that_is_deleted_while_its_history_is_read_leaves_nothing(
    engine: Engine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(machines, {"n": 1})
    tell(engine, [event(output={"n": 1})])
    real = ResultsStore.save

    def save(*arguments: Any) -> None:
        delete_run(engine.executions.table, TENANT, "e", after(3600).timestamp())
        real(*arguments)

    monkeypatch.setattr(ResultsStore, "save", save)
    assert read_results.open_results(engine, ME, "e").run["status"] == "completed"
    assert engine.executions.table.count(keys.execution(TENANT, "e")) == 0


def test_a_history_that_lags_behind_the_event_is_not_kept(engine: Engine, machines: Machines) -> None:
    history(machines)
    *begun, last = machines.histories[arn("e")]
    machines.histories[arn("e")] = begun
    tell(engine, [event(seconds=0.9, output={"n": 1})])
    answer = read_results.results(engine, ME, "e")
    assert (answer["status"], answer["output"]) == ("completed", {"n": 1})
    assert engine.results.find(TENANT, "e") is None
    machines.histories[arn("e")].append(last)
    assert read_results.results(engine, ME, "e")["step_results"]["b"]["output_data"] == 2
    assert engine.results.find(TENANT, "e") is not None


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


def test_results_from_before_a_redrive_are_not_those_of_its_end(engine: Engine, machines: Machines) -> None:
    told = History()
    told.task("a", 1)
    told.end_failed("Boom")
    machines.histories[arn("e")] = list(told.events)
    tell(engine, [event("FAILED", 0.6, error="Boom")])
    assert read_results.results(engine, ME, "e")["status"] == "failed"
    object.__setattr__(engine, "now", lambda: after(21))
    redriven(engine, 1, 20)
    told.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    assert read_results.results(engine, ME, "e")["status"] == "running"  # the history does not show it yet
    machines.histories[arn("e")] = list(told.events)
    assert read_results.results(engine, ME, "e")["status"] == "running"
    told.task("b", 2)
    machines.histories[arn("e")] = told.end(machine_output({"done": True}))
    tell(engine, [event("SUCCEEDED", 30, redrive_count=1, output={"done": True})])
    answer = read_results.results(engine, ME, "e")
    assert (answer["status"], answer["step_results"]["b"]["status"]) == ("completed", "completed")
    assert answer["metadata"]["redrive_count"] == 1


def test_a_redrive_that_never_came_to_step_functions_is_found_by_the_sweeper(
    engine: Engine, machines: Machines
) -> None:
    told = History()
    told.task("a", 1)
    machines.histories[arn("e")] = told.end_failed("Boom")
    ended = event("FAILED", 0.6, error="Boom")
    machines.descriptions[arn("e")] = of_event(ended)
    tell(engine, [ended])
    begin_redrive(engine.executions, found(engine), iso(after(20)), "me")
    assert sweep_executions(engine)["recorded"] == 1
    run = found(engine)
    assert (run.status, run.redrive_count, run.error["type"]) == ("failed", 0, "Boom")
    assert sweep_executions(engine)["looked_at"] == 0


def test_the_record_of_an_ended_run_is_read_without_asking_step_functions(engine: Engine, machines: Machines) -> None:
    from workflow_engine.usecases.runs.read_progress import read_progress

    history(machines, {"n": 1})
    tell(engine, [event(seconds=1, output={"n": 1})])
    progress = read_progress(engine, ME, "e")
    assert (progress["status"], progress["step_statuses"]) == ("completed", None)
    assert read_results.output_of_run(engine, ME, "e").text == '{"n":1}'
    assert machines.calls == []
    read_results.results(engine, ME, "e")
    assert read_progress(engine, ME, "e")["step_statuses"] == {"a": "completed", "b": "completed"}
    assert machines.calls == ["GetExecutionHistory"]


def test_who_waited_gets_the_record_and_a_way_to_the_steps_when_the_budget_is_used_up(
    engine: Engine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(machines, {"n": 1})
    tell(engine, [event(seconds=1, output={"n": 1})])
    with monkeypatch.context() as busy:
        busy.setattr(Engine, "may_ask", lambda *_: False)
        answer = read_results.results_at_hand(engine, ME, "e")
    assert (answer["status"], answer["output"], answer["step_results"]) == ("completed", {"n": 1}, {})
    assert machines.calls == []
    query = read_results.ResultsQuery(cursor=answer["next_cursor"])
    following = read_results.results(engine, ME, "e", query)
    assert list(following["step_results"]) == ["a", "b"]
    assert following["next_cursor"] is None
    assert read_results.results_at_hand(engine, ME, "e") == following


def test_of_a_run_whose_history_is_gone_the_record_stays(engine: Engine) -> None:
    tell(engine, [event(output={"n": 1})])
    answer = read_results.results(engine, ME, "e")
    assert (answer["status"], answer["output"], answer["step_results"]) == ("completed", {"n": 1}, {})
    assert answer["next_cursor"] is None
    with pytest.raises(NotFoundError, match="Step Functions has forgotten its history"):
        read_results.output_of_step(engine, ME, "e", "a")
    with pytest.raises(NotFoundError, match="no step 'c'"):
        read_results.output_of_step(engine, ME, "e", "c")


def test_a_marker_in_the_output_is_read_from_the_history_when_somebody_asks(engine: Engine, machines: Machines) -> None:
    tell(engine, [event(output={"a": dict(MARKER)})])
    assert (found(engine).status, found(engine).output) == ("completed", None)
    assert machines.calls == []
    assert engine.due.archive(iso(after(3600)), 10) == [(keys.execution(TENANT, "e"), keys.META)]


def test_tolerated_failures_are_known_at_once(engine: Engine) -> None:
    tell(engine, [event(output={"n": 1}), event(output={"n": 2}, execution_id="e")])
    assert (found(engine).failed_steps, found(engine).output) == ([], '{"n":1}')
    engine.executions.create(running("some"))
    output = json.dumps(machine_output({"n": 1}, "b"))
    tell(engine, [event(execution_id="some", output=None) | {"output": output}])
    assert engine.executions.get(TENANT, "some").failed_steps == ["b"]
