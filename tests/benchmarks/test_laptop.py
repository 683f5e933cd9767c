"""What the laptop costs: commands, chains beside the peers, starts, lists, and runs that wait or have ended.

Figures are printed, each with the one to reach; what is asserted holds on any machine. `LAPTOP_RUNS` is how many ended runs there
are to be, `LAPTOP_WAITING` how many that wait.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.benchmarks.laptop import (
    COMMAND,
    Row,
    Server,
    at_once,
    chain,
    milliseconds,
    ratio,
    serving,
    steps_a_second_on,
    stored,
)
from tests.support.asl_cases import REPOSITORY

pytestmark = pytest.mark.benchmark

PAIRS: Final = 5
STEPS: Final = 50
RUNS: Final = 20
ROUNDS: Final = 3
STARTS: Final = 200
FEW: Final = 50
MANY: Final = 5_000
FINISHED: Final = int(os.environ.get("LAPTOP_RUNS", "50000"))
WAITING: Final = int(os.environ.get("LAPTOP_WAITING", "10000"))

HELLO: Final = "statemachines/examples/hello-world/workflow.json"
BOTO3: Final = """
import boto3
for service in ("dynamodb", "stepfunctions"):
    boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
"""


@pytest.mark.parametrize(("command", "wanted"), [("run", "<= 1.2"), ("validate", "<= 0.8")])
def test_a_command_beside_the_import_of_boto3(command: str, wanted: str, row: Row) -> None:
    ours, theirs = (*COMMAND, command, HELLO), (sys.executable, "-c", BOTO3)
    figure, our_seconds, their_seconds = ratio(ours, theirs, PAIRS)
    of = f"{our_seconds * 1000:.0f} / {their_seconds * 1000:.0f} ms of CPU"
    row(f"workflow {command} / python with two clients of boto3", f"{figure:.2f}", wanted, of)


def complete(server: Server, path: str, runs: int) -> None:
    """Start runs, so many at once, and wait for all of them."""

    def run(_: int) -> Any:
        return server.ask("POST", f"{path}?wait=25", {"input": {"text": "hello"}})

    for answer in at_once(runs, run):
        assert answer["status"] == "completed"
        assert list(answer["output"].values()) == [{"text": "HELLO"}]


@pytest.mark.parametrize(("peer", "wanted"), [("dbos", ">= 5"), ("langgraph", ">= 1")])
def test_chains_over_http_beside_a_peer(peer: str, wanted: str, row: Row, tmp_path: Path) -> None:
    durable = peer == "dbos"
    with serving(tmp_path, durable=durable) as server:
        path = stored(server, chain(STEPS))
        complete(server, path, RUNS)
        theirs = [steps_a_second_on(peer, STEPS, RUNS, ROUNDS)]
        server_began, own_began = server.cpu(), time.process_time()
        for _ in range(ROUNDS):
            complete(server, path, RUNS)
        server_cpu, own_cpu = server.cpu() - server_began, time.process_time() - own_began
        theirs.append(steps_a_second_on(peer, STEPS, RUNS, ROUNDS))
    ours, theirs_mean = STEPS * RUNS * ROUNDS / server_cpu, statistics.mean(theirs)
    what = f"{'durable' if durable else 'in memory'}: steps per CPU second / {peer}"
    row(
        what, f"{ours / theirs_mean:.2f}", wanted, f"{ours:.0f} / {theirs_mean:.0f} (the client's CPU: {own_cpu:.2f} s)"
    )


def test_starts_of_many_clients_beside_those_of_one(row: Row, tmp_path: Path) -> None:
    with serving(tmp_path, durable=True) as server:
        path = stored(server, chain(1))
        body = {"input": {"text": "hello"}}

        def start() -> None:
            assert server.ask("POST", path, body)["status"] == "running"

        alone = statistics.median(milliseconds(start, STARTS))
        of_each = at_once(RUNS, lambda _: milliseconds(start, STARTS // RUNS))
        together = statistics.median(taken for one in of_each for taken in one)
        ended(server, STARTS + 1 + RUNS * (STARTS // RUNS + 1))
    row("start, p50 of 20 clients / of one", f"{together / alone:.1f}", "<= 8", f"{together:.1f} / {alone:.1f} ms")


def ended(server: Server, runs: int) -> None:
    """Wait until none runs any more, and count those that have completed."""
    while server.ask("GET", "/executions?status=running&limit=1")["items"]:
        time.sleep(0.2)
    assert counted(server, "completed") == runs


def counted(server: Server, status: str) -> int:
    """How many runs have a status, by all pages of the list."""
    path, count, cursor = f"/executions?limit=100&status={status}", 0, ""
    while True:
        page = server.ask("GET", path + cursor)
        count += len(page["items"])
        if not page["next_cursor"]:
            return count
        cursor = f"&cursor={page['next_cursor']}"


def fill(server: Server, path: str, runs: int) -> None:
    """Start so many runs, a few at a time."""
    for number in range(0, runs, RUNS):
        part = min(RUNS, runs - number)
        at_once(part, lambda _: server.ask("POST", path, {"input": {"text": "hello"}}))


def test_a_list_of_many_runs_beside_one_of_few(row: Row, tmp_path: Path) -> None:
    with serving(tmp_path / "few", durable=True) as few, serving(tmp_path / "many", durable=True) as many:
        for server, runs in ((few, FEW), (many, MANY)):
            fill(server, stored(server, chain(1)), runs)
            ended(server, runs)
        asked = [*in_turn(few, many, ("/executions", "/executions"))]
    figure, short, long = (statistics.median(column) for column in zip(*asked, strict=True))
    row(f"GET /executions, p50, {MANY:,} runs / {FEW}", f"{figure:.2f}", "<= 1.2", f"{long:.1f} / {short:.1f} ms")


def in_turn(few: Server, many: Server, paths: tuple[str, ...]) -> Iterator[tuple[float, float, float]]:
    """Ratio and milliseconds of a GET of each, one after the other."""
    for _ in range(STARTS):
        (short,), (long,) = (
            milliseconds(partial(server.ask, "GET", path), 1) for server, path in zip((few, many), paths, strict=True)
        )
        yield long / short, short, long


@pytest.mark.parametrize(("how", "wanted"), [("awake", "<= 30"), ("parked", "<= 10")])
def test_very_many_runs_wait(how: str, wanted: str, row: Row) -> None:
    arguments = [sys.executable, "-m", "tests.benchmarks.crowd", str(WAITING), how]
    done = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["waiting"] == WAITING
    assert found["threads"] <= 20
    of = f"{found['threads']:.0f} threads"
    row(f"{WAITING:,} runs that wait, {how}: KB for each", f"{found['bytes_per_run'] / 1024:.1f}", wanted, of)


def test_very_many_runs_wait_in_one_server(row: Row, tmp_path: Path) -> None:
    with serving(tmp_path, durable=True) as server:
        step = {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 86_400}}
        path = stored(server, {"name": "Pause", "steps": [step]})
        fill(server, path, FEW)
        before = server.rss_kb()
        fill(server, path, WAITING)
        time.sleep(2)
        grown, threads = server.rss_kb() - before, server.threads()
        assert counted(server, "running") == FEW + WAITING
    row(f"{WAITING:,} runs that wait in a server: KB for each", f"{grown / WAITING:.1f}", "<= 10", f"{threads} threads")


def test_very_many_runs_have_ended(row: Row, tmp_path: Path) -> None:
    with serving(tmp_path / "few", durable=True) as few, serving(tmp_path / "many", durable=True) as many:
        first: list[str] = []
        for server, runs in ((few, FEW), (many, FINISHED // 5)):
            path = stored(server, chain(1))
            first.append(server.ask("POST", path, {"input": {"text": "hello"}})["execution_id"])
            fill(server, path, runs - 1)
            ended(server, runs)
        before = many.rss_kb()
        fill(many, path, FINISHED - FINISHED // 5)
        ended(many, FINISHED)
        grown = many.rss_kb() - before
        asked = {
            "list": [*in_turn(few, many, ("/executions", "/executions"))],
            "status": [*in_turn(few, many, tuple(f"/executions/{id_}" for id_ in first))],
        }
    row(
        f"{FINISHED:,} runs that have ended: MB, the last 4 in 5",
        f"{grown / 1024:.1f}",
        "0",
        f"now {before // 1024} MB",
    )
    for name, measured in asked.items():
        figure, short, long = (statistics.median(column) for column in zip(*measured, strict=True))
        what = f"{name}, p50, {FINISHED:,} ended runs / {FEW}"
        row(what, f"{figure:.2f}", "1", f"{long:.1f} / {short:.1f} ms")
