"""What is kept of runs expires so long after their end, over either table; without a limit nothing does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.store.records import execution
from tests.support.listed_results import results
from workflow_engine.errors import InvalidStepInput
from workflow_engine.store import keys
from workflow_engine.store.approvals import Approval, ApprovalStore
from workflow_engine.store.control import begin_redrive, take_back_redrive
from workflow_engine.store.ends import EndStore, RecordedEnd
from workflow_engine.store.executions import ASKED_FOR, ExecutionStore
from workflow_engine.store.payloads import RUNS_FOLDER, PayloadStore, owned_folders
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.results import ResultsStore
from workflow_engine.store.retention import LONGEST_RUN_DAYS
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import Table

DAY = 24 * 3600
END = "2026-03-01T00:00:00.000Z"
END_SECONDS = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
PAYLOADS = PayloadStore(MemoryObjects(), of_runs=True)


def expires_at(table: Table, sk: str = keys.META) -> Any:
    record = table.get(keys.execution("t", "e1"), sk)
    assert record is not None
    return record.get("expires_at")


def store(table: Table, days: int) -> ExecutionStore:
    made = ExecutionStore(table, PAYLOADS, RunShards(table), days)
    made.create(execution())
    return made


def test_a_run_expires_so_long_after_its_end_and_never_while_it_goes_on(table: Table) -> None:
    made = store(table, 30)
    assert expires_at(table) is None
    made.update_status(execution(), "cancelled", 0, completed_at=END, rank=ASKED_FOR)
    assert expires_at(table) is None
    made.update_status(execution(), "failed", 0, completed_at=END)
    assert expires_at(table) == END_SECONDS + 30 * DAY
    made.update_status(execution(), "running", 1)  # redriven
    assert expires_at(table) is None
    made.update_status(execution(), "completed", 1, completed_at=END)
    assert expires_at(table) == END_SECONDS + 30 * DAY


def test_without_a_limit_nothing_expires(table: Table) -> None:
    store(table, 0).update_status(execution(), "completed", 0, completed_at=END)
    assert expires_at(table) is None
    ResultsStore(table, PAYLOADS).save("t", "e1", 0, lambda _: results(PAYLOADS))
    assert expires_at(table, keys.RESULTS) is None


def test_results_expire_with_their_run(table: Table) -> None:
    made = results(PAYLOADS)
    made.run["completed_at"] = END  # type: ignore[index]  # a plain dictionary here
    ResultsStore(table, PAYLOADS, 7).save("t", "e1", 0, lambda _: made)
    assert expires_at(table, keys.RESULTS) == END_SECONDS + 7 * DAY


def test_an_approval_expires_no_sooner_than_its_run_may(table: Table) -> None:
    asked = Approval("t", "e1", "ask", "ask", "1", "token", "Go on?", END)
    assert ApprovalStore(table, PAYLOADS, 7).open(asked)
    assert expires_at(table, keys.approval("ask")) == END_SECONDS + (LONGEST_RUN_DAYS + 7) * DAY


def test_what_a_run_knows_of_its_subflow_expires_no_sooner_than_the_run_may(table: Table) -> None:
    child = execution(execution_id="e2", parent_execution_id="e1", started_at=END)
    store(table, 7).create(child)
    assert expires_at(table, keys.child("e2")) == END_SECONDS + (LONGEST_RUN_DAYS + 7) * DAY


def test_objects_of_runs_lie_where_they_may_expire_and_others_where_nothing_does() -> None:
    objects = MemoryObjects()
    of_run = PayloadStore(objects, of_runs=True).keep("t", [b"[1]"])
    other = PayloadStore(objects).keep("t", [b"[1]"])
    assert of_run.startswith(f"s3:{RUNS_FOLDER}")
    assert not other.startswith(f"s3:{RUNS_FOLDER}")
    for link, folder in zip((other, of_run), owned_folders("t"), strict=True):
        assert link.startswith(f"s3:{folder}")


@pytest.mark.parametrize("of_runs", [True, False])
def test_a_link_that_was_handed_on_opens_only_what_its_tenant_has(of_runs: bool) -> None:
    objects = MemoryObjects()
    link = PayloadStore(objects, of_runs=of_runs).keep("t", [b"[1]"])
    assert PayloadStore(objects, of_runs=True).handed_on("t", link) == [1]
    with pytest.raises(InvalidStepInput):
        PayloadStore(objects, of_runs=True).handed_on("u", link)


def test_a_redrive_keeps_a_run_until_it_has_ended_again(table: Table) -> None:
    made = store(table, 30)
    ends = EndStore(table, PAYLOADS, 30)
    error = {"step_id": "a", "type": "Boom", "message": "no"}
    assert ends.record("t", "e1", RecordedEnd("arn:execution:e1", "failed", END, 0, error=error))
    assert expires_at(table) == END_SECONDS + 30 * DAY
    ended = made.get("t", "e1")
    begin_redrive(made, ended, "2026-03-02T00:00:00.000Z", "ann")
    assert expires_at(table) is None
    (listed,) = made.page("t", RunFilter(), 9).runs
    assert (listed.record["status"], listed.error, listed.record.get("has_failures")) == ("running", None, None)
    assert take_back_redrive(made, ended, "2026-03-02T00:00:00.000Z")
    assert expires_at(table) == END_SECONDS + 30 * DAY
    (listed,) = made.page("t", RunFilter(error="boom"), 9).runs
    assert listed.error == error


def test_an_end_without_a_limit_never_expires(table: Table) -> None:
    store(table, 0)
    assert EndStore(table, PAYLOADS).record("t", "e1", RecordedEnd("arn:execution:e1", "completed", END, 0))
    assert expires_at(table) is None
