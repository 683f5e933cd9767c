"""What may be redriven, for how long, and once for each request; a server may die meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from infra.local.stepfunctions import redrive
from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import Head
from infra.local.stepfunctions.redrive import REDRIVABLE_SECONDS
from tests.local.stepfunctions.crashes import DyingJournal
from tests.local.stepfunctions.redrives import ALWAYS, World, chain, redriven
from tests.local.stepfunctions.support import branch, create, engine, in_skipping_time, task
from tests.local.stepfunctions.test_recovery import check_lines


def test_after_a_timeout_the_time_of_the_run_begins_anew() -> None:
    world = World()
    waits = {f"w{n}": {"Type": "Wait", "Seconds": 60} for n in range(2)}
    definition = {**chain(a=task("ok", "a"), **waits, b=task("ok", "b")), "TimeoutSeconds": 100}
    before, after = redriven(definition, world)
    assert (before.status, after.status) == ("TIMED_OUT", "SUCCEEDED")
    assert world.calls == {"a": 1, "b": 1}


FAILS: dict[str, Any] = {"StartAt": "s", "States": {"s": {"Type": "Fail"}}}


def refusal(on: Engine, arn: str) -> str:
    with pytest.raises(ServiceError) as refused:
        on.redrive(arn)
    assert refused.value.code == "ExecutionNotRedrivable"
    return refused.value.message


@pytest.mark.parametrize(
    ("definition", "age", "reason"),
    [
        (chain(s={"Type": "Succeed"}), 0, "Execution is SUCCEEDED and cannot be redriven"),
        (FAILS, REDRIVABLE_SECONDS - 60, None),
        (FAILS, REDRIVABLE_SECONDS + 1, "Execution redrivable period exceeded"),
        (
            chain(a={"Type": "Wait", "Seconds": 31_536_000}, b={"Type": "Fail"}),
            60,
            "Execution has exceeded the max execution time",
        ),
    ],
    ids=["succeeded", "in time", "too late", "too old"],
)
def test_what_cannot_be_redriven_is_refused(definition: dict[str, Any], age: int, reason: str | None) -> None:
    async def work() -> None:
        on = engine()
        arn = on.start(create(on, definition), "{}").arn
        await on.end_of(arn)
        await asyncio.sleep(age)
        if reason is None:
            on.redrive(arn)
            assert refusal(on, arn) == "Execution is RUNNING and cannot be redriven"
        else:
            assert refusal(on, arn) == reason

    in_skipping_time(work)


def test_a_history_with_no_room_left_cannot_be_redriven(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> list[str | None]:
        on = engine()
        reasons = []
        for limit in (4, 5):
            monkeypatch.setattr(redrive, "HISTORY_EVENTS", limit)
            arn = on.start(create(on, FAILS), "{}").arn
            head = await on.end_of(arn)
            assert len(on.journal.entries(arn)) == 3
            reasons.append(on.why_not_redrivable(head))
        return reasons

    # Fewer than 24,999 events leave room for the redrive and one more.
    assert in_skipping_time(work) == ["Execution history event limit exceeded", None]


def test_an_express_run_cannot_be_redriven() -> None:
    async def work() -> str | None:
        on = engine()
        return on.why_not_redrivable(await on.end_of(on.start(create(on, FAILS, "EXPRESS"), "{}").arn))

    assert in_skipping_time(work) == "Execution is EXPRESS and cannot be redriven"


def test_a_redrive_that_is_asked_for_twice_with_a_token_happens_once() -> None:
    async def work() -> None:
        on = engine()
        arn = on.start(create(on, FAILS), "{}").arn
        await on.end_of(arn)
        first = on.redrive(arn, "t")
        assert on.redrive(arn, "t") == first
        await on.end_of(arn)
        await asyncio.sleep(14 * 60)
        assert on.redrive(arn, "t") == first
        await asyncio.sleep(2 * 60)
        assert on.redrive(arn, "t") > first
        head = await on.end_of(arn)
        assert head.redrives == 2
        for number in range(10):
            on.redrive(arn, f"other {number}")
            await on.end_of(arn)
        # Only the last ten are known.
        assert on.redrive(arn, "t") > first
        assert (await on.end_of(arn)).redrives == 13

    in_skipping_time(work)


def test_a_redriven_run_whose_server_dies_after_any_line_comes_to_the_same_end() -> None:
    each = chain(
        i=task("ok", "{% 'i' & $states.input %}", Output="{% $states.input %}"),
        j=task("bad", "{% 'j' & $states.input %}", Retry=ALWAYS),
    )
    mapped = {"Type": "Map", "Items": [1, 2], "MaxConcurrency": 1, "ItemProcessor": each, "Output": {}}
    wait = {"Type": "Wait", "Seconds": 500}
    parallel = {"Type": "Parallel", "Branches": [branch("w", wait), branch("m", mapped)], "Output": {}}
    definition = chain(a=task("ok", "a"), p=parallel, z=task("ok", "z", Output="done"))

    def deaths_after(lines: float) -> tuple[bool, Head, Counter[str]]:
        """Whether it died, how the run ended, and the calls since the redrive."""
        world, journal = World(), DyingJournal()

        async def fail() -> str:
            on = engine(journal, world.handlers())
            arn = on.start(create(on, definition), "{}", "run").arn
            await on.end_of(arn)
            return arn

        arn = in_skipping_time(fail)
        world.is_mended = True
        world.calls.clear()

        async def first() -> bool:
            journal.lines_left, journal.died = lines, asyncio.Event()
            on = engine(journal, world.handlers())
            on.redrive(arn)
            ends = [asyncio.create_task(wait) for wait in (on.end_of(arn), journal.died.wait())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            on.close()
            return journal.died.is_set()

        async def second() -> Head:
            journal.lines_left = float("inf")
            on = engine(journal, world.handlers())
            on.recover()
            return await on.end_of(arn)

        died = in_skipping_time(first)
        head = in_skipping_time(second)
        check_lines(journal.entries(arn))
        return died, head, world.calls

    undisturbed = {"j1": 1, "i2": 1, "j2": 1, "z": 1}
    # The line of the redrive itself is one transaction with what is known of the run.
    for lines in range(2, 100):
        died, head, calls = deaths_after(lines)
        assert (head.status, head.output) == ("SUCCEEDED", '"done"')
        assert calls.keys() == undisturbed.keys()
        assert all(count <= 1 + died for count in calls.values())
        if not died:
            break
    else:
        raise AssertionError("It never ended undisturbed.")
    assert calls == undisturbed
