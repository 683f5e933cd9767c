"""Redrive, state type by state type (AWS page "Restarting state machine executions with redrive")."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import Head, MemoryJournal
from tests.local.stepfunctions.redrives import ALWAYS, FILLED, World, appended, chain, redriven
from tests.local.stepfunctions.support import SYNC, EndedRun, branch, create, ended, engine, in_skipping_time, task


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
    assert (before.error, after.status, after.output) == ("States.Runtime", "SUCCEEDED", True)
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


def test_a_wait_for_seconds_waits_again() -> None:
    async def stop(on: Engine, arn: str) -> None:
        await asyncio.sleep(50)
        on.stop_run(arn, None, None)

    before, after = redriven(chain(w={"Type": "Wait", "Seconds": 60}, b=task("ok", "b")), first=stop)
    assert appended(before, after)[0] == "WaitStateExited"
    [redrive], [left] = after.of("ExecutionRedriven"), after.of("WaitStateExited")
    assert 60 <= round(left["timestamp"] - redrive["timestamp"], 1) < 70


def test_a_pass_that_was_left_is_not_run_again_and_one_that_failed_is() -> None:
    flaky = {"Type": "Pass", "Output": "{% $states.context.Execution.RedriveCount = 1 ? $v %}"}
    before, after = redriven(chain(a={"Type": "Pass", "Assign": {"v": "{% $uuid() %}"}}, b=flaky))
    assert (before.error, after.status) == ("States.QueryEvaluationError", "SUCCEEDED")
    assert appended(before, after) == ["PassStateExited", "ExecutionSucceeded"]
    [assigned] = [e["stateExitedEventDetails"] for e in before.of("PassStateExited")]
    assert assigned["assignedVariables"]["v"] == f'"{after.output}"'


def test_a_succeed_that_failed_in_its_output_succeeds() -> None:
    last = {"Type": "Succeed", "Output": "{% $states.context.Execution.RedriveCount = 1 ? 'done' %}"}
    before, after = redriven(chain(s=last))
    assert (before.error, after.output) == ("States.QueryEvaluationError", "done")
    assert appended(before, after) == ["SucceedStateExited", "ExecutionSucceeded"]


def test_the_time_of_a_task_begins_anew() -> None:
    world = World()
    state = {**task("ok", "t"), "TimeoutSeconds": 100}
    state["Resource"] += ".waitForTaskToken"
    state["Arguments"]["Payload"] = "{% $states.context.Task.Token %}"
    before, after = redriven(chain(a=state), world)
    assert (before.error, after.error) == ("States.Timeout", "States.Timeout")
    assert appended(before, after) == [
        *("TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskTimedOut", "ExecutionFailed")
    ]
    [_, again], [_, late] = after.of("TaskScheduled"), after.of("TaskTimedOut")
    assert 100 <= round(late["timestamp"] - again["timestamp"], 1) < 110


def test_a_task_that_was_stopped_starts_again() -> None:
    world = World()
    state = task("ok", "t", Retry=ALWAYS)
    state["Resource"] += ".waitForTaskToken"
    state["Arguments"]["Payload"] = "{% $states.context.Task.Token %}"

    async def stop(on: Engine, arn: str) -> None:
        await asyncio.sleep(30)
        on.stop_run(arn, "Enough", None)

    before, after = redriven(chain(a={**state, "TimeoutSeconds": 60}), world, first=stop)
    assert (before.status, after.error) == ("ABORTED", "States.Timeout")
    assert len(world.calls) == 4
    assert len(after.of("TaskTimedOut")) == 3


def test_a_nested_execution_is_started_anew_with_the_same_input() -> None:
    world, journal = World(), MemoryJournal()

    async def work() -> tuple[EndedRun, list[Head]]:
        on = engine(journal, world.handlers())
        child = create(on, chain(a=task("ok", "once"), b=task("bad", "twice")), name="child")
        nested = {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": child, "Input": "{% $uuid() %}"}}
        arn = on.start(create(on, chain(n=nested)), "{}").arn
        assert (await on.end_of(arn)).error == "States.TaskFailed"
        world.is_mended = True
        on.redrive(arn)
        return await ended(on, arn), on.journal.heads(child, None, 0, 10)

    run, children = in_skipping_time(work)
    assert run.status == "SUCCEEDED"
    assert [child.status for child in children] == ["SUCCEEDED", "FAILED"]
    assert world.calls == {"once": 2, "twice": 2}


def test_a_nested_execution_with_a_name_of_its_own_finds_the_name_taken() -> None:
    async def work() -> EndedRun:
        on = engine()
        child = create(on, chain(f={"Type": "Fail"}), name="child")
        nested = {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": child, "Name": "only"}}
        arn = on.start(create(on, chain(n=nested)), "{}").arn
        await on.end_of(arn)
        on.redrive(arn)
        return await ended(on, arn)

    assert in_skipping_time(work).error == "StepFunctions.ExecutionAlreadyExistsException"


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
    fill = {"Type": "Pass", "Output": f"{{% {FILLED} %}}"}
    branches = [chain(**{f"t{n}": task("ok", f"t{n}"), f"f{n}": dict(fill)}) for n in (1, 2)]
    parallel = {"Type": "Parallel", "Branches": branches, "Output": {}, "End": True}
    before, after = redriven(chain(p=parallel), world)
    assert (before.error, after.status) == ("States.DataLimitExceeded", "SUCCEEDED")
    assert world.calls == {"t1": 2, "t2": 2}
    assert appended(before, after)[0] == "ParallelStateStarted"


def test_a_map_that_was_too_large_runs_wholly_again() -> None:
    world = World()
    each = chain(t=task("ok", "{% $states.input %}"), f={"Type": "Pass", "Output": f"{{% {FILLED} %}}"})
    mapped = {"Type": "Map", "Items": [1, 2], "ItemProcessor": each, "Output": {}}
    before, after = redriven(chain(m=mapped), world)
    assert (before.error, after.status) == ("States.DataLimitExceeded", "SUCCEEDED")
    assert world.calls == {"1": 2, "2": 2}
    assert appended(before, after)[0] == "MapStateStarted"


def test_a_container_in_which_something_was_too_large_runs_wholly_again() -> None:
    world = World()
    large = {"Type": "Pass", "Output": "{% $pad('', $states.context.Execution.RedriveCount > 0 ? 1 : 300000, 'x') %}"}
    wait = {"Type": "Wait", "Seconds": 1}
    parallel = {"Type": "Parallel", "Branches": [branch("t", task("ok", "t")), chain(w=wait, f=large)], "Output": {}}
    before, after = redriven(chain(p=parallel), world)
    assert (before.error, after.status) == ("States.DataLimitExceeded", "SUCCEEDED")
    assert world.calls == {"t": 2}


def test_retries_of_a_container_are_counted_anew() -> None:
    world = World()
    parallel = {"Type": "Parallel", "Branches": [branch("t", task("bad", "t"))], "Retry": ALWAYS}
    before, after = redriven(chain(p=parallel), world, mends=False)
    assert (before.status, after.status) == ("FAILED", "FAILED")
    assert world.calls == {"t": 6}


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
