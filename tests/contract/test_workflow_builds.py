"""Builds of stored workflows, on every table: what a start takes, and what runs that go on are read by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.integration.store.records import NOW, execution, workflow
from workflow_engine.errors import NotFoundError
from workflow_engine.store import keys
from workflow_engine.store.items import MAX_INLINE_BYTES
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.table import Table, Write
from workflow_engine.store.workflows import Build, Compiled, Pause, StoredWorkflow, WorkflowStore

STRUCTURE = {"/steps": {"parallel": ["a", "b"]}}


@pytest.fixture
def store(table: Table) -> WorkflowStore:
    store = WorkflowStore(table, PayloadStore(MemoryObjects()))
    store.create(workflow())
    return store


def compiled(number: int) -> Compiled:
    return replace(workflow().compiled, machine_hash=f"hash{number}", machine_arn=f"arn:machine{number}")


def append(store: WorkflowStore, earlier: StoredWorkflow, structure: Mapping[str, object] = STRUCTURE) -> bool:
    number = earlier.build_number + 1
    build = Build(number, f"2026-01-0{number}", 0.125, 30)
    return store.append_build(earlier, compiled(number), build, structure)


def test_a_start_takes_the_newest_build_and_a_run_that_goes_on_is_read_by_its_own(store: WorkflowStore) -> None:
    assert append(store, store.newest("t", "w1"))
    assert append(store, store.newest("t", "w1"))
    third = workflow(compiled=compiled(3), build=Build(3, "2026-01-03", 0.125, 30))
    assert store.newest("t", "w1") == store.get("t", "w1", 1) == third
    run = [store.run_by(execution(workflow_build=number)) for number in (1, 2, 3)]
    assert [one.compiled.machine_hash for one in run] == ["hash", "hash2", "hash3"]
    assert run[0] == workflow()
    with pytest.raises(NotFoundError):
        store.run_by(execution(workflow_build=4))


def test_of_two_builds_appended_at_once_one_stands(store: WorkflowStore) -> None:
    as_both_read_it = store.newest("t", "w1")
    assert append(store, as_both_read_it)
    assert not append(store, as_both_read_it, {"/steps": "other"})
    newest = store.newest("t", "w1")
    assert (newest.build_number, store.structure(newest)) == (2, STRUCTURE)


def test_a_version_that_is_saved_meanwhile_stays_the_newest(store: WorkflowStore) -> None:
    first = store.newest("t", "w1")
    second = workflow(version=2, compiled=compiled(7))
    store.add_version(second)
    assert append(store, first)
    assert store.newest("t", "w1") == second
    assert store.get("t", "w1", 1).build_number == 2


def test_a_new_version_begins_with_a_first_build_of_its_own(store: WorkflowStore) -> None:
    append(store, store.newest("t", "w1"))
    store.add_version(workflow(version=2))
    assert store.newest("t", "w1") == store.run_by(execution(workflow_version=2)) == workflow(version=2)
    assert store.builds("t", "w1", 2, 10).workflows == []


def test_a_pause_stays(store: WorkflowStore) -> None:
    first = store.newest("t", "w1")
    store.set_pause(first, Pause("2026-01-01"), "2026-01-01", None)
    append(store, first)
    newest = store.newest("t", "w1")
    assert (newest.pause, newest.build_number) == (Pause("2026-01-01"), 2)


def test_a_deleted_workflow_stays_deleted_and_its_tenant_gone(store: WorkflowStore, table: Table) -> None:
    first = store.newest("t", "w1")
    store.delete("t", "w1", NOW)
    assert append(store, first)
    assert store.find("t", "w1") is None
    for sort_key in (keys.META, keys.version(1), keys.build(1, 1), keys.build(1, 2)):
        table.delete(keys.workflow("t", "w1"), sort_key)
    assert not append(store, first)
    assert store.find("t", "w1", 1) is None


def test_what_a_cut_left_over_is_done_by_the_next_round(store: WorkflowStore, table: Table) -> None:
    before = table.get(keys.workflow("t", "w1"), keys.META)
    append(store, store.newest("t", "w1"))
    assert before is not None
    table.delete(keys.workflow("t", "w1"), keys.META)
    table.put(Write(before))  # as it stands when only the builds and the version were written
    assert store.newest("t", "w1").build_number == 1
    store.point_to_newest_build(store.get("t", "w1", 1))
    assert store.newest("t", "w1").build_number == 2


def test_a_machine_that_is_made_anew_replaces_its_own_build_s_only(store: WorkflowStore) -> None:
    first = store.newest("t", "w1")
    append(store, first)
    store.replace_machine(first, "arn:machine-g2")
    assert (
        store.newest("t", "w1").compiled.machine_arn == store.get("t", "w1", 1).compiled.machine_arn == "arn:machine2"
    )
    store.replace_machine(store.newest("t", "w1"), "arn:machine2-g2")
    assert store.newest("t", "w1").compiled.machine_arn == "arn:machine2-g2"


def test_large_builds_are_kept_beside_the_table(store: WorkflowStore) -> None:
    large = {"config": {"a": "x" * MAX_INLINE_BYTES}}
    first = store.newest("t", "w1")
    bulky = replace(compiled(2), bindings=large, outline={"steps": ["y" * MAX_INLINE_BYTES]})
    assert store.append_build(first, bulky, Build(2, "2026-01-02", 0.1, 30), {"/steps": "z" * MAX_INLINE_BYTES})
    assert store.newest("t", "w1").compiled == bulky
    assert store.structure(store.newest("t", "w1")) == {"/steps": "z" * MAX_INLINE_BYTES}


def test_what_fits_by_itself_and_not_together_is_kept_beside_the_table_too(store: WorkflowStore) -> None:
    half = "x" * (MAX_INLINE_BYTES * 3 // 4)
    bulky = replace(compiled(2), bindings={"config": half})
    assert store.append_build(store.newest("t", "w1"), bulky, Build(2, "2026-01-02", 0.1, 30), {"/steps": half})
    assert store.structure(store.newest("t", "w1")) == {"/steps": half}


def test_builds_are_listed_newest_first_and_versions_without_them(store: WorkflowStore) -> None:
    for _ in range(2):
        append(store, store.newest("t", "w1"))
    page = store.builds("t", "w1", 1, 2)
    last = store.builds("t", "w1", 1, 2, page.next_cursor)
    assert [one.build_number for one in (*page.workflows, *last.workflows)] == [3, 2, 1]
    assert [r["version"] for r in store.versions("t", "w1", 10, None).records] == [1]


def test_what_was_saved_is_found_again(store: WorkflowStore) -> None:
    append(store, store.newest("t", "w1"))
    assert store.as_saved(store.newest("t", "w1")) == workflow()
