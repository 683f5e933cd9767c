"""Which time figures are asked for, and how they are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.store.records import workflow
from tests.support.recorded_ends import SETTINGS
from workflow_engine.errors import InvalidRequestError
from workflow_engine.store.aggregates.contributions import End, Measured, Told
from workflow_engine.store.aggregates.histogram import RELATIVE_ERROR
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.engine import Caller, Engine, Laptop
from workflow_engine.usecases.runs.read_stats import Asked, tenant_stats, workflow_stats
from workflow_engine.usecases.workflows import save_workflow

NOW = datetime(2026, 3, 10, 6, 20, tzinfo=UTC)
CALLER = Caller("t")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def engine() -> Engine:
    unused: Any = None
    laptop = Laptop(SqliteTable(), MemoryObjects(), unused, unused, unused)
    return Engine(SETTINGS, now=lambda: NOW, laptop=laptop)


def end(engine: Engine, number: int, status: str = "completed", at: datetime = NOW, **more: Any) -> None:
    made = End("t", "w1", 1, status, at.isoformat(), 0, 1000 * number if status == "completed" else None)
    engine.fold.add([Told(("t", f"e{number}"), 1, made._replace(**more))])


def read(engine: Engine, number: int, **told: Any) -> None:
    nothing = dict.fromkeys(("retries", "tokens_in", "tokens_out", "llm_calls", "transition_nanos", "model_nanos"), 0)
    engine.fold.add([Told(("t", f"e{number}"), 1, Measured(0, {**nothing, "groups": 1, "steps": {}, **told}))])


@pytest.mark.parametrize(
    ("asked", "since", "until", "count"),
    [
        (Asked(), "2026-03-09T07:00", "2026-03-10T07:00", 24),
        (Asked(bucket="day"), "2026-02-09T00:00", "2026-03-11T00:00", 30),
        (Asked(moment("2026-03-10T01:59:59.999")), "2026-03-10T01:00", "2026-03-10T07:00", 6),
        (Asked(until=moment("2026-03-10T01:00")), "2026-03-09T01:00", "2026-03-10T01:00", 24),
        (
            Asked(moment("2026-03-10T01:00"), moment("2026-03-10T01:00:00.001")),
            "2026-03-10T01:00",
            "2026-03-10T02:00",
            1,
        ),
        (Asked(moment("2026-03-08"), moment("2026-03-10"), "day"), "2026-03-08T00:00", "2026-03-10T00:00", 2),
        (Asked(moment("2026-03-03"), moment("2026-03-10")), "2026-03-03T00:00", "2026-03-10T00:00", 168),
        (Asked(moment("2024-03-09"), moment("2024-03-10"), "day"), "2024-03-09T00:00", "2024-03-10T00:00", 1),
    ],
)
def test_a_time_is_cut_to_whole_hours_or_days(engine: Engine, asked: Asked, since: str, until: str, count: int) -> None:
    found = tenant_stats(engine, CALLER, asked)
    assert (found["since"], found["until"]) == (f"{since}:00.000Z", f"{until}:00.000Z")
    assert len(found["buckets"]) == count
    assert found["buckets"][0]["start"] == found["since"]


@pytest.mark.parametrize(
    "asked",
    [
        Asked(bucket="week"),
        Asked(moment("2026-03-10T01:00"), moment("2026-03-10T01:00")),
        Asked(moment("2026-03-10T01:30"), moment("2026-03-10T01:00")),
        Asked(NOW + timedelta(minutes=1)),
        Asked(moment("2026-03-01"), moment("2026-03-10")),
        Asked(moment("2025-03-01"), moment("2026-03-10"), "day"),
        Asked(moment("2025-12-01"), moment("2025-12-02")),
        Asked(moment("2024-03-08"), moment("2024-03-10"), "day"),
        Asked(until=moment("2025-12-02")),
        Asked(until=moment("1970-01-01"), bucket="day"),
    ],
)
def test_a_time_that_no_answer_has_is_refused(engine: Engine, asked: Asked) -> None:
    with pytest.raises(InvalidRequestError):
        tenant_stats(engine, CALLER, asked)


def test_the_last_hour_of_the_time_asked_for_is_in_and_the_next_is_not(engine: Engine) -> None:
    for number, at in enumerate(("04:59:59.999", "05:00:00.000", "05:59:59.999", "06:00:00.000"), 1):
        end(engine, number, at=moment(f"2026-03-10T{at}"))
    found = tenant_stats(engine, CALLER, Asked(moment("2026-03-10T05:00"), moment("2026-03-10T06:00")))
    assert found["total"]["runs"] == 2


def test_totals_are_of_all_buckets_and_cancelled_runs_are_no_failures(engine: Engine) -> None:
    for number, status in enumerate(("completed", "completed", "failed", "timed_out", "cancelled"), 1):
        end(engine, number, status, NOW - timedelta(hours=number))
    total = tenant_stats(engine, CALLER, Asked())["total"]
    assert total["counts"] == {"completed": 2, "failed": 1, "cancelled": 1, "timed_out": 1}
    assert (total["runs"], total["failure_rate"]) == (5, 0.5)
    assert total["duration_ms"]["count"] == 2
    p99 = total["duration_ms"]["p99"]
    assert p99 is not None
    assert abs(p99 - 2000) <= 2000 * RELATIVE_ERROR + 0.1


def test_where_nothing_ended_there_is_no_rate_and_no_duration(engine: Engine) -> None:
    total = tenant_stats(engine, CALLER, Asked())["total"]
    assert total["failure_rate"] is None
    assert total["duration_ms"] == {"count": 0, "mean": None, "p50": None, "p95": None, "p99": None}
    assert total["sampled"] == {"runs": 0, "of": 0}


def test_what_runs_used_is_told_of_those_whose_history_was_read(engine: Engine) -> None:
    for number in (1, 2, 3):
        end(engine, number)
    read(engine, 1, tokens_in=10, tokens_out=5, llm_calls=1, transition_nanos=25_000, model_nanos=2_000_000, retries=2)
    read(engine, 2, transition_nanos=50_000, model_nanos=None)
    total = tenant_stats(engine, CALLER, Asked())["total"]
    assert total["sampled"] == {"runs": 2, "of": 3}
    assert total["retries"] == 2
    assert total["usage"] == {"tokens_in": 10, "tokens_out": 5, "total_tokens": 15, "llm_calls": 1}
    cost = {"total": 0.002075, "transitions": 0.000075, "models": 0.002, "unpriced_runs": 1}
    assert total["cost_usd"] == pytest.approx(cost)


def test_steps_are_told_in_the_order_of_the_newest_version_and_former_ones_behind(engine: Engine) -> None:
    outline: dict[str, Any] = {
        "steps": [{"id": "z"}, {"id": "a", "body": {"kind": "map", "steps": [{"id": "m"}]}}],
        "sinks": [],
    }
    engine.workflows.create(workflow(compiled=replace(workflow().compiled, outline=outline)))
    end(engine, 1)
    read(engine, 1, steps={"40:m": 3, "30:z": 1, "f:b_gone": 1, "50:a": 1, "r:a": 2})
    found = workflow_stats(engine, CALLER, "w1", Asked())
    assert [step["step_id"] for step in found["steps"]] == ["z", "a", "m", "b_gone"]
    assert [step["duration_ms"]["count"] for step in found["steps"]] == [1, 1, 3, 0]
    assert (found["steps"][1]["retries"], found["steps"][3]["failed"]) == (2, 1)
    assert found["steps_since"] == found["since"]


def test_steps_of_too_long_a_time_are_the_newest_and_it_is_told_since_when(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflow_engine.store.aggregates import figures

    monkeypatch.setattr(figures, "MOST_STEP_RECORDS", 3)
    engine.workflows.create(workflow())
    for hours in range(5):
        end(engine, hours, at=NOW - timedelta(hours=hours))
        read(engine, hours, steps={"40:a": 1})
    found = workflow_stats(engine, CALLER, "w1", Asked())
    assert found["steps"][0]["duration_ms"]["count"] == 3
    assert found["steps_since"] == "2026-03-10T04:00:00.000Z"
    assert found["total"]["runs"] == 5


def test_a_workflow_has_no_figures_of_a_deleted_one_that_had_its_id(engine: Engine) -> None:
    engine.workflows.create(workflow())
    for number in (1, 2):
        end(engine, number)
    save_workflow.delete(engine, CALLER, "w1")
    again = engine.workflows.create(workflow())
    end(engine, 3)
    read(engine, 3, steps={"40:a": 1})
    found = workflow_stats(engine, CALLER, "w1", Asked())
    assert (again.version, found["total"]["runs"], found["steps"]) == (2, 0, [])
    end(engine, 4, version=2)
    engine.workflows.add_version(replace(again, version=3, first_version=again.in_use_since_version))
    end(engine, 5, version=3)
    read(engine, 5, steps={"40:a": 1})
    found = workflow_stats(engine, CALLER, "w1", Asked())
    assert (found["total"]["runs"], len(found["steps"])) == (2, 1)
    assert tenant_stats(engine, CALLER, Asked())["total"]["runs"] == 5


def test_another_tenant_has_none_of_these(engine: Engine) -> None:
    end(engine, 1)
    assert tenant_stats(engine, Caller("u"), Asked())["total"]["runs"] == 0
