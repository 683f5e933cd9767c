"""What step functions print and log is taken for their run, whatever thread writes it, and nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.local.capture import MAX_LINE, StandIn, capturing
from workflow_engine.redaction import REDACTED
from workflow_engine.store.logs import LogLine

logger = logging.getLogger("tests.capture")


class Taken:
    """The lines that were written, and how a function is called."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, LogLine]] = []
        self._called_in: Any = None

    def write(self, execution_id: str, line: LogLine) -> None:
        self.lines.append((execution_id, line))

    def call(self, function: Callable[[], object], run: str = "run-1", place: str = "a", **given: Any) -> None:
        context = {"execution_id": run, "step_id": place, "place": place, "attempt": 2}
        with self._called_in({"execution_context": context, **given}, "request-1"):
            function()

    def messages(self, run: str = "run-1") -> list[str]:
        return [line.message for name, line in self.lines if name == run]


@pytest.fixture
def taken() -> Iterator[Taken]:
    lines = Taken()
    with capturing(lines.write) as called_in:
        lines._called_in = called_in
        yield lines


def test_a_line_is_told_with_run_step_attempt_and_request(taken: Taken) -> None:
    taken.call(lambda: print("hello"), place="rows[3].load")
    ((run, line),) = taken.lines
    assert run == "run-1"
    assert (line.message, line.stream, line.place, line.attempt) == ("hello", "stdout", "rows[3].load", 2)
    assert (line.request_id, line.level) == ("request-1", None)


def test_what_is_printed_outside_of_steps_is_nobodys(taken: Taken, capsys: pytest.CaptureFixture[str]) -> None:
    taken.call(lambda: None)
    print("of the server")
    assert taken.lines == []
    assert capsys.readouterr().out == "of the server\n"


