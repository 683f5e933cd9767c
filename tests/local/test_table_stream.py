"""The table's stream on this machine: told in order, again after a failure, and to the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.local import table_stream
from infra.local.table_stream import TableStream
from workflow_engine.store.table import Write
from workflow_engine.store.tables.sqlite import SqliteTable

PATIENCE_SECONDS = 60.0


class Listener:
    """Hears batches, and fails as often as it is told to."""

    def __init__(self, *, failures: int = 0) -> None:
        self.numbers: list[int] = []
        self.failures = failures
        self._heard = threading.Condition()

    def __call__(self, batch: dict[str, Any]) -> None:
        with self._heard:
            if self.failures:
                self.failures -= 1
                raise RuntimeError("not now")
            self.numbers += [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in batch["Records"]]
            self._heard.notify_all()

    def wait_for(self, numbers: list[int]) -> None:
        with self._heard:
            assert self._heard.wait_for(lambda: self.numbers == numbers, PATIENCE_SECONDS), self.numbers


@contextmanager
def stream(path: Path, listener: Listener) -> Iterator[SqliteTable]:
    with closing(SqliteTable(path, streamed=lambda record: record)) as table, closing(TableStream(table, listener)):
        yield table


def write(table: SqliteTable, *numbers: int) -> None:
    for n in numbers:
        table.put(Write({"pk": "p", "sk": str(n), "n": n}))


def test_writes_are_told_in_order_and_forgotten(tmp_path: Path) -> None:
    listener = Listener()
    with stream(tmp_path / "t", listener) as table:
        write(table, 1, 2, 3)
        listener.wait_for([1, 2, 3])
        write(table, 4)
        listener.wait_for([1, 2, 3, 4])
    with closing(SqliteTable(tmp_path / "t")) as table:
        assert table.changes(9) == []


def test_more_than_one_batch_is_told_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_stream, "BATCH", 2)
    listener = Listener()
    with stream(tmp_path / "t", listener) as table:
        write(table, *range(7))
        listener.wait_for(list(range(7)))


def test_what_could_not_be_told_is_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_stream, "_FIRST_PAUSE_SECONDS", 0.01)
    listener = Listener(failures=3)
    with stream(tmp_path / "t", listener) as table:
        write(table, 1, 2)
        listener.wait_for([1, 2])


def test_what_a_process_left_untold_the_next_one_tells(tmp_path: Path) -> None:
    with closing(SqliteTable(tmp_path / "t", streamed=lambda record: record)) as table:
        write(table, 1, 2)
    listener = Listener()
    with stream(tmp_path / "t", listener):
        listener.wait_for([1, 2])
