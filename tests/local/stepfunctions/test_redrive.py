"""Redrive, state type by state type (AWS page "Restarting state machine executions with redrive")."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from infra.local.stepfunctions.engine import REDRIVABLE_SECONDS, Engine
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import MemoryJournal
from tests.local.stepfunctions.support import EndedRun, branch, create, ended, engine, in_skipping_time, task

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


def test_a_task_starts_again_with_the_same_input_and_what_succeeded_is_kept() -> None:
    world = World()
    first = task("ok", "a", Output={"kept": 1}, Assign={"v": "{% $uuid() %}"})
    before, after = redriven(chain(a=first, b=task("bad", Output="{% $v %}")), world)
    assert (before.status, after.status, after.head.redrives) == ("FAILED", "SUCCEEDED", 1)
    assert world.calls == {"a": 1, "{'kept': 1}": 2}
    assert appended(before, after) == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    [exit_of_a, _] = after.of("TaskStateExited")
    assert exit_of_a["stateExitedEventDetails"]["assignedVariables"]["v"] == f'"{after.output}"'


def test_retries_are_counted_anew() -> None:
    world = World()
    state = task("counting", "{% $states.context.State.RetryCount %}", Retry=ALWAYS, Output={})
    before, after = redriven(chain(a=state), world, mends=False)
    assert (before.status, after.status) == ("FAILED", "FAILED")
    assert world.retries == [0, 1, 2, 0, 1, 2]


def test_a_redriven_run_may_be_redriven_again() -> None:
    world, journal = World(), MemoryJournal()
    definition = chain(a=task("ok", "a"), b=task("bad", "b"))

    async def work() -> EndedRun:
        on = engine(journal, world.handlers())
        arn = on.start(create(on, definition), "{}").arn
        for _ in range(3):
            await on.end_of(arn)
            on.redrive(arn)
        await on.end_of(arn)
        world.is_mended = True
        on.redrive(arn)
        return await ended(on, arn)

    run = in_skipping_time(work)
    assert (run.status, run.head.redrives) == ("SUCCEEDED", 4)
    assert world.calls == {"a": 1, "b": 5}
    counts = [e["executionRedrivenEventDetails"]["redriveCount"] for e in run.of("ExecutionRedriven")]
    assert counts == [1, 2, 3, 4]


def test_the_rules_of_a_choice_are_evaluated_again() -> None:
    condition = "{% $states.context.Execution.RedriveCount > 0 %}"
    definition = {
        "StartAt": "c",
        "States": {
            "c": {"Type": "Choice", "Choices": [{"Condition": condition, "Next": "d"}]},
            "d": {"Type": "Succeed", "Output": "{% $exists($states.context.Execution.RedriveTime) %}"},
        },
    }
    before, after = redriven(definition)
    assert (before.error, after.status, after.output) == ("States.NoChoiceMatched", "SUCCEEDED", True)
    assert appended(before, after)[0] == "ChoiceStateExited"


def test_a_fail_is_entered_again_and_fails_again() -> None:
    before, after = redriven(chain(a=task("ok", "a"), f={"Type": "Fail", "Error": "E"}))
    assert (before.error, after.error) == ("E", "E")
    assert appended(before, after) == ["FailStateEntered", "ExecutionFailed"]


def test_a_wait_for_a_moment_that_is_over_ends_at_once() -> None:
    async def stop(on: Engine, arn: str) -> None:
        await asyncio.sleep(5)
        on.stop_run(arn, "Enough", None)

    wait = {
        "Type": "Wait",
        "Timestamp": "{% $fromMillis($millis() + 60000 * (1 - $states.context.Execution.RedriveCount)) %}",
    }
    before, after = redriven(chain(w=wait, b=task("ok", "b")), first=stop)
    assert (before.status, after.status) == ("ABORTED", "SUCCEEDED")
    assert appended(before, after)[:2] == ["WaitStateExited", "TaskStateEntered"]


def test_a_parallel_runs_only_the_branches_again_that_did_not_succeed() -> None:
    world = World()
    parallel = {
        "Type": "Parallel",
        "Branches": [
            branch("fine", task("ok", "fine")),
            branch("slow", {"Type": "Wait", "Seconds": 3600}),
            chain(one=task("ok", "one"), two={"Type": "Wait", "Seconds": 5}, three=task("bad", "three", Retry=ALWAYS)),
        ],
        "Output": {},
        "End": True,
    }
    before, after = redriven(chain(p=parallel), world)
    assert (before.status, after.status) == ("FAILED", "SUCCEEDED")
    assert world.calls == {"fine": 1, "one": 1, "three": 4}
    assert Counter(appended(before, after))["WaitStateExited"] == 1


def test_a_map_runs_only_the_iterations_again_that_did_not_succeed() -> None:
    world = World()
    state = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input = 3 %}", "Next": "bad"}], "Default": "ok"}
    each = {
        "StartAt": "odd",
        "States": {
            "odd": state,
            **{name: task(name, Output="{% $states.result.Payload %}") for name in ("bad", "ok")},
        },
    }
    mapped = {"Type": "Map", "Items": "{% $shuffle([1..5]) %}", "MaxConcurrency": 1, "ItemProcessor": each, "End": True}
    before, after = redriven(chain(m={**mapped, "Output": "{% $sort($states.result) %}"}), world)
    assert (before.status, after.status, after.output) == ("FAILED", "SUCCEEDED", [1, 2, 3, 4, 5])
    assert world.calls == {"1": 1, "2": 1, "3": 2, "4": 1, "5": 1}


def test_an_iteration_that_failed_in_its_selector_begins_again() -> None:
    mapped = {
        "Type": "Map",
        "Items": [1, 2],
        "MaxConcurrency": 1,
        "ItemSelector": "{% $states.context.Execution.RedriveCount > 0 ? $states.context.Map.Item.Value * 10 %}",
        "ItemProcessor": branch("i", {"Type": "Pass"}),
        "End": True,
    }
    before, after = redriven(chain(m=mapped))
    assert (before.error, after.output) == ("States.QueryEvaluationError", [10, 20])


def test_containers_inside_containers_keep_what_succeeded() -> None:
    world = World()
    inner = {
        "Type": "Parallel",
        "Branches": [
            branch("x", task("ok", "{% 'x' & $states.input %}")),
            branch("y", task("bad", "{% 'y' & $states.input %}")),
        ],
        "Output": "{% $states.result.Payload %}",
    }
    outer = {"Type": "Map", "Items": [1, 2], "MaxConcurrency": 2, "ItemProcessor": branch("p", inner), "End": True}
    before, after = redriven(chain(m=outer), world)
    assert (before.status, after.output) == ("FAILED", [["x1", "y1"], ["x2", "y2"]])
    assert world.calls["x1"] == 1
    assert world.calls["y1"] + world.calls["y2"] >= 3


def test_a_container_that_was_too_large_runs_wholly_again() -> None:
    world = World()
    size = "$states.context.Execution.RedriveCount > 0 ? 10 : 200000"
    fill = {"Type": "Pass", "Output": f"{{% $pad('', {size}, 'x') %}}"}
    branches = [chain(**{f"t{n}": task("ok", f"t{n}"), f"f{n}": dict(fill)}) for n in (1, 2)]
    parallel = {"Type": "Parallel", "Branches": branches, "Output": {}, "End": True}
    before, after = redriven(chain(p=parallel), world)
    assert (before.error, after.status) == ("States.DataLimitExceeded", "SUCCEEDED")
    assert world.calls == {"t1": 2, "t2": 2}
    assert appended(before, after)[0] == "ParallelStateStarted"


def test_after_a_timeout_the_time_of_the_run_begins_anew() -> None:
    world = World()
    waits = {f"w{n}": {"Type": "Wait", "Seconds": 60} for n in range(2)}
    definition = {**chain(a=task("ok", "a"), **waits, b=task("ok", "b")), "TimeoutSeconds": 100}
    before, after = redriven(definition, world)
    assert (before.status, after.status) == ("TIMED_OUT", "SUCCEEDED")
    assert world.calls == {"a": 1, "b": 1}


def test_a_caught_failure_is_no_failure() -> None:
    world = World()
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "g", "Assign": {"e": "{% $states.errorOutput.Error %}"}}]
    definition = chain(c=task("bad", "c", Catch=catch), g=task("bad", "g", Output="{% $e %}"))
    before, after = redriven(definition, world)
    assert (before.error, after.output) == ("RuntimeError", "RuntimeError")
    assert world.calls == {"c": 1, "g": 2}


def test_a_callback_gets_a_new_token() -> None:
    tokens: list[str] = []

    async def work() -> EndedRun:
        on = engine(MemoryJournal(), {"ok": lambda event, context: tokens.append(event)})
        state = {**task("ok", "{% $states.context.Task.Token %}"), "TimeoutSeconds": 60}
        state["Resource"] += ".waitForTaskToken"
        arn = on.start(create(on, chain(a=state)), "{}").arn
        assert (await on.end_of(arn)).error == "States.Timeout"
        on.redrive(arn)
        while len(tokens) < 2:
            await asyncio.sleep(1)
        with pytest.raises(ServiceError, match="does not exist anymore"):
            await on.answers.send_success(tokens[0], "1")
        await on.answers.send_success(tokens[1], "2")
        return await ended(on, arn)

    assert in_skipping_time(work).output == 2


@pytest.mark.parametrize(
    ("definition", "age", "reason"),
    [
        ({"StartAt": "s", "States": {"s": {"Type": "Succeed"}}}, 0, "Execution is SUCCEEDED and cannot be redriven"),
        (
            {"StartAt": "s", "States": {"s": {"Type": "Fail"}}},
            REDRIVABLE_SECONDS + 1,
            "Execution redrivable period exceeded",
        ),
    ],
)
def test_what_cannot_be_redriven_is_refused(definition: dict[str, Any], age: int, reason: str) -> None:
    async def work() -> None:
        on = engine()
        arn = on.start(create(on, definition), "{}").arn
        await on.end_of(arn)
        await asyncio.sleep(age)
        with pytest.raises(ServiceError, match=reason) as refused:
            on.redrive(arn)
        assert refused.value.code == "ExecutionNotRedrivable"

    in_skipping_time(work)
