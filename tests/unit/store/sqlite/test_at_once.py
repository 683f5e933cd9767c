"""Several who write and read at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.store.sqlite.support import item
from workflow_engine.errors import MisconfiguredError, ThrottledError, UnavailableError
from workflow_engine.store.conditions import Missing, equals
from workflow_engine.store.items import Record
from workflow_engine.store.table import ConditionFailedError, Query, Write
from workflow_engine.store.tables import sqlite_database
from workflow_engine.store.tables.sqlite import SqliteTable


@dataclass
class Crowd:
    """Writes of several threads that are committed together, behind one that waits."""

    table: SqliteTable

    def commit(self, *writes: Callable[[], None]) -> list[BaseException | None]:
        """What each of them raised."""
        self.table.delete("p", "nothing")  # the first write of all looks for expired records
        is_first_in, let_go = threading.Event(), threading.Event()
        raised: list[BaseException | None] = [None] * len(writes)

        def first(_: sqlite3.Connection) -> None:
            is_first_in.set()
            assert let_go.wait(30)

        def do(place: int) -> None:
            try:
                writes[place]()
            except BaseException as error:
                raised[place] = error

        database = self.table._database
        threads = [threading.Thread(target=do, args=(place,)) for place in range(len(writes))]
        holder = threading.Thread(target=database.write, args=(first,))
        holder.start()
        assert is_first_in.wait(30)
        for place, thread in enumerate(threads):
            thread.start()
            while len(database._waiting) <= place:
                thread.join(0.001)
        let_go.set()
        for thread in (holder, *threads):
            thread.join(30)
        return raised


def test_of_writes_that_are_committed_together_one_that_fails_undoes_only_itself(table: SqliteTable) -> None:
    new = Missing("pk")
    raised = Crowd(table).commit(
        lambda: table.put(Write(item("a"), new)),
        lambda: table.write_all([Write(item("b")), Write(item("a", n=2), new)]),
        lambda: table.put(Write(item("c"), new)),
    )
    assert [type(error) for error in raised] == [type(None), ConditionFailedError, type(None)]
    assert [r["sk"] for r in table.query("t", Query("p"), limit=9).records] == ["c", "a"]


def test_when_the_disk_is_full_none_of_those_that_are_committed_together_is_acknowledged(table: SqliteTable) -> None:
    def full(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    table._database.write(full)
    raised = Crowd(table).commit(
        lambda: table.put(Write(item("a"))),
        lambda: table.put(Write(item("b", x="x" * 300_000))),
    )
    assert isinstance(raised[1], MisconfiguredError)
    assert raised[1].aws_code == "SQLITE_FULL"
    assert (table.get("p", "a") is not None, table.get("p", "b")) == (raised[0] is None, None)
    table.put(Write(item("c")))
    assert table.get("p", "c") == item("c")


def test_a_writer_that_is_interrupted_leaves_the_others_an_error_and_the_table_usable(table: SqliteTable) -> None:
    def interrupted(_: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    raised = Crowd(table).commit(lambda: table._database.write(interrupted), lambda: table.put(Write(item("a"))))
    # Whichever of the two does the work for both is interrupted.
    assert {type(error) for error in raised} == {KeyboardInterrupt, UnavailableError}
    assert table.get("p", "a") is None
    table.put(Write(item("b")))


def test_another_process_that_writes_makes_the_table_busy_and_reading_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_database, "_PATIENCE_SECONDS", 0.01)
    table = SqliteTable(path)
    table.put(Write(item("a")))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ThrottledError):
        table.put(Write(item("b")))
    assert table.get("p", "a") == item("a")
    other.execute("ROLLBACK")
    other.close()
    table.put(Write(item("b")))
    table.close()


def test_two_that_have_the_file_open_wait_for_each_other(path: Path) -> None:
    tables = [SqliteTable(path) for _ in range(2)]
    tables[0].put(Write(item("a", n=0)))

    def add(table: SqliteTable) -> None:
        for _ in range(20):
            is_added = False
            while not is_added:
                standing = table.get("p", "a")
                assert standing is not None
                with suppress(ConditionFailedError):
                    table.update("p", "a", {"n": standing["n"] + 1}, equals("n", standing["n"]))
                    is_added = True

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, tables * 2))
    assert tables[0].get("p", "a") == item("a", n=80)
    for table in tables:
        table.close()


def test_a_reader_never_sees_a_write_before_it_is_committed(table: SqliteTable) -> None:
    seen: list[Record | None] = []

    def look(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO items (pk, sk, summary, rest) VALUES ('p', 'a', '{}', '{}')")
        seen.append(table.get("p", "a"))

    table._database.write(look)
    assert [*seen, table.get("p", "a")] == [None, item("a")]
