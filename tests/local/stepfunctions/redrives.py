"""Runs that fail and are redriven, and the functions that fail in them until they are mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.journal import MemoryJournal
from tests.local.stepfunctions.support import EndedRun, create, ended, engine, in_skipping_time

# Twice this is too much for one output, until the run is redriven.
FILLED = "$pad('', $states.context.Execution.RedriveCount > 0 ? 10 : 200000, 'x')"
ALWAYS = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "MaxAttempts": 2}]


class World:
    """Functions that fail until they are mended, and count their calls."""

    def __init__(self) -> None:
        self.is_mended = False
        self.calls: Counter[str] = Counter()
        self.retries: list[int] = []

    def ok(self, event: Any, context: Any) -> Any:
        self.calls[str(event)] += 1
        return event

    def bad(self, event: Any, context: Any) -> Any:
        self.calls[str(event)] += 1
        if not self.is_mended:
            raise RuntimeError("broken")
        return event

    def counting(self, event: Any, context: Any) -> Any:
        self.retries.append(event)
        if not self.is_mended:
            raise RuntimeError("broken")
        return event

    def handlers(self) -> dict[str, Any]:
        return {"ok": self.ok, "bad": self.bad, "counting": self.counting}


def redriven(
    definition: dict[str, Any],
    world: World | None = None,
    *,
    value: str = "{}",
    first: Callable[[Engine, str], Awaitable[Any]] | None = None,
    mends: bool = True,
) -> tuple[EndedRun, EndedRun]:
    """A run to its end, and again after the world was mended and the server started anew; both ends."""
    world = world or World()
    journal = MemoryJournal()

    async def begin() -> EndedRun:
        on = engine(journal, world.handlers())
        arn = on.start(create(on, definition), value).arn
        if first is not None:
            await first(on, arn)
        return await ended(on, arn)

    before = in_skipping_time(begin)
    world.is_mended = mends

    async def again() -> EndedRun:
        on = engine(journal, world.handlers())
        on.redrive(before.head.arn)
        return await ended(on, before.head.arn)

    after = in_skipping_time(again)
    assert after.events[: len(before.events)] == before.events
    assert after.events[len(before.events)]["type"] == "ExecutionRedriven"
    assert [e["id"] for e in after.events] == list(range(1, len(after.events) + 1))
    return before, after


def appended(before: EndedRun, after: EndedRun) -> list[str]:
    """The events since the redrive."""
    return after.types()[len(before.types()) + 1 :]


def chain(**states: dict[str, Any]) -> dict[str, Any]:
    """States one after the other."""
    names = list(states)
    for name, following in zip(names, [*names[1:], None], strict=True):
        state = states[name]
        if state["Type"] not in ("Fail", "Choice", "Succeed"):
            state.pop("End", None)
            state.update({"End": True} if following is None else {"Next": following})
    return {"StartAt": names[0], "States": states}
