"""Deleting runs over either table: all records go, whatever fails in between, and none of a run that goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.store.records import NOW, execution
from workflow_engine.errors import ConflictError
from workflow_engine.store import keys
from workflow_engine.store.audit import AuditStore, audit_write
from workflow_engine.store.deletions import REMEMBERED_SECONDS
from workflow_engine.store.executions import ASKED_FOR, ExecutionStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.run_deletions import delete_run
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import Query, Table, Write

PK = keys.execution("t", "e1")


def store(table: Table) -> ExecutionStore:
    return ExecutionStore(table, PayloadStore(MemoryObjects()), RunShards(table, 4))


def a_run(table: Table, status: Any = "completed", **end: Any) -> ExecutionStore:
    made = store(table)
    made.create(execution(slot=1), "{}", NOW)
    made.update_status(execution(), status, 0, **end)
    for sk in (keys.RESULTS, *(keys.approval(f"a[{n}]") for n in range(120))):
        table.put(Write({"pk": PK, "sk": sk, "tenant_id": "t"}))
    return made


def left(table: Table) -> int:
    return table.count(PK)


def test_a_run_goes_with_all_its_records_and_its_place_in_lists(table: Table) -> None:
    made = a_run(table)
    audit = audit_write("t", "delete_execution", "e1", "ann", "2026-01-02T00:00:00.000Z")
    assert delete_run(table, "t", "e1", NOW, audit)
    assert (left(table), made.page("t", RunFilter(), 9).runs) == (0, [])
    assert table.count(keys.run_slots("t")) == 0
    (record,), _ = AuditStore(table).page("t", 9, None)
    assert (record["action"], record["target"], record["done_by"]) == ("delete_execution", "e1", "ann")
    assert AuditStore(table).page("u", 9, None) == ([], None)


def test_a_deletion_may_be_repeated_for_a_day(table: Table) -> None:
    a_run(table)
    assert not delete_run(table, "t", "e2", NOW)
    assert not delete_run(table, "u", "e1", NOW)
    assert delete_run(table, "t", "e1", NOW)
    assert delete_run(table, "t", "e1", NOW + REMEMBERED_SECONDS)
    assert not delete_run(table, "t", "e1", NOW + REMEMBERED_SECONDS + 1)


@pytest.mark.parametrize(
    ("status", "end"), [("running", {}), ("waiting", {}), ("cancelled", {"rank": ASKED_FOR})], ids=str
)
def test_a_run_that_goes_on_stays_whole(table: Table, status: str, end: dict[str, Any]) -> None:
    a_run(table, status, **end)
    before = left(table)
    with pytest.raises(ConflictError):
        delete_run(table, "t", "e1", NOW)
    assert left(table) == before


def test_a_deletion_that_was_cut_off_is_ended_by_the_next(table: Table) -> None:
    a_run(table)

    class Cut:
        """A table whose sixtieth deletion does not come to pass."""

        calls = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(table, name)

        def delete(self, *key: Any) -> None:
            self.calls += 1
            if self.calls == 60:
                raise TimeoutError
            table.delete(*key)

    cut: Any = Cut()
    with pytest.raises(TimeoutError):
        delete_run(cut, "t", "e1", NOW)
    assert 1 < left(table) < 123
    assert delete_run(table, "t", "e1", NOW)
    assert left(table) == 0


def test_a_run_that_is_let_run_again_meanwhile_is_not_deleted(table: Table) -> None:
    made = a_run(table)

    class Redriven:
        def __getattr__(self, name: str) -> Any:
            return getattr(table, name)

        def query(self, *arguments: Any, **named: Any) -> Any:
            made.update_status(execution(), "running", 1)
            return table.query(*arguments, **named)

    redriven: Any = Redriven()
    with pytest.raises(ConflictError):
        delete_run(redriven, "t", "e1", NOW)
    assert made.get("t", "e1").status == "running"


def test_what_is_written_of_a_run_while_it_is_deleted_goes_too(table: Table) -> None:
    a_run(table)

    class Busy:
        """A table to which somebody else writes results just before the run's own record goes."""

        def __getattr__(self, name: str) -> Any:
            return getattr(table, name)

        def write_all(self, changes: Any) -> None:
            table.put(Write({"pk": PK, "sk": keys.RESULTS, "tenant_id": "t"}))
            table.write_all(changes)

    busy: Any = Busy()
    assert delete_run(busy, "t", "e1", NOW)
    assert left(table) == 0


def test_what_was_deleted_is_told_newest_first(table: Table) -> None:
    audit = AuditStore(table)
    for day in range(1, 4):
        audit.record("t", "delete_execution", f"e{day}", None, f"2026-01-0{day}T00:00:00.000Z")
    first, cursor = audit.page("t", 2, None)
    rest, end = audit.page("t", 2, cursor)
    assert [record["target"] for record in (*first, *rest)] == ["e3", "e2", "e1"]
    assert end is None
    assert table.query("t", Query(keys.audit("u")), limit=1).records == []
