"""In how many shards runs are written and read, over either table."""

from __future__ import annotations

import pytest

from tests.contract.test_run_lists import fill
from workflow_engine.store.executions import ExecutionStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.shards import MAX_SHARDS, RunShards
from workflow_engine.store.table import Table


def test_readers_learn_of_more_shards_than_they_are_set_to(table: Table) -> None:
    now = [0.0]
    reader = RunShards(table, 2, lambda: now[0])
    assert reader.all() == range(2)
    RunShards(table, 5).announce()
    RunShards(table, 3).announce()  # set back later
    assert reader.all() == range(2)  # as of a minute ago
    now[0] = 61.0
    assert reader.all() == range(5)
    assert RunShards(table).all() == range(5)


@pytest.mark.parametrize("number", [0, -1, MAX_SHARDS + 1])
def test_a_number_of_shards_that_nobody_can_read_is_refused(table: Table, number: int) -> None:
    with pytest.raises(ValueError, match="1 to 32 shards"):
        RunShards(table, number)


def test_what_starts_between_two_pages_repeats_and_loses_nothing(table: Table) -> None:
    store = ExecutionStore(table, PayloadStore(MemoryObjects()), RunShards(table, 3))
    fill(store, range(1, 10))
    first = store.page("t", RunFilter(), 4)
    fill(store, range(13, 20))
    rest = store.page("t", RunFilter(), 50, first.next_cursor)
    assert sorted(run.record["execution_id"] for run in (*first.runs, *rest.runs)) == [f"e{n}" for n in range(1, 10)]
