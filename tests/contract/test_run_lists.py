"""Lists of runs over either table: whatever they are filtered by and however they are paged, they give what a plain filter of
all runs gives, in order, each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.stores import dynamodb, sqlite_in_memory
from workflow_engine.errors import InvalidRequestError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.statuses import has_ended
from workflow_engine.store import cursors, run_lists
from workflow_engine.store.executions import Execution, ExecutionStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.run_lists import MAX_SHOWN_MESSAGE, ListedRun, RunFilter, has_tag
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import SortRange, Table

RUNS: Final = 60
LONG: Final = "x" * 700


def made(number: int) -> tuple[Execution, dict[str, Any]]:
    """A run, and how it ended."""
    status = ("completed", "failed", "running", "waiting")[number % 4]
    tags: Any = (None, ["nightly", "é"], {"team": "search", "n": 5}, "nightly", [LONG, LONG, "big"])[number % 5]
    run = Execution(
        tenant_id="t" if number % 12 else "u",
        execution_id=f"e{number}",
        workflow_id=f"w{number % 2}",
        workflow_version=1,
        workflow_name="Name",
        status="running",
        started_at=f"2026-01-01T00:00:{number // 2:02}.000Z",  # two at a time
        execution_arn=f"arn:{number}",
        user_id=(None, "ann", "bob")[number % 3],
        session_id=(None, "s")[number % 2],
        correlation_id=f"c{number % 7}",
        parent_execution_id=(None, None, "e0")[number % 3],
        tags=tags,
    )
    message = ("No disk left", "no DISK", "Timeout" + "." * MAX_SHOWN_MESSAGE + "disk")[number % 3]
    error = {"step_id": None, "type": "DiskError" if number % 8 == 1 else "Other", "message": message}
    return run, {
        "status": status,
        "error": error if status == "failed" else None,
        "has_failures": status == "completed" and number % 8 == 4,
    }


def fill(store: ExecutionStore, numbers: range = range(RUNS)) -> None:
    for number in numbers:
        run, end = made(number)
        store.create(run)
        status = end.pop("status")
        if has_ended(status):
            store.update_status(run, status, 0, completed_at="2026-02-01T00:00:00.000Z", **end)
        elif status == "waiting":
            store.set_waiting(("T#" + f"{run.tenant_id}#EXECUTION#{run.execution_id}", "META"), "now")


def passes(wanted: RunFilter, number: int) -> bool:
    """The filter once more, on what was written."""
    run, end = made(number)
    error, low, high = end["error"], *wanted.started
    plain = ("workflow_id", "user_id", "session_id", "correlation_id")
    return (
        wanted.parent_id in (None, run.parent_execution_id)
        and all(getattr(wanted, name) in (None, getattr(run, name)) for name in plain)
        and wanted.status in (None, end["status"])
        and wanted.has_failures in (None, end["has_failures"] or error is not None)
        and (wanted.tag is None or has_tag(run.tags, wanted.tag))
        and (wanted.error is None or _says(error, wanted.error))
        and (low is None or run.started_at >= low)
        and (high is None or run.started_at < high)
    )


def _says(error: Any, text: str) -> bool:
    shown = f"{error['type']}\n{error['message'][:MAX_SHOWN_MESSAGE]}" if error else ""
    return bool(error) and text.lower() in shown.lower()


moments = st.none() | st.integers(0, 30).map(lambda second: f"2026-01-01T00:00:{second:02}.000Z")
filters = st.builds(
    RunFilter,
    workflow_id=st.sampled_from([None, None, "w0", "w1", "none"]),
    status=st.sampled_from([None, None, "completed", "failed", "running", "waiting", "cancelled"]),
    user_id=st.sampled_from([None, None, "ann", "bob"]),
    session_id=st.sampled_from([None, None, "s"]),
    correlation_id=st.sampled_from([None, None, None, "c1", "c2"]),
    parent_id=st.sampled_from([None, None, "e0"]),
    tag=st.sampled_from([None, None, "nightly", "é", "team", "team:search", "n:5", "big", "none"]),
    has_failures=st.sampled_from([None, None, True, False]),
    error=st.sampled_from([None, None, "disk", "DISKERROR", "timeout", "none"]),
    started=st.builds(SortRange, moments, moments),
)


@dataclass(frozen=True, slots=True)
class World:
    """A table with all runs, written while there were several numbers of shards."""

    table: Table
    store: Callable[[int], ExecutionStore]


@pytest.fixture(scope="module", params=[sqlite_in_memory, dynamodb], ids=["sqlite", "dynamodb"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path: Path = tmp_path_factory.mktemp("lists")
    with request.param(path) as table:

        def store(shards: int) -> ExecutionStore:
            return ExecutionStore(table, PayloadStore(MemoryObjects()), RunShards(table, shards))

        fill(store(1), range(10))
        fill(store(4), range(10, 40))
        fill(store(2), range(40, RUNS))
        yield World(table, store)


def all_of(store: ExecutionStore, wanted: RunFilter, limit: int, tenant_id: str = "t") -> list[ListedRun]:
    found: list[ListedRun] = []
    cursor = None
    for _ in range(4 * RUNS):
        page = store.page(tenant_id, wanted, limit, cursor)
        assert len(page.runs) <= limit
        assert (page.until is None) == (page.next_cursor is None)
        found += page.runs
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


@given(wanted=filters, limit=st.integers(1, 70), reads=st.integers(2, 9), shards=st.sampled_from([1, 2, 4]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mix_of_filters_gives_what_a_plain_filter_gives(
    world: World, wanted: RunFilter, limit: int, reads: int, shards: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_lists, "_LOOKED_AT", reads)  # so that pages end for what they have read
        patch.setattr(run_lists, "_MAX_QUERIES", 2)
        found = all_of(world.store(shards), wanted, limit)
    expected = {f"e{n}" for n in range(RUNS) if made(n)[0].tenant_id == "t" and passes(wanted, n)}
    ids = [run.record["execution_id"] for run in found]
    assert sorted(ids) == sorted(expected)
    order = [
        run.record["tenant_order"] if wanted.workflow_id is None else run.record["workflow_order"] for run in found
    ]
    assert order == sorted(order, reverse=True)


def test_every_filter_is_tried() -> None:
    assert {field.name for field in fields(RunFilter)} == {
        *("workflow_id", "status", "user_id", "session_id", "correlation_id", "parent_id"),
        *("tag", "has_failures", "error", "started"),
    }


def test_a_run_is_listed_with_its_error_and_its_tags(world: World) -> None:
    found = {run.record["execution_id"]: run for run in all_of(world.store(2), RunFilter(status="failed"), 100)}
    assert found["e13"].error == {"step_id": None, "type": "Other", "message": "no DISK"}
    assert found["e29"].error["message"] == "Timeout" + "." * (MAX_SHOWN_MESSAGE - 7) + "…"
    assert (found["e13"].tags, found["e29"].tags) == ("nightly", [LONG, LONG, "big"])


def test_no_tenant_sees_the_runs_of_another(world: World) -> None:
    ids = [run.record["execution_id"] for run in all_of(world.store(4), RunFilter(), 7, "u")]
    assert ids == ["e48", "e36", "e24", "e12", "e0"]
    assert all_of(world.store(4), RunFilter(), 7, "v") == []


def test_runs_are_spread_over_their_shards(world: World) -> None:
    stored = world.store(4)
    found = [run.record for run in all_of(stored, RunFilter(), 9) if 10 <= int(run.record["execution_id"][1:]) < 40]
    by_list = {record["tenant_list"] for record in found}
    assert by_list == {"T#t#EXECUTIONS", *(f"T#t#EXECUTIONS#{n}" for n in (1, 2, 3))}


def test_a_page_of_runs_reads_little_more_of_the_shards_than_it_shows(world: World) -> None:
    read: list[int] = []

    class Counted:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.table, name)

        def query(self, *arguments: Any, **named: Any) -> Any:
            page = world.table.query(*arguments, **named)
            read.append(len(page.records))
            return page

    counted: Any = Counted()
    store = ExecutionStore(counted, PayloadStore(MemoryObjects()), RunShards(counted, 4))
    assert len(store.page("t", RunFilter(), 20).runs) == 20
    assert sum(read) <= 50


def test_a_cursor_serves_its_own_filter_of_its_own_tenant(world: World) -> None:
    store = world.store(4)
    cursor = store.page("t", RunFilter(), 3).next_cursor
    assert cursor is not None
    assert len(cursor) < 80
    for tenant_id, wanted in (
        ("u", RunFilter()),
        ("t", RunFilter("w0")),
        ("t", RunFilter(tag="nightly")),
        ("t", RunFilter(has_failures=False)),
        ("t", RunFilter(started=SortRange("2026"))),
    ):
        with pytest.raises(InvalidRequestError):
            store.page(tenant_id, wanted, 3, cursor)
    positions: tuple[Any, ...] = (None, 1, "", "\ud800", "x" * 2000, {}, ["a"])
    for position in positions:
        forged = cursors.encode("t", RunFilter().scope, position)
        with pytest.raises(InvalidRequestError):
            store.page("t", RunFilter(), 3, forged)


def test_a_forged_place_does_not_lead_out_of_the_time_that_is_asked_for(world: World) -> None:
    wanted = RunFilter(started=SortRange("2026-01-01T00:00:10", "2026-01-01T00:00:20"))
    for place in ("0", "9"):
        page = world.store(4).page("t", wanted, 99, cursors.encode("t", wanted.scope, place))
        assert all("2026-01-01T00:00:10" <= run.record["started_at"] < "2026-01-01T00:00:20" for run in page.runs)
        assert bool(page.runs) == (place == "9")
