"""Tasks that others end: callbacks and their heartbeats, activities, nested executions."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, cast

import pytest

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import Head, MemoryJournal
from infra.local.stepfunctions.pending import ActivityQueue, PendingTask
from tests.local.stepfunctions.support import (
    ACTIVITY,
    SYNC,
    EndedRun,
    callback,
    create,
    ended,
    engine,
    in_skipping_time,
    run_state,
    single,
    until,
    with_engine,
)


def token_of(on: Engine) -> str:
    [token] = on.answers.pending
    return token


def test_a_callback_succeeds_with_what_it_is_answered() -> None:
    async def answer(on: Engine, arn: str) -> None:
        await asyncio.sleep(86_400)
        token = token_of(on)
        await on.answers.send_success(token, '{ "a": [1] }')
        with pytest.raises(ServiceError) as late:
            await on.answers.send_failure(token, "E", "C")
        assert late.value.code == "TaskTimedOut"

    ended = with_engine(single(callback()), answer, {"f": lambda event, context: None})
    assert ended.output == {"a": [1]}
    assert ended.types()[2:7] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]


def test_a_callback_fails_with_what_it_is_answered() -> None:
    async def answer(on: Engine, arn: str) -> None:
        await asyncio.sleep(1)
        await on.answers.send_failure(token_of(on), "E", "C")

    ended = with_engine(single(callback()), answer, {"f": lambda event, context: None})
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "E", "C")
    assert ended.of("TaskFailed")[0]["taskFailedEventDetails"]["resource"] == "invoke.waitForTaskToken"


def test_each_attempt_of_a_callback_has_a_token_of_its_own() -> None:
    tokens: list[str] = []

    async def answer(on: Engine, arn: str) -> None:
        for cause in ("not today", "never"):
            await until(lambda: on.answers.pending and token_of(on) not in tokens)
            tokens.append(token_of(on))
            await on.answers.send_failure(tokens[-1], "Denied", cause)

    retry = [{"ErrorEquals": ["Denied"], "MaxAttempts": 1}]
    ended = with_engine(single(callback(Retry=retry)), answer, {"f": lambda event, context: None})
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "Denied", "never")
    assert len(set(tokens)) == 2


def test_the_token_of_a_run_that_was_stopped_is_worth_nothing() -> None:
    async def stop(on: Engine, arn: str) -> None:
        await until(lambda: on.answers.pending)
        token = token_of(on)
        on.stop_run(arn, None, None)
        with pytest.raises(ServiceError) as late:
            await on.answers.send_success(token, "1")
        assert late.value.code == "TaskTimedOut"

    assert with_engine(single(callback()), stop, {"f": lambda event, context: None}).status == "ABORTED"


def test_a_callback_may_be_answered_before_its_function_returns() -> None:
    def answers(event: Any, context: Any) -> None:
        asyncio.run_coroutine_threadsafe(held[0].answers.send_success(event, "1"), held[0].loop).result(30)

    held: list[Engine] = []

    async def hold(on: Engine, arn: str) -> None:
        held.append(on)

    assert with_engine(single(callback()), hold, {"f": answers}).output == 1


@pytest.mark.parametrize("token", ["", "x", "AAAA", "é", "YXJuOmF3czpub2JvZHkKYQ=="])
def test_a_token_that_nobody_gave_is_refused(token: str) -> None:
    async def work() -> None:
        with pytest.raises(ServiceError) as refused:
            await engine().answers.send_success(token, "1")
        assert refused.value.code == "InvalidToken"

    in_skipping_time(work)


def test_heartbeats_keep_a_task_alive_and_their_end_is_a_timeout() -> None:
    async def beat(on: Engine, arn: str) -> None:
        for _ in range(5):
            await asyncio.sleep(50)
            await on.answers.send_heartbeat(token_of(on))

    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "T"}]
    state = callback(HeartbeatSeconds=60, Catch=catch)
    ended = with_engine(single(state, T={"Type": "Pass", "End": True}), beat, {"f": lambda event, context: None})
    assert ended.output == {"Error": "States.Timeout"}
    [timed_out], [started] = ended.of("TaskTimedOut"), ended.of("TaskStarted")
    assert 309 < timed_out["timestamp"] - started["timestamp"] < 320


def test_an_activity_is_done_by_a_worker() -> None:
    async def work_on(on: Engine, arn: str) -> None:
        got = await on.answers.next_activity_task(ACTIVITY, "me", 60)
        assert got is not None
        assert json.loads(got["input"]) == {"doc": 1}
        await on.answers.send_success(got["taskToken"], '"done"')
        assert await on.answers.next_activity_task(ACTIVITY, "me", 60) is None

    async def work() -> EndedRun:
        on = engine()
        on.journal.put_record("activity", ACTIVITY, {})
        state = {"Type": "Task", "Resource": ACTIVITY, "Arguments": {"doc": 1}, "End": True}
        arn = on.start(create(on, single(state)), "{}").arn
        await work_on(on, arn)
        return await ended(on, arn)

    run = in_skipping_time(work)
    assert run.output == "done"
    assert run.types()[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    assert run.of("ActivityStarted")[0]["activityStartedEventDetails"] == {"workerName": "me"}


def test_the_time_of_an_activity_begins_when_a_worker_takes_it() -> None:
    journal = MemoryJournal()

    async def work() -> EndedRun:
        on = engine(journal)
        on.journal.put_record("activity", ACTIVITY, {})
        state = {"Type": "Task", "Resource": ACTIVITY, "TimeoutSeconds": 300, "End": True}
        arn = on.start(create(on, single(state)), "{}").arn
        await asyncio.sleep(1000)
        assert on.head(arn).status == "RUNNING"
        got = await on.answers.next_activity_task(ACTIVITY, None, 1)
        assert got is not None
        await asyncio.sleep(100)
        on.close()
        await asyncio.sleep(0)
        # It goes on in another life of the server.
        on = engine(journal)
        on.recover()
        run = await ended(on, arn)
        with pytest.raises(ServiceError):
            await on.answers.send_success(got["taskToken"], "1")
        return run

    run = in_skipping_time(work)
    assert (run.error, run.types()[-2]) == ("States.Timeout", "ActivityTimedOut")
    [started], [timed_out] = run.of("ActivityStarted"), run.of("ActivityTimedOut")
    assert 300 <= round(timed_out["timestamp"] - started["timestamp"], 1) < 310


def test_a_task_of_an_activity_whose_run_has_ended_is_not_held_for_a_worker_who_may_never_come() -> None:
    async def stop(on: Engine, arn: str) -> None:
        on.journal.put_record("activity", ACTIVITY, {})
        await until(lambda: on.answers.pending)
        assert len(on.answers._activities[ACTIVITY]._tasks) == 1
        on.stop_run(arn, None, None)
        await until(lambda: not on.answers.pending)
        assert len(on.answers._activities[ACTIVITY]._tasks) == 0

    assert with_engine(single({"Type": "Task", "Resource": ACTIVITY, "End": True}), stop).status == "ABORTED"


def test_a_worker_has_the_task_that_comes_in_the_moment_in_which_it_would_give_up() -> None:
    async def poll() -> None:
        queue, task, loop = ActivityQueue(), cast(PendingTask, object()), asyncio.get_running_loop()
        polling = asyncio.create_task(queue.next(0.05))
        await asyncio.sleep(0)
        loop.call_later(0.04, queue.put, task)
        time.sleep(0.1)  # so that both are due at once
        assert await polling is task
        assert await queue.next(0.01) is None
        assert not queue._workers

    asyncio.run(poll())


def test_a_task_on_an_unknown_activity_fails_the_run() -> None:
    run = run_state({"Type": "Task", "Resource": ACTIVITY, "End": True})
    assert run.cause == (
        f"An error occurred while executing the state 'S' (entered at the event id #2). The activity {ACTIVITY} does not exist."
    )


def nested(child: dict[str, Any], resource: str = SYNC, **more: Any) -> tuple[EndedRun, list[Head]]:
    async def work() -> tuple[EndedRun, list[Head]]:
        on = engine()
        machine = create(on, child, name="child")
        arguments = {"StateMachineArn": machine, "Input": {"n": 1}}
        state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}
        run = await ended(on, on.start(create(on, single(state)), "{}").arn)
        return run, on.journal.heads(machine, None, 0, 10)

    return in_skipping_time(work)


def test_a_parent_gets_the_output_of_its_child() -> None:
    run, [child] = nested(single({"Type": "Pass", "Output": "{% $states.input.n + 1 %}", "End": True}))
    assert (run.output["Output"], run.output["Status"], run.output["Input"]) == (2, "SUCCEEDED", {"n": 1})
    assert (child.parent, run.output["ExecutionArn"]) == (run.head.arn, child.arn)
    assert run.output["StopDate"] >= run.output["StartDate"] > 1_700_000_000_000
    assert run.types()[1:6] == ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    assert run.of("TaskScheduled")[0]["taskScheduledEventDetails"]["resource"] == "startExecution.sync:2"


def test_a_child_that_fails_fails_the_task_with_its_description() -> None:
    run, _ = nested(single({"Type": "Fail", "Error": "E", "Cause": "C"}))
    told = json.loads(run.cause or "")
    assert (run.error, told["Status"], told["Error"], told["Cause"]) == ("States.TaskFailed", "FAILED", "E", "C")


def test_a_child_of_a_task_that_times_out_is_stopped() -> None:
    run, [child] = nested(single({"Type": "Wait", "Seconds": 9999, "End": True}), TimeoutSeconds=60)
    assert (run.error, child.status) == ("States.Timeout", "ABORTED")


def test_a_child_whose_name_was_taken_fails_the_task() -> None:
    async def work() -> EndedRun:
        on = engine()
        machine = create(on, single({"Type": "Succeed"}))
        await on.end_of(on.start(machine, "{}", "one").arn)
        arguments = {"StateMachineArn": machine, "Name": "one"}
        parent = single({"Type": "Task", "Resource": SYNC, "Arguments": arguments, "End": True})
        return await ended(on, on.start(create(on, parent), "{}").arn)

    assert in_skipping_time(work).error == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_run_that_is_stopped_stops_its_child() -> None:
    async def work() -> list[str]:
        on = engine()
        child = create(on, single({"Type": "Wait", "Seconds": 86_400, "End": True}))
        parent = {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": child}, "End": True}
        arn = on.start(create(on, single(parent)), "{}").arn
        await until(lambda: on.journal.heads(child, "RUNNING", 0, 1))
        on.stop_run(arn, None, None)
        [head] = on.journal.heads(child, None, 0, 10)
        return [(await ended(on, one)).status for one in (arn, head.arn)]

    assert in_skipping_time(work) == ["ABORTED", "ABORTED"]


def test_a_child_may_be_left_alone() -> None:
    run, [child] = nested(single({"Type": "Wait", "Seconds": 9, "End": True}), SYNC.removesuffix(".sync:2"))
    assert run.output["ExecutionArn"] == child.arn
    assert child.status == "RUNNING"


def test_a_child_of_an_unknown_machine_fails_the_task() -> None:
    arguments = {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:nobody"}
    run = run_state({"Type": "Task", "Resource": SYNC, "Arguments": arguments, "End": True})
    assert run.error == "StepFunctions.StateMachineDoesNotExistException"


@pytest.mark.parametrize("turns", range(8))
def test_answers_that_come_at_once_find_their_tasks_while_their_run_is_parked_again_and_again(turns: int) -> None:
    state = {"Type": "Task", "Resource": ACTIVITY, "End": True}
    of_four = {"Type": "Map", "Items": "{% [1,2,3,4] %}", "ItemProcessor": single(state), "End": True}

    async def work() -> str:
        on = engine(park_after=0)
        on.journal.put_record("activity", ACTIVITY, {})
        arn = on.start(create(on, single(of_four)), "{}").arn

        async def worker() -> None:
            task = await on.answers.next_activity_task(ACTIVITY, None, 20)
            assert task is not None
            await on.answers.send_heartbeat(task["taskToken"])
            for _ in range(turns):
                await asyncio.sleep(0)
            await on.answers.send_success(task["taskToken"], "1")

        await asyncio.gather(*(worker() for _ in range(4)))
        return (await on.end_of(arn)).status

    assert asyncio.run(work()) == "SUCCEEDED"
