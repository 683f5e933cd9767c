"""Whatever is asked of DynamoDB and of SQLite, in whatever order: they give the same answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stores import dynamodb, pages, sqlite
from workflow_engine.store.conditions import (
    AllOf,
    AnyOf,
    Compared,
    Condition,
    Exists,
    Missing,
)
from workflow_engine.store.items import Record
from workflow_engine.store.schema import BY_ARN, BY_DUE, BY_TENANT, BY_WORKFLOW, INDEXES, Index
from workflow_engine.store.table import (
    EVERYTHING,
    ConditionFailedError,
    Key,
    Query,
    Removal,
    SortPrefix,
    SortRange,
    Table,
    Write,
)

Operation = Callable[[Table, str], Any]
"""Asks a table for something, in partitions whose names begin with a text of their own."""

PARTITIONED: Final = frozenset(("pk", *(index.partition_key for index in INDEXES)))

partitions = st.sampled_from("pq")
sort_keys = st.sampled_from(["a", "a#", "a#é", "b", "\U0001f600"])
keys = st.tuples(partitions, sort_keys)
texts = st.sampled_from(["", "m", "n", "é", "\U0001f600"])
numbers = st.integers(-2, 2) | st.sampled_from([10**37, -(10**37)])
VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "n": numbers,
    "s": texts,
    "b": st.booleans(),
    "status": st.sampled_from(["running", "failed"]),
    "user_id": texts.filter(bool),
    "has_failures": st.booleans(),
    "content": texts,
    "workflow_version": numbers,
    "expires_at": st.just(9_999_999_999),
    **{name: sort_keys for index in INDEXES for name in index.keys},
}
"""Of one type each: moto compares values of two types as Python does."""

attributes = st.fixed_dictionaries({}, optional=VALUES)
changes = st.fixed_dictionaries({}, optional={n: st.none() | v for n, v in VALUES.items()}).filter(bool)
compared = st.sampled_from(["n", "s"]).flatmap(
    lambda name: st.builds(Compared, st.just(name), st.sampled_from(["=", "<", "<="]), VALUES[name])
) | st.builds(Compared, st.just("b"), st.just("="), st.booleans())
names = st.sampled_from(["pk", "n", "s", "b", "due_list"])
conditions: st.SearchStrategy[Condition] = st.recursive(
    st.builds(Exists, names) | st.builds(Missing, names) | compared,
    lambda inner: st.builds(AllOf, st.tuples(inner, inner)) | st.builds(AnyOf, st.tuples(inner, inner)),
    max_leaves=5,
)
maybe = st.none() | st.just(Missing("pk")) | conditions


def own(prefix: str, record: Record) -> Record:
    return {n: f"{prefix}{v}" if n in PARTITIONED and v is not None else v for n, v in record.items()}


def put(key: Key, record: Record, condition: Condition | None) -> Operation:
    return lambda table, prefix: table.put(write(prefix, key, record, condition))


def write(prefix: str, key: Key, record: Record, condition: Condition | None) -> Write:
    return Write(own(prefix, {"pk": key[0], "sk": key[1], **record}), condition)


def update(key: Key, changed: Record, condition: Condition | None) -> Operation:
    return lambda table, prefix: table.update(prefix + key[0], key[1], own(prefix, changed), condition)


def delete(key: Key, condition: Condition | None) -> Operation:
    return lambda table, prefix: table.delete(prefix + key[0], key[1], condition)


def write_all(parts: dict[Key, tuple[Record | None, Condition | None]]) -> Operation:
    def ask(table: Table, prefix: str) -> None:
        table.write_all(
            Removal(prefix + key[0], key[1], condition) if record is None else write(prefix, key, record, condition)
            for key, (record, condition) in parts.items()
        )

    return ask


def get_many(wanted: list[Key]) -> Operation:
    return lambda table, prefix: sorted(map(repr_of, table.get_many([(prefix + pk, sk) for pk, sk in wanted])))


def repr_of(record: Record) -> str:
    return repr(sorted(record.items()))


def query(
    partition: str,
    index: Index | None,
    sort: SortPrefix | SortRange,
    newest_first: bool,
    wanted: dict[str, str | bool],
    limit: int,
) -> Operation:
    def ask(table: Table, prefix: str) -> list[str]:
        equals = wanted if index and index.filters else {}
        asked = Query(prefix + partition, index, sort, newest_first, equals)
        records = [record for page in pages(table, asked, limit) for record in page.records]
        order = [record[asked.sort_key] for record in records]
        assert order == sorted(order, reverse=newest_first)
        return sorted(map(repr_of, records))  # records of one order may come in any

    return ask


ranges = st.builds(SortRange, st.none() | sort_keys, st.none() | sort_keys)
operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(put, keys, attributes, maybe),
    st.builds(put, keys, attributes, st.none()),
    st.builds(update, keys, changes, maybe),
    st.builds(delete, keys, maybe),
    st.builds(write_all, st.dictionaries(keys, st.tuples(st.none() | attributes, maybe), min_size=1, max_size=3)),
    st.builds(get_many, st.lists(keys)),
    st.builds(
        query,
        st.sampled_from(["p", "q", "a", "b"]),
        st.sampled_from([None, BY_TENANT, BY_WORKFLOW, BY_DUE]),
        ranges | st.builds(SortPrefix, sort_keys) | st.just(EVERYTHING),
        st.booleans(),
        st.fixed_dictionaries({}, optional={n: VALUES[n] for n in ("status", "user_id", "has_failures")}),
        st.integers(1, 4),
    ),
    partitions.map(lambda partition: lambda table, prefix: table.count(prefix + partition)),
    sort_keys.map(lambda value: lambda table, prefix: table.find_by(BY_ARN, prefix + value) is None),
)


def outcome(operation: Operation, table: Table, prefix: str) -> Any:
    try:
        return operation(table, prefix)
    except ConditionFailedError:
        return ConditionFailedError


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Table, Table]]:
    directory: Path = tmp_path_factory.mktemp("tables")
    with dynamodb(directory) as first, sqlite(directory) as second:
        yield first, second


examples = itertools.count()


@settings(max_examples=100, deadline=None)
@given(sequence=st.lists(operations, min_size=1, max_size=25))
def test_both_tables_give_the_same_answers_in_any_order(both: tuple[Table, Table], sequence: list[Operation]) -> None:
    prefix = f"{next(examples)}."
    everything = [
        *(get_many([(pk, sk)]) for pk in "pq" for sk in ("a", "a#", "a#é", "b", "\U0001f600")),
        *(query(p, i, EVERYTHING, True, {}, 3) for p in "ab" for i in (BY_TENANT, BY_WORKFLOW, BY_DUE)),
    ]
    for operation in (*sequence, *everything):
        first, second = (outcome(operation, table, prefix) for table in both)
        assert first == second
