"""Figures of 100,000 runs: what it takes to count one, beside what its end takes, and to read them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from functions.run_counter import handler
from infra.local.table_stream import BATCH, stream_event
from tests.benchmarks.laptop import Row
from tests.integration.store.records import workflow
from tests.support.backend_cloud import backend, counted
from tests.support.listed_results import Listed, results
from tests.support.recorded_ends import SETTINGS
from workflow_engine.statuses import RUN_ENDS
from workflow_engine.store import keys
from workflow_engine.store.aggregates.contributions import End, Told
from workflow_engine.store.aggregates.stream import streamed
from workflow_engine.store.ends import RecordedEnd
from workflow_engine.store.executions import Execution
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.results import StepResult
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine, Laptop
from workflow_engine.usecases.runs.read_stats import Asked, tenant_stats, workflow_stats

RUNS: Final = 100_000
READ: Final = 10
"""Of so many runs the history of one was read."""
WORKFLOWS: Final = 20
STEPS: Final = 20
DAYS: Final = 30
ROUNDS: Final = 30
NOW: Final = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
TENANT: Final = "t"


class Steps(Listed):
    """Steps that took a time of their own, given as their outputs."""

    def read(self, *args: Any) -> Iterator[StepResult]:
        for result in super().read(*args):
            took = {"status": "completed", "execution_time_ms": result.result["output_data"], "retry_count": 0}
            yield replace(result, result=took | {"output_data": None})


def engine_on(table: SqliteTable) -> Engine:
    unused: Any = None
    return Engine(SETTINGS, now=lambda: NOW, laptop=Laptop(table, MemoryObjects(), unused, unused, unused))


def execution(number: int) -> Execution:
    started_at = iso(NOW - timedelta(days=DAYS) + timedelta(days=DAYS) * number / RUNS)
    id_ = f"{number:06}"
    return Execution(TENANT, id_, f"w{number % WORKFLOWS}", 1, "Name", "running", started_at, f"arn:{id_}")


def end(engine: Engine, number: int) -> None:
    """Record the end of a run, and of some what their histories tell."""
    run = execution(number)
    took = timedelta(milliseconds=500 + number * 7919 % 9000)
    ended_at = iso(datetime.fromisoformat(run.started_at) + took)
    status = "completed" if number % 8 else RUN_ENDS[number // 8 % 4]
    assert engine.ends.record(TENANT, run.execution_id, RecordedEnd(run.execution_arn, status, ended_at, 0))
    if number % READ == 0:
        steps = Steps([(f"step_{n}", 10 + number * (n + 31) % 2000) for n in range(STEPS)])
        found = replace(results(engine.payloads), steps=steps)
        told = {**found.run, "usage": {"tokens_in": 900, "tokens_out": 90, "llm_calls": 2}}
        told["cost_usd"] = {"transitions": 0.0005, "models": 0.002}
        engine.results.save(TENANT, run.execution_id, 0, lambda _: replace(found, run=told))


def microseconds(ask: Callable[[], object], rounds: int) -> float:
    ask()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


def recorded(table: SqliteTable, engine: Engine, numbers: range) -> float:
    """Microseconds of CPU for the end of a run, the log not synced."""
    table._database._writer.execute("PRAGMA synchronous=OFF")
    for number in numbers:
        engine.executions.create(execution(number))
    began = time.process_time()
    for number in numbers:
        end(engine, number)
    return (time.process_time() - began) / len(numbers) * 1e6


@pytest.mark.benchmark
def test_figures_of_many_runs(tmp_path: Path, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    without = SqliteTable(tmp_path / "without.sqlite")
    untold = recorded(without, engine_on(without), range(5_000))
    without.close()
    table = SqliteTable(tmp_path / "table.sqlite", streamed=streamed)
    engine = engine_on(table)
    monkeypatch.setattr(handler, "engine", lambda: engine)
    told = recorded(table, engine, range(5_000))
    recorded(table, engine, range(5_000, RUNS))
    for number in range(WORKFLOWS):
        engine.workflows.create(workflow(id=f"w{number}"))
    table._database._writer.execute("PRAGMA synchronous=FULL")

    began, cpu = time.perf_counter(), time.process_time()
    while changes := table.changes(BATCH):
        assert handler.handler(stream_event(changes), None) == {"batchItemFailures": []}
        table.forget_changes(changes[-1][0])
    folded, of_cpu = time.perf_counter() - began, time.process_time() - cpu

    caller = Caller(TENANT)
    days = tenant_stats(engine, caller, Asked(bucket="day", since=NOW - timedelta(days=DAYS)))
    assert (days["total"]["runs"], days["total"]["sampled"]["runs"]) == (RUNS, RUNS // READ)
    week = Asked(NOW - timedelta(days=6))
    asked: dict[str, Callable[[], object]] = {
        "GET /stats, 24 hours": lambda: tenant_stats(engine, caller, Asked()),
        "GET /stats, 7 days by hour": lambda: tenant_stats(engine, caller, week),
        "GET /stats, 30 days": lambda: tenant_stats(engine, caller, Asked(bucket="day")),
        "GET /workflows/{id}/stats, 24 hours": lambda: workflow_stats(engine, caller, "w0", Asked()),
        "GET /workflows/{id}/stats, 7 days by hour": lambda: workflow_stats(engine, caller, "w0", week),
        "GET /workflows/{id}/stats, 30 days": lambda: workflow_stats(engine, caller, "w0", Asked(bucket="day")),
    }
    row("the end of a run, nothing told of it, of CPU", f"{untold:.0f} us", "", "5,000 runs, SQLite, not synced")
    row("the end of a run, told to who counts, of CPU", f"{told:.0f} us", "", "the same")
    row("to count a run, behind its end, by the clock", f"{folded / RUNS * 1e6:.0f} us", "", f"{RUNS:,} runs, synced")
    row("to count a run, of CPU", f"{of_cpu / RUNS * 1e6:.0f} us", "", "the same")
    for name, ask in asked.items():
        row(name, f"{microseconds(ask, ROUNDS) / 1000:.1f} ms", "< 100 ms", f"{RUNS:,} runs, {WORKFLOWS} workflows")
    records = table.count(keys.run_figures(TENANT)) + table.count(keys.run_figures(TENANT, "w0"))
    row("records of figures of a tenant and one workflow", f"{records}", "", f"{DAYS} days")
    table.close()


@pytest.mark.benchmark
def test_requests_for_a_counted_run(row: Row) -> None:
    with backend() as engine, counted(engine.dynamodb) as calls:
        object.__setattr__(engine, "now", lambda: NOW)
        ended = [End(TENANT, f"w{n % 3}", 1, "completed", iso(NOW), 0, n) for n in range(270)]
        engine.fold.add([Told((TENANT, f"e{n}"), n, one) for n, one in enumerate(ended)])
    told = ", ".join(f"{calls.count(call)} {call}" for call in dict.fromkeys(calls))
    row("requests to DynamoDB to count 270 runs of 3 workflows", f"{len(calls)}", "", told)
