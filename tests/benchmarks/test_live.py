"""What it costs the laptop to be watched by very many, and how soon they are told.

Figures are printed, each with the one to reach; what is asserted holds on any machine.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.benchmarks.laptop import Row, Server, at_once, chain, milliseconds, serving, stored
from tests.benchmarks.watchers import polling, streaming
from tests.support.looking import awaited

pytestmark = pytest.mark.benchmark

STREAMS: Final = 200
POLLS: Final = 100
STARTS: Final = 150
ACTIVE: Final = 20
STEPS: Final = 30

WAITS: Final[dict[str, Any]] = {
    "name": "Waits",
    "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 3600}}],
}
PAUSES: Final[dict[str, Any]] = {
    "step_id": "pause",
    "step_type": "delay",
    "config": {"delay_seconds": 2},
}


def started(server: Server, path: str, runs: int) -> list[str]:
    body = {"input": {"text": "hello"}}
    return [str(server.ask("POST", path, body)["execution_id"]) for _ in range(runs)]


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def test_a_start_while_very_many_watch(row: Row, tmp_path: Path) -> None:
    """One server that is watched and one that is not are asked in turn, so that both have the same machine."""
    with ExitStack() as stack:
        idle = stack.enter_context(serving(tmp_path / "idle", durable=True))
        watched = stack.enter_context(serving(tmp_path / "watched", durable=True))
        paths = [stored(server, chain(1)) for server in (idle, watched)]
        runs = started(watched, stored(watched, WAITS), STREAMS)
        threads = watched.threads()
        streams = stack.enter_context(streaming(watched, runs))
        of_streams = watched.threads() - threads
        stack.enter_context(polling(watched, runs[:POLLS]))
        time.sleep(1)
        asks = [
            partial(s.ask, "POST", p, {"input": {"text": "x"}}) for s, p in zip((idle, watched), paths, strict=True)
        ]
        pairs = [[milliseconds(ask, 1)[0] for ask in asks] for _ in range(STARTS)]
        began = watched.cpu()
        time.sleep(5)
        cpu = (watched.cpu() - began) / 5
        assert streams.ended == 0
    assert of_streams < STREAMS / 4
    alone, beside = (statistics.median(column) for column in zip(*pairs, strict=True))
    of = f"{beside:.1f} / {alone:.1f} ms"
    row(f"start, p50, {STREAMS} streams and {POLLS} long polls / idle", f"{beside / alone:.2f}", "<= 2", of)
    row(f"threads of {STREAMS} streams", str(of_streams), "", "")
    row("CPU of the watched server while nothing happens", f"{cpu * 100:.1f} %", "", "of one core")


@pytest.mark.parametrize("others", [0, STREAMS], ids=["alone", "beside"])
def test_how_soon_an_event_is_told(others: int, row: Row, tmp_path: Path) -> None:
    """Chains of steps that begin after a pause, in which the streams are opened."""
    work = chain(STEPS)
    work["steps"][0]["dependencies"] = ["pause"]
    work["steps"].insert(0, PAUSES)
    with ExitStack() as stack:
        server = stack.enter_context(serving(tmp_path, durable=True))
        stack.enter_context(streaming(server, started(server, stored(server, WAITS), others)))
        path = stored(server, work)
        runs = at_once(ACTIVE, lambda _: started(server, path, 1)[0])
        streams = stack.enter_context(streaming(server, runs, is_timed=True))
        awaited(lambda: streams.ended >= ACTIVE)
    assert len(streams.latencies) >= ACTIVE * STEPS
    p50, p99 = percentile(streams.latencies, 0.5), percentile(streams.latencies, 0.99)
    what = f"event to client, {ACTIVE} runs at once" + (f" beside {others} streams" if others else "")
    row(f"{what}: p50, p99", f"{p50:.0f} ms", "", f"{p99:.0f} ms, {len(streams.latencies)} events")


LOAD: Final = 500
LOAD_STEPS: Final = 10
CLIENTS: Final = 20


def test_very_many_runs_while_very_many_watch(row: Row, tmp_path: Path) -> None:
    """Some clients start them as fast as they can; the streams are of runs that wait."""
    with ExitStack() as stack:
        server = stack.enter_context(serving(tmp_path, durable=True))
        path = stored(server, chain(LOAD_STEPS))
        waiting = stored(server, WAITS)
        streams = stack.enter_context(streaming(server, started(server, waiting, STREAMS)))
        began, cpu = time.monotonic(), server.cpu()
        with ThreadPoolExecutor(CLIENTS) as clients:
            ids = list(clients.map(lambda _: started(server, path, 1)[0], range(LOAD)))
        all_started = time.monotonic() - began
        done: set[str] = set()

        def ended() -> bool:
            for execution_id in [each for each in ids if each not in done]:
                if server.ask("GET", f"/executions/{execution_id}")["status"] == "completed":
                    done.add(execution_id)
                else:
                    break
            return len(done) == LOAD

        awaited(ended)
        took, cpu = time.monotonic() - began, server.cpu() - cpu
        assert streams.ended == 0
        assert server.ask("GET", "/executions/counts")["counts"]["completed"] == LOAD
    row(
        f"{LOAD} runs of {LOAD_STEPS} steps beside {STREAMS} streams",
        f"{took:.1f} s",
        "",
        f"all started in {all_started:.1f} s",
    )
    row("the same, steps a second", f"{LOAD * LOAD_STEPS / took:.0f}", "", f"{cpu / LOAD * 1000:.1f} ms of CPU a run")
