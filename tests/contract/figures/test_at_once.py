"""Several who count at once, very many runs, and who is killed in between."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from tests.contract.figures.support import DAY, NOW, World
from workflow_engine.errors import ThrottledError
from workflow_engine.store import keys
from workflow_engine.store.aggregates.contributions import End, Measured, Told
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.aggregates.step_durations import StepDurations
from workflow_engine.store.table import Change, Table
from workflow_engine.store.tables.sqlite import SqliteTable

NOTHING = ("retries", "tokens_in", "tokens_out", "llm_calls", "transition_nanos", "model_nanos")


@pytest.fixture
def in_memory() -> World:
    """For what moto takes half a minute to read."""
    return World(SqliteTable(), count(1))


class Interrupted:
    """A table, of which somebody else makes use before each of the first few transactions."""

    def __init__(self, table: Table, *others: Any) -> None:
        self._table, self._others = table, list(others)
        self.transactions: list[list[Change]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def write_all(self, changes: Iterable[Change]) -> None:
        if self._others:
            self._others.pop(0)()
        self.transactions.append(list(changes))
        self._table.write_all(self.transactions[-1])


def _interrupted(table: Table, *others: Any) -> Any:
    return Interrupted(table, *others)


def test_of_two_who_count_a_run_at_once_one_does(world: World) -> None:
    for execution_id in ("e1", "e2"):
        world.start(execution_id)
        world.end("completed", "01:00:00", execution_id=execution_id)
    told = world.told("e1", "e2")
    table = _interrupted(world.table, lambda: world.fold().add(told[:1]))
    world.fold(table).add(told)
    assert world.hours() == {"01": {"completed": 2}}


def test_many_who_are_told_the_same_at_once_count_each_run_once(in_memory: World) -> None:
    ended = [End("t", "w1", 1, "completed", (DAY + timedelta(hours=n % 5)).isoformat(), 0, n) for n in range(60)]
    told = [Told(("t", f"e{n}"), 1, end) for n, end in enumerate(ended)]

    def count_all(seed: int) -> None:
        fold, mixed = in_memory.fold(), random.Random(seed).sample(told, len(told))
        for first in range(0, len(mixed), 7):
            while True:
                with contextlib.suppress(ThrottledError):
                    fold.add(mixed[first : first + 7])
                    break

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_all, range(4)))
    assert in_memory.hours() == {f"{hour:02}": {"completed": 12} for hour in range(5)}
    assert in_memory.day() == ({"completed": 60}, Histogram.of(range(60)))


def test_who_gets_into_anothers_way_goes_on_beside_it(world: World) -> None:
    def busy() -> None:
        raise ThrottledError("busy")

    world.start()
    world.end("completed", "01:00:00")
    table = _interrupted(world.table, busy, busy)
    world.fold(table).add(world.told())
    assert world.hours() == {"01": {"completed": 1}}
    with pytest.raises(ThrottledError):
        world.fold(_interrupted(world.table, *[busy] * 9)).add(world.told())


def test_a_record_that_is_full_holds_up_no_runs(world: World) -> None:
    """Of 400 KB at most: all that comes behind in the stream would wait for what nobody can add."""
    long = "s" * 10_000
    sort_key = keys.figures("day", "2026-01-01", "00000001", "0.1", "0.0")
    full = {"1:" + "x" * 395_000: 1}
    world.table.add(keys.step_figures("t", "w1"), sort_key, full, {"tenant_id": "t", "version": 1})
    world.start()
    world.end("completed", "01:00:00")
    world.read([(long, 100)])
    world.count()
    found = world.day()
    assert found is not None
    assert (found.runs, found.numbers["sampled"]) == (1, 1)
    durations = StepDurations(world.table, lambda: NOW).step_durations("t", "w1", 1)
    assert [histogram.count for histogram in durations.values()] == [1, 1]


def test_many_runs_are_one_addition_for_each_record_of_figures(world: World) -> None:
    ids = [f"e{n}" for n in range(150)]
    for execution_id in ids:
        world.start(execution_id)
        world.end("completed", "01:00:00", execution_id=execution_id)
    table = _interrupted(world.table)
    assert world.fold(table).add(world.told(*ids)) == 150
    assert [len(transaction) for transaction in table.transactions] == [90 + 4, 60 + 4]
    assert world.hours() == {"01": {"completed": 150}}


def test_a_workflow_of_many_steps_has_several_records_each_of_some_of_them(world: World) -> None:
    steps = [(f"step_{n}", n * 10) for n in range(100)]
    world.start()
    world.end("completed", "01:00:00")
    world.read(steps)
    world.count()
    found, _ = world.figures.of_steps("t", "w1", "day", DAY, DAY + timedelta(days=1))
    assert {step: figures.durations for step, figures in found.items()} == {s: Histogram.of([ms]) for s, ms in steps}
    assert world.table.count(keys.step_figures("t", "w1")) == 2 * 7


def wide(number: int, at: timedelta, redrives: int, first_bucket: int) -> list[Told]:
    """What tells of a run whose steps have more numbers than a transaction takes twice."""
    end = End("t", "w1", 1, "completed", (DAY + at).isoformat(), redrives, None)
    steps = {f"{first_bucket + n % 40}:step_{n // 40}": 1 for n in range(2000)}
    measured = Measured(redrives, {**dict.fromkeys(NOTHING, 0), "groups": 16, "steps": steps})
    return [Told(("t", "e1"), number, end), Told(("t", "e1"), number, measured)]


def wide_steps(world: World) -> dict[str, Histogram]:
    until = DAY + timedelta(days=1)
    found, _ = world.figures.of_steps("t", "w1", "day", DAY - timedelta(days=3), until)
    return {step: figures.durations for step, figures in found.items() if figures.durations.count}


def test_more_than_a_transaction_takes_is_taken_back_first_and_then_added(in_memory: World) -> None:
    first, second = wide(1, timedelta(hours=-30), 0, 20), wide(2, timedelta(hours=5), 1, 100)
    in_memory.fold().add(first)
    table = _interrupted(in_memory.table)
    assert in_memory.fold(table).add(second) == 1
    assert len(table.transactions) == 2
    assert max(map(len, table.transactions)) <= 100
    in_memory.fold().add(second)
    assert wide_steps(in_memory) == {f"step_{n}": Histogram(dict.fromkeys(range(100, 140), 1)) for n in range(50)}
    assert in_memory.hours() == {"05": {"completed": 1, "redriven": 1, "sampled": 1}}


def test_who_is_killed_between_the_two_goes_on_with_the_second(in_memory: World) -> None:
    class KilledError(Exception):
        pass

    def killed() -> None:
        raise KilledError

    first, second = wide(1, timedelta(hours=-30), 0, 20), wide(2, timedelta(hours=5), 1, 100)
    in_memory.fold().add(first)
    with pytest.raises(KilledError):
        in_memory.fold(_interrupted(in_memory.table, lambda: None, killed)).add(second)
    assert wide_steps(in_memory) == {}
    in_memory.fold().add(second)
    assert len(wide_steps(in_memory)) == 50
    assert in_memory.hours() == {"05": {"completed": 1, "redriven": 1, "sampled": 1}}
