"""Thousands of runs that end, recorded by the real recorder, sweeper and archiver; AWS and time are simulated.

Simulated are: EventBridge (events come late, twice, or never, without what is large), SQS with its visibility, Lambda with so many
invocations at once, the latency and the throttling of the table, and Step Functions' quotas, each a bucket of tokens. The
records stand in a real table.
"""

from __future__ import annotations

import heapq
import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pytest

from functions.execution_recorder import handler
from tests.support.backend_history import History
from tests.support.recorded_ends import OUTLINE, START, TENANT, after, arn, engine_on, event, machine_output, running
from workflow_engine.errors import ThrottledError
from workflow_engine.machines.ends import ExecutionEnd, of_event, of_last_event
from workflow_engine.run_output import MARKER
from workflow_engine.store import keys
from workflow_engine.store.executions import UNRECORDED_AFTER_SECONDS
from workflow_engine.store.items import Record
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.timestamps import iso
from workflow_engine.usecases.runs import record_execution

INVOCATION_SECONDS: Final = 0.010
"""From one invocation of a warm function to the next: polling, and Lambda's own part."""

CPU_SECONDS: Final = 0.0015
"""Of processor time for one end, which the threads of an invocation share. With botocore, its answers made up, an end of 10 KB
took 1.0 ms of a desktop's core.
"""

TABLE_SECONDS: Final = 0.006
QUEUE_VISIBILITY_SECONDS: Final = 360.0
BATCH: Final = 10


@dataclass(frozen=True, slots=True)
class Load:
    """What ends, and what goes wrong: parts of 1 of all ends."""

    ends_a_second: int = 1000
    seconds: int = 20
    invocations_at_once: int = 5
    histories_a_second: int = 20
    histories_at_once: int = 400
    descriptions_a_second: int = 15
    failed: float = 0.1
    redriven: float = 0.01
    left_out: float = 0.02
    marked: float = 0.01
    twice: float = 0.02
    late: float = 0.05
    lost: float = 0.003
    throttled: float = 0.01
    """Of the table's updates."""


class Quota:
    """A bucket of tokens that refills with time; it begins full."""

    def __init__(self, clock: Clock, per_second: float, size: float) -> None:
        self._clock, self._rate, self._size = clock, per_second, size
        self._level, self._at = size, clock.seconds
        self.refused = 0

    def take(self) -> None:
        level = self._level + (self._clock.seconds - self._at) * self._rate
        self._level, self._at = min(level, self._size), self._clock.seconds
        if self._level < 1:
            self.refused += 1
            raise ThrottledError("the account's quota is used up")
        self._level -= 1


class Clock:
    """The time of the simulation, in seconds after the start of every run."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return after(self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Run:
    """What a run came to: the details of its ends, in order, and when it was redriven."""

    name: str
    ends: list[dict[str, Any]]
    redriven_at: float | None = None
    output: dict[str, Any] | None = None
    is_told: bool = True
    """Whether an event tells its output."""

    @property
    def last(self) -> dict[str, Any]:
        return self.ends[-1]


class CountedTable:
    """A table that counts its calls, takes time for each, and is busy now and then."""

    def __init__(self, table: SqliteTable, throttled: float, dice: random.Random) -> None:
        self._table, self._throttled, self._dice = table, throttled, dice
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.by_key: defaultdict[str, list[str]] = defaultdict(list)
        self.lanes: defaultdict[int, float] = defaultdict(float)
        """Seconds that each thread has waited."""
        self.is_measured = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._table, name)
        if name not in ("get", "put", "update", "query", "find_by", "delete"):
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            if self.is_measured:
                with self._lock:
                    self._note(name, arguments)
            return real(*arguments, **options)

        return call

    def _note(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.calls[name] += 1
        self.lanes[threading.get_ident()] += TABLE_SECONDS
        if name in ("get", "update"):
            self.by_key[arguments[0]].append(name)
        if name == "update" and self._dice.random() < self._throttled:
            raise ThrottledError("the table is busy")


class SimulatedMachines:
    """Step Functions: how each run stands by now, within the account's quotas."""

    def __init__(self, runs: dict[str, Run], clock: Clock, load: Load) -> None:
        self._runs, self._clock = runs, clock
        self.histories = Quota(clock, load.histories_a_second, load.histories_at_once)
        self.descriptions = Quota(clock, load.descriptions_a_second, 250)
        self.calls: Counter[str] = Counter()

    def end(self, execution_arn: str) -> ExecutionEnd | None:
        self.calls["DescribeExecution"] += 1
        self.descriptions.take()
        return of_event(self._runs[execution_arn].last)

    def end_in_history(self, execution_arn: str) -> ExecutionEnd | None:
        self.calls["GetExecutionHistory"] += 1
        self.histories.take()
        return of_last_event(execution_arn, self._history(execution_arn)[-1])

    def events(self, execution_arn: str, _limit: int, _token: str | None, *, with_data: bool) -> tuple[Any, None]:
        assert with_data
        self.calls["GetExecutionHistory"] += 1
        self.histories.take()
        return list(self._history(execution_arn)), None

    def _history(self, execution_arn: str) -> list[dict[str, Any]]:
        run = self._runs[execution_arn]
        told = History()
        told.task("a", 1)
        return told.end(machine_output(run.output or {}))


