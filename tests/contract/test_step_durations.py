"""How long steps take, read from what was added to records of their figures."""

from __future__ import annotations

from datetime import UTC, datetime

from workflow_engine.store import keys
from workflow_engine.store.aggregates.histogram import Histogram, bucket_of
from workflow_engine.store.aggregates.step_durations import StepDurations, step_number
from workflow_engine.store.table import Table

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def _add(table: Table, day: str, version: int, place: str, amounts: dict[str, int], workflow: str = "w") -> None:
    key = keys.step_figures("t", workflow), keys.figures("day", day, f"{version:08d}", place)
    table.add(*key, amounts, {"tenant_id": "t", "version": version})


def _took(step_id: str, milliseconds: int, times: int = 1) -> dict[str, int]:
    return {step_number(bucket_of(milliseconds), step_id): times}


def test_durations_of_a_version_are_merged_over_days_and_records(table: Table) -> None:
    _add(table, "2026-03-30", 2, "0.0", _took("load", 100, 3) | _took("say: hello", 2000))
    _add(table, "2026-03-30", 2, "1.0", _took("load", 100))
    _add(table, "2026-03-31", 2, "0.0", _took("load", 900))
    _add(table, "2026-03-31", 2, "0.0", _took("load", 900))
    found = StepDurations(table, lambda: NOW).step_durations("t", "w", 2)
    assert found == {"load": Histogram.of([100] * 4 + [900] * 2), "say: hello": Histogram.of([2000])}


def test_other_versions_workflows_tenants_and_old_days_do_not_count(table: Table) -> None:
    _add(table, "2026-03-30", 1, "0.0", _took("load", 100))
    _add(table, "2026-02-28", 2, "0.0", _took("load", 100))
    _add(table, "2026-03-30", 2, "0.0", _took("load", 100), workflow="x")
    durations = StepDurations(table, lambda: NOW)
    assert durations.step_durations("t", "w", 2) == {}
    assert durations.step_durations("u", "x", 2) == {}
    assert durations.step_durations("t", "x", 2) == {"load": Histogram.of([100])}


def test_failures_retries_and_what_was_taken_back_are_no_durations(table: Table) -> None:
    _add(table, "2026-03-30", 2, "0.0", {step_number("f", "load"): 2, step_number("r", "load"): 5})
    _add(table, "2026-03-30", 2, "0.0", _took("save", 50))
    _add(table, "2026-03-31", 2, "0.0", _took("save", 50, -1))
    assert StepDurations(table, lambda: NOW).step_durations("t", "w", 2) == {}


def test_many_records_are_read_to_the_last(table: Table) -> None:
    for place in range(130):
        _add(table, "2026-03-30", 1, f"{place}.0", _took("load", 100))
    assert StepDurations(table, lambda: NOW).step_durations("t", "w", 1)["load"].count == 130
