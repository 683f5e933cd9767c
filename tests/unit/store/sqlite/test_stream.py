"""The stream of changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.unit.store.sqlite.support import item, told
from workflow_engine.store.conditions import Exists, Missing
from workflow_engine.store.table import Addition, ConditionFailedError, Write
from workflow_engine.store.tables.sqlite import SqliteTable


def numbers(table: SqliteTable) -> list[int]:
    return [image["n"] for _, image in table.changes(100)]


@pytest.fixture
def streaming(path: Path) -> Iterator[SqliteTable]:
    made = SqliteTable(path, streamed=told)
    yield made
    made.close()


def test_a_change_is_told_of_every_write_that_was_done_and_of_no_other_in_order(streaming: SqliteTable) -> None:
    streaming.put(Write(item("a", n=1)))
    streaming.put(Write(item("a", n=2), Exists("pk")))
    streaming.put(Write(item("b")))
    streaming.update("p", "a", {"n": 3})
    streaming.add("p", "a", {"n": 1}, {})
    streaming.write_all([Write(item("c", n=5)), Addition("p", "c2", {"n": 6}, {})])
    for refused in ([Write(item("d", n=7)), Write(item("a"), Missing("pk"))], [Write(item("a", n=8), Missing("pk"))]):
        with pytest.raises(ConditionFailedError):
            streaming.write_all(refused)
    streaming.delete("p", "a")
    assert numbers(streaming) == [1, 2, 3, 4, 5, 6]


def test_changes_are_told_until_they_are_forgotten_and_their_numbers_grow_for_ever(path: Path) -> None:
    given: list[int] = []
    for n in range(3):
        table = SqliteTable(path, streamed=told)
        assert table.has_changes.is_set(), "an earlier process may have left some"
        assert numbers(table) == []
        assert not table.has_changes.is_set()
        table.put(Write(item("a", n=n)))
        assert table.has_changes.is_set()
        table.close()
        table = SqliteTable(path, streamed=told)
        ((number, _),) = table.changes(100)
        given.append(number)
        table.forget_changes(number)
        table.close()
    assert given == sorted(set(given))


def test_a_table_that_nobody_follows_tells_nothing(table: SqliteTable) -> None:
    table.put(Write(item("a", n=1)))
    assert table.changes(100) == []


STREAMER: Final = """
import sys
from pathlib import Path
from workflow_engine.store.table import Write
from workflow_engine.store.tables.sqlite import SqliteTable

table = SqliteTable(Path(sys.argv[1]), streamed=lambda record: {"n": record["n"]})
for n in range(100_000):
    table.put(Write({"pk": "p", "sk": str(n), "n": n}))
    print(n, flush=True)
"""


def test_after_kill_9_what_was_written_is_told_and_nothing_else(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STREAMER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(25):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    table = SqliteTable(path)
    found = [image["n"] for _, image in table.changes(100_000)]
    assert len(found) >= 25
    assert found == list(range(table.count("p")))
    table.close()