@dataclass
class Simulation:
    """The load, and what came of it."""

    load: Load
    seed: int = 1
    lags: list[float] = field(default_factory=list)
    """Seconds from the end of a run to its record, of the ends whose events came at once and were taken at once."""
    drained_at: float = 0.0
    dead: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.clock = Clock()
        self.sqlite = SqliteTable()
        self.table = CountedTable(self.sqlite, self.load.throttled, self.dice)
        self.runs: dict[str, Run] = {}
        self.machines = SimulatedMachines(self.runs, self.clock, self.load)
        self.engine = engine_on(self.table, self.machines, now=self.clock.now)  # type: ignore[arg-type]  # ports, as far as they are used
        object.__setattr__(self.engine, "sleep", self.clock.sleep)

    def prepare(self) -> list[tuple[float, dict[str, Any]]]:
        """Write the records of the runs; gives the events of their ends by when they come."""
        coming: list[tuple[float, dict[str, Any]]] = []
        for number in range(self.load.ends_a_second * self.load.seconds):
            run = self._run(number)
            self.runs[arn(run.name)] = run
            self.engine.executions.create(running(run.name))
            for detail in run.ends:
                coming += self._deliveries(detail)
        return sorted(coming, key=lambda each: each[0])

    def _run(self, number: int) -> Run:
        dice, load, name = self.dice, self.load, f"run-{number}"
        at = 1 + number / load.ends_a_second
        failed = event("FAILED", at, execution_id=name, redrive_count=None, error="Boom", cause="It broke.")
        if dice.random() < load.redriven:
            output = {"n": number}
            again = event("SUCCEEDED", at + 3, execution_id=name, redrive_count=None, output=output)
            return Run(name, [failed, again], at + 1, output)
        if dice.random() < load.failed:
            return Run(name, [failed])
        output, is_told = {"n": number}, True
        ended = event("SUCCEEDED", at, execution_id=name, redrive_count=None, output=output)
        kind = dice.random()
        if kind < load.left_out:
            left_out = {"output": None, "outputDetails": {"included": False}}
            ended, is_told = ended | left_out, False
        elif kind < load.left_out + load.marked:
            ended = event("SUCCEEDED", at, execution_id=name, redrive_count=None, output={"n": dict(MARKER)})
            is_told = False
        return Run(name, [ended], None, output, is_told)

    def _deliveries(self, detail: dict[str, Any]) -> Iterator[tuple[float, dict[str, Any]]]:
        dice, load = self.dice, self.load
        at = detail["stopDate"] / 1000 - START.timestamp()
        if dice.random() < load.lost:
            return
        delay = dice.uniform(0.05, 0.3)
        if dice.random() < load.late:
            delay += dice.uniform(0, 30)
        yield at + delay, detail
        if dice.random() < load.twice:
            yield at + delay + dice.uniform(0, 30), detail

    def record(self, coming: list[tuple[float, dict[str, Any]]]) -> None:
        """Let the recorder take all events, `invocations_at_once` at a time."""
        queue = [(at, number, 1, detail) for number, (at, detail) in enumerate(coming)]
        heapq.heapify(queue)
        redrives = sorted((r.redriven_at, r.name) for r in self.runs.values() if r.redriven_at is not None)
        free = [0.0] * self.load.invocations_at_once
        heapq.heapify(free)
        self.table.is_measured = True
        while queue:
            begun = max(heapq.heappop(free), queue[0][0])
            while redrives and redrives[0][0] <= begun:
                self._redrive(*redrives.pop(0))
            batch: list[Any] = []
            while queue and len(batch) < BATCH and queue[0][0] <= begun:
                batch.append(heapq.heappop(queue))
            ended = self._invoke(begun, batch, queue)
            heapq.heappush(free, ended)
            self.drained_at = max(self.drained_at, ended)
        self.table.is_measured = False

    def _invoke(self, begun: float, batch: list[Any], queue: list[Any]) -> float:
        self.clock.seconds = begun
        self.table.lanes.clear()
        postponed: dict[str, int] = {}
        records = [self._message(number, received, detail) for _, number, received, detail in batch]
        with _queue(postponed):
            failed = {f["itemIdentifier"] for f in handler.handler({"Records": records}, None)["batchItemFailures"]}
        ended = begun + INVOCATION_SECONDS + CPU_SECONDS * len(batch) + max(self.table.lanes.values(), default=0.0)
        for came, number, received, detail in batch:
            if str(number) in failed:
                if received >= 10:
                    self.dead += 1
                    continue
                pause = postponed.get(str(number), QUEUE_VISIBILITY_SECONDS)
                heapq.heappush(queue, (ended + pause, number, received + 1, detail))
            elif received == 1:
                self.lags.append(ended - came)
        return ended

    def _message(self, number: int, received: int, detail: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": str(number),
            "receiptHandle": str(number),
            "body": json.dumps({"detail": detail}),
            "attributes": {"ApproximateReceiveCount": str(received)},
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:ended-runs",
        }

    def _redrive(self, at: float, name: str) -> None:
        """What the use case of a redrive writes before it asks Step Functions. It reads a run that has ended; this one's end may
        not be recorded yet.
        """
        changes: Record = {"status": "running", "status_rank": 1, "redrive_count": 1, "last_redrive_at": iso(after(at))}
        changes |= {"due_list": keys.due_execution(name), "due_at": iso(after(at + UNRECORDED_AFTER_SECONDS))}
        cleared = dict.fromkeys(("completed_at", "error", "output", "failed_steps"))
        self.sqlite.update(keys.execution(TENANT, name), keys.META, changes | cleared)

    def wrong(self, *, outputs: bool) -> list[str]:
        """Runs whose records are not as they ended; `outputs` says that those which no event told are looked at, too."""
        return [run.name for run in self.runs.values() if not self._is_right(run, outputs)]

    def _is_right(self, run: Run, outputs: bool) -> bool:
        found = self.engine.executions.get(TENANT, run.name)
        ended = of_event(run.last)
        count = len(run.ends) - 1
        if (found.status, found.redrive_count, found.completed_at) != (ended.status, count, iso(ended.stopped_at)):
            return run.is_told is False and found.status == ended.status  # a history has its own time
        if run.output is not None and (run.is_told or outputs):
            return found.output is not None and json.loads(found.output)["n"] == run.output["n"]
        return run.output is not None or found.error["type"] == "Boom"


@contextmanager
def _queue(postponed: dict[str, int]) -> Iterator[None]:
    class Queue:
        meta = type("Meta", (), {"endpoint_url": "https://sqs.example"})

        @staticmethod
        def change_message_visibility(*, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
            postponed[ReceiptHandle] = VisibilityTimeout

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(handler, "sqs", lambda: Queue)
        yield


@contextmanager
def simulated(load: Load) -> Iterator[Simulation]:
    """A simulation behind the recorder's handler."""
    made = Simulation(load)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(handler, "engine", lambda: made.engine)
        patched.setattr(record_execution, "outline", lambda *_: OUTLINE)
        try:
            yield made
        finally:
            made.sqlite.close()
