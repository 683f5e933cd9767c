"""What the clock starts: ends of runs whose event was lost are recorded, machines that nobody uses are deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import ThrottledError, UnavailableError
from workflow_engine.machines.ends import ExecutionEnd
from workflow_engine.machines.history import HistoryReader
from workflow_engine.machines.idleness import MachineUse
from workflow_engine.machines.port import ExecutionGoneError, Use
from workflow_engine.machines.step_functions import StepFunctionsMachines
from workflow_engine.store.executions import ASKED_FOR, Execution, ExecutionStore
from workflow_engine.store.table import Key
from workflow_engine.store.tables.dynamodb import DynamoTable
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import cancel_run, read_results, record_execution, start_run
from workflow_engine.usecases.upkeep.looks import LONGEST_LOOK_SECONDS, MAX_LOOKS
from workflow_engine.usecases.upkeep.retire_machines import retire_machines
from workflow_engine.usecases.upkeep.sweep_executions import sweep_executions
from workflow_engine.usecases.workflows import save_workflow

ME = Caller("default", "me")
QUICK: dict[str, Any] = {
    "name": "Quick",
    "steps": [{"step_id": "words", "step_type": "data_input", "config": {"data": {"n": 1}}}],
}
WAITING: dict[str, Any] = {
    "name": "Waiting",
    "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 600}}],
}
IDLE_DAYS = 30


@pytest.fixture
def engine() -> Iterator[Engine]:
    with MotoCloud():
        yield Engine.from_environment()


def later(engine: Engine, **time: float) -> Engine:
    """The engine at a later time."""
    return Engine(engine.settings, now=lambda: datetime.now(UTC) + timedelta(**time))


def unrecorded_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that has ended without anybody being told; gives its id."""
    with monkeypatch.context() as lost:
        lost.setattr(record_execution, "record", lambda *_: None)
        execution_id: str = start_run.start(engine, ME, QUICK)["execution_id"]
        arn = engine.executions.get(ME.tenant_id, execution_id).execution_arn
        while engine.runs.end(arn) is None:
            engine.sleep(0.02)
        engine.sleep(0.1)
    return execution_id


def status(engine: Engine, execution_id: str) -> str:
    return str(read_results.get_execution(engine, ME, execution_id)["status"])


def machines(engine: Engine) -> list[str]:
    return [m["stateMachineArn"] for m in engine.stepfunctions.list_state_machines()["stateMachines"]]


def test_a_lost_end_is_recorded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    execution_id = unrecorded_end(engine, monkeypatch)
    assert status(engine, execution_id) == "running"
    assert sweep_executions(engine)["looked_at"] == 0  # it may well be recorded by its event
    assert sweep_executions(later(engine, minutes=16))["recorded"] == 1
    assert status(engine, execution_id) == "completed"
    assert engine.results.find(ME.tenant_id, execution_id) is None  # nobody has asked for its steps
    assert sweep_executions(later(engine, days=1))["looked_at"] == 0
    assert set(read_results.results(engine, ME, execution_id)["step_results"]) == {"words"}


def test_a_recorded_run_is_not_looked_at(engine: Engine) -> None:
    execution_id = start_run.start(engine, ME, QUICK)["execution_id"]
    assert read_results.wait_for_end(engine, ME, execution_id, 20)
    assert sweep_executions(later(engine, days=1))["looked_at"] == 0


def test_a_run_that_goes_on_is_looked_at_ever_more_rarely(engine: Engine) -> None:
    execution_id = start_run.start(engine, ME, WAITING)["execution_id"]
    assert sweep_executions(later(engine, hours=8))["running"] == 1
    assert sweep_executions(later(engine, hours=9.9))["looked_at"] == 0
    assert sweep_executions(later(engine, hours=10.1))["running"] == 1
    assert status(engine, execution_id) == "running"
    cancel_run.cancel(engine, ME, execution_id)


def test_a_run_that_was_never_started_ends_failed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(StepFunctionsMachines, "start", lambda *_: None)
        execution_id = start_run.start(engine, ME, QUICK)["execution_id"]
    assert sweep_executions(later(engine, minutes=16))["recorded"] == 1
    assert read_results.get_execution(engine, ME, execution_id)["error"]["type"] == "ExecutionDoesNotExist"