def test_the_terminal_shows_the_run_and_the_step_before_each_line(
    taken: Taken, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        print("one\ntwo", end="")
        print("three", file=sys.stderr)

    taken.call(work, run="0123456789abcdef", place="rows[3].load")
    shown = capsys.readouterr()
    assert shown.out == "[01234567 rows[3].load] one\n[01234567 rows[3].load] two\n"
    assert shown.err == "[01234567 rows[3].load] three\n"


def test_runs_that_print_at_once_keep_their_lines_apart(taken: Taken) -> None:
    barrier = threading.Barrier(4)

    def work(run: str) -> None:
        def prints() -> None:
            barrier.wait()
            for number in range(200):
                print(run, number)

        taken.call(prints, run=run)

    threads = [threading.Thread(target=work, args=(f"run-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        assert taken.messages(f"run-{i}") == [f"run-{i} {number}" for number in range(200)]


def test_no_line_of_a_steps_own_threads_is_lost_or_torn(taken: Taken) -> None:
    def work() -> None:
        threads = [
            threading.Thread(target=lambda i=i: [print("thread", i, number) for number in range(200)]) for i in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    taken.call(work)
    assert sorted(taken.messages()) == sorted(f"thread {i} {number}" for i in range(8) for number in range(200))


def test_work_that_a_step_gives_to_an_executor_of_another_is_its_own(taken: Taken) -> None:
    with ThreadPoolExecutor(1) as pool:
        for run in ("run-1", "run-2"):
            taken.call(lambda run=run: pool.submit(print, "of", run).result(), run=run)  # type: ignore[misc]  # a default
        pool.submit(print, "of nobody").result()
    assert [(run, line.message) for run, line in taken.lines] == [("run-1", "of run-1"), ("run-2", "of run-2")]


def test_tasks_and_threads_of_a_loop_are_the_steps(taken: Taken) -> None:
    async def work() -> None:
        async def prints(number: int) -> None:
            await asyncio.sleep(0)
            print("task", number)
            await asyncio.to_thread(print, "thread", number)
            await asyncio.get_running_loop().run_in_executor(None, print, "executor", number)

        await asyncio.gather(*map(prints, range(3)))

    taken.call(lambda: asyncio.run(work()))
    assert sorted(taken.messages()) == sorted(
        f"{kind} {i}" for kind in ("task", "thread", "executor") for i in range(3)
    )


def test_a_thread_that_outlives_the_call_prints_for_it(taken: Taken) -> None:
    go, threads = threading.Event(), list[threading.Thread]()

    def late() -> None:
        go.wait()
        print("late")

    def work() -> None:
        threads.append(threading.Thread(target=late))
        threads[0].start()

    taken.call(work)
    go.set()
    threads[0].join()
    assert taken.messages() == ["late"]


def test_a_call_within_a_call_is_told_apart_and_the_outer_goes_on(taken: Taken) -> None:
    def outer() -> None:
        print("before")
        taken.call(lambda: print("within"), place="tool")
        print("after")

    taken.call(outer)
    assert [(line.place, line.message) for _, line in taken.lines] == [
        ("a", "before"),
        ("tool", "within"),
        ("a", "after"),
    ]


def test_bytes_that_are_printed_are_told_as_text(taken: Taken) -> None:
    taken.call(lambda: sys.stdout.buffer.write("naïve\n".encode()))
    assert taken.messages() == ["naïve"]


def test_records_of_loggers_are_told_from_info_on_with_what_was_added(taken: Taken) -> None:
    def work() -> None:
        logger.debug("too little")
        logger.info("charged %s EUR", 12, extra={"order": 7, "when": {1, 2}.__class__})
        try:
            raise KeyError("x")
        except KeyError:
            logger.exception("failed")

    taken.call(work)
    first, second = (line for _, line in taken.lines)
    assert (first.message, first.level, first.stream, first.logger) == (
        "charged 12 EUR",
        "INFO",
        "log",
        "tests.capture",
    )
    assert first.fields == {"order": 7, "when": "<class 'set'>"}
    assert second.message.startswith("failed\nTraceback")
    assert second.message.endswith("KeyError: 'x'")


def test_lines_that_are_json_of_powertools_are_read(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")

    def work() -> None:
        from aws_lambda_powertools import Logger

        Logger(service="charging").warning("no funds", extra={"order": 7})

    taken.call(work)
    (line,) = [line for _, line in taken.lines]
    assert (line.message, line.level, line.logger, line.fields) == ("no funds", "WARNING", "charging", {"order": 7})


def test_json_that_a_step_prints_by_itself_stays_as_it_is(taken: Taken) -> None:
    taken.call(lambda: print('{"a": 1}'))
    assert taken.messages() == ['{"a": 1}']


def test_secrets_that_the_step_received_are_not_kept(taken: Taken) -> None:
    def work() -> None:
        print("with correct-horse and AQCtoken123")
        logger.warning("x", extra={"api_key": "abc", "url": "https://h/?v=correct-horse"})

    taken.call(work, input_data={"password": "correct-horse"}, call={"task_token": "AQCtoken123"})
    first, second = (line for _, line in taken.lines)
    assert first.message == f"with {REDACTED} and {REDACTED}"
    assert second.fields == {"api_key": REDACTED, "url": f"https://h/?v={REDACTED}"}


def test_a_line_without_an_end_is_broken_before_it_fills_the_memory(taken: Taken) -> None:
    taken.call(lambda: print("x" * (3 * MAX_LINE + 5), end=""))
    assert [len(message) for message in taken.messages()] == [MAX_LINE] * 3 + [5]


def test_what_cannot_be_kept_fails_no_step(capsys: pytest.CaptureFixture[str]) -> None:
    def full(_run: str, _line: LogLine) -> None:
        raise OSError(28, "No space left on device")

    done: list[str] = []
    with capturing(full) as called_in, called_in({"execution_context": {"execution_id": "r"}}, "q"):
        print("hello")
        done.append("done")
    assert done == ["done"]
    assert "hello" in capsys.readouterr().out


def test_streams_that_somebody_puts_in_place_meanwhile_are_stood_in_for_too(taken: Taken) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as other:
        taken.call(lambda: print("hello"))
    assert taken.messages() == ["hello"]
    assert other.getvalue() == "[run-1 a] hello\n"


def test_all_is_as_before_in_the_end() -> None:
    before = (sys.stdout, sys.stderr, threading.Thread.start, ThreadPoolExecutor.submit, logging.getLogger().level)
    with capturing(lambda _run, _line: None) as called_in, called_in({"execution_context": {"execution_id": "r"}}, "q"):
        assert isinstance(sys.stdout, StandIn)
    after = (sys.stdout, sys.stderr, threading.Thread.start, ThreadPoolExecutor.submit, logging.getLogger().level)
    assert after == before


def test_a_warning_of_the_server_itself_is_still_shown(
    taken: Taken, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [h for h in logging.getLogger().handlers if type(h).__module__ == "infra.local.capture"]
    monkeypatch.setattr(logging.getLogger(), "handlers", own)
    logging.getLogger("server").warning("beware")
    logging.getLogger("server").info("nothing")
    assert capsys.readouterr().err == "beware\n"
    assert taken.lines == []
