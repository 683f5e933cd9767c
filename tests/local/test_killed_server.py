"""The server of a laptop, killed at any moment and started again: what it answered holds, and runs come to their end."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.http_client import ENDED, ApiClient
from tests.support.processes import address_of, command

pytestmark = pytest.mark.xdist_group("killed-server")

KILLS: Final = 6
RUNS: Final = 8
MOST_LOOKS: Final = 1200
STEPS: Final = """
import os, time
from pathlib import Path

CALLS = Path(__file__).with_name("calls")

def called(key):
    with CALLS.open("a") as calls:
        calls.write(key + "\\n")
    return CALLS.read_text().split("\\n").count(key)

def handler(event, context):
    run, n = event["execution_context"]["execution_id"], event["input_data"]["n"]
    time.sleep(0.02)
    count = called(":".join((run, event["step_config"]["step_id"], str(n))))
    if count == 1 and event["step_config"]["config"].get("flaky"):
        raise ConnectionError("not at the first attempt")
    return {"n": n * 2}
"""
WORKFLOW: Final[dict[str, Any]] = {
    "name": "Survivor",
    "steps": [
        {"step_id": "given", "step_type": "data_input", "config": {"data": {"list": [1, 2, 3, 4], "n": 5}}},
        {
            "step_id": "each",
            "step_type": "double",
            "for_each": "given.data.list",
            "max_concurrency": 2,
            "input_mapping": {"n": "item"},
        },
        {
            "step_id": "flaky",
            "step_type": "double",
            "config": {"flaky": True},
            "input_mapping": {"n": "given.data.n"},
            "max_retries": 2,
            "retry_delay_seconds": 1,
        },
        {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 1}, "dependencies": ["given"]},
        {
            "step_id": "last",
            "step_type": "double",
            "input_mapping": {"n": "flaky.n"},
            "dependencies": ["each", "pause"],
        },
    ],
}


@contextmanager
def server(folder: Path, data: str = "") -> Iterator[tuple[subprocess.Popen[str], ApiClient]]:
    """A server in a process of its own, with the steps of a folder, and its data there unless `data` says where."""
    kept = data or folder / "data"
    with command("serve", "--port", "0", "--data", kept, "--steps", folder / "steps") as process:
        yield process, ApiClient(address_of(process))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "double.py").write_text(STEPS)
    return tmp_path


def start(api: ApiClient, number: int) -> str | None:
    """The id of a run, None when the server went before it answered."""
    with suppress(OSError, HTTPException):
        answer = api.post("/workflows/execute", WORKFLOW, idempotency_key=f"run-{number}")
        assert answer.status == 202, answer.body
        return str(answer.body["execution_id"])
    return None


def results(api: ApiClient, execution_id: str) -> dict[str, Any]:
    for _ in range(MOST_LOOKS):
        body: dict[str, Any] = api.get(f"/executions/{execution_id}/results").body
        if body["status"] in ENDED:
            return body
        time.sleep(0.05)
    raise AssertionError(f"{execution_id} does not end")


def outputs(found: dict[str, Any]) -> dict[str, Any]:
    wanted = ("each", "flaky", "last")
    return {"status": found["status"]} | {s: found["step_results"][s]["output_data"] for s in wanted}


def counted(api: ApiClient, sampled: dict[str, int]) -> dict[str, Any]:
    """The figures of all runs, once so many are counted."""
    for _ in range(MOST_LOOKS):
        figures: dict[str, Any] = api.get("/stats?bucket=day").body
        if figures["total"]["sampled"] == sampled:
            return figures
        time.sleep(0.05)
    raise AssertionError(figures["total"])


def test_a_server_that_is_killed_again_and_again_loses_nothing(folder: Path) -> None:
    dice, answered = random.Random(1), dict[int, str]()
    for _ in range(KILLS):
        with server(folder) as (process, api):
            end = time.monotonic() + dice.uniform(0.05, 1.2)
            for number in range(RUNS):
                if number not in answered and time.monotonic() < end and (found := start(api, number)):
                    answered[number] = found
            time.sleep(max(0.0, end - time.monotonic()))
            process.send_signal(signal.SIGKILL)
            process.wait(60)
    with server(folder) as (_, api):
        again = {number: start(api, number) for number in range(RUNS)}
        ended = {number: results(api, str(execution_id)) for number, execution_id in again.items()}
        listed = api.get("/executions?limit=100").body["items"]
        figures = counted(api, {"runs": RUNS, "of": RUNS})
    # Whoever repeats a request gets the run that it was answered with, and there is one for each key.
    assert answered.items() <= again.items()
    assert sorted(item["execution_id"] for item in listed) == sorted(map(str, again.values()))
    assert [found["error"] for found in ended.values()] == [None] * RUNS
    assert {item["status"] for item in listed} == {"completed"}
    expected = {
        "status": "completed",
        "each": [{"n": 2 * n} for n in (1, 2, 3, 4)],
        "flaky": {"n": 10},
        "last": {"n": 20},
    }
    assert [outputs(found) for found in ended.values()] == [expected] * RUNS
    assert figures["total"]["counts"] == {"completed": RUNS, "failed": 0, "cancelled": 0, "timed_out": 0}
    calls = (folder / "steps" / "calls").read_text().split()
    assert max(calls.count(call) for call in calls) <= 2 + KILLS


LEAVES_THREADS: Final = """
import threading
from concurrent.futures import ThreadPoolExecutor

POOL = ThreadPoolExecutor(1)

def handler(event, context):
    POOL.submit(threading.Event().wait)
    threading.Thread(target=threading.Event().wait, daemon=False).start()
    return {"n": 1}
"""


def test_a_server_is_gone_whatever_its_steps_have_left_behind(folder: Path) -> None:
    (folder / "steps" / "leaves.py").write_text(LEAVES_THREADS)
    body = {"name": "Leaves", "steps": [{"step_id": "a", "step_type": "leaves"}]}
    with server(folder) as (process, api):
        assert api.post("/workflows/execute?wait=25", body).body["status"] == "completed"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_server_that_has_said_that_it_listens_can_be_told_to_stop(folder: Path) -> None:
    for _ in range(3):
        with server(folder) as (process, _api):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def test_a_server_that_is_interrupted_answers_what_it_was_asked_and_is_gone(folder: Path) -> None:
    body = {"name": "Long", "steps": [{"step_id": "w", "step_type": "delay", "config": {"delay_seconds": 3600}}]}
    with server(folder) as (process, api):
        with ThreadPoolExecutor(4) as clients:
            waiting = [clients.submit(api.post, "/workflows/execute?wait=25", body) for _ in range(4)]
            while len(api.get("/executions").body["items"]) < len(waiting):
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            answers = [client.result() for client in waiting]
        assert process.wait(60) == 0
    assert [answer.status for answer in answers] == [202] * len(answers)
    with server(folder) as (_, api):
        status = [api.get(f"/executions/{answer.body['execution_id']}").body["status"] for answer in answers]
    assert status == ["running"] * len(answers)