def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows of any run any more."""

    def refuse(*_: Any) -> Any:
        raise ExecutionGoneError("gone")

    monkeypatch.setattr(StepFunctionsMachines, "end", refuse)
    monkeypatch.setattr(HistoryReader, "page", refuse)


@pytest.mark.parametrize(
    ("days", "known"),
    [
        (1, "Step Functions never started this run, unless somebody has deleted its machine by hand."),
        (16, "Either it was never started, or its history has gone with its machine or by age."),
    ],
)
def test_of_a_run_that_nobody_knows_is_told_what_may_have_become_of_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, days: int, known: str
) -> None:
    execution_id = unrecorded_end(engine, monkeypatch)
    gone(monkeypatch)
    assert sweep_executions(later(engine, days=days))["recorded"] == 1
    found = read_results.get_execution(engine, ME, execution_id)
    assert (found["status"], found["error"]["type"]) == ("failed", "ExecutionDoesNotExist")
    assert known in found["error"]["message"]


def test_a_run_that_was_seen_running_is_not_told_as_never_started(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = start_run.start(engine, ME, WAITING)["execution_id"]
    assert sweep_executions(later(engine, minutes=16))["running"] == 1
    seen_at = engine.executions.get(ME.tenant_id, execution_id).seen_at
    assert seen_at is not None
    gone(monkeypatch)
    assert sweep_executions(later(engine, hours=1))["recorded"] == 1
    message = read_results.get_execution(engine, ME, execution_id)["error"]["message"]
    assert f"It was running at {seen_at}. How it ended is not known" in message


def test_a_run_that_was_being_stopped_ends_as_cancelled_though_nobody_knows_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = start_run.start(engine, ME, WAITING)["execution_id"]
    execution = engine.executions.get(ME.tenant_id, execution_id)
    asked = engine.timestamp()
    with monkeypatch.context() as unheard:
        unheard.setattr(record_execution, "record", lambda *_: None)
        engine.runs.stop(execution.execution_arn, "test")
        engine.sleep(0.1)
        engine.executions.update_status(execution, "cancelled", 0, completed_at=asked, rank=ASKED_FOR)
    gone(monkeypatch)
    assert sweep_executions(later(engine, minutes=16))["recorded"] == 1
    assert status(engine, execution_id) == "cancelled"
    assert sweep_executions(later(engine, days=1))["looked_at"] == 0


class Killed(BaseException):
    """What ends the process: no handler of an exception gets to see it."""


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Looking at a run whose id is in this list kills the process."""
    deadly: list[str] = []
    real = StepFunctionsMachines.end

    def end(self: StepFunctionsMachines, arn: str) -> Any:
        if arn.rpartition(":")[2] in deadly:
            raise Killed
        return real(self, arn)

    monkeypatch.setattr(StepFunctionsMachines, "end", end)
    return deadly


def test_a_run_that_kills_the_round_is_not_the_first_of_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, deadly: list[str]
) -> None:
    bad, *good = (unrecorded_end(engine, monkeypatch) for _ in range(4))
    deadly.append(bad)
    minutes = 16
    for _ in range(2):
        with contextlib.suppress(Killed):
            sweep_executions(later(engine, minutes=minutes))
        minutes += 16
    assert [status(engine, execution_id) for execution_id in good] == ["completed"] * 3
    assert engine.executions.get(ME.tenant_id, bad).looks in (1, 2)


def test_a_run_that_kills_every_round_is_quarantined_and_a_metric_tells(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, deadly: list[str]
) -> None:
    told: list[tuple[str, float]] = []
    monkeypatch.setattr("workflow_engine.usecases.upkeep.looks.emit", lambda *point: told.append(point))
    execution_id = unrecorded_end(engine, monkeypatch)
    deadly.append(execution_id)
    for look in range(MAX_LOOKS):
        with pytest.raises(Killed):
            sweep_executions(later(engine, hours=look + 1))
        with contextlib.suppress(Killed):
            assert sweep_executions(later(engine, hours=look + 1))["looked_at"] == 0  # it was postponed before
    assert told == []
    assert sweep_executions(later(engine, hours=9))["quarantined"] == 1
    assert told == [("QuarantinedRuns", 1)]
    assert sweep_executions(later(engine, days=1)) == dict.fromkeys(
        ("looked_at", "recorded", "running", "failed", "quarantined"), 0
    )
    deadly.clear()
    assert read_results.results(engine, ME, execution_id)["status"] == "completed"
    assert status(engine, execution_id) == "completed"


