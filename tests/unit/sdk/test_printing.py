"""In Lambda every line of a step says of which step of which run it is."""

from __future__ import annotations

import importlib
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from workflow_engine.init_phase import IN_LAMBDA
from workflow_engine.sdk import step
from workflow_engine.store.logs import LogLine, cloudwatch

IDS = {"tenant_id": "t", "execution_id": "run-1", "step_id": "load", "place": "rows[3].load", "attempt": "2"}
CONTEXT = {
    "execution_id": "run-1",
    "step_id": "load",
    "place": "rows[3].load",
    "attempt": 2,
    "user_context": {"tenant_id": "t"},
}
EVENT = {"execution_context": CONTEXT, "step_config": {"config": {}}, "input_data": {}}
OUR_STEPS = [f.name for f in FUNCTIONS if f.kind == "step"]


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IN_LAMBDA, "workflow-step-load")


def _printed(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> list[str]:
    """What Lambda's log gets of a step that does this."""
    log = io.StringIO()
    monkeypatch.setattr(sys, "stdout", log)

    @step
    def load() -> None:
        work()

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", log)
        try:
            load(EVENT, SimpleNamespace(aws_request_id="request-1"))
        finally:
            assert sys.stdout is log
    return log.getvalue().splitlines()


def test_a_printed_line_is_json_with_the_ids_of_the_step(in_lambda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _printed(monkeypatch, lambda: print("charging", 12))
    told = json.loads(line)
    assert {name: told[name] for name in IDS} == IDS
    assert (told["message"], told["level"], told["requestId"]) == ("charging 12", "INFO", "request-1")


def test_the_reader_of_logs_finds_such_a_line_by_its_run(in_lambda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = _printed(monkeypatch, lambda: print("charging"))
    found = cloudwatch._line({"message": line, "timestamp": 1_768_254_356_123, "eventId": "1"}, "run-1")
    assert found == LogLine(
        "2026-01-12T21:45:56.123Z", "charging", "stdout", "rows[3].load", "load", 2, "INFO", "request-1"
    )


def test_lines_that_are_json_already_stay_as_they_are(in_lambda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = '{"_aws": {"Timestamp": 1}, "Failed": 1}'
    assert _printed(monkeypatch, lambda: print(metric)) == [metric]


def test_threads_tear_no_lines_apart_and_a_line_without_end_is_there(
    in_lambda: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        threads = [threading.Thread(target=lambda i=i: [print(i, n) for n in range(50)]) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("no end", end="")

    messages = [json.loads(line)["message"] for line in _printed(monkeypatch, work)]
    assert sorted(messages) == sorted([*(f"{i} {n}" for i in range(4) for n in range(50)), "no end"])


def test_what_is_printed_before_a_failure_is_told(in_lambda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stdout", log)

    @step
    def load() -> None:
        print("before", end="")
        raise KeyError("x")

    with pytest.raises(KeyError):
        load(EVENT, None)
    assert json.loads(log.getvalue())["message"] == "before"


def test_outside_of_lambda_prints_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(IN_LAMBDA, raising=False)
    assert _printed(monkeypatch, lambda: print("hello")) == ["hello"]


@pytest.mark.parametrize("name", OUR_STEPS)
def test_every_line_of_our_steps_has_the_ids_also_those_of_libraries(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    @contextmanager
    def logging_once() -> Iterator[None]:
        logging.getLogger("some.library").warning("slow")
        raise InterruptedError
        yield

    for variable in ("TABLE_NAME", "BUCKET_NAME", "MACHINE_ROLE_ARN"):
        monkeypatch.setenv(variable, "x")
    module: Any = importlib.import_module(f"functions.{name}.handler")
    monkeypatch.setattr(module, "faults_logged", logging_once)
    handler = Handler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    with pytest.raises(InterruptedError):
        module.handler(EVENT, None)
    (record,) = found
    assert {field: getattr(record, field, None) for field in IDS} == IDS
