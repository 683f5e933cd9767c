"""A SQLite file that many threads read while one writes, and the steps that bring its schema up to date."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from workflow_engine.errors import MisconfiguredError, ThrottledError, UnavailableError
from workflow_engine.lazy_dataclass import dataclass

Migration = Sequence[str]
"""Statements that lead from one version of a schema to the next. What was released is never changed."""

_PATIENCE_SECONDS: Final = 5.0
"""How long a write waits for another process, such as one that looks into the file, before it is refused."""

_FAULTS_OF_THE_DISK: Final = tuple(
    f"SQLITE_{name}" for name in ("FULL", "IOERR", "READONLY", "CANTOPEN", "CORRUPT", "NOTADB")
)
"""Beginnings of the names that SQLite has for them ("Result and Error Codes")."""

_IDLE_READERS: Final = 16
"""Connections for reading that are kept open."""


Answer = TypeVar("Answer")


class UnreadableDataError(Exception):
    """The file is none of this program's, or one of a newer version; the message says which and what to do."""


@dataclass(slots=True, eq=False)
class _Write:
    work: Callable[[sqlite3.Connection], Any]
    is_done: bool = False
    answer: Any = None
    error: Exception | None = None


class Database:
    """A file in WAL mode, or with None a database in memory that ends with this object.

    A write that returned survives the process and a loss of power: the log is synced at each commit (`synchronous=FULL`).
    That takes milliseconds, so what other threads want to write meanwhile is committed together afterwards. Readers see the
    last commit, and never wait for a writer.
    """

    def __init__(self, path: Path | None, migrations: Sequence[Migration]) -> None:
        """Open a file, made if it is not there, and bring it up to date. Raises UnreadableDataError."""
        self._path = path
        self._lock = threading.Lock()
        self._turn = threading.Condition()
        self._is_committing = False
        self._waiting: list[_Write] = []
        self._readers: deque[sqlite3.Connection] = deque()
        self._is_closed = False
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
        except (OSError, sqlite3.Error) as error:
            raise UnreadableDataError(f"'{path}' cannot be opened: {error}.") from error
        try:
            self._migrate(migrations)
            self._writer.execute("PRAGMA journal_mode=WAL")
            self._writer.execute("PRAGMA synchronous=FULL")
        except sqlite3.DatabaseError as error:
            self._writer.close()
            raise UnreadableDataError(f"'{path}' cannot be opened: {error}.") from error
        except BaseException:
            self._writer.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own, to read from as of the last commit."""
        if self._path is None:
            with self._lock, _translated():
                yield self._writer
            return
        with _translated():
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self._connect()
                connection.execute("PRAGMA query_only=ON")
            try:
                yield connection
            finally:
                if self._is_closed or len(self._readers) >= _IDLE_READERS:
                    connection.close()
                else:
                    self._readers.append(connection)

    def write(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Let a function write; gives its answer. What it does is kept once this returns, and nothing of it when it raises.

        It sees what was written before it, and may be called by another thread.
        """
        write = _Write(work)
        batch = self._batch_or_done(write)
        if batch:
            try:
                with self._lock:
                    self._commit(batch)
            finally:
                self._end_turn(batch)
        if write.error is not None:
            with _translated():
                raise write.error
        answer: Answer = write.answer
        return answer

    def close(self) -> None:
        """Write what is in the log into the file, and let go of it. Nothing may be asked for afterwards."""
        with self._lock:
            self._is_closed = True
            with suppress(IndexError):
                while True:
                    self._readers.pop().close()
            self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        # Without an isolation level Python begins no transactions of its own. The lock keeps threads apart.
        where = ":memory:" if self._path is None else str(self._path)
        return sqlite3.connect(where, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)

    def _batch_or_done(self, write: _Write) -> Sequence[_Write]:
        """Wait until another thread has done a write, which gives nothing, or until it is this thread's turn to do all that
        are waiting.
        """
        with self._turn:
            self._waiting.append(write)
            while self._is_committing and not write.is_done:
                self._turn.wait()
            if write.is_done:
                return ()
            self._is_committing = True
            batch, self._waiting = self._waiting, []
            return batch

    def _end_turn(self, batch: Sequence[_Write]) -> None:
        with self._turn:
            for write in batch:
                write.is_done = True
            self._is_committing = False
            self._turn.notify_all()

    def _commit(self, batch: Sequence[_Write]) -> None:
        try:
            with _transaction(self._writer):
                for write in batch:
                    self._attempt(write)
        except Exception as error:
            for write in batch:
                write.error = error
        except BaseException:
            for write in batch:
                write.error = UnavailableError("The write was interrupted. Try again.")
            raise

    def _attempt(self, write: _Write) -> None:
        write.error = None
        self._writer.execute("SAVEPOINT attempt")
        try:
            write.answer = write.work(self._writer)
        except Exception as error:
            if not self._writer.in_transaction:  # a full disk, for one, undoes everything
                raise
            self._writer.execute("ROLLBACK TO attempt")
            write.error = error
        self._writer.execute("RELEASE attempt")

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        with _transaction(self._writer):
            (version,) = self._writer.execute("PRAGMA user_version").fetchone()
            if version > len(migrations):
                raise UnreadableDataError(
                    f"'{self._path}' was written by a newer version of this program (its schema is {version}, the newest known "
                    f"here is {len(migrations)}). Use that version, or other data."
                )
            if version == 0 and self._writer.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise UnreadableDataError(f"'{self._path}' holds data of another program. Use another file.")
            for migration in migrations[version:]:
                for statement in migration:
                    self._writer.execute(statement)
            self._writer.execute(f"PRAGMA user_version={len(migrations)}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _translated() -> Iterator[None]:
    """Turns errors of SQLite into those that whoever asks knows: another process is at work, or the disk is at fault."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", None) or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise ThrottledError("The table is busy. Try again in a second.") from error
        if name.startswith(_FAULTS_OF_THE_DISK):
            raise MisconfiguredError(
                f"The data cannot be written or read: {error}. It goes on until the disk or the file is mended.",
                aws_code=name,
                aws_message=str(error),
            ) from error
        raise
