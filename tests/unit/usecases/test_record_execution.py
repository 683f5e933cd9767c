"""When the end of a run counts as recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.backend_history import START, History
from workflow_engine.errors import NotFoundError
from workflow_engine.machines.outputs import Outputs
from workflow_engine.machines.results import RunReport, report
from workflow_engine.store.executions import Execution
from workflow_engine.usecases.runs import record_execution
from workflow_engine.usecases.runs.record_execution import EndNotShownError, RunEnd

ARN = "arn:aws:states:eu-west-1:123456789012:execution:m:e"
RUNNING = Execution("t", "e", "w", 1, "Name", "running", "2026-01-02T03:04:05.000Z", ARN)


class Runs:
    """One run: its record, and what its history shows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.execution: Execution | None = RUNNING
        self.history = History()
        self.reads: int = 0
        self.recorded: list[tuple[str, int]] = []
        monkeypatch.setattr(record_execution, "read_report", self._read)
        monkeypatch.setattr(record_execution, "record_end", self._record_end)

    def record(self, stopped_at: datetime, redrive_count: int | None = None) -> None:
        store = SimpleNamespace(find_by_arn=lambda _: ("pk", "sk"), load=lambda _: self.execution)
        engine: Any = SimpleNamespace(executions=store)
        record_execution.record(engine, RunEnd(ARN, stopped_at, redrive_count))

    def _read(self, *_: Any) -> RunReport:
        self.reads += 1
        return report(self.history.events, {"steps": [], "sinks": None}, Outputs(lambda _: ""))

    def _record_end(self, _engine: Any, _execution: Execution, run: RunReport) -> bool:
        if run.status == "running":
            return False
        self.recorded.append((run.status, run.redrive_count))
        return True


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


def moment(history: History) -> datetime:
    """When the last event of a history happened."""
    return START + timedelta(milliseconds=100 * (len(history.events) - 1))


def test_an_end_that_the_history_shows_is_recorded(runs: Runs) -> None:
    runs.history.end()
    runs.record(moment(runs.history))
    assert runs.recorded == [("completed", 0)]


@pytest.mark.parametrize("redrive_count", [0, None])
def test_an_end_that_the_history_does_not_show_yet_is_told_again(runs: Runs, redrive_count: int | None) -> None:
    with pytest.raises(EndNotShownError, match="does not show its end yet"):
        runs.record(START + timedelta(seconds=9), redrive_count)
    assert runs.recorded == []


@pytest.mark.parametrize("redrive_count", [0, None])
def test_the_end_before_a_redrive_is_done_with_while_the_redrive_runs(runs: Runs, redrive_count: int | None) -> None:
    runs.history.end_failed("Boom")
    stopped_at = moment(runs.history)
    runs.history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    runs.record(stopped_at, redrive_count)
    assert runs.recorded == []


@pytest.mark.parametrize("redrive_count", [1, None])
def test_the_end_of_a_redrive_is_told_again_until_the_history_shows_it(runs: Runs, redrive_count: int | None) -> None:
    runs.history.end_failed("Boom")
    runs.history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    with pytest.raises(EndNotShownError):
        runs.record(moment(runs.history) + timedelta(seconds=5), redrive_count)
    runs.history.end()
    runs.record(moment(runs.history), redrive_count)
    assert runs.recorded == [("completed", 1)]


def test_an_older_end_in_the_history_is_recorded_but_not_taken_for_the_one_told(runs: Runs) -> None:
    runs.history.end_failed("Boom")
    with pytest.raises(EndNotShownError):
        runs.record(START + timedelta(seconds=9), 1)
    assert runs.recorded == [("failed", 0)]


def test_an_event_that_comes_twice_reads_no_history(runs: Runs) -> None:
    runs.execution = replace(RUNNING, status="failed", redrive_count=1, completed_at="2026-01-02T03:05:00.000Z")
    completed_at = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
    for redrive_count in (0, 1):
        runs.record(completed_at, redrive_count)
    assert runs.reads == 0
    runs.history.end_failed("Boom")
    with pytest.raises(EndNotShownError):
        runs.record(completed_at, 2)
    runs.record(completed_at + timedelta(minutes=1), 0)  # a later end, whatever its event counts
    assert runs.reads == 2


def test_a_run_without_a_record_is_told_again(runs: Runs) -> None:
    runs.execution = None
    with pytest.raises(NotFoundError, match="no record of execution 'e'"):
        runs.record(datetime.now(UTC))
