"""The table in a SQLite file, for one process and its threads.

A record is a row: its key, what lists are ordered and filtered by in columns of their own, and its attributes as JSON in two
parts. `summary` has what lists show, `rest` the others, which may be long; a list reads no more than it shows.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from workflow_engine.store.conditions import Condition, holds
from workflow_engine.store.items import Record, Scalar, checked, checked_amounts, checked_changes
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY, Index
from workflow_engine.store.table import (
    Addition,
    Change,
    ConditionFailedError,
    Key,
    Page,
    Query,
    Removal,
    SortPrefix,
    Write,
    is_key,
    transaction,
)
from workflow_engine.store.tables.sqlite_database import Answer, Database, Migration
from workflow_engine.store.tables.sqlite_rows import COLUMNS, Rows, Streamed, record_at, record_of

MIGRATIONS: Final[tuple[Migration, ...]] = (
    (
        """CREATE TABLE items (
            pk TEXT NOT NULL, sk TEXT NOT NULL,
            tenant_list TEXT, tenant_order TEXT, workflow_list TEXT, workflow_order TEXT,
            execution_arn TEXT, due_list TEXT, due_at TEXT,
            status TEXT, expires_at INTEGER,
            summary TEXT NOT NULL, rest TEXT NOT NULL,
            UNIQUE (pk, sk)
        )""",
        """CREATE INDEX by_tenant ON items (tenant_list, tenant_order, pk, sk)
            WHERE tenant_list IS NOT NULL AND tenant_order IS NOT NULL""",
        """CREATE INDEX by_tenant_status ON items (tenant_list, status, tenant_order, pk, sk)
            WHERE tenant_list IS NOT NULL AND tenant_order IS NOT NULL""",
        """CREATE INDEX by_workflow ON items (workflow_list, workflow_order, pk, sk)
            WHERE workflow_list IS NOT NULL AND workflow_order IS NOT NULL""",
        """CREATE INDEX by_workflow_status ON items (workflow_list, status, workflow_order, pk, sk)
            WHERE workflow_list IS NOT NULL AND workflow_order IS NOT NULL""",
        "CREATE INDEX by_arn ON items (execution_arn, pk, sk) WHERE execution_arn IS NOT NULL",
        """CREATE INDEX by_due ON items (due_list, due_at, pk, sk)
            WHERE due_list IS NOT NULL AND due_at IS NOT NULL""",
        "CREATE INDEX by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL",
    ),
    (  # What lists of runs show of tags and errors (`store.run_lists`), for the runs that are there.
        """UPDATE items SET summary = json_set(summary, '$.shown_tags', CASE
            WHEN length(CAST(json_extract(rest, '$.tags') AS BLOB)) <= 1000 THEN json_extract(rest, '$.tags') ELSE '' END)
            WHERE execution_arn IS NOT NULL AND json_extract(rest, '$.tags') IS NOT NULL""",
        """UPDATE items SET summary = json_set(summary, '$.has_failures', json('true'), '$.shown_error', '' || json_object(
            'step_id', json_extract(json_extract(rest, '$.error'), '$.step_id'),
            'type', json_extract(json_extract(rest, '$.error'), '$.type'),
            'message', substr(json_extract(json_extract(rest, '$.error'), '$.message'), 1, 1000)))
            WHERE execution_arn IS NOT NULL AND json_valid(json_extract(rest, '$.error'))""",
    ),
    # What was written, for who is told of it, until they have heard it. Numbers are never given again.
    ("CREATE TABLE changes (number INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL)",),
)

_INDEXED_FILTERS: Final = ("status",)
"""What lists are filtered by in a column, with an index of its own. By other attributes SQLite filters what it reads."""

_EXPIRE_EVERY_SECONDS: Final = 3600
_EXPIRED_AT_ONCE: Final = 1000
"""So that the write which happens to expire others takes no longer than they do."""


class SqliteTable:
    """`store.table.Table` in a file, or in memory. Like DynamoDB it deletes expired records some time after they expired, and has
    a stream of what was written: a change is in it if, and only if, the write is done. `has_changes` is set when there are some.
    """

    def __init__(
        self, path: Path | None = None, now: Callable[[], float] = time.time, streamed: Streamed | None = None
    ) -> None:
        """Open a file, made if it is not there. `now` gives seconds since the epoch. Raises UnreadableDataError."""
        self._database = Database(path, MIGRATIONS)
        self._now = now
        self._next_expiry = 0.0
        self._streamed = streamed
        self.has_changes = threading.Event()
        self.has_changes.set()  # an earlier process may have left some

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def get(self, pk: str, sk: str) -> Record | None:
        """The record of a key, or None."""
        found = self.get_many(((pk, sk),))
        return found[0] if found else None

    def get_many(self, keys: Iterable[Key]) -> list[Record]:
        """The records of these keys that exist."""
        wanted = [key for key in dict.fromkeys(keys) if is_key(*key)]
        if not wanted:
            return []
        with self._database.reading() as connection:
            found = [record_at(connection, key) for key in wanted]
        return [record for record in found if record]

    def put(self, write: Write) -> None:
        """Write a record. ConditionFailedError when its condition does not hold."""
        self._write_all((write,))

    def write_all(self, changes: Iterable[Change]) -> None:
        """Do all changes or none. ConditionFailedError when any condition does not hold."""
        self._write_all(transaction(changes))

    def update(self, pk: str, sk: str, changes: Mapping[str, Scalar], condition: Condition | None = None) -> Record:
        """Set attributes of a record that is there."""
        checked_changes(changes)
        if not is_key(pk, sk):
            raise ConditionFailedError

        def change(rows: Rows) -> Record:
            standing = rows.standing((pk, sk))
            if not standing or not holds(condition, standing):
                raise ConditionFailedError
            rows.store(checked({**standing, **changes}))
            return {name: standing[name] for name in changes if name in standing}

        return self._write(change)

    def add(
        self,
        pk: str,
        sk: str,
        amounts: Mapping[str, int],
        changes: Mapping[str, Scalar],
        condition: Condition | None = None,
    ) -> None:
        """Add to numbers of a record, made if it is not there, and set attributes."""
        checked_amounts(amounts, changes)
        if not is_key(pk, sk):
            raise ConditionFailedError

        def change(rows: Rows) -> None:
            if not holds(condition, rows.standing((pk, sk))):
                raise ConditionFailedError
            rows.add(Addition(pk, sk, amounts, changes))

        self._write(change)

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None:
        """Delete a record. ConditionFailedError when the condition does not hold."""
        if not is_key(pk, sk):
            if condition is not None:
                raise ConditionFailedError
            return
        self._write_all((Removal(pk, sk, condition),))

    def query(self, tenant_id: str, query: Query, *, limit: int, cursor: str | None = None) -> Page:
        """One page of a query. It has as many records as there are, up to the limit, whatever the filter leaves out."""
        if not query.is_satisfiable:
            return Page([], None)
        statement, values = page_statement(query, query.position(tenant_id, cursor))
        with self._database.reading() as connection:
            rows = connection.execute(statement, (*values, limit + 1)).fetchall()
        records = [_projected(query.index, record_of(row)) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(records, None)
        return Page(records, query.cursor(tenant_id, query.keys_of(records[-1])))

    def count(self, partition: str) -> int:
        """How many records a partition has."""
        if not is_key(partition):
            return 0
        with self._database.reading() as connection:
            (found,) = connection.execute("SELECT count(*) FROM items WHERE pk = ?", (partition,)).fetchone()
        return int(found)

    def find_by(self, index: Index, value: str) -> Record | None:
        """A record with this value of an index's partition key."""
        if not is_key(value):
            return None
        statement, values = page_statement(Query(value, index), None)
        with self._database.reading() as connection:
            row = connection.execute(statement, (*values, 1)).fetchone()
        return _projected(index, record_of(row)) if row else None

    def delete_partition(self, pk: str) -> None:
        """Delete all records of a partition, or none."""
        self._write(lambda rows: rows.connection.execute("DELETE FROM items WHERE pk = ?", (pk,)))

    def partitions(self, prefix: str) -> list[str]:
        """The partitions whose keys begin with a text."""
        statement, values = "SELECT DISTINCT pk FROM items WHERE pk >= ?", [prefix]
        if (end := _after_all_with(prefix)) is not None:
            statement, values = f"{statement} AND pk < ?", [prefix, end]
        with self._database.reading() as connection:
            return [pk for (pk,) in connection.execute(statement, values)]

    def texts(self) -> Iterator[str]:
        """What all records hold beside their keys, as JSON text, to look for references in."""
        with self._database.reading() as connection:
            for summary, rest in connection.execute("SELECT summary, rest FROM items"):
                yield summary
                yield rest

    def changes(self, limit: int) -> list[tuple[int, Record]]:
        """The oldest changes that are not forgotten: their numbers, and what is told of them (`Streamed`)."""
        self.has_changes.clear()
        with self._database.reading() as connection:
            found = connection.execute("SELECT number, image FROM changes ORDER BY number LIMIT ?", (limit,))
            return [(number, json.loads(image)) for number, image in found]

    def forget_changes(self, last: int) -> None:
        """Forget the changes up to this number: who had to hear of them has."""
        self._database.write(lambda connection: connection.execute("DELETE FROM changes WHERE number <= ?", (last,)))

    def _write_all(self, changes: Iterable[Change]) -> None:
        wanted = [(c, checked(c.record) if isinstance(c, Write) else None) for c in changes]

        def change_all(rows: Rows) -> None:
            for change, record in wanted:
                if isinstance(change, Addition):
                    rows.add(change)
                    continue
                if change.condition is not None and not holds(change.condition, rows.standing(change.key)):
                    raise ConditionFailedError
                if record is None:
                    rows.connection.execute("DELETE FROM items WHERE pk = ? AND sk = ?", change.key)
                else:
                    rows.store(record)

        self._write(change_all)

    def _write(self, work: Callable[[Rows], Answer]) -> Answer:
        self._expire()
        is_streamed = False

        def change(connection: sqlite3.Connection) -> Answer:
            nonlocal is_streamed
            rows = Rows(connection, self._streamed)
            answer = work(rows)
            is_streamed = rows.is_streamed
            return answer

        answer = self._database.write(change)
        if is_streamed:
            self.has_changes.set()
        return answer

    def _expire(self) -> None:
        """Delete what has expired, now and then. DynamoDB does so "within a few days"; repositories look at the time."""
        now = self._now()
        if now < self._next_expiry:
            return
        self._next_expiry = now + _EXPIRE_EVERY_SECONDS
        expired = "SELECT rowid FROM items WHERE expires_at < ? LIMIT ?"
        statement, values = f"DELETE FROM items WHERE rowid IN ({expired})", (now, _EXPIRED_AT_ONCE)
        if self._database.write(lambda connection: connection.execute(statement, values).rowcount) == _EXPIRED_AT_ONCE:
            self._next_expiry = now  # there are more


