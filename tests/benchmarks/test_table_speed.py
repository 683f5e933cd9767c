"""The table in a file: a list of many runs beside one of few, and writes a second, alone and from many threads."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from workflow_engine.store.executions import Execution, ExecutionStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.files import FileObjects
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.shards import RunShards
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.timestamps import iso

FEW: Final = 50
MANY: Final = 5_000
ROUNDS: Final = 200
WRITES: Final = 400
START: Final = datetime(2026, 1, 1, tzinfo=UTC)


def run(number: int, started_by: str = "") -> Execution:
    started_at = iso(START + timedelta(seconds=number))
    workflow = f"w{number % 10}"
    id_ = f"{started_by}{number:06}"
    return Execution("t", id_, workflow, 1, "Name", "running", started_at, f"arn:{id_}", metadata={"note": "x" * 500})


def filled(path: Path, runs: int) -> ExecutionStore:
    """Runs, of which one in ten has failed. Not synced while it is filled."""
    table = SqliteTable(path)
    table._database._writer.execute("PRAGMA synchronous=OFF")
    store = ExecutionStore(table, PayloadStore(FileObjects(path.parent / "objects")), RunShards(table))
    for number in range(runs):
        store.create(run(number), "{}", 2_000_000_000)
        if number % 10 == 0:
            store.update_status(run(number), "failed", 0)
    table._database._writer.execute("PRAGMA synchronous=FULL")
    return store


def microseconds(ask: Callable[[ExecutionStore], object], store: ExecutionStore) -> float:
    """The median of many calls, after one."""
    ask(store)
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask(store)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


def writes_a_second(store: ExecutionStore, threads: int) -> tuple[float, float]:
    """Records created by so many threads at once: a second, and a second of CPU."""

    def create(thread: int) -> None:
        for number in range(WRITES // threads):
            store.create(run(number, f"{threads}-{thread}-"))

    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(create, range(threads)))
    return WRITES / (time.perf_counter() - began), WRITES / (time.process_time() - cpu)


def syncs_a_second(path: Path) -> float:
    """What the disk does at best: one small write and one sync."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    began = time.perf_counter()
    for _ in range(100):
        os.write(descriptor, b"x" * 4096)
        os.fsync(descriptor)
    os.close(descriptor)
    return 100 / (time.perf_counter() - began)


@pytest.mark.benchmark
def test_table_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few, many = filled(tmp_path / "few.sqlite", FEW), filled(tmp_path / "many.sqlite", MANY)
    asked: dict[str, Callable[[ExecutionStore], object]] = {
        "runs, 20": lambda store: store.page("t", RunFilter(), 20),
        "runs, 50": lambda store: store.page("t", RunFilter(), 50),
        "that failed, 5": lambda store: store.page("t", RunFilter(status="failed"), 5),
        "of a workflow, 5": lambda store: store.page("t", RunFilter("w3"), 5),
        "of no such status": lambda store: store.page("t", RunFilter(status="timed_out"), 20),
        "one run": lambda store: store.get("t", "000007"),
        "by its ARN": lambda store: store.find_by_arn("arn:000007"),
    }
    with capsys.disabled():
        print(f"\n{'microseconds':<20} {FEW:>8} {MANY:>8}  ratio")
        for name, ask in asked.items():
            first, second = microseconds(ask, few), microseconds(ask, many)
            print(f"{name:<20} {first:>8.0f} {second:>8.0f} {second / first:>6.2f}")
        print(
            f"\n{'writes':<20} {'/ s':>8} {'/ CPU s':>8}    (syncs of this disk: {syncs_a_second(tmp_path / 'x'):.0f} / s)"
        )
        for threads in (1, 8, 20):
            a_second, of_cpu = writes_a_second(many, threads)
            print(f"{f'{threads} threads':<20} {a_second:>8.0f} {of_cpu:>8.0f}")