def test_a_look_that_went_well_begins_the_count_anew(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    execution_id = start_run.start(engine, ME, WAITING)["execution_id"]
    with monkeypatch.context() as broken:
        broken.setattr(StepFunctionsMachines, "end", lambda *_: 1 / 0)
        assert sweep_executions(later(engine, minutes=16))["failed"] == 1
    assert engine.executions.get(ME.tenant_id, execution_id).looks == 1
    assert sweep_executions(later(engine, hours=1))["running"] == 1
    assert engine.executions.get(ME.tenant_id, execution_id).looks == 0
    cancel_run.cancel(engine, ME, execution_id)


def test_a_round_ends_before_its_time_does(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [unrecorded_end(engine, monkeypatch) for _ in range(3)]
    left = iter((300.0, LONGEST_LOOK_SECONDS - 1))
    assert sweep_executions(later(engine, minutes=16), lambda: next(left))["recorded"] == 1
    assert sum(engine.executions.get(ME.tenant_id, run).looks for run in runs) == 0
    assert sweep_executions(later(engine, minutes=17))["recorded"] == 2


def test_a_record_that_cannot_be_read_does_not_hold_up_the_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (unrecorded_end(engine, monkeypatch) for _ in range(2))
    real = ExecutionStore.load

    def load(self: ExecutionStore, key: Key) -> Execution | None:
        if key[0].endswith(bad):
            raise RuntimeError("no such luck")
        return real(self, key)

    monkeypatch.setattr(ExecutionStore, "load", load)
    done = sweep_executions(later(engine, minutes=16))
    assert (done["recorded"], done["failed"]) == (1, 1)
    assert status(engine, good) == "completed"


def test_a_run_that_cannot_be_recorded_does_not_hold_up_the_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (unrecorded_end(engine, monkeypatch) for _ in range(2))
    real = StepFunctionsMachines.end

    def fail_for_one(self: StepFunctionsMachines, arn: str) -> ExecutionEnd | None:
        if arn.endswith(bad):
            raise RuntimeError("no such luck")
        return real(self, arn)

    monkeypatch.setattr(StepFunctionsMachines, "end", fail_for_one)
    done = sweep_executions(later(engine, minutes=16))
    assert (done["recorded"], done["failed"]) == (1, 1)
    assert (status(engine, bad), status(engine, good)) == ("running", "completed")
    monkeypatch.setattr(StepFunctionsMachines, "end", real)
    assert sweep_executions(later(engine, minutes=40))["recorded"] == 1


def test_a_throttled_round_stops(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        unrecorded_end(engine, monkeypatch)
    asked: list[str] = []

    def refuse(_: StepFunctionsMachines, arn: str) -> ExecutionEnd | None:
        asked.append(arn)
        raise ThrottledError("busy")

    monkeypatch.setattr(StepFunctionsMachines, "end", refuse)
    assert sweep_executions(later(engine, minutes=16))["recorded"] == 0
    assert len(asked) == 1
    assert engine.executions.get(ME.tenant_id, asked[0].rpartition(":")[2]).looks == 0


def test_a_run_that_aws_does_not_answer_for_does_not_hold_up_the_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (unrecorded_end(engine, monkeypatch) for _ in range(2))
    real = StepFunctionsMachines.end

    def no_answer_for_one(self: StepFunctionsMachines, arn: str) -> ExecutionEnd | None:
        if arn.endswith(bad):
            raise UnavailableError("no answer")
        return real(self, arn)

    monkeypatch.setattr(StepFunctionsMachines, "end", no_answer_for_one)
    rounds = [sweep_executions(later(engine, minutes=16 * (number + 1))) for number in range(MAX_LOOKS + 1)]
    assert [(done["recorded"], done["failed"]) for done in rounds] == [(1, 1)] + [(0, 1)] * MAX_LOOKS
    assert status(engine, good) == "completed"
    assert engine.executions.get(ME.tenant_id, bad).looks == 0


def used_workflow(engine: Engine) -> str:
    """A stored workflow that has run once."""
    workflow_id: str = save_workflow.create(engine, ME, QUICK)["workflow_id"]
    execution_id = start_run.start_stored(engine, ME, workflow_id, {})["execution_id"]
    assert read_results.wait_for_end(engine, ME, execution_id, 20)
    return workflow_id


def test_an_idle_machine_is_retired_then_deleted_and_a_start_makes_it_anew(engine: Engine) -> None:
    workflow_id = used_workflow(engine)
    (machine,) = machines(engine)
    idle = later(engine, days=31)
    assert retire_machines(idle, IDLE_DAYS) == {"looked_at": 1, "retired": 1, "deleted": 0, "failed": 0}
    assert retire_machines(idle, IDLE_DAYS)["looked_at"] == 0  # not before an hour has passed
    assert machines(engine) == [machine]
    assert retire_machines(later(engine, days=31, hours=1.1), IDLE_DAYS)["deleted"] == 1
    assert machines(engine) == []
    execution_id = start_run.start_stored(engine, ME, workflow_id, {})["execution_id"]
    assert read_results.wait_for_end(engine, ME, execution_id, 20)
    assert machines(engine) == [machine.replace("-g1", "-g2")]


def test_a_machine_in_use_stays(engine: Engine) -> None:
    used_workflow(engine)
    assert retire_machines(later(engine, days=29), IDLE_DAYS) == {
        "looked_at": 1,
        "retired": 0,
        "deleted": 0,
        "failed": 0,
    }
    assert retire_machines(later(engine, days=29, hours=2), IDLE_DAYS)["looked_at"] == 0
    assert retire_machines(later(engine, days=31), IDLE_DAYS)["retired"] == 1


def test_a_machine_whose_run_goes_on_stays(engine: Engine) -> None:
    execution_id = start_run.start(engine, ME, WAITING)["execution_id"]
    assert retire_machines(later(engine, days=300), IDLE_DAYS) == {
        "looked_at": 1,
        "retired": 0,
        "deleted": 0,
        "failed": 0,
    }
    cancel_run.cancel(engine, ME, execution_id)


def test_a_retired_machine_that_is_started_again_is_kept(engine: Engine) -> None:
    """A stored workflow starts the machine that it knows, without asking whether it is retired."""
    workflow_id = used_workflow(engine)
    assert retire_machines(later(engine, days=31), IDLE_DAYS)["retired"] == 1
    execution_id = start_run.start_stored(engine, ME, workflow_id, {})["execution_id"]
    assert read_results.wait_for_end(engine, ME, execution_id, 20)
    assert retire_machines(later(engine, days=29, hours=23), IDLE_DAYS)["deleted"] == 0
    assert retire_machines(later(engine, days=31, hours=2), IDLE_DAYS)["deleted"] == 1


def test_a_retired_machine_is_deleted_though_its_next_generation_stands(engine: Engine) -> None:
    used_workflow(engine)
    (old,) = machines(engine)
    retire_machines(later(engine, days=31), IDLE_DAYS)
    start_run.start(engine, ME, {**QUICK, "name": "Same shape"})  # compiled anew, so it takes no retired machine
    assert len(machines(engine)) == 2
    assert retire_machines(later(engine, days=31, hours=2), IDLE_DAYS)["deleted"] == 1
    assert machines(engine) == [old.replace("-g1", "-g2")]


def test_a_retirement_that_was_cut_short_is_made_up_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reminder was written, the machine's record was not."""
    used_workflow(engine)

    def cut(*_: Any, **__: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(DynamoTable, "update", cut)
        with pytest.raises(ConnectionError):
            retire_machines(later(engine, days=31), IDLE_DAYS)
    assert retire_machines(later(engine, days=31, hours=2), IDLE_DAYS)["retired"] == 1
    assert len(machines(engine)) == 1
    assert retire_machines(later(engine, days=31, hours=4), IDLE_DAYS)["deleted"] == 1


def test_a_machine_that_cannot_be_looked_at_does_not_hold_up_the_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    used_workflow(engine)
    start_run.start(engine, ME, {**QUICK, "timeout_seconds": 77})
    bad, _good = machines(engine)
    real = MachineUse.is_used

    def fail_for_one(self: MachineUse, arn: str, since: datetime) -> bool:
        if arn == bad:
            raise RuntimeError("no such luck")
        return real(self, arn, since)

    monkeypatch.setattr(MachineUse, "is_used", fail_for_one)
    assert retire_machines(later(engine, days=31), IDLE_DAYS) == {
        "looked_at": 2,
        "retired": 1,
        "deleted": 0,
        "failed": 1,
    }


def test_machines_are_kept_for_as_long_as_runs_can_be_redriven(engine: Engine) -> None:
    with pytest.raises(ValueError, match="15 days"):
        retire_machines(engine, 14)


class Executions:
    """Answers by pages."""

    def __init__(self, *pages: list[Use]) -> None:
        self.pages = list(pages)
        self.sizes: list[int] = []

    def executions(self, _arn: str, limit: int, token: str | None) -> tuple[list[Use], str | None]:
        self.sizes.append(limit)
        page = int(token or 0)
        return self.pages[page], str(page + 1) if page + 1 < len(self.pages) else None


DAY = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(40)]


@pytest.mark.parametrize(
    ("pages", "used"),
    [
        ([[]], False),
        ([[Use(DAY[35], DAY[35])], [Use(DAY[1], DAY[1])]], True),
        ([[Use(DAY[5], DAY[5])], [Use(DAY[1], DAY[1])]], False),
        ([[Use(DAY[5], DAY[5])], [Use(DAY[1], DAY[38])]], True),
        ([[Use(DAY[5], DAY[5])], [Use(DAY[1], None)]], True),
    ],
    ids=["never run", "started lately", "long ago", "ended lately", "goes on"],
)
def test_use_is_told_by_executions(pages: list[list[Use]], used: bool) -> None:
    service: Any = Executions(*pages)
    assert MachineUse(service).is_used("arn", DAY[30]) is used
    assert service.sizes[0] == 1
