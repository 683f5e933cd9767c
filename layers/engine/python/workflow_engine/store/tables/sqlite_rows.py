"""Records as rows of SQLite: which attributes stand in which columns, and how rows are read and written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from workflow_engine.store.items import Record, checked
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE
from workflow_engine.store.table import Addition, Key

Streamed = Callable[[Record], Record | None]
"""What is told of a record that was written, None where nothing is."""

KEY_COLUMNS: Final = (
    "tenant_list",
    "tenant_order",
    "workflow_list",
    "workflow_order",
    "execution_arn",
    "due_list",
    "due_at",
)
"""Attributes that stand in columns alone: the keys of indexes, which are text."""

SUMMARY: Final = frozenset(
    (
        "tenant_id",
        "workflow_id",
        "workflow_version",
        "workflow_name",
        "description",
        "execution_id",
        "status",
        "created_at",
        "updated_at",
        "started_at",
        "completed_at",
        "user_id",
        "session_id",
        "correlation_id",
        "parent_execution_id",
        "has_failures",
        "shown_error",
        "shown_tags",
    )
)
"""Attributes that stand in `summary` in every row of every file. It has all that an index projects: to project another one
takes a migration that moves it there.
"""

COLUMNS: Final = (PARTITION_KEY, SORT_KEY, *KEY_COLUMNS)
READ: Final = f"SELECT {', '.join(COLUMNS)}, summary, rest FROM items"
_WRITE: Final = (
    f"INSERT OR REPLACE INTO items ({', '.join(COLUMNS)}, status, expires_at, summary, rest) "
    f"VALUES ({', '.join('?' * (len(COLUMNS) + 4))})"
)


def record_at(connection: sqlite3.Connection, key: Key) -> Record:
    """The record of a key, `{}` when there is none."""
    row = connection.execute(f"{READ} WHERE pk = ? AND sk = ?", key).fetchone()
    return record_of(row) if row else {}


class Rows:
    """The rows of the table in one write."""

    def __init__(self, connection: sqlite3.Connection, streamed: Streamed | None) -> None:
        self.connection = connection
        self.is_streamed = False
        self._streamed = streamed

    def standing(self, key: Key) -> Record:
        """The record of a key, `{}` when there is none."""
        return record_at(self.connection, key)

    def add(self, addition: Addition) -> None:
        """Add to numbers of a record, made if it is not there, and set attributes."""
        standing = self.standing(addition.key)
        sums = {name: standing.get(name, 0) + amount for name, amount in addition.amounts.items()}
        made = {PARTITION_KEY: addition.pk, SORT_KEY: addition.sk, **standing, **addition.changes, **sums}
        self.store(checked(made))

    def store(self, record: Mapping[str, Any]) -> None:
        """Write a record, and tell of it."""
        apart = {name: value for name, value in record.items() if name not in COLUMNS}
        summary = {name: value for name, value in apart.items() if name in SUMMARY}
        rest = {name: value for name, value in apart.items() if name not in SUMMARY}
        status, expires_at = record.get("status"), record.get(TTL_ATTRIBUTE)
        row = [record.get(name) for name in COLUMNS]
        row.append(status if isinstance(status, str) else None)
        row.append(expires_at if type(expires_at) is int and abs(expires_at) < 2**63 else None)
        self.connection.execute(_WRITE, [*row, dumped(summary), dumped(rest)])
        image = self._streamed(dict(record)) if self._streamed is not None else None
        if image is not None:
            self.connection.execute("INSERT INTO changes (image) VALUES (?)", (dumped(image),))
            self.is_streamed = True


def record_of(row: Sequence[Any]) -> Record:
    """The record of a row of `READ`; of one without `rest`, as lists read it, the part that lists show."""
    *keys, summary, rest = row
    record = {name: value for name, value in zip(COLUMNS, keys, strict=True) if value is not None}
    record |= json.loads(summary)
    return record | json.loads(rest) if rest else record


def dumped(part: Mapping[str, Any]) -> str:
    """JSON text as it stands in columns."""
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))
