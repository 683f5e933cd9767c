"""The journal in a file: SQLite with a write-ahead log, one writer, all that comes in one turn of the loop in one transaction.

A transaction survives the end of the process when it is committed, without waiting for the disk (`synchronous=NORMAL`): what a
loss of power may take are the last transactions, never a part of one. Once a commit has failed nothing more is accepted.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import operator
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, cast

from infra.local.process_lock import HeldError, ProcessLock
from infra.local.stepfunctions.journal import Entry, Head, JournalError
from infra.local.stepfunctions.limits import json_text

# One script for each version of the schema, from the one before it. A script that was released is never changed.
MIGRATIONS: Final = (
    """
    CREATE TABLE run (
        number INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, machine TEXT NOT NULL, map_run TEXT NOT NULL,
        status TEXT NOT NULL, is_unfinished INTEGER NOT NULL, stopped REAL, head TEXT NOT NULL
    );
    CREATE INDEX run_of_machine ON run (machine, map_run);
    CREATE INDEX run_by_status ON run (machine, map_run, status);
    CREATE INDEX run_of_map_run ON run (map_run, status) WHERE map_run != '';
    CREATE INDEX run_unfinished ON run (number) WHERE is_unfinished;
    CREATE INDEX run_ended ON run (stopped) WHERE NOT is_unfinished;
    CREATE TABLE entry (
        run INTEGER NOT NULL, position INTEGER NOT NULL, id INTEGER NOT NULL, moment REAL NOT NULL,
        previous INTEGER NOT NULL, path TEXT NOT NULL, type TEXT NOT NULL, data TEXT, fields TEXT, private TEXT
    );
    CREATE UNIQUE INDEX entry_of_run ON entry (run, position);
    CREATE TABLE record (
        kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    """,
)

_ROWS_BETWEEN_CHECKPOINTS: Final = 4000
_RECORDS_AT_HAND: Final = 1000
_ENTRIES: Final = (
    "SELECT position, id, moment, previous, path, type, data, fields, {} "
    "FROM entry JOIN run ON run = number WHERE arn = ?"
)
_WITH_PRIVATE: Final = _ENTRIES.format("private")
# What is private is no part of a history, and to read it would be half of the work.
_WITHOUT_PRIVATE: Final = _ENTRIES.format("NULL")
_HEADS: Final = "SELECT head FROM run"


class SqliteJournal:
    """A journal in a file, which belongs to one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it.

        Raises JournalError when another process has it, a later version made it, or the folder or file cannot be used.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = ProcessLock(path.with_suffix(".lock"))
            try:
                self._database = _connect(path)
                _migrate(self._database)
            except BaseException:
                self._lock.release()
                raise
        except HeldError as error:
            told = f"The process {error.holder} uses the data in {path.parent}. Stop it, or use another folder."
            raise JournalError(told) from error
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"The journal {path} cannot be opened: {error}.") from error
        self.on_failure: Callable[[JournalError], None] | None = None
        self._statements: list[tuple[str, tuple[Any, ...]]] = []
        # The runs that they are about.
        self._changed: set[str] = set()
        self._waiter: asyncio.Future[None] | None = None
        self._is_called = False
        self._failure: JournalError | None = None
        self._numbers: dict[str, int] = {}
        self._next = self._database.execute("SELECT coalesce(max(number), 0) + 1 FROM run").fetchone()[0]
        self._records: dict[tuple[str, str], Any] = {}
        self._rows = 0
        self._checkpoint: threading.Thread | None = None

    # Writing

    def append(self, arn: str, entry: Entry) -> None:
        fields = json_text(entry.fields) if entry.fields else None
        private = json_text(entry.private) if entry.private else None
        self._changed.add(arn)
        self._write(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._number(arn), *entry[:6], entry.data, fields, private),
        )

    def put_head(self, head: Head) -> None:
        number = self._numbers.get(head.arn) or self._found_number(head.arn)
        if number is None:
            number = self._next
            self._next += 1
        self._numbers[head.arn] = number
        if not head.is_unfinished or head.wakes_at is not None:
            # Nothing more is written until it is read again, which finds the number in the table.
            del self._numbers[head.arn]
        self._changed.add(head.arn)
        self._write(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET status = excluded.status, "
            "is_unfinished = excluded.is_unfinished, stopped = excluded.stopped, head = excluded.head",
            (
                number,
                head.arn,
                head.machine,
                head.map_run,
                head.status,
                head.is_unfinished,
                head.stopped,
                _head_text(head),
            ),
        )

    def put_record(self, kind: str, key: str, value: Any) -> None:
        self._records.pop((kind, key), None)
        if value is None:
            self._write("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))
        else:
            self._keep(kind, key, value)
            self._write("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", (kind, key, json_text(value)))

    def forget(self, arns: Iterable[str]) -> None:
        for arn in arns:
            number = self._found_number(arn)
            if number is not None:
                self._changed.add(arn)
                self._write("DELETE FROM entry WHERE run = ?", (number,))
                self._write("DELETE FROM run WHERE number = ?", (number,))
                self._numbers.pop(arn, None)

    async def durable(self) -> None:
        if self._failure is not None:
            raise self._failure
        if not self._statements:
            return
        if self._waiter is None:
            self._waiter = asyncio.get_running_loop().create_future()
        # One who waits and is cancelled must not cancel what all others wait for.
        await asyncio.shield(self._waiter)

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        if self._failure is not None:
            raise self._failure
        self._statements.append((statement, values))
        if not self._is_called:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self._commit()
            else:
                self._is_called = True
                loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_called = False
        waiter, self._waiter = self._waiter, None
        try:
            self._commit()
        except Exception as error:
            if waiter is not None:
                waiter.set_exception(error)
                waiter.exception()  # who waits gets it; that nobody does is no error of its own
            return
        if waiter is not None:
            waiter.set_result(None)

    def _commit(self) -> None:
        if self._failure is not None:
            raise self._failure
        statements, self._statements = self._statements, []
        self._changed = set()
        if not statements:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            # What is written one after the other into one table goes in at once.
            for statement, group in itertools.groupby(statements, key=operator.itemgetter(0)):
                self._database.executemany(statement, [values for _, values in group])
            self._database.execute("COMMIT")
        except (sqlite3.Error, ValueError) as error:
            # What was written of it must not be read any more.
            if self._database.in_transaction:
                self._database.rollback()
            self._failure = failure = JournalError(f"The journal {self._path} cannot be written: {error}.")
            if self.on_failure is not None:
                self.on_failure(failure)
            raise failure from error
        self._rows += len(statements)
        if self._rows >= _ROWS_BETWEEN_CHECKPOINTS and (self._checkpoint is None or not self._checkpoint.is_alive()):
            self._rows = 0
            self._checkpoint = threading.Thread(target=self._move_log, daemon=True, name="journal checkpoint")
            self._checkpoint.start()

    def _move_log(self) -> None:
        """Move what the write-ahead log holds into the file, beside the loop, and begin the log anew."""
        connection = _connect(self._path)
        try:
            # Most of it without keeping the writer waiting, so that the rest keeps it for a moment only.
            for mode in ("PASSIVE", "TRUNCATE"):
                connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        finally:
            connection.close()

    # Reading. What was written before is committed first, so that nobody is told of what may still be lost; but not what is
    # about other runs alone than the one that is read. That would be a commit for each of many runs that start at once.

    def _read(self, query: str, values: tuple[Any, ...] = (), *, arn: str | None = None) -> list[tuple[Any, ...]]:
        if self._statements and (arn is None or arn in self._changed):
            self._commit()
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self._path} cannot be read: {error}.") from error

    def _found_number(self, arn: str) -> int | None:
        found = self._read("SELECT number FROM run WHERE arn = ?", (arn,), arn=arn)
        return int(found[0][0]) if found else None

    def _number(self, arn: str) -> int:
        number = self._numbers.get(arn)
        if number is None:
            number = self._found_number(arn)
            if number is None:
                raise KeyError(arn)
            self._numbers[arn] = number
        return number

    def entries(self, arn: str) -> list[Entry]:
        rows = self._read(f"{_WITH_PRIVATE} ORDER BY position", (arn,), arn=arn)
        return [_entry(row) for row in rows]

    def events(self, arn: str, start: int, count: int, *, newest_first: bool) -> list[Entry]:
        order = "DESC" if newest_first else "ASC"
        query = f"{_WITHOUT_PRIVATE} AND id > 0 ORDER BY position {order} LIMIT ? OFFSET ?"
        rows = self._read(query, (arn, count, start), arn=arn)
        return [_entry(row) for row in rows]

    def head(self, arn: str) -> Head | None:
        found = self._read("SELECT head FROM run WHERE arn = ?", (arn,), arn=arn)
        return _head(found[0][0]) if found else None

    def unfinished(self) -> list[Head]:
        rows = self._read("SELECT head FROM run WHERE is_unfinished ORDER BY number")
        return [_head(row[0]) for row in rows]

    def heads(self, machine: str, status: str | None, start: int, count: int, *, map_run: str = "") -> list[Head]:
        of_whom, values = ("map_run = ?", [map_run]) if map_run else ("machine = ? AND map_run = ''", [machine])
        if status is not None:
            of_whom, values = f"{of_whom} AND status = ?", [*values, status]
        query = f"{_HEADS} WHERE {of_whom} ORDER BY number DESC LIMIT ? OFFSET ?"
        rows = self._read(query, (*values, count, start))
        return [_head(row[0]) for row in rows]

    def ended_before(self, moment: float) -> list[str]:
        rows = self._read("SELECT arn FROM run WHERE NOT is_unfinished AND stopped < ? ORDER BY number", (moment,))
        return [row[0] for row in rows]

    def texts(self) -> Iterator[str]:
        """What the lines of all runs hold, as JSON text, to look for references in."""
        for line in self._database.execute("SELECT data, fields, private FROM entry"):
            yield from filter(None, line)

    def records(self, kind: str) -> dict[str, Any]:
        rows = self._read("SELECT key, value FROM record WHERE kind = ? ORDER BY key", (kind,))
        return {key: json.loads(value) for key, value in rows}

    def record(self, kind: str, key: str) -> Any:
        if (kind, key) not in self._records:
            found = self._read("SELECT value FROM record WHERE kind = ? AND key = ?", (kind, key))
            if not found:
                return None
            self._keep(kind, key, json.loads(found[0][0]))
        return self._records[kind, key]

    def _keep(self, kind: str, key: str, value: Any) -> None:
        """Have a record at hand. Those that were are read again, since a definition may have a megabyte."""
        if len(self._records) >= _RECORDS_AT_HAND:
            self._records.clear()
        self._records[kind, key] = value

    def close(self) -> None:
        try:
            if self._failure is None:
                self._commit()
            if self._checkpoint is not None:
                self._checkpoint.join()
        finally:
            self._database.close()
            self._lock.release()


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    # Checkpoints happen in a thread of their own, because they wait for the disk.
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 0"):
        database.execute(f"PRAGMA {pragma}")
    return database


def _migrate(database: sqlite3.Connection) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise JournalError(
            f"The journal was written by a later version (its schema is {version}, this one reads up to {len(MIGRATIONS)}). "
            "Use that version, or another data folder."
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _entry(row: tuple[Any, ...]) -> Entry:
    fields, private = row[-2:]
    return Entry._make((*row[:-2], json.loads(fields) if fields else {}, json.loads(private) if private else {}))


# Of what has to be given it is something that no value equals.
_DEFAULTS: Final = tuple((field.name, field.default) for field in dataclasses.fields(Head))


def _head_text(head: Head) -> str:
    """What a head has, without what it has not."""
    return json_text({name: value for name, default in _DEFAULTS if (value := getattr(head, name)) != default})


def _head(text: str) -> Head:
    return Head(**cast("dict[str, Any]", json.loads(text)))
