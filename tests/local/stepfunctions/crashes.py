"""A machine with everything that can be interrupted, and a journal that dies."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.local.stepfunctions.calls import MOST_RECOVERIES
from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.history import CONTAINER_FAILED, LAST_EVENTS, REPEATED
from infra.local.stepfunctions.journal import Entry, Head, MemoryJournal
from infra.local.stepfunctions.lambdas import Handler
from tests.local.stepfunctions.support import branch, create, engine, task

RETRY: Final = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 7, "MaxAttempts": 3, "JitterStrategy": "FULL"}]
CHILD: Final = {
    "StartAt": "C",
    "States": {"C": task("ok", {"step": "child"}, Output={"n": "{% $states.input.n + 1 %}"})},
}


def step(name: str, function: str = "ok", **fields: Any) -> dict[str, Any]:
    """A Task whose calls can be told apart: `key` is drawn anew for each attempt."""
    payload = {"step": name, "key": "{% $uuid() %}", "retry": "{% $states.context.State.RetryCount %}"}
    return task(function, payload | fields.pop("payload", {}), **fields)


MACHINE: Final = {
    "StartAt": "begin",
    "States": {
        "begin": {"Type": "Pass", "Assign": {"id": "{% $uuid() %}", "r": "{% $random() %}"}, "Next": "first"},
        "first": step("first", Assign={"first": "{% $states.result.Payload.step %}"}, Output={"x": 1}, Next="wait"),
        "wait": {"Type": "Wait", "Seconds": 3600, "Next": "flaky"},
        "flaky": step("flaky", "flaky", Retry=RETRY, Assign={"tries": "{% $states.result.Payload.retry %}"}, Next="side"),
        "side": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $r < 0.5 %}", "Next": "both", "Assign": {"side": "low"}}],
            "Default": "high",
        },
        "high": {"Type": "Pass", "Assign": {"side": "high"}, "Next": "both"},
        "both": {
            "Type": "Parallel",
            "Retry": RETRY,
            "Branches": [
                {"StartAt": "p1", "States": {"p1": step("p1", Next="p2"), "p2": step("p2")}},
                branch(
                    "each",
                    {
                        "Type": "Map",
                        "Items": "{% $shuffle([1..5]) %}",
                        "MaxConcurrency": 2,
                        "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"},
                        "ItemProcessor": branch(
                            "item", step("item", payload={"v": "{% $states.input.v %}"}, Output="{% $states.result.Payload.v %}")
                        ),
                    },
                ),
                {
                    "StartAt": "odd",
                    "States": {
                        "odd": step("odd", "odd", Next="rest", Catch=[{"ErrorEquals": ["Never"], "Next": "rest"}]),
                        "rest": {"Type": "Wait", "Seconds": 30, "Output": {}, "End": True},
                    },
                },
            ],
            "Assign": {"items": "{% $states.result[1] %}"},
            "Output": {},
            "Next": "callback",
        },
        "callback": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {"FunctionName": "ok", "Payload": {"step": "callback", "key": "{% $states.context.Task.Token %}"}},
            "TimeoutSeconds": 900_000,
            "Assign": {"answer": "{% $states.result %}"},
            "Next": "nested",
        },
        "nested": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:child", "Input": {"n": 41}},
            "Assign": {"nested": "{% $states.result.Output.n %}"},
            "Output": {},
            "Next": "last",
        },
        "last": step(
            "last",
            Output={
                "first": "{% $first %}",
                "tries": "{% $tries %}",
                "sided": "{% $side in ['low', 'high'] %}",
                "items": "{% $sort($items) %}",
                "answer": "{% $answer.ok %}",
                "nested": "{% $nested %}",
                "named": "{% $length($id) %}",
            },
        ),
    },
}  # fmt: skip
OUTPUT: Final = {
    "first": "first",
    "tries": 1,
    "sided": True,
    "items": [1, 2, 3, 4, 5],
    "answer": True,
    "nested": 42,
    "named": 36,
}


class Calls:
    """The handlers, and how often each attempt reached them. It outlives the engines, as the world does."""

    def __init__(self) -> None:
        self.lives = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def _count(self, event: Any) -> int:
        with self._lock:
            self.counts[event["step"], event.get("key", "")] += 1
            return sum(count for (name, _), count in self.counts.items() if name == event["step"])

    def ok(self, event: Any, context: Any) -> Any:
        self._count(event)
        return event

    def flaky(self, event: Any, context: Any) -> Any:
        self._count(event)
        if event["retry"] < 1:
            raise ValueError("again")
        return event

    def odd(self, event: Any, context: Any) -> Any:
        """Fails its whole Parallel once."""
        if self._count(event) < 2:
            raise ValueError("branch")
        return event

    def handlers(self) -> dict[str, Any]:
        return {"ok": self.ok, "flaky": self.flaky, "odd": self.odd}


class DyingJournal(MemoryJournal):
    """After so many lines nothing more is kept, and nothing more becomes durable.

    What a failing container aborts is kept with its failure: it is all of one turn of the loop, and so of one transaction.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines_left: float = float("inf")
        self.died = asyncio.Event()
        self._in_failure = False

    def append(self, arn: str, entry: Entry) -> None:
        self._in_failure = self._in_failure and entry.type.endswith("Aborted")
        if self.lines_left <= 0 and not self._in_failure:
            self.died.set()
            return
        self.lines_left -= 1
        self._in_failure = self._in_failure or entry.type == CONTAINER_FAILED
        super().append(arn, entry)

    def put_head(self, head: Head) -> None:
        entries = self.entries(head.arn)
        # A head goes with the first and the last line of its run, in one transaction.
        if self.lines_left > 0 or (entries and entries[-1].type in LAST_EVENTS):
            super().put_head(head)
        else:
            self.died.set()

    async def durable(self) -> None:
        if self.lines_left <= 0:
            self.died.set()
            await asyncio.Event().wait()


def may_be_given_up(journal: MemoryJournal, arn: str) -> bool:
    """Whether an attempt was made so often anew that another end of the server fails it."""
    return any(e.type == REPEATED and e.private["count"] >= MOST_RECOVERIES for e in journal.entries(arn))


async def answer_tokens(on: Engine) -> None:
    """Answer whatever waits for somebody, again and again."""
    while True:
        await asyncio.sleep(5)
        for token in list(on.answers.pending):
            await on.answers.send_success(token, json.dumps({"ok": True}))


def begin(on: Engine) -> None:
    """Start the run "run" of the machine with everything."""
    create(on, CHILD, name="child")
    on.start(create(on, MACHINE, name="parent"), '{"n":0}', "run")


async def live(
    journal: DyingJournal,
    calls: Calls,
    lines: float,
    start: Callable[[Engine], None] = begin,
    handlers: Mapping[str, Handler] | None = None,
) -> bool:
    """Start the run or let it go on, until it ends or the journal has taken so many more lines. Whether it has ended."""
    journal.lines_left, journal.died = lines, asyncio.Event()
    calls.lives += 1
    on = engine(journal, handlers or calls.handlers(), threads=4, randomness=random.Random(calls.lives))
    if journal.all_heads():
        on.recover()
    else:
        start(on)
    arn = next(head.arn for head in journal.all_heads() if head.name == "run")
    tasks = [asyncio.create_task(job) for job in (answer_tokens(on), on.end_of(arn), journal.died.wait())]
    await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
    for waiting in tasks:
        waiting.cancel()
    on.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    ended = journal.head(arn)
    return ended is not None and ended.status != "RUNNING" and not journal.died.is_set()
