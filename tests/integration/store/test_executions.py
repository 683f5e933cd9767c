"""Runs and their results on moto's DynamoDB and S3."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.integration.store.records import execution
from tests.support.listed_results import results
from workflow_engine.errors import RequestUnderWayError
from workflow_engine.statuses import RunStatus
from workflow_engine.store import keys
from workflow_engine.store.executions import ASKED_FOR
from workflow_engine.store.items import MAX_INLINE_BYTES
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.table import Write
from workflow_engine.usecases.engine import Engine


def test_executions_are_listed_by_workflow_and_by_status(engine: Engine) -> None:
    for i in range(6):
        made = execution(
            execution_id=f"e{i}", workflow_id=f"w{i % 2}", execution_arn=f"arn:{i}", started_at=f"2026-01-0{i + 1}"
        )
        engine.executions.create(made)
        if i % 3 == 0:
            engine.executions.update_status(made, "completed", 0)

    def ids(workflow_id: str | None, status: str | None) -> list[str]:
        page = engine.executions.page("t", RunFilter(workflow_id, status), 10)
        return [run.record["execution_id"] for run in page.runs]

    assert ids(None, None) == ["e5", "e4", "e3", "e2", "e1", "e0"]
    assert ids("w1", None) == ["e5", "e3", "e1"]
    assert ids(None, "completed") == ["e3", "e0"]
    assert ids("w0", "running") == ["e4", "e2"]


def test_a_filtered_list_fills_its_pages(engine: Engine) -> None:
    for i in range(9):
        made = execution(execution_id=f"e{i}", execution_arn=f"arn:{i}", started_at=f"2026-01-0{i + 1}")
        engine.executions.create(made)
        if i < 3:
            engine.executions.update_status(made, "failed", 0)
    page = engine.executions.page("t", RunFilter(status="failed"), 2)
    assert [run.record["execution_id"] for run in page.runs] == ["e2", "e1"]


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([("completed", 0), ("running", 0)], ("completed", 0)),
        ([("failed", 0), ("completed", 0)], ("failed", 0)),
        ([("failed", 0), ("running", 1)], ("running", 1)),
        ([("failed", 0), ("completed", 1), ("failed", 0)], ("completed", 1)),
        ([("completed", 1), ("running", 1)], ("completed", 1)),
    ],
)
def test_a_status_is_never_overwritten_by_an_older_one(
    engine: Engine, updates: list[tuple[RunStatus, int]], expected: tuple[str, int]
) -> None:
    engine.executions.create(execution())
    for status, redrive_count in updates:
        engine.executions.update_status(execution(), status, redrive_count)
    found = engine.executions.get("t", "e1")
    assert (found.status, found.redrive_count) == expected


def test_a_run_that_ended_before_it_was_stopped_is_not_cancelled(engine: Engine) -> None:
    engine.executions.create(execution())
    assert engine.executions.update_status(execution(), "cancelled", 0, rank=ASKED_FOR)
    assert engine.executions.update_status(execution(), "completed", 0)
    assert not engine.executions.update_status(execution(), "cancelled", 0, rank=ASKED_FOR)
    assert engine.executions.get("t", "e1").status == "completed"


def test_what_another_attempt_has_taken_over_is_neither_moved_nor_removed_by_the_first(engine: Engine) -> None:
    first = execution(attempt_id="first")
    engine.executions.create(first)
    second = engine.executions.take_over(first, "second", "2026-01-01T00:01:00.000Z")

    engine.executions.remove(first)
    with pytest.raises(RequestUnderWayError):
        engine.executions.move(replace(first, execution_arn="arn:execution:other"))
    with pytest.raises(RequestUnderWayError):
        engine.executions.take_over(first, "third", "2026-01-01T00:01:01.000Z")

    assert engine.executions.find("t", "e1") == second
    engine.executions.remove(second)
    assert engine.executions.find("t", "e1") is None


def test_a_run_that_has_ended_is_not_taken_over(engine: Engine) -> None:
    engine.executions.create(execution(attempt_id="first"))
    engine.executions.update_status(execution(), "cancelled", 0, rank=ASKED_FOR)

    taken = engine.executions.take_over(execution(attempt_id="first"), "second", "2026-01-01T00:01:00.000Z")

    assert (taken.status, taken.attempt_id) == ("cancelled", "first")


def test_a_redrive_clears_the_error_and_the_end(engine: Engine) -> None:
    engine.executions.create(execution())
    engine.executions.update_status(execution(), "failed", 0, completed_at="now", error={"type": "X"})
    assert engine.executions.get("t", "e1").error == {"type": "X"}
    engine.executions.update_status(execution(), "running", 1)
    found = engine.executions.get("t", "e1")
    assert (found.error, found.completed_at) == (None, None)


def test_an_execution_is_found_by_its_arn(engine: Engine) -> None:
    engine.executions.create(execution(tags=["a"]))
    key = engine.executions.find_by_arn("arn:execution:e1")
    assert key is not None
    assert engine.executions.load(key) == execution(tags=["a"])
    assert engine.executions.find_by_arn("arn:execution:other") is None


def test_large_results_come_back(engine: Engine) -> None:
    outputs = [("a", "x" * (2 * MAX_INLINE_BYTES)), *((f"b{i}", str(i) * 30_000) for i in range(60))]
    engine.results.save("t", "e1", 0, lambda _: results(engine.results.payloads, *outputs))
    found = engine.results.find("t", "e1")
    assert found is not None
    page = found.page(max_bytes=10_000_000)
    assert [(r.key, r.result["output_data"]) for r in page.results] == outputs
    assert engine.results.find("t", "other") is None


def test_results_that_an_earlier_version_kept_are_read(engine: Engine) -> None:
    step = {"status": "completed", "output_data": 1}
    large = step | {"output_data": "x" * 70_000}
    kept = {"b[0]": step, "a": large, "b": step, "b[1]": step}
    answer = {"execution_id": "e1", "status": "completed", "output": {"a": "x" * 70_000}, "step_results": kept}
    record = {"pk": keys.execution("t", "e1"), "sk": keys.RESULTS, "tenant_id": "t", "results": json.dumps(answer)}
    engine._table.put(Write(record))

    found = engine.results.find("t", "e1")

    assert found is not None
    assert found.run == {"execution_id": "e1", "status": "completed"}
    assert found.large_output is not None
    assert found.load(found.large_output) == answer["output"]
    page = found.page(max_bytes=1_000_000, inline_up_to=100_000)
    assert {r.key: r.result for r in page.results} == kept
    assert [r.key for r in found.page(max_bytes=1_000_000, steps=["b"]).results] == ["b", "b[0]", "b[1]"]
    engine.results.save("t", "e1", 1, lambda _: replace(found, run={"status": "failed"}))
    redriven = engine.results.find("t", "e1")
    assert redriven is not None
    assert redriven.run == {"status": "failed"}
