"""Logs of runs in files and in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from workflow_engine.store.logs import LoggedRun, LogLine
from workflow_engine.store.logs import files as log_files
from workflow_engine.store.logs.files import FileLogs

AT = "2026-01-02T03:04:05.678Z"
GOING = LoggedRun("run-1", AT, None)
ENDED = LoggedRun("run-1", AT, AT)

Make = Callable[[], FileLogs]


def line(message: str, place: str = "a") -> LogLine:
    return LogLine(AT, message, "stdout", place, place.split("[")[0], attempt=1)


@pytest.fixture(params=["files", "memory"])
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> FileLogs:
    return FileLogs(tmp_path / "logs" if request.param == "files" else None)


def messages(logs: FileLogs, limit: int = 100, step: str | None = None) -> list[str]:
    """All lines of the run, page by page."""
    found, position = list[str](), None
    while True:
        page = logs.page(ENDED, position, limit, step)
        found += [told.message for told in page.lines]
        position = page.position
        if page.is_end:
            return found


def test_a_line_is_read_as_it_was_written(logs: FileLogs) -> None:
    whole = LogLine(AT, 'ü\n"x"', "log", "rows[3].load", "load", 2, "INFO", "q-1", "mine", {"n": [1, None]})
    logs.write("run-1", whole)
    assert logs.page(ENDED, None, 10, None).lines == [whole]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_have_each_line_once_and_in_order(logs: FileLogs, limit: int) -> None:
    for number in range(10):
        logs.write("run-1", line(str(number)))
    assert messages(logs, limit) == [str(number) for number in range(10)]


def test_the_last_page_of_a_run_that_goes_on_leads_to_what_follows(logs: FileLogs) -> None:
    logs.write("run-1", line("one"))
    page = logs.page(GOING, None, 10, None)
    assert not page.is_end
    logs.write("run-1", line("two"))
    assert [told.message for told in logs.page(GOING, page.position, 10, None).lines] == ["two"]


def test_lines_of_a_step_are_those_of_its_parts_too_and_of_no_other(logs: FileLogs) -> None:
    for place in ("row", "rows", "rows[3]", "rows[3].load", "rows[33]"):
        logs.write("run-1", line(place, place))
    assert messages(logs, step="rows") == ["rows", "rows[3]", "rows[3].load", "rows[33]"]
    assert messages(logs, 1, "rows[3]") == ["rows[3]", "rows[3].load"]


def test_runs_have_logs_of_their_own_and_one_without_lines_an_empty_one(logs: FileLogs) -> None:
    logs.write("run-2", line("other"))
    page = logs.page(ENDED, None, 10, None)
    assert (page.lines, page.is_end) == ([], True)


def test_lines_of_many_threads_are_whole_and_all_there(logs: FileLogs) -> None:
    def writes(name: int) -> None:
        for number in range(100):
            logs.write("run-1", line(f"{name}-{number}-{'x' * 500}"))

    threads = [threading.Thread(target=writes, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(messages(logs))) == 800


def test_what_a_run_prints_over_its_bound_is_not_kept_which_is_told_once(
    logs: FileLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "MAX_RUN_BYTES", 2_000)
    for number in range(100):
        logs.write("run-1", line(f"{number} {'x' * 50}"))
    logs.write("run-2", line("another run goes on"))
    found = messages(logs)
    assert 5 < len(found) < 30
    assert found[-1].endswith("is not kept.")
    assert sum(message.endswith("is not kept.") for message in found) == 1
    assert logs.page(LoggedRun("run-2", AT, AT), None, 10, None).lines


def test_a_page_ends_where_few_lines_are_of_the_step(logs: FileLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "LOOK_AT_BYTES", 500)
    for number in range(50):
        logs.write("run-1", line("x" * 50, "a" if number < 49 else "b"))
    first = logs.page(ENDED, None, 10, "b")
    assert (first.lines, first.is_end) == ([], False)
    assert messages(logs, 10, "b") == ["x" * 50]


def test_a_deleted_log_is_gone(logs: FileLogs) -> None:
    logs.write("run-1", line("one"))
    logs.delete("run-1")
    assert messages(logs) == []


def test_in_memory_the_oldest_logs_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "MAX_MEMORY_BYTES", 3_000)
    logs = FileLogs()
    for number in range(20):
        logs.write(f"run-{number}", line("x" * 300))
    there = [i for i in range(20) if logs.page(LoggedRun(f"run-{i}", AT, AT), None, 1, None).lines]
    assert 0 < len(there) < 10
    assert there[-1] == 19


def test_a_log_is_there_in_another_process_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "MAX_OPEN_FILES", 2)
    first = FileLogs(tmp_path)
    for number in range(5):
        first.write(f"run-{number}", line("before"))
    second = FileLogs(tmp_path)  # the first was killed
    second.write("run-1", line("after"))
    assert messages(second) == ["before", "after"]
    assert [name for name, _ in second.runs()] == [f"run-{number}" for number in range(5)]


def test_half_a_line_of_a_process_that_was_killed_hides_no_other(tmp_path: Path) -> None:
    logs = FileLogs(tmp_path)
    logs.write("run-1", line("one"))
    with (tmp_path / "run-1.jsonl").open("ab") as file:
        file.write(b'{"t":"2026')
    assert messages(logs) == ["one"]
    logs.write("run-1", line("lost with the half"))
    logs.write("run-1", line("three"))
    assert messages(logs) == ["one", "three"]


def test_a_name_that_is_no_name_of_a_file_leads_nowhere(tmp_path: Path) -> None:
    logs = FileLogs(tmp_path / "logs")
    logs.write("../run", line("one"))
    assert list(tmp_path.rglob("*.jsonl")) == []
    assert logs.page(LoggedRun("../run", AT, AT), None, 10, None).lines == []
