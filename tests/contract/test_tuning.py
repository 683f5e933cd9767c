"""Which versions are to be considered for another build, over either table."""

from __future__ import annotations

from workflow_engine.store import keys
from workflow_engine.store.due import DueStore
from workflow_engine.store.table import Table
from workflow_engine.store.tuning import Tuning, TuningStore

KEY = keys.workflow("t", "w"), keys.tuning(2)


def test_a_version_is_on_the_list_once_from_the_first_note_on(table: Table) -> None:
    store, due = TuningStore(table), DueStore(table)
    assert due.tuning("2026-01-09", 10) == []
    store.note("t", "w", 2, "2026-01-02")
    store.note("t", "w", 2, "2026-01-03")
    assert due.tuning("2026-01-01", 10) == []
    assert due.tuning("2026-01-02", 10) == [KEY]
    assert store.find(KEY) == Tuning("t", "w", 2)


def test_what_left_the_list_comes_back_with_what_is_known_of_it(table: Table) -> None:
    store, due = TuningStore(table), DueStore(table)
    store.note("t", "w", 2, "2026-01-02")
    store.considered(Tuning("t", "w", 2), 30, "2026-01-02")
    store.seen(Tuning("t", "w", 2), 31)
    store.leave_list(Tuning("t", "w", 2))
    assert (due.tuning("2026-01-09", 10), store.find(KEY)) == ([], None)
    store.note("t", "w", 2, "2026-01-04")
    assert due.tuning("2026-01-04", 10) == [KEY]
    assert store.find(KEY) == Tuning("t", "w", 2, 30, 31, "2026-01-02")


def test_what_is_forgotten_is_not_brought_back_by_who_still_looks_at_it(table: Table) -> None:
    store = TuningStore(table)
    store.note("t", "w", 2, "2026-01-02")
    store.forget(Tuning("t", "w", 2))
    store.considered(Tuning("t", "w", 2), 30, "2026-01-02")
    store.leave_list(Tuning("t", "w", 2))
    assert table.get(*KEY) is None


def test_a_workflow_that_was_only_posted_is_not_considered(table: Table) -> None:
    TuningStore(table).note("t", "adhoc-1", 1, "2026-01-02")
    assert DueStore(table).tuning("2026-01-09", 10) == []
