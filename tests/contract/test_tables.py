"""What a table does, asked of DynamoDB and of SQLite alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.stores import TABLES, name_of, pages
from workflow_engine.aws_quotas import ITEM_BYTES, KIB
from workflow_engine.errors import InvalidRequestError, PayloadTooLargeError
from workflow_engine.store import cursors
from workflow_engine.store.conditions import (
    Condition,
    Exists,
    Missing,
    all_of,
    any_of,
    at_most,
    below,
    equals,
)
from workflow_engine.store.items import Record, checked
from workflow_engine.store.schema import BY_ARN, BY_DUE, BY_TENANT, BY_WORKFLOW, Index
from workflow_engine.store.table import ConditionFailedError, Query, Removal, SortPrefix, SortRange, Table, Write
from workflow_engine.store.tables.dynamodb import DynamoTable

NEW: Final = Missing("pk")
THERE: Final = Exists("pk")


@pytest.fixture(params=TABLES, ids=name_of)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    with request.param(tmp_path) as made:
        yield made


def item(sk: str = "s", pk: str = "p", **attributes: Any) -> Record:
    return {"pk": pk, "sk": sk, **attributes}


def fill(table: Table, *records: Record) -> None:
    for record in records:
        table.put(Write(record))


def sort_keys(table: Table, query: Query, limit: int = 3) -> list[str]:
    return [record["sk"] for page in pages(table, query, limit) for record in page.records]


# ---- records ------------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_as_it_was_written_with_every_type_and_without_its_nones(table: Table) -> None:
    values = [10**38 - 1, -(10**37), 0, 2**63, True, False, "", "é\U0001f600", "a\x00b", '{"x":1.0}', "x" * 300 * KIB]
    record = item(status=3, expires_at=10**20) | {f"a{n}": value for n, value in enumerate(values)}
    table.put(Write({**record, "none": None}))
    found = table.get("p", "s")
    assert found == record
    assert found is not None
    assert [type(found[f"a{n}"]) for n in range(len(values))] == [type(value) for value in values]


@pytest.mark.parametrize("index", [BY_TENANT, BY_WORKFLOW, BY_ARN, BY_DUE], ids=lambda index: index.name)
def test_a_record_has_the_keys_of_its_indexes_too(table: Table, index: Index) -> None:
    record = item(**dict.fromkeys(index.keys, "k\x00é"), expires_at=7, status="running")
    table.put(Write(record))
    assert table.get("p", "s") == record
    table.update("p", "s", dict.fromkeys(index.keys))
    assert table.get("p", "s") == item(expires_at=7, status="running")


def test_a_put_replaces_the_whole_record(table: Table) -> None:
    fill(table, item(a=1, due_list="d", due_at="1"), item(b=2))
    assert table.get("p", "s") == item(b=2)
    assert table.find_by(BY_DUE, "d") is None


@pytest.mark.parametrize("value", [1.5, Decimal(1), b"bytes", {"a"}, set(), frozenset({1}), ["a"], {"a": 1}])
def test_what_must_be_json_text_is_refused_by_every_write(table: Table, value: Any) -> None:
    table.put(Write(item(a=1)))
    refusals: tuple[Callable[[], None], ...] = (
        lambda: table.put(Write(item(a=value))),
        lambda: table.write_all([Write(item("other")), Write(item(a=value))]),
        lambda: table.update("p", "s", {"a": value}),
    )
    for refused in refusals:
        with pytest.raises(TypeError):
            refused()
    assert table.get("p", "s") == item(a=1)
    assert table.get("p", "other") is None


@pytest.mark.parametrize(
    "record",
    [
        item(sk=""),
        item(pk=""),
        item(pk="x" * 2049),
        item(sk="é" * 513),
        item(due_list=""),
        item(due_at="x" * 1025),
        item(execution_arn=1),
        item(a=10**38),
        item(a="\ud800"),
        {"pk": "p"},
    ],
    ids=lambda record: str(record)[:40],
)
def test_a_record_that_no_table_takes_is_refused(table: Table, record: Record) -> None:
    with pytest.raises(ValueError, match=r"is a key|digits|surrogates|has no sk"):
        table.put(Write(record))
    assert table.count("p") == 0


@pytest.mark.parametrize(("pk", "sk"), [("", "s"), ("p", ""), ("x" * 2049, "s"), ("p", "x" * 1025), ("\ud800", "s")])
def test_a_key_that_no_record_has_is_nowhere(table: Table, pk: str, sk: str) -> None:
    table.put(Write(item()))
    assert table.get(pk, sk) is None
    assert table.get_many([(pk, sk), ("p", "s")]) == [item()]
    table.delete(pk, sk)
    refusals: tuple[Callable[[], None], ...] = (
        lambda: table.update(pk, sk, {"a": 1}),
        lambda: table.delete(pk, sk, THERE),
        lambda: table.write_all([Removal("p", "s"), Removal(pk, sk)]),
    )
    for refused in refusals:
        with pytest.raises(ConditionFailedError):
            refused()
    assert table.count("p") == 1
    if sk == "s":
        assert table.query("t", Query(pk), limit=1).records == []
        assert (table.count(pk), table.find_by(BY_ARN, pk)) == (0, None)


def test_400_kb_are_kept_and_one_byte_more_is_refused_by_every_write(table: Table) -> None:
    fits = item(a="x" * (390 * KIB))
    too_large = item(a="x" * (ITEM_BYTES - len("pkspska") + 1))
    with pytest.raises(PayloadTooLargeError):
        checked(too_large)
    checked({**too_large, "a": too_large["a"][1:]})
    table.put(Write(fits))
    refusals: tuple[Callable[[], None], ...] = (
        lambda: table.put(Write(too_large)),
        lambda: table.write_all([Write(item("other")), Write(too_large)]),
        lambda: table.update("p", "s", {"b": "x" * (20 * KIB)}),
    )
    for refused in refusals:
        with pytest.raises(PayloadTooLargeError, match="400 KB"):
            refused()
    assert table.get("p", "s") == fits
    assert table.get("p", "other") is None


# ---- conditions ---------------------------------------------------------------------------------------------------------

STANDING: Final = item(n=5, text="m", yes=True, zero=0, empty="")
HOLD: Final[tuple[Condition, ...]] = (
    THERE,
    Exists("empty"),
    Missing("other"),
    equals("n", 5),
    equals("text", "m"),
    equals("yes", True),
    equals("zero", 0),
    equals("empty", ""),
    equals("other", None),
    below("n", 6),
    at_most("n", 5),
    below("n", 10**37),
    below("text", "m\x00"),
    at_most("text", "m"),
    below("text", "é"),
    all_of(THERE, below("n", 6), Missing("other")),
    any_of(NEW, equals("n", 5)),
    all_of(any_of(NEW, THERE), any_of(equals("n", 1), equals("text", "m"))),
    any_of(equals("n", 1), all_of(THERE, any_of(NEW, equals("yes", True)))),
    # AND binds closer than OR: read from left to right this would be false.
    any_of(THERE, all_of(THERE, NEW)),
)
FAIL: Final[tuple[Condition, ...]] = (
    NEW,
    Missing("empty"),
    Exists("other"),
    equals("n", 6),
    equals("n", "5"),
    equals("text", "M"),
    equals("text", None),
    equals("other", ""),
    below("n", 5),
    at_most("n", 4),
    below("text", "m"),
    below("other", 9),
    at_most("other", "z"),
    all_of(THERE, NEW),
    any_of(NEW, equals("n", 6)),
    all_of(any_of(THERE, NEW), NEW),
    all_of(THERE, any_of(NEW, equals("n", 1))),
)
OF_ANOTHER_TYPE: Final[tuple[Condition, ...]] = (
    equals("n", True),
    equals("yes", 1),
    equals("zero", False),
    below("n", "9"),
    at_most("text", 9),
    below("yes", 9),
)
"""moto compares them as Python does. In DynamoDB values of two types are never equal, and neither is less ("Comparison operator
and function reference").
"""
OF_NOTHING: Final[tuple[tuple[Condition, bool], ...]] = (
    (NEW, True),
    (Missing("a"), True),
    (equals("a", None), True),
    (any_of(NEW, equals("n", 5)), True),
    (THERE, False),
    (equals("n", 5), False),
    (below("n", 5), False),
)


def writes(table: Table, condition: Condition) -> Iterator[Callable[[], None]]:
    yield lambda: table.put(Write(item(new=1), condition))
    yield lambda: table.write_all([Write(item("other")), Write(item(new=1), condition)])
    yield lambda: table.delete("p", "s", condition)
    yield lambda: table.write_all([Removal("p", "s", condition), Write(item("other"))])
    yield lambda: table.update("p", "s", {"new": 1}, condition)


@pytest.mark.parametrize("condition", HOLD, ids=str)
def test_a_write_whose_condition_holds_is_done(table: Table, condition: Condition) -> None:
    for write in writes(table, condition):
        table.put(Write(STANDING))
        write()
        assert table.get("p", "s") != STANDING


@pytest.mark.parametrize("condition", [*FAIL, *OF_ANOTHER_TYPE], ids=str)
def test_a_write_whose_condition_does_not_hold_changes_nothing(table: Table, condition: Condition) -> None:
    if condition in OF_ANOTHER_TYPE and isinstance(table, DynamoTable):
        pytest.skip("moto compares values of two types")
    table.put(Write(STANDING))
    for write in writes(table, condition):
        with pytest.raises(ConditionFailedError):
            write()
    assert table.get("p", "s") == STANDING
    assert table.get("p", "other") is None


@pytest.mark.parametrize(("condition", "is_met"), OF_NOTHING, ids=str)
def test_a_condition_on_nothing_is_one_on_a_record_without_attributes(
    table: Table, condition: Condition, is_met: bool
) -> None:
    *others, _update = writes(table, condition)
    for write in others:
        table.delete("p", "s")
        if is_met:
            write()
        else:
            with pytest.raises(ConditionFailedError):
                write()


# ---- updates, deletions, transactions -----------------------------------------------------------------------------------


def test_an_update_sets_and_removes_and_leaves_the_rest(table: Table) -> None:
    table.put(Write(item(a=1, b="b", c=True, status="x")))
    table.update("p", "s", {"a": 2, "b": None, "d": "new", "never": None, "status": "y"}, equals("a", 1))
    assert table.get("p", "s") == item(a=2, c=True, d="new", status="y")


@pytest.mark.parametrize("condition", [None, NEW, Missing("a"), all_of(Missing("a"), Missing("b"))], ids=str)
def test_an_update_makes_no_record(table: Table, condition: Condition | None) -> None:
    with pytest.raises(ConditionFailedError):
        table.update("p", "s", {"a": 1}, condition)
    assert table.get("p", "s") is None


@pytest.mark.parametrize("changes", [{}, {"pk": "q"}, {"a": 1, "sk": None}, {"due_at": ""}, {"due_list": 1}])
def test_an_update_that_no_table_makes_is_refused(table: Table, changes: Record) -> None:
    table.put(Write(item(a=0)))
    with pytest.raises(ValueError, match=r"An update changes attributes|is a key"):
        table.update("p", "s", changes)
    assert table.get("p", "s") == item(a=0)


def test_deleting_what_is_not_there_is_no_error(table: Table) -> None:
    fill(table, item("a"), item("b"))
    table.delete("p", "a")
    table.delete("p", "a")
    table.write_all([Removal("p", "a"), Write(item("c"))])
    assert sort_keys(table, Query("p")) == ["c", "b"]


def test_a_transaction_is_done_whole_or_not_at_all(table: Table) -> None:
    fill(table, item("a", n=1), item("b", n=1))
    table.write_all([Write(item("a", n=2), equals("n", 1)), Removal("p", "b", THERE), Write(item("c"), NEW)])
    assert sort_keys(table, Query("p")) == ["c", "a"]
    with pytest.raises(ConditionFailedError):
        table.write_all([Write(item("d")), Removal("p", "c"), Write(item("a", n=3), equals("n", 1))])
    assert table.get("p", "a") == item("a", n=2)
    assert sort_keys(table, Query("p")) == ["c", "a"]


def test_a_transaction_takes_a_hundred_records_each_once(table: Table) -> None:
    hundred = [Write(item(f"{n:03}")) for n in range(100)]
    table.write_all(hundred)
    assert table.count("p") == 100
    refusals: tuple[list[Write | Removal], ...] = (
        [],
        [*hundred, Write(item("more"))],
        [Write(item("x")), Removal("p", "x")],
    )
    for refused in refusals:
        with pytest.raises(ValueError, match="1 to 100"):
            table.write_all(refused)
    assert table.count("p") == 100


def test_many_keys_are_read_at_once_each_once(table: Table) -> None:
    for part in range(0, 150, 50):
        table.write_all([Write(item(f"{n:03}")) for n in range(part, part + 50)])
    wanted = [("p", f"{n:03}") for n in range(0, 300, 2)]
    found = table.get_many([*wanted, *wanted, ("q", "000")])
    assert sorted(record["sk"] for record in found) == [f"{n:03}" for n in range(0, 150, 2)]
    assert table.get_many([]) == []


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
