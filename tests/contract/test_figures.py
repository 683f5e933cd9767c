"""How runs are counted, over either table: by their last end, once, and by several at once."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.integration.store.records import execution
from tests.support.listed_results import FIELDS, Listed, results
from workflow_engine.errors import ThrottledError
from workflow_engine.store import keys
from workflow_engine.store.aggregates.contributions import End, Measured, Told
from workflow_engine.store.aggregates.figures import FigureStore, RunFigures
from workflow_engine.store.aggregates.fold import Fold, is_telling
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.aggregates.step_durations import StepDurations
from workflow_engine.store.control import begin_redrive, take_back_redrive
from workflow_engine.store.ends import EndStore, RecordedEnd
from workflow_engine.store.executions import ExecutionStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.results import ResultsStore, StepResult
from workflow_engine.store.run_deletions import delete_run
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import Change, Table
from workflow_engine.store.tables.sqlite import SqliteTable

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = ("retries", "tokens_in", "tokens_out", "llm_calls", "transition_nanos", "model_nanos")
PAYLOADS = PayloadStore(MemoryObjects(), of_runs=True)


class Timed(Listed):
    """Results of steps that took so many milliseconds."""

    def read(self, *args: Any) -> Any:
        for result in super().read(*args):
            took = {"status": "completed", "execution_time_ms": result.result["output_data"], "retry_count": 1}
            yield StepResult(result.ordinal, result.key, {**FIELDS, **took})


@dataclass
class World:
    """The stores of runs on a table, and who tells of what they write."""

    table: Table
    numbers: Any

    @property
    def executions(self) -> ExecutionStore:
        return ExecutionStore(self.table, PAYLOADS, RunShards(self.table))

    @property
    def figures(self) -> FigureStore:
        return FigureStore(self.table)

    def fold(self, table: Table | None = None) -> Fold:
        return Fold(table or self.table, lambda: NOW)

    def start(self, execution_id: str = "e1") -> None:
        self.executions.create(execution(execution_id=execution_id, execution_arn=f"arn:{execution_id}"))

    def end(self, status: Any, at: str, redrive_count: int = 0, execution_id: str = "e1") -> None:
        end = RecordedEnd(f"arn:{execution_id}", status, f"2026-01-01T{at}.000Z", redrive_count)
        assert EndStore(self.table, PAYLOADS).record("t", execution_id, end)

    def read(self, milliseconds: Iterable[tuple[str, int]], redrive_count: int = 0, execution_id: str = "e1") -> None:
        kept = replace(results(PAYLOADS), steps=Timed(list(milliseconds)))
        run = {
            **kept.run,
            "usage": {"tokens_in": 5, "tokens_out": 6, "llm_calls": 1},
            "cost_usd": {"transitions": 0.000075, "models": 0.002},
        }
        store = ResultsStore(self.table, PAYLOADS)
        store.save("t", execution_id, redrive_count, lambda _: replace(kept, run=run))

    def told(self, *execution_ids: str) -> list[Told]:
        """What the stream has of the last writes of some runs."""
        found = []
        for execution_id in execution_ids or ("e1",):
            for sk in (keys.META, keys.RESULTS):
                record = self.table.get(keys.execution("t", execution_id), sk)
                if record is not None and (one := Told.of(record, next(self.numbers))):
                    found.append(one)
        return found

    def count(self, *execution_ids: str) -> None:
        self.fold().add(self.told(*execution_ids))

    def day(self, workflow_id: str | None = "w1") -> RunFigures | None:
        until = DAY + timedelta(days=1)
        return self.figures.of_runs("t", workflow_id, "day", DAY, until).get("2026-01-01")

    def hours(self) -> dict[str, dict[str, int]]:
        found = self.figures.of_runs("t", "w1", "hour", DAY, DAY + timedelta(days=1))
        return {period[-2:]: dict(figures.numbers) for period, figures in found.items()}


@pytest.fixture
def world(table: Table) -> World:
    return World(table, count(1))


@pytest.fixture
def in_memory() -> World:
    """For what moto takes half a minute to read."""
    return World(SqliteTable(), count(1))


def test_a_run_counts_in_its_hour_on_its_day_for_its_workflow_and_its_tenant_and_once(world: World) -> None:
    world.start()
    world.end("completed", "05:10:20")
    told = world.told()
    for _ in range(2):
        world.fold().add(told)
        world.count()  # it is told of a later write that changed nothing
    assert world.hours() == {"05": {"completed": 1}}
    assert world.day() == world.day(None)
    assert world.day() == ({"completed": 1}, Histogram.of([(5 * 3600 + 10 * 60 + 20) * 1000]))
    assert world.day("w2") is None


def test_only_who_completed_without_a_redrive_has_a_duration(world: World) -> None:
    for execution_id, status in (("e1", "failed"), ("e2", "timed_out"), ("e3", "cancelled")):
        world.start(execution_id)
        world.end(status, "01:00:00", execution_id=execution_id)
    world.count("e1", "e2", "e3")
    found = world.day()
    assert found is not None
    assert found.counts == {"completed": 0, "failed": 1, "cancelled": 1, "timed_out": 1}
    assert found.durations.count == 0


def test_a_rerun_from_a_step_counts_and_tells_nothing_of_how_long_the_workflow_takes(world: World) -> None:
    world.executions.create(execution(execution_arn="arn:e1", rerun_of="e0", variant_id="adhoc-1"))
    world.end("completed", "01:00:00")
    world.count()
    assert world.day() == ({"completed": 1}, Histogram())


def test_what_its_steps_did_counts_once_its_history_was_read(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    world.count()
    world.read([("a", 100), ("m", 900), ("m[0].b", 300), ("m[1].b", 400), ("each", 50), ("each[0]", 20)])
    world.count()
    world.count()
    found = world.day()
    assert found is not None
    assert dict(found.numbers) == {
        "completed": 1,
        "sampled": 1,
        "retries": 6,
        "tokens_in": 5,
        "tokens_out": 6,
        "llm_calls": 1,
        "transition_nanos": 75_000,
        "model_nanos": 2_000_000,
    }
    steps, _ = world.figures.of_steps("t", "w1", "hour", DAY, DAY + timedelta(days=1))
    assert {step: (figures.durations, figures.retries) for step, figures in steps.items()} == {
        "a": (Histogram.of([100]), 1),
        "m": (Histogram.of([900]), 1),
        "b": (Histogram.of([300, 400]), 2),
        "each": (Histogram.of([50]), 2),
    }
    durations = StepDurations(world.table, lambda: NOW).step_durations("t", "w1", 1)
    assert durations["b"] == Histogram.of([300, 400])


def test_results_that_are_told_before_the_end_wait_for_it(world: World) -> None:
    world.start()
    world.read([("a", 100)])
    world.count()
    assert world.day() is None
    world.end("completed", "01:00:00")
    world.count()
    found = world.day()
    assert found is not None
    assert found.numbers["sampled"] == 1


def test_a_redriven_run_counts_as_it_ended_last_and_its_former_end_is_taken_back(world: World) -> None:
    world.start()
    world.end("failed", "01:00:00")
    world.read([("a", 100)])
    world.count()
    begin_redrive(world.executions, world.executions.get("t", "e1"), "2026-01-01T02:00:00.000Z", None)
    world.count()
    assert world.hours()["01"]["failed"] == 1, "while it runs it counts as before"
    world.end("completed", "03:00:00", 1)
    world.count()
    assert world.hours() == {"03": {"completed": 1, "redriven": 1}}
    steps, _ = world.figures.of_steps("t", "w1", "day", DAY, DAY + timedelta(days=1))
    assert steps["a"].durations.count == 0
    world.read([("a", 100), ("b", 200)], 1)
    world.count()
    found = world.day()
    assert found is not None
    assert (found.runs, found.numbers["sampled"], found.durations.count) == (1, 1, 0)


def test_what_stood_still_until_a_redrive_is_no_duration_of_a_step(world: World) -> None:
    """A step that failed, and what it is in, were entered before the redrive and left after it."""
    world.start()
    world.end("completed", "23:00:00", 1)
    world.read([("a", 100), ("m", 22 * 3_600_000), ("m[0].b", 22 * 3_600_000)], 1)
    world.count()
    found = world.day()
    assert found is not None
    assert found.numbers["sampled"] == 1
    assert StepDurations(world.table, lambda: NOW).step_durations("t", "w1", 1) == {}
    steps, _ = world.figures.of_steps("t", "w1", "day", DAY, DAY + timedelta(days=1))
    assert {step: (figures.durations.count, figures.retries) for step, figures in steps.items()} == {
        "a": (0, 1),
        "m": (0, 1),
        "b": (0, 1),
    }


def test_a_redrive_that_was_never_made_changes_nothing(world: World) -> None:
    world.start()
    world.end("failed", "01:00:00")
    world.count()
    before = world.executions.get("t", "e1")
    begin_redrive(world.executions, before, "2026-01-01T02:00:00.000Z", None)
    world.count()
    take_back_redrive(world.executions, before, "2026-01-01T02:00:00.000Z")
    world.count()
    assert world.hours() == {"01": {"failed": 1}}


def test_a_deleted_run_stays_counted_and_is_not_counted_again(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    told = world.told()
    world.fold().add(told)
    assert delete_run(world.table, "t", "e1", NOW.timestamp())
    world.fold().add(told)
    assert world.hours() == {"01": {"completed": 1}}


def test_a_run_that_is_discarded_counts_nowhere_whatever_is_told_of_it(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    world.fold().discard("t", "e1")
    world.count()
    assert world.day() is None


def test_an_end_of_long_ago_is_not_counted_since_it_is_forgotten_what_was(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    Fold(world.table, lambda: NOW + timedelta(days=91)).add(world.told())
    assert world.day() is None


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


def test_figures_of_a_workflow_are_deleted_and_those_of_its_tenant_stay(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    world.read([("a", 100)])
    world.count()
    partitions = keys.figures_of(keys.workflow("t", "w1"))
    assert list(world.figures.delete("t", *partitions)) == [4]
    assert list(world.figures.delete("t", *partitions)) == []
    assert world.day() is None
    assert StepDurations(world.table, lambda: NOW).step_durations("t", "w1", 1) == {}
    assert world.day(None) is not None
    assert list(world.figures.delete("t", keys.run_figures("t"))) == [2]
    assert world.day(None) is None


def test_what_is_taken_back_of_figures_that_have_gone_leaves_nothing_below_zero(world: World) -> None:
    world.start()
    world.end("failed", "01:00:00")
    world.count()
    assert list(world.figures.delete("t", keys.run_figures("t", "w1"))) == [2]
    begin_redrive(world.executions, world.executions.get("t", "e1"), "2026-01-01T02:00:00.000Z", None)
    world.end("completed", "03:00:00", 1)
    world.count()
    assert world.hours() == {"03": {"completed": 1, "redriven": 1}}


def test_figures_and_what_is_known_of_runs_expire(world: World) -> None:
    world.start()
    world.end("completed", "01:30:00")
    world.count()
    hour, day = (
        world.table.get(keys.run_figures("t", "w1"), keys.figures(grain, period, "0.0"))
        for grain, period in (("hour", "2026-01-01T01"), ("day", "2026-01-01"))
    )
    known = world.table.get(keys.counted("t", "e1"), keys.META)
    assert hour is not None
    assert day is not None
    assert known is not None
    seconds = [datetime.fromtimestamp(record["expires_at"], UTC) for record in (hour, day, known)]
    assert seconds == [
        DAY + timedelta(hours=2, days=90),
        DAY + timedelta(days=1 + 731),
        NOW + timedelta(days=100),
    ]


def test_a_run_in_a_while_tells_of_which_version_steps_were_measured(world: World) -> None:
    told: list[Any] = []
    fold = Fold(world.table, lambda: NOW, lambda *version: told.append(version))
    telling = next(f"e{i}" for i in range(1000) if is_telling(f"e{i}"))
    silent = next(f"e{i}" for i in range(1000) if not is_telling(f"e{i}"))
    for execution_id in (telling, silent):
        world.start(execution_id)
        world.end("completed", "05:10:20", execution_id=execution_id)
    fold.add(world.told(telling, silent))
    assert told == []  # their histories were not read
    world.read([("a", 100)], execution_id=silent)
    fold.add(world.told(silent))
    assert told == []
    world.read([("a", 100)], execution_id=telling)
    fold.add(world.told(telling))
    fold.add(world.told(telling))
    assert told == [("t", "w1", 1)]
    assert 0.1 < sum(map(is_telling, map(str, range(10_000)))) / 10_000 < 0.15
