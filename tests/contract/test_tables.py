"""What a table does, asked of DynamoDB and of SQLite alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.support.stores import fill, item, sort_keys
from workflow_engine.aws_quotas import ITEM_BYTES, KIB
from workflow_engine.errors import PayloadTooLargeError
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
from workflow_engine.store.table import Addition, ConditionFailedError, Query, Removal, Table, Write
from workflow_engine.store.tables.dynamodb import DynamoTable

NEW: Final = Missing("pk")
THERE: Final = Exists("pk")


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
    refusals: tuple[Callable[[], object], ...] = (
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
    refusals: tuple[Callable[[], object], ...] = (
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
    refusals: tuple[Callable[[], object], ...] = (
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


def writes(table: Table, condition: Condition) -> Iterator[Callable[[], object]]:
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


def test_what_a_transaction_adds_is_added_with_the_rest_of_it_or_not_at_all(table: Table) -> None:
    fill(table, item("a", n=1, kept="as it was"))
    table.write_all([Write(item("new"), NEW), Addition("p", "a", {"n": 2, "m": -3}, {"s": "set"}), _added("b", 5)])
    assert table.get("p", "a") == item("a", n=3, m=-3, kept="as it was", s="set")
    assert table.get("p", "b") == item("b", n=5, s="set")
    with pytest.raises(ConditionFailedError):
        table.write_all([_added("b", 1), Write(item("new"), NEW), _added("c", 1)])
    assert table.get("p", "b") == item("b", n=5, s="set")
    assert table.get("p", "c") is None


@pytest.mark.parametrize("amounts", [{}, {"pk": 1}, {"s": 1}], ids=repr)
def test_a_transaction_that_adds_nothing_or_to_what_it_sets_is_refused(table: Table, amounts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Amounts are added"):
        table.write_all([Write(item("new")), Addition("p", "a", amounts, {"s": "set"})])
    assert table.get("p", "new") is None


def _added(sk: str, n: int) -> Addition:
    return Addition("p", sk, {"n": n}, {"s": "set"})


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
