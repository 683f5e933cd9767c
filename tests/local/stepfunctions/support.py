"""Running machines on the embedded engine from a test, in time that skips."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.history import shown
from infra.local.stepfunctions.journal import Entry, Head, Journal, MemoryJournal
from infra.local.stepfunctions.lambdas import Handler, LambdaFunctions
from infra.local.stepfunctions.waiting import SkippingLoop

T = TypeVar("T")

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
INVOKE: Final = "arn:aws:states:::lambda:invoke"
CALLBACK: Final = f"{INVOKE}.waitForTaskToken"
SYNC: Final = "arn:aws:states:::states:startExecution.sync:2"
ACTIVITY: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:activity:review"
# Far longer than anything takes: only what hangs reaches it.
PATIENCE_SECONDS: Final = 60.0
PATIENCE_TURNS: Final = 6000
_numbers: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class EndedRun:
    """How an execution ended, with its whole history; `entries` are the journal's lines."""

    head: Head
    events: list[dict[str, Any]]
    entries: list[Entry]

    @property
    def status(self) -> str:
        return self.head.status

    @property
    def output(self) -> Any:
        return None if self.head.output is None else json.loads(self.head.output)

    @property
    def error(self) -> str | None:
        return self.head.error

    @property
    def cause(self) -> str | None:
        return self.head.cause

    def types(self) -> list[str]:
        """The types of the events, in order."""
        return [event["type"] for event in self.events]

    def of(self, event_type: str) -> list[dict[str, Any]]:
        """The events of one type, in order."""
        return [event for event in self.events if event["type"] == event_type]


def in_skipping_time(work: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine in a loop that skips time."""
    loop = SkippingLoop()
    try:
        return loop.run_until_complete(work())
    finally:
        left = asyncio.all_tasks(loop)
        for waiting in left:
            waiting.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()


def engine(journal: Journal | None = None, handlers: Mapping[str, Handler] | None = None, **options: Any) -> Engine:
    """An engine in the running loop, with functions of these names."""
    functions = LambdaFunctions(region=REGION, account=ACCOUNT, handlers=handlers)
    options.setdefault("randomness", random.Random(1))
    return Engine(journal or MemoryJournal(), functions, **options)


def create(on: Engine, definition: Mapping[str, Any], kind: str = "STANDARD", name: str | None = None) -> str:
    """Create a machine, in JSONata if it names no language; gives its ARN."""
    text = json.dumps({"QueryLanguage": "JSONata", **definition})
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name or f'machine-{next(_numbers)}'}"
    record = {"definition": on.keep_definition(text), "type": kind, "role": f"arn:aws:iam::{ACCOUNT}:role/machines"}
    on.journal.put_record("machine", arn, record)
    return arn


async def ended(on: Engine, arn: str) -> EndedRun:
    """Wait for an execution's end."""
    head = await on.end_of(arn)
    entries = on.journal.entries(arn)
    return EndedRun(head, [shown(entry) for entry in entries if entry.id], entries)


def run(
    definition: Mapping[str, Any],
    value: Any = None,
    handlers: Mapping[str, Handler] | None = None,
    *,
    journal: Journal | None = None,
    **options: Any,
) -> EndedRun:
    """Create a machine and run it to its end, in skipping time."""

    async def work() -> EndedRun:
        on = engine(journal, handlers, **options)
        text = json.dumps({} if value is None else value)
        return await ended(on, on.start(create(on, definition), text).arn)

    return in_skipping_time(work)


def single(state: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A machine of one state named "S", beside further states if given."""
    return {"StartAt": "S", "States": {"S": state, **more}}


def run_state(state: Mapping[str, Any], value: Any = None, handlers: Any = None, **more: Any) -> EndedRun:
    """Run a machine of one state named "S", beside further states if given."""
    return run(single(state, **more), value, handlers)


def with_engine(
    definition: dict[str, Any], drive: Callable[[Engine, str], Awaitable[Any]], handlers: Any = None, **options: Any
) -> EndedRun:
    """Start a machine, let `drive` do something to it meanwhile, and return how it ended."""

    async def work() -> EndedRun:
        on = engine(None, handlers, **options)
        arn = on.start(create(on, definition), "{}").arn
        await drive(on, arn)
        return await ended(on, arn)

    return in_skipping_time(work)


def task(name: str = "f", payload: Any = "{% $states.input %}", **more: Any) -> dict[str, Any]:
    """A Task on a function."""
    end = {} if "Next" in more else {"End": True}
    return {"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": name, "Payload": payload}, **end, **more}


def callback(**more: Any) -> dict[str, Any]:
    """A Task that ends when its token is answered; its function is given the token."""
    return {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK, **more}


def branch(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """A branch or an item processor of one state."""
    return {"StartAt": name, "States": {name: {"End": True, **state}}}


async def until(holds: Callable[[], Any]) -> None:
    """Wait, in the loop's time, until something holds. Raises AssertionError when it does not come to that."""
    for _ in range(PATIENCE_TURNS):
        if holds():
            return
        await asyncio.sleep(PATIENCE_SECONDS / PATIENCE_TURNS)
    raise AssertionError("What was waited for has not happened.")