def page_statement(query: Query, after: Mapping[str, str] | None) -> tuple[str, list[str | bool]]:
    """The statement of a page that begins after these keys, and its values; the limit is one more, at the end."""
    index, direction = query.index, "DESC" if query.newest_first else "ASC"
    order = tuple(dict.fromkeys((query.sort_key, PARTITION_KEY, SORT_KEY))) if index else (SORT_KEY,)
    terms: list[str] = [f"{query.partition_key} = ?"]
    values: list[str | bool] = [query.partition]
    terms += [f"{key} IS NOT NULL" for key in (index.keys if index else ())]
    for name, value in query.equals.items():
        terms.append(f"{name} = ?" if name in _INDEXED_FILTERS else f"json_extract(summary, '$.{name}') = ?")
        values.append(value)
    for term, bound in _bounds(query):
        terms.append(f"{query.sort_key} {term} ?")
        values.append(bound)
    if after is not None:
        terms.append(f"({', '.join(order)}) {'<' if query.newest_first else '>'} ({', '.join('?' * len(order))})")
        values += [after[name] for name in order]
    select = f"SELECT {', '.join(COLUMNS)}, summary, {'NULL' if index else 'rest'} FROM items"
    if index:  # SQLite would guess, and sometimes badly
        select += f" INDEXED BY {'_'.join((index.name, *(n for n in query.equals if n in _INDEXED_FILTERS)))}"
    ordered = ", ".join(f"{name} {direction}" for name in order)
    return f"{select} WHERE {' AND '.join(terms)} ORDER BY {ordered} LIMIT ?", values


def _bounds(query: Query) -> list[tuple[str, str]]:
    if isinstance(query.sort, SortPrefix):
        end = _after_all_with(query.sort.text)
        return [(">=", query.sort.text), *([("<", end)] if end else [])]
    return [(term, bound) for term, bound in ((">=", query.sort.low), ("<=", query.sort.high)) if bound is not None]


def _after_all_with(prefix: str) -> str | None:
    """The least text that is greater than all that begin with a prefix; None when there is none. SQLite orders text by bytes of
    UTF-8, which is the order of code points.
    """
    stem = prefix.rstrip(chr(sys.maxunicode))
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if following == 0xD800 else following)  # surrogates are no text


def _projected(index: Index | None, record: Record) -> Record:
    """What DynamoDB gives of a record in an index: keys, and what is projected into it."""
    if index is None:
        return record
    names = {PARTITION_KEY, SORT_KEY, *index.keys, *index.attributes}
    return {name: value for name, value in record.items() if name in names}
