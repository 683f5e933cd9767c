"""What is found in a table by query, and what threads do to it, asked of DynamoDB and of SQLite alike."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.support.stores import fill, item, pages, sort_keys
from workflow_engine.aws_quotas import KIB
from workflow_engine.errors import InvalidRequestError
from workflow_engine.store import cursors
from workflow_engine.store.conditions import (
    Exists,
    Missing,
    below,
    equals,
)
from workflow_engine.store.items import Record
from workflow_engine.store.schema import BY_ARN, BY_DUE, BY_TENANT, BY_WORKFLOW, Index
from workflow_engine.store.table import ConditionFailedError, Query, SortPrefix, SortRange, Table, Write

NEW: Final = Missing("pk")
THERE: Final = Exists("pk")


# ---- queries ------------------------------------------------------------------------------------------------------------

ORDERED: Final = ["A", "Z", "a", "a#", "a#1", "a#2", "a$", "b", "é", "\U0001f600", "\U0010ffff", "\U0010ffffz"]


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_pages_go_through_a_partition_in_order_and_both_ways(table: Table, limit: int) -> None:
    fill(table, *(item(sk) for sk in reversed(ORDERED)), item("a", pk="q"), item("z", pk="p2"))
    assert sort_keys(table, Query("p", newest_first=False), limit) == ORDERED
    assert sort_keys(table, Query("p"), limit) == ORDERED[::-1]
    assert all(len(page.records) <= limit for page in pages(table, Query("p"), limit))
    assert table.count("p") == len(ORDERED)


@pytest.mark.parametrize("prefix", ["a", "a#", "A", "é", "\U0010ffff", chr(sys.maxunicode) * 2, "c", "\ud7ff"])
def test_a_prefix_picks_those_that_begin_with_it(table: Table, prefix: str) -> None:
    fill(table, *map(item, [*ORDERED, "\ud7ff!", "\ue000"]))
    expected = sorted(sk for sk in [*ORDERED, "\ud7ff!"] if sk.startswith(prefix))
    assert sort_keys(table, Query("p", sort=SortPrefix(prefix), newest_first=False), 2) == expected
    assert sort_keys(table, Query("p", sort=SortPrefix(prefix)), 2) == expected[::-1]


@pytest.mark.parametrize(
    ("low", "high"), [("a", "a#2"), (None, "a#"), ("a#1", None), ("b", "a"), ("a!", "a!"), ("a", "a"), (None, None)]
)
def test_a_range_has_both_its_ends(table: Table, low: str | None, high: str | None) -> None:
    fill(table, *map(item, ORDERED))
    expected = [sk for sk in ORDERED if (low is None or low <= sk) and (high is None or sk <= high)]
    assert sort_keys(table, Query("p", sort=SortRange(low, high), newest_first=False), 2) == expected


def test_what_is_written_and_deleted_between_two_pages_repeats_and_loses_nothing_else(table: Table) -> None:
    fill(table, *map(item, "bdfhj"))
    query = Query("p", newest_first=False)
    first = table.query("t", query, limit=2)
    table.delete("p", "d")  # the very record that the next page begins after
    table.delete("p", "h")
    fill(table, item("a"), item("e"))
    rest = table.query("t", query, limit=9, cursor=first.next_cursor)
    assert [r["sk"] for r in (*first.records, *rest.records)] == ["b", "d", "e", "f", "j"]


def listed(n: int, **changes: Any) -> Record:
    """A record of all indexes, with more than any of them projects."""
    order = f"2026-01-{n:02}"
    keys = {"tenant_list": "T", "tenant_order": order, "workflow_list": f"W{n % 2}", "workflow_order": order}
    due = {"due_list": "D", "due_at": order, "execution_arn": f"arn:{n}"}
    shown = {"status": "failed" if n % 3 else "running", "workflow_version": n, "tenant_id": "t"}
    return item("META", pk=f"p{n}", **keys, **due, **shown, content="x" * 50) | changes


def found(table: Table, query: Query, limit: int = 4) -> list[int]:
    return [int(record["pk"][1:]) for page in pages(table, query, limit) for record in page.records]


def test_an_index_lists_what_has_its_keys_in_its_order(table: Table) -> None:
    fill(table, *map(listed, (3, 1, 9, 7)), listed(5, tenant_list=None), listed(6, tenant_order=None), listed(8))
    assert found(table, Query("T", BY_TENANT)) == [9, 8, 7, 3, 1]
    assert found(table, Query("W0", BY_WORKFLOW)) == [8, 6]
    assert found(table, Query("D", BY_DUE, SortRange(high="2026-01-07"), newest_first=False), 1) == [1, 3, 5, 6, 7]
    table.update("p7", "META", {"due_list": None, "tenant_list": "U", "workflow_order": "2026-02"})
    table.delete("p9", "META")
    assert found(table, Query("T", BY_TENANT)) == [8, 3, 1]
    assert found(table, Query("U", BY_TENANT)) == [7]
    assert found(table, Query("D", BY_DUE, newest_first=False)) == [1, 3, 5, 6, 8]
    assert found(table, Query("W1", BY_WORKFLOW), 1) == [7, 5, 3, 1]


def test_records_of_one_order_come_each_once(table: Table) -> None:
    fill(table, *(listed(n, tenant_order="same", workflow_order="same") for n in range(1, 8)))
    for query in (Query("T", BY_TENANT), Query("T", BY_TENANT, newest_first=False)):
        assert sorted(found(table, query, 2)) == list(range(1, 8))


@pytest.mark.parametrize("index", [BY_TENANT, BY_WORKFLOW, BY_DUE], ids=lambda index: index.name)
def test_of_an_index_comes_what_is_projected_into_it(table: Table, index: Index) -> None:
    record = listed(2)
    table.put(Write(record))
    names = {"pk", "sk", *index.keys, *index.attributes}
    (seen,) = table.query("t", Query(record[index.partition_key], index), limit=2).records
    assert seen == {name: value for name, value in record.items() if name in names}


def test_a_list_is_filtered_by_what_its_index_declares(table: Table) -> None:
    fill(table, *map(listed, range(1, 12)))
    failed = [n for n in range(11, 0, -1) if n % 3]
    assert found(table, Query("T", BY_TENANT, equals={"status": "failed"}), 2) == failed
    assert found(table, Query("W1", BY_WORKFLOW, equals={"status": "running"}), 5) == [9, 3]
    between = SortRange("2026-01-04", "2026-01-08")
    assert found(table, Query("T", BY_TENANT, between, equals={"status": "failed"}), 3) == [8, 7, 5, 4]
    assert found(table, Query("T", BY_TENANT, equals={"status": "none"})) == []
    table.update("p7", "META", {"user_id": "ann", "has_failures": True})
    table.update("p8", "META", {"user_id": "ann", "has_failures": False})
    table.update("p9", "META", {"user_id": "ann"})
    assert found(table, Query("T", BY_TENANT, equals={"user_id": "ann"}), 2) == [9, 8, 7]
    assert found(table, Query("T", BY_TENANT, equals={"user_id": "ann", "status": "failed"})) == [8, 7]
    assert found(table, Query("W1", BY_WORKFLOW, equals={"has_failures": True, "user_id": "ann"})) == [7]


def test_a_page_of_a_filtered_list_that_is_cut_goes_on_where_it_was_cut(table: Table) -> None:
    fill(table, *(listed(n, status="failed" if n < 9 else "running") for n in range(1, 13)))
    assert found(table, Query("T", BY_TENANT, equals={"status": "failed"}), 3) == [8, 7, 6, 5, 4, 3, 2, 1]


def test_what_a_filter_leaves_out_is_read_a_page_at_a_time(table: Table) -> None:
    fill(table, *(listed(n, tenant_order=f"{n:04}", status="failed" if n == 1 else "running") for n in range(1, 60)))
    assert found(table, Query("T", BY_TENANT, equals={"status": "failed"}), 1) == [1]


def test_a_list_is_filtered_by_declared_attributes_only(table: Table) -> None:
    for index in (None, BY_DUE):
        with pytest.raises(ValueError, match="filtered by"):
            Query("T", index, equals={"status": "failed"})


def test_a_record_is_found_by_its_arn(table: Table) -> None:
    fill(table, listed(1), listed(2))
    assert table.find_by(BY_ARN, "arn:2") == {"pk": "p2", "sk": "META", "execution_arn": "arn:2"}
    assert table.find_by(BY_ARN, "arn:3") is None


def test_a_page_of_large_records_goes_on_where_it_stopped(table: Table) -> None:
    fill(table, *(item(f"{n}", a="x" * 300 * KIB) for n in range(7)))  # DynamoDB answers with at most 1 MB
    assert sort_keys(table, Query("p"), 7) == list("6543210")


# ---- cursors ------------------------------------------------------------------------------------------------------------


def test_a_cursor_serves_its_own_list_of_its_own_tenant(table: Table) -> None:
    fill(table, *map(item, "abc"), *map(listed, range(1, 4)))
    query = Query("p")
    cursor = table.query("t", query, limit=1).next_cursor
    others = (Query("q"), Query("p", newest_first=False), Query("p", sort=SortRange("a")), Query("p", BY_TENANT))
    for other in others:
        with pytest.raises(InvalidRequestError):
            table.query("t", other, limit=1, cursor=cursor)
    with pytest.raises(InvalidRequestError):
        table.query("u", query, limit=1, cursor=cursor)
    filtered = Query("T", BY_TENANT, equals={"status": "failed"})
    with pytest.raises(InvalidRequestError):
        table.query("t", filtered, limit=1, cursor=table.query("t", Query("T", BY_TENANT), limit=1).next_cursor)


FORGED: Final[tuple[Any, ...]] = (
    None,
    1,
    "p",
    [],
    ["p", "b"],
    {},
    {"pk": "p"},
    {"pk": "p", "sk": "b", "tenant_list": "T"},
    {"pk": "q", "sk": "b"},
    {"pk": "p", "sk": 1},
    {"pk": "p", "sk": ""},
    {"pk": "p", "sk": None},
    {"pk": "p", "sk": {"S": "b"}},
    {"pk": "p", "sk": "x" * 1025},
    {"pk": "p", "sk": "\ud800"},
    {"pk": "p", "sk": "z"},
)


@pytest.mark.parametrize("position", FORGED, ids=lambda position: repr(position)[:40])
def test_a_cursor_that_somebody_made_is_refused_as_any_that_does_not_fit(table: Table, position: Any) -> None:
    fill(table, *map(item, "abc"))
    query = Query("p", sort=SortRange(high="c"))
    forged = cursors.encode("t", "|p|True|[]|to c", position)
    with pytest.raises(InvalidRequestError):
        table.query("t", query, limit=1, cursor=forged)
    honest = cursors.encode("t", "|p|True|[]|to c", {"pk": "p", "sk": "b"})
    assert table.query("t", query, limit=1, cursor=honest).records == [item("a")]


# ---- threads ------------------------------------------------------------------------------------------------------------


def test_of_many_that_write_one_new_record_at_once_one_does(table: Table) -> None:
    def wins(n: int) -> bool:
        try:
            table.put(Write(item(owner=n), NEW))
        except ConditionFailedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [n for n, is_first in enumerate(pool.map(wins, range(16))) if is_first]
    assert [table.get("p", "s")] == [item(owner=n) for n in won]


def test_no_change_is_lost_when_versions_are_compared(table: Table) -> None:
    table.put(Write(item(version=0)))

    def add(_: int) -> None:
        while True:
            standing = table.get("p", "s")
            assert standing is not None
            version = standing["version"]
            try:
                table.update("p", "s", {"version": version + 1}, equals("version", version))
            except ConditionFailedError:
                continue
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert table.get("p", "s") == item(version=40)


def test_transactions_of_threads_do_not_mix(table: Table) -> None:
    fill(table, item("a", n=0), item("b", n=0))

    def move(n: int) -> None:
        try:
            table.write_all([Write(item("a", n=n), below("n", n)), Write(item("b", n=n), below("n", n))])
        except ConditionFailedError:
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(move, range(1, 33)))
    assert [table.get("p", sk) for sk in "ab"] == [item("a", n=32), item("b", n=32)]
