"""The archiver: which histories it reads before they are forgotten, how fast, and what it does when they are gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
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
from workflow_engine.errors import ThrottledError
from workflow_engine.machines.results import RunReport
from workflow_engine.settings import Archive
from workflow_engine.store import keys
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import record_execution
from workflow_engine.usecases.upkeep import archive_results as archiving
from workflow_engine.usecases.upkeep.archive_results import archive_results
from workflow_engine.usecases.upkeep.looks import MAX_LOOKS

NOTHING: Final = dict.fromkeys(("looked_at", "archived", "gone", "passed_by", "failed", "quarantined"), 0)


@pytest.fixture
def table() -> Iterator[SqliteTable]:
    made = SqliteTable()
    yield made
    made.close()


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 3600.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def machines() -> Machines:
    return Machines()


def engine_with(table: SqliteTable, machines: Machines, clock: Clock, archive: Archive) -> Engine:
    made = engine_on(table, machines, now=lambda: after(clock.seconds), archive=archive)
    object.__setattr__(made, "sleep", clock.sleep)
    return made


@pytest.fixture(autouse=True)
def outline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_execution, "outline", lambda *_: OUTLINE)


def ended(engine: Engine, machines: Machines, execution_id: str, status: str = "SUCCEEDED") -> None:
    """A run that has ended and was recorded, with its history."""
    engine.executions.create(running(execution_id))
    told = History()
    told.task("a", 1)
    if status == "SUCCEEDED":
        told.task("b", 2)
        told.end(machine_output({"n": 1}))
        detail = event(execution_id=execution_id, seconds=1, output={"n": 1})
    else:
        told.enter("b")
        told.schedule()
        told.fail("ValueError", "no such thing")
        told.end_failed("ValueError", told.cause_of_last_failure())
        cause = told.cause_of_last_failure()
        detail = event("FAILED", execution_id=execution_id, seconds=1, error="ValueError", cause=cause)
    machines.histories[arn(execution_id)] = told.events
    tell(engine, [detail])


def kept(engine: Engine, *execution_ids: str) -> list[str]:
    return [one for one in execution_ids if engine.results.find(TENANT, one) is not None]


@pytest.mark.parametrize(("archive", "expected"), [("none", []), ("failed", ["bad"]), ("all", ["good", "bad"])])
def test_a_deployment_says_which_results_are_kept_unasked(
    table: SqliteTable, machines: Machines, clock: Clock, archive: Archive, expected: list[str]
) -> None:
    engine = engine_with(table, machines, clock, archive)
    ended(engine, machines, "good")
    ended(engine, machines, "bad", "FAILED")
    assert archive_results(engine) == NOTHING | {"looked_at": len(expected), "archived": len(expected)}
    assert kept(engine, "good", "bad") == expected
    assert archive_results(engine) == NOTHING


def test_a_failed_run_has_the_step_that_failed_once_it_is_archived(
    table: SqliteTable, machines: Machines, clock: Clock
) -> None:
    engine = engine_with(table, machines, clock, "failed")
    ended(engine, machines, "bad", "FAILED")
    archive_results(engine)
    assert engine.executions.get(TENANT, "bad").error["step_id"] == "b"


def test_an_output_that_only_the_history_has_is_archived_whatever_the_deployment_wants(
    table: SqliteTable, machines: Machines, clock: Clock
) -> None:
    engine = engine_with(table, machines, clock, "none")
    ended(engine, machines, "good")
    engine.executions.create(running("large"))
    machines.histories[arn("large")] = History().end(machine_output({"a": {"_in_history": True}}))
    tell(engine, [event(execution_id="large", seconds=1, output={"a": {"_in_history": True}})])
    assert engine.executions.get(TENANT, "large").output is None
    assert archive_results(engine)["archived"] == 1
    assert engine.executions.get(TENANT, "large").output is not None


def test_histories_are_read_no_faster_than_their_share_of_the_quota(
    table: SqliteTable, machines: Machines, clock: Clock
) -> None:
    engine = engine_with(table, machines, clock, "all")
    for number in range(30):
        ended(engine, machines, f"e{number}")
    begun = clock.seconds
    assert archive_results(engine)["archived"] == 30
    assert clock.seconds - begun == pytest.approx(30 / archiving.PAGES_A_SECOND)


def test_a_throttled_round_leaves_the_quota_to_those_who_ask(
    table: SqliteTable, machines: Machines, clock: Clock
) -> None:
    engine = engine_with(table, machines, clock, "all")
    for name in ("first", "second"):
        ended(engine, machines, name)

    def refuse(_: str) -> None:
        raise ThrottledError("busy")

    machines.refuse, machines.calls = refuse, []
    assert archive_results(engine)["archived"] == 0
    assert machines.calls == ["GetExecutionHistory"]
    machines.refuse = lambda _: None
    assert archive_results(engine)["archived"] == 2


def test_a_history_that_is_gone_is_asked_for_once(table: SqliteTable, machines: Machines, clock: Clock) -> None:
    engine = engine_with(table, machines, clock, "all")
    ended(engine, machines, "old")
    machines.histories.clear()
    assert archive_results(engine)["gone"] == 1
    clock.sleep(timedelta(days=1).total_seconds())
    assert archive_results(engine) == NOTHING
    assert engine.executions.get(TENANT, "old").output == '{"n":1}'


def test_a_run_that_is_redriven_while_it_is_read_stays_on_the_list_of_those_that_go_on(
    table: SqliteTable, machines: Machines, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with(table, machines, clock, "failed")
    ended(engine, machines, "bad", "FAILED")
    real = record_execution.read_report

    def read_and_redrive(*arguments: Any) -> RunReport:
        run = real(*arguments)
        engine.executions.update_status(running("bad"), "running", 1)
        return run

    monkeypatch.setattr(archiving, "read_report", read_and_redrive)
    archive_results(engine)
    run = engine.executions.get(TENANT, "bad")
    assert (run.status, run.redrive_count) == ("running", 1)
    assert engine.due.executions("9", 5) == [(keys.execution(TENANT, "bad"), keys.META)]


def test_a_history_that_cannot_be_read_holds_up_no_other_and_is_given_up(
    table: SqliteTable, machines: Machines, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with(table, machines, clock, "all")
    ended(engine, machines, "bad")
    ended(engine, machines, "good")
    real = record_execution.read_report

    def read(engine: Engine, execution: Any, events: Any) -> RunReport:
        if execution.execution_id == "bad":
            raise RuntimeError("no such luck")
        return real(engine, execution, events)

    monkeypatch.setattr(archiving, "read_report", read)
    rounds = []
    for _ in range(MAX_LOOKS + 1):
        rounds.append(archive_results(engine))
        clock.sleep(1000)
    assert [(done["archived"], done["failed"]) for done in rounds] == [(1, 1)] + [(0, 1)] * (MAX_LOOKS - 1) + [(0, 0)]
    assert rounds[-1]["quarantined"] == 1
    assert archive_results(engine) == NOTHING
