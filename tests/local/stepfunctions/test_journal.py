"""Both journals keep the same promises."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.stepfunctions import sqlite_journal
from infra.local.stepfunctions.journal import Entry, Head, Journal, JournalError, MemoryJournal
from infra.local.stepfunctions.sqlite_journal import SqliteJournal

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"


def head(number: int, **fields: Any) -> Head:
    values: dict[str, Any] = {"machine": MACHINE, "definition": "d", "input": '{"é":1}', "started": float(number)}
    return Head(f"run-{number}", **(values | fields))


def entry(position: int, event: int, **fields: Any) -> Entry:
    values: dict[str, Any] = {"path": "/", "type": "PassStateEntered", "data": '"é"', "fields": {}, "private": {}}
    values |= fields
    return Entry(position, event, 1.5, max(0, event - 1), **values)


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    opened: Journal = MemoryJournal() if request.param == "memory" else SqliteJournal(tmp_path / "journal.db")
    yield opened
    opened.close()


def test_entries_come_back_as_they_were_written(journal: Journal) -> None:
    journal.put_head(head(1))
    written = [
        entry(1, 1, data=None),
        entry(2, 2, fields={"name": "S", "assignedVariables": {"x": '"😀"'}}, private={"next": None, "due": 1.25}),
        entry(3, 0, type="_Wait", path="2.0"),
    ]
    for line in written:
        journal.append("run-1", line)
    assert journal.entries("run-1") == written
    assert journal.entries("run-2") == []


def test_events_are_read_in_pages_from_both_ends_without_notes(journal: Journal) -> None:
    journal.put_head(head(1))
    for line in (entry(1, 1), entry(2, 0, type="_Wait"), entry(3, 2), entry(4, 3)):
        journal.append("run-1", line)
    assert [e.id for e in journal.events("run-1", 1, 5, newest_first=False)] == [2, 3]
    assert [e.id for e in journal.events("run-1", 0, 2, newest_first=True)] == [3, 2]


def test_a_head_takes_the_place_of_the_one_before(journal: Journal) -> None:
    journal.put_head(head(1))
    ended = head(1, status="FAILED", error="E", stopped=3.5, redrives=2, wakes_at=None)
    journal.put_head(ended)
    assert journal.head("run-1") == ended
    assert journal.head("run-2") is None


def test_a_parked_head_wakes_at_no_moment_of_its_own(journal: Journal) -> None:
    journal.put_head(head(1, wakes_at=math.inf))
    assert journal.unfinished() == [head(1, wakes_at=math.inf)]


def test_runs_are_listed_newest_first_by_machine_status_and_map_run(journal: Journal) -> None:
    journal.put_head(head(1, status="FAILED"))
    journal.put_head(head(2))
    journal.put_head(head(3, machine="other"))
    journal.put_head(head(4, map_run="m"))
    journal.put_head(head(5, status="FAILED"))
    assert [h.arn for h in journal.heads(MACHINE, None, 0, 10)] == ["run-5", "run-2", "run-1"]
    assert [h.arn for h in journal.heads(MACHINE, "FAILED", 1, 1)] == ["run-1"]
    assert [h.arn for h in journal.heads("", None, 0, 10, map_run="m")] == ["run-4"]
    assert [h.arn for h in journal.unfinished()] == ["run-2", "run-3", "run-4"]


def test_records_are_kept_and_forgotten(journal: Journal) -> None:
    journal.put_record("machine", "a", {"x": [1, None]})
    journal.put_record("machine", "b", 1)
    journal.put_record("machine", "b", None)
    journal.put_record("activity", "c", "text")
    assert journal.records("machine") == {"a": {"x": [1, None]}}
    assert (journal.record("activity", "c"), journal.record("machine", "b")) == ("text", None)


def test_records_that_are_many_are_not_all_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_journal, "_RECORDS_AT_HAND", 2)
    journal = SqliteJournal(tmp_path / "journal.db")
    for number in range(5):
        journal.put_record("definition", str(number), number)
    assert [journal.record("definition", str(number)) for number in range(5)] == [*range(5)]
    assert len(journal._records) <= 2
    journal.close()


def test_a_forgotten_run_is_gone(journal: Journal) -> None:
    journal.put_head(head(1, status="FAILED"))
    journal.put_head(head(2))
    journal.append("run-2", entry(1, 1))
    journal.forget(["run-2", "run-9"])
    assert journal.head("run-2") is None
    assert journal.entries("run-2") == []
    assert journal.head("run-1") is not None


def test_runs_that_ended_long_ago_are_found(journal: Journal) -> None:
    journal.put_head(head(1, status="FAILED", stopped=10.0))
    journal.put_head(head(2, status="SUCCEEDED", stopped=20.0))
    journal.put_head(head(3, status="SUCCEEDED", stopped=10.0, is_told=False))
    journal.put_head(head(4))
    assert journal.ended_before(20.0) == ["run-1"]
    assert journal.ended_before(20.5) == ["run-1", "run-2"]


def test_what_is_durable_is_there_for_the_next_process(tmp_path: Path) -> None:
    async def write() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        journal.put_head(head(1))
        journal.append("run-1", entry(1, 1))
        await journal.durable()
        journal._database.close()  # as the end of a process would, without a last commit
        journal._lock.release()

    asyncio.run(write())
    journal = SqliteJournal(tmp_path / "journal.db")
    assert journal.entries("run-1") == [entry(1, 1)]
    assert journal.head("run-1") == head(1)
    journal.close()


def test_what_comes_in_one_turn_of_the_loop_is_one_transaction(tmp_path: Path) -> None:
    async def write() -> list[int]:
        journal = SqliteJournal(tmp_path / "journal.db")
        other = sqlite3.connect(tmp_path / "journal.db")
        journal.put_head(head(1))
        journal.append("run-1", entry(1, 1))
        before = other.execute("SELECT count(*) FROM run").fetchone()[0]
        await journal.durable()
        after = other.execute("SELECT count(*) FROM run JOIN entry ON run = number").fetchone()[0]
        other.close()
        journal.close()
        return [before, after]

    assert asyncio.run(write()) == [0, 1]


def test_to_look_for_one_run_commits_nothing_about_others(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    commits: list[str] = []
    journal._database.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)

    async def start_many() -> None:
        for number in range(20):
            assert journal.head(f"run-{number}") is None
            journal.put_head(head(number))
            journal.append(f"run-{number}", entry(1, 1))
        assert commits == []
        assert journal.head("run-7") == head(7)
        assert len(commits) == 1
        assert journal.entries("run-8") == [entry(1, 1)]
        await journal.durable()

    asyncio.run(start_many())
    assert len(commits) == 1
    journal.close()


def test_a_waiter_that_is_cancelled_leaves_the_others_waiting(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        journal = SqliteJournal(tmp_path / "journal.db")
        journal.put_head(head(1))
        waiters = [asyncio.create_task(journal.durable()) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
        journal.close()
        return [waiter.cancelled() for waiter in waiters]

    assert asyncio.run(work())[1:] == [False, False]


def test_after_a_failed_commit_nothing_more_is_accepted(tmp_path: Path) -> None:
    async def work() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        journal.put_head(head(1))
        journal.append("run-1", entry(1, 1))
        journal.append("run-1", entry(1, 1))
        with pytest.raises(JournalError, match="cannot be written: UNIQUE"):
            await journal.durable()
        with pytest.raises(JournalError):
            journal.put_head(head(2))
        with pytest.raises(JournalError):
            journal.append("run-1", entry(2, 2))
        journal.close()

    asyncio.run(work())


def test_a_disk_that_is_full_is_told_of_and_what_was_kept_is_there(tmp_path: Path) -> None:
    async def work() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        journal.put_head(head(1))
        await journal.durable()
        pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
        journal._database.execute(f"PRAGMA max_page_count = {pages + 2}")
        failures: list[JournalError] = []
        journal.on_failure = failures.append
        journal.append("run-1", entry(1, 1))
        journal.append("run-1", entry(2, 2, data="x" * 100_000))
        with pytest.raises(JournalError, match="cannot be written: database or disk is full"):
            await journal.durable()
        assert [str(failure) for failure in failures] == [str(journal._failure)]
        assert journal.entries("run-1") == []
        assert journal.head("run-1") == head(1)
        journal.close()

    asyncio.run(work())


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"something else" * 1000)
    with pytest.raises(JournalError, match=r"journal\.db cannot be opened: file is not a database"):
        SqliteJournal(tmp_path / "journal.db")


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"cannot be opened:.*file"):
        SqliteJournal(tmp_path / "file" / "journal.db")

    def refuse(*_: Any, **__: Any) -> int:
        raise PermissionError(13, "Permission denied", "journal.lock")

    # The mode of a folder keeps nobody out who runs as root, as tests in a container do.
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(JournalError, match=r"cannot be opened: \[Errno 13\] Permission denied"):
        SqliteJournal(tmp_path / "journal.db")


def test_the_file_has_a_write_ahead_log_which_another_thread_moves(tmp_path: Path) -> None:
    async def work() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        pragmas = [journal._database.execute(f"PRAGMA {p}").fetchone()[0] for p in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 1]
        log = tmp_path / "journal.db-wal"
        journal.put_head(head(1))
        lines = sqlite_journal._ROWS_BETWEEN_CHECKPOINTS
        for position in range(1, lines):
            journal.append("run-1", entry(position, position))
        await journal.durable()
        assert journal._checkpoint is not None
        assert journal._checkpoint is not threading.current_thread()
        journal._checkpoint.join(30)
        assert log.stat().st_size == 0
        journal.append("run-1", entry(lines, lines))
        await journal.durable()
        assert len(journal.entries("run-1")) == lines
        journal.close()

    asyncio.run(work())


def test_a_child_that_a_step_leaves_behind_does_not_hold_the_journal(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    (reading, writing), (begun, begins) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.write(begins, b"!")
        os.read(reading, 1)  # until the parent lets it go
        os._exit(0)
    try:
        assert os.read(begun, 1) == b"!"
        journal.close()
        SqliteJournal(tmp_path / "journal.db").close()
    finally:
        for end in (writing, reading, begun, begins):
            os.close(end)
        os.waitpid(child, 0)


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path) -> None:
    SqliteJournal(tmp_path / "journal.db").close()
    database = sqlite3.connect(tmp_path / "journal.db")
    database.execute(f"PRAGMA user_version = {len(sqlite_journal.MIGRATIONS) + 1}")
    database.close()
    with pytest.raises(JournalError, match="written by a later version"):
        SqliteJournal(tmp_path / "journal.db")


def test_an_older_journal_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = SqliteJournal(tmp_path / "journal.db")
    old.put_head(head(1))
    old.close()
    later = (*sqlite_journal.MIGRATIONS, "ALTER TABLE run ADD COLUMN note TEXT")
    monkeypatch.setattr(sqlite_journal, "MIGRATIONS", later)
    new = SqliteJournal(tmp_path / "journal.db")
    assert new.head("run-1") == head(1)
    assert new._database.execute("PRAGMA user_version").fetchone() == (len(later),)
    new.close()


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    held = SqliteJournal(tmp_path / "journal.db")
    code = (
        "import sys, pathlib\n"
        "from infra.local.stepfunctions.sqlite_journal import JournalError, SqliteJournal\n"
        "try:\n    SqliteJournal(pathlib.Path(sys.argv[1]))\n"
        "except JournalError as error:\n    print(error)\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "journal.db")]
    told = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout
    held.close()
    assert told == (f"The process {os.getpid()} uses the data in {tmp_path}. Stop it, or use another folder.\n")
    SqliteJournal(tmp_path / "journal.db").close()
