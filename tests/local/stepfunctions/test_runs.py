"""What a run does: tasks and their time, callbacks, activities, children, containers, limits, stops."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from infra.local.stepfunctions import history
from infra.local.stepfunctions.attempts import _delay
from infra.local.stepfunctions.calls import MOST_RECOVERIES
from infra.local.stepfunctions.definition import Retrier
from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import Head, MemoryJournal
from infra.local.stepfunctions.pending import ActivityQueue, PendingTask
from infra.local.stepfunctions.waiting import timestamp_text
from tests.local.stepfunctions.support import (
    INVOKE,
    EndedRun,
    branch,
    create,
    ended,
    engine,
    in_skipping_time,
    run,
    run_state,
    task,
    until,
)

CALLBACK = f"{INVOKE}.waitForTaskToken"
SYNC = "arn:aws:states:::states:startExecution.sync:2"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:review"


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


def single(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": state, **more}}


# Tasks


def test_a_task_returns_what_its_function_returns() -> None:
    handler = lambda event, context: {"got": event, "name": context.function_name}  # noqa: E731 - short
    ended = run_state(task(Output="{% $states.result.Payload %}"), {"n": None}, {"f": handler})
    assert ended.output == {"got": {"n": None}, "name": "f"}
    output = json.loads(ended.of("TaskSucceeded")[0]["taskSucceededEventDetails"]["output"])
    assert (output["StatusCode"], output["SdkHttpMetadata"]["HttpStatusCode"]) == (200, 200)
    assert output["Payload"] == ended.output


@pytest.mark.parametrize(
    "called", ["f", "f:live", "123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f:3"]
)
def test_a_function_is_found_by_all_its_names(called: str) -> None:
    handlers = {"arn:aws:lambda:us-east-1:123456789012:function:f": lambda event, context: "found"}
    assert run_state(task(called, Output="{% $states.result.Payload %}"), None, handlers).output == "found"


def test_an_unknown_function_fails_the_task_as_lambda_would() -> None:
    ended = run_state(task("nobody"))
    assert ended.error == "Lambda.ResourceNotFoundException"
    assert "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody" in (ended.cause or "")
    assert "Status Code: 404; Error Code: ResourceNotFoundException" in (ended.cause or "")


def test_an_exception_becomes_an_error_with_its_class_name() -> None:
    class OutOfStockError(Exception):
        pass

    def handler(event: Any, context: Any) -> None:
        raise OutOfStockError("none left")

    ended = run_state(task(), None, {"f": handler})
    cause = json.loads(ended.cause or "")
    assert ended.error == cause["errorType"] == "OutOfStockError"
    assert list(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert "in handler\n" in cause["stackTrace"][0]


@pytest.mark.parametrize(
    "raised", [SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit(), BaseException()]
)
def test_nothing_that_a_function_raises_harms_the_engine(raised: BaseException) -> None:
    def handler(event: Any, context: Any) -> None:
        raise raised

    expected = "StopIteration" if isinstance(raised, StopIteration) else "Runtime.ExitError"
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "T"}]
    ended = run_state(task(Catch=catch), None, {"f": handler}, T={"Type": "Pass", "End": True})
    assert ended.output["Error"] == expected


@pytest.mark.parametrize("ends_by_itself", [False, True])
def test_the_child_of_a_function_that_forks_ends_and_the_engine_goes_on(ends_by_itself: bool) -> None:
    def handler(event: Any, context: Any) -> int:
        child = os.fork()
        if not child:
            if ends_by_itself:
                os._exit(3)
            return -1
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    ended = run_state(task(Output="{% $states.result.Payload %}"), None, {"f": handler})
    assert ended.output == (3 if ends_by_itself else 0)


def test_a_function_may_change_its_event() -> None:
    handlers = {"f": lambda event, context: event.clear()}
    assert run_state(task(Output="{% $states.input %}"), {"kept": True}, handlers).output == {"kept": True}


def test_a_task_that_takes_too_long_times_out_and_is_not_heard_of_again() -> None:
    release = threading.Event()

    async def late(on: Engine, arn: str) -> None:
        await on.end_of(arn)
        release.set()

    # Time does not skip while a function works, so that the function ends it by itself.
    catch = [{"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput %}", "Next": "T"}]
    state = task(TimeoutSeconds=1, Catch=catch)
    ended = with_engine(single(state, T={"Type": "Succeed"}), late, {"f": lambda event, context: release.wait(30)})
    assert (ended.status, ended.output) == ("SUCCEEDED", {"Error": "States.Timeout"})
    assert ended.types()[-4:] == ["TaskStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"]
    assert len(ended.of("TaskTimedOut")) == 1


def test_retries_wait_longer_each_time_up_to_the_longest_delay() -> None:
    attempts: list[int] = []

    def handler(event: Any, context: Any) -> str:
        attempts.append(event["attempt"])
        if len(attempts) < 4:
            raise ValueError("again")
        return "done"

    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 200, "BackoffRate": 3, "MaxDelaySeconds": 1000}]
    state = task(payload={"attempt": "{% $states.context.State.RetryCount %}"}, Retry=retry)
    ended = run_state(state, None, {"f": handler})
    assert attempts == [0, 1, 2, 3]
    times = [event["timestamp"] for event in ended.of("TaskScheduled")]
    assert [round(b - a, -1) for a, b in itertools.pairwise(times)] == [200, 600, 1000]


def test_the_delay_of_a_late_attempt_is_no_number_too_large() -> None:
    retrier = Retrier(["E"], 10**6, 1, 10.0, 99, has_jitter=False)
    assert [_delay(retrier, used) for used in (0, 1, 2, 400)] == [1, 10, 99, 99]


def test_an_output_that_fails_is_tried_again_and_caught() -> None:
    retry = [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "T", "Output": "{% $states.errorOutput.Error %}"}]
    state = task(Output="{% $nothing %}", Retry=retry, Catch=catch)
    ended = run_state(state, None, {"f": lambda event, context: 1}, T={"Type": "Succeed"})
    assert ended.output == "States.QueryEvaluationError"
    assert (len(ended.of("TaskSucceeded")), len(ended.of("EvaluationFailed"))) == (2, 2)


def test_an_attempt_that_ends_the_server_again_and_again_fails_its_run() -> None:
    journal, calls = MemoryJournal(), 0

    async def life() -> Head:
        working, release = threading.Event(), threading.Event()

        def handler(event: Any, context: Any) -> None:
            nonlocal calls
            calls += 1
            working.set()
            release.wait(30)

        on = engine(journal, {"f": handler})
        if not journal.records("machine"):
            on.start(create(on, single(task(Retry=[{"ErrorEquals": ["States.ALL"]}]))), "{}", "run")
        else:
            on.recover()
        await until(lambda: working.is_set() or not journal.unfinished())
        # The server ends while the function works: what it returns is never recorded.
        on.close()
        release.set()
        return journal.all_heads()[0]

    for _ in range(MOST_RECOVERIES + 2):
        head = in_skipping_time(life)
    assert calls == MOST_RECOVERIES + 1
    assert (head.status, head.error) == ("FAILED", "States.Runtime")
    assert "The server ended 4 times" in (head.cause or "")
    [failed] = [entry for entry in journal.entries(head.arn) if entry.type == "TaskFailed"]
    assert failed.fields["repeatedAfterRestart"] == MOST_RECOVERIES


def test_an_attempt_that_waited_for_a_thread_when_the_server_ended_is_not_counted_as_made() -> None:
    journal, patient = MemoryJournal(), 0

    async def life(*, ends: bool) -> EndedRun | None:
        working, release = threading.Event(), threading.Event()

        def handler(event: Any, context: Any) -> Any:
            nonlocal patient
            patient += event == "patient"
            working.set()
            if event == "slow":
                release.wait(0 if ends else 30)
            return event

        on = engine(journal, {"f": handler}, threads=1)
        if not journal.records("machine"):
            for name in ("slow", "patient"):
                on.start(create(on, single(task("f", name)), name=name), "{}", name)
        else:
            on.recover()
        await until(working.is_set)
        run = await ended(on, journal.all_heads()[1].arn) if ends else None
        on.close()
        release.set()
        return run

    for _ in range(MOST_RECOVERIES):
        assert in_skipping_time(lambda: life(ends=False)) is None
    assert patient == 0
    run = in_skipping_time(lambda: life(ends=True))
    assert run is not None
    assert (run.status, patient) == ("SUCCEEDED", 1)
    assert "repeatedAfterRestart" not in run.of("TaskSucceeded")[0]["taskSucceededEventDetails"]


# Callbacks and heartbeats


def token_of(on: Engine) -> str:
    [token] = on.answers.pending
    return token


def callback(**more: Any) -> dict[str, Any]:
    return {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK, **more}


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


# Activities


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


# Nested executions


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


def denied(role: str, action: str, resource: str) -> str:
    return f"{role.rpartition('/')[2]} may not {action} {resource}"


def test_a_function_that_the_role_may_not_call_fails_the_task_and_is_not_called() -> None:
    called: list[Any] = []
    ended_run = run(single(task("f")), None, {"f": lambda event, context: called.append(event)}, denied=denied)
    assert (ended_run.error, called) == ("Lambda.AWSLambdaException", [])
    assert (ended_run.cause or "").startswith(
        "machines may not lambda:InvokeFunction f (Service: AWSLambda; Status Code: 403;"
    )


def test_a_machine_that_the_role_may_not_start_fails_the_task() -> None:
    arguments = {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:other"}
    ended_run = run(single({"Type": "Task", "Resource": SYNC, "Arguments": arguments, "End": True}), denied=denied)
    assert ended_run.error == "StepFunctions.AWSStepFunctionsException"
    assert f"machines may not states:StartExecution {arguments['StateMachineArn']}" in str(ended_run.cause)


# Containers


def test_iterations_that_fail_together_are_recorded_as_on_aws() -> None:
    """The order of events that AWS gave for a Map of four Lambda tasks that time out (LocalStack, test_timeouts)."""
    each = branch("L", {**callback(), "TimeoutSeconds": 5})
    run = run_state(
        {"Type": "Map", "Items": [1, 2, 3, 4], "ItemProcessor": each, "End": True}, None, {"f": lambda e, c: 1}
    )
    types = run.types()
    assert types[2:7] == ["MapStateStarted", *["MapIterationStarted"] * 4]
    assert types[7:15] == ["TaskStateEntered", "TaskScheduled"] * 4
    assert types[15:19] == ["TaskStarted"] * 4
    failed = types.index("MapIterationFailed")
    assert types[failed:] == [
        "MapIterationFailed",
        "TaskStateAborted",
        *["MapIterationAborted", "TaskStateAborted"] * 3,
        "MapStateFailed",
        "ExecutionFailed",
    ]
    timed_out = run.of("TaskTimedOut")[0]["id"]
    assert {e["previousEventId"] for e in run.events[failed:-1]} == {timed_out}
    assert run.error == "States.Timeout"


def test_a_map_never_runs_more_iterations_than_it_may() -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def handler(event: Any, context: Any) -> Any:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.005)
        with lock:
            at_once -= 1
        return event

    mapped = {
        "Type": "Map",
        "Items": "{% [1..12] %}",
        "MaxConcurrency": 3,
        "ItemProcessor": branch("I", task()),
        "End": True,
    }
    run = run_state({**mapped, "Output": "{% $states.result.Payload %}"}, None, {"f": handler})
    assert run.output == list(range(1, 13))
    assert most == 3


def test_no_iteration_begins_after_one_has_failed() -> None:
    each = {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input = 1 %}", "Next": "F"}], "Default": "W"},
            "F": {"Type": "Fail", "Error": "E"},
            "W": {"Type": "Wait", "Seconds": 10, "End": True},
        },
    }
    run = run_state({"Type": "Map", "Items": "{% [0..9] %}", "MaxConcurrency": 2, "ItemProcessor": each, "End": True})
    assert run.error == "E"
    assert len(run.of("MapIterationStarted")) == 2
    assert run.types()[-5:] == [
        "MapIterationFailed",
        "MapIterationAborted",
        "WaitStateAborted",
        "MapStateFailed",
        "ExecutionFailed",
    ]


def test_a_branch_sees_the_variables_around_it_and_keeps_its_own() -> None:
    inside = {"Type": "Pass", "Assign": {"own": 1}, "Output": "{% $outer %}"}
    parallel = {"Type": "Parallel", "Branches": [branch("B", inside)], "Output": "{% $exists($own) %}", "End": True}
    before = {"Type": "Pass", "Assign": {"outer": 7}, "Next": "P"}
    ended = run({"StartAt": "A", "States": {"A": before, "P": parallel}})
    assert ended.output is False
    assert ended.of("PassStateExited")[1]["stateExitedEventDetails"]["output"] == "7"


def test_arguments_of_a_parallel_are_the_input_of_its_branches() -> None:
    parallel = {
        "Type": "Parallel",
        "Arguments": {"x": "{% $uuid() %}"},
        "Branches": [branch(n, {"Type": "Pass"}) for n in "AB"],
    }
    first, second = run_state({**parallel, "End": True}).output
    assert first == second
    assert len(first["x"]) == 36


# Time


def test_years_of_waiting_take_no_time_and_show_in_the_history() -> None:
    run = run_state(
        {"Type": "Wait", "Seconds": "{% 86400 * 300 %}", "Next": "T"},
        T={"Type": "Wait", "Timestamp": "{% $fromMillis($millis() + 86400000) %}", "End": True},
    )
    assert run.status == "SUCCEEDED"
    started, *_, end = run.events
    assert 0 <= round(end["timestamp"] - started["timestamp"], 1) - 301 * 86_400 < 60


def test_expressions_and_the_context_are_on_the_clock_of_the_run() -> None:
    wait = {"Type": "Wait", "Seconds": 86_400, "Next": "T"}
    output = {"now": "{% $now() %}", "entered": "{% $states.context.State.EnteredTime %}", "millis": "{% $millis() %}"}
    run = run_state(wait, T={"Type": "Pass", "Output": output, "End": True})
    [entered] = run.of("PassStateEntered")
    assert run.output["entered"] == timestamp_text(entered["timestamp"])
    assert 0 <= round(run.output["millis"] / 1000 - entered["timestamp"], 1) < 60
    assert run.output["now"][:16] == run.output["entered"][:16]


@pytest.mark.parametrize("wait", [{"Seconds": "{% 31536001 %}"}, {"Timestamp": "2999-01-01T00:00:00Z"}])
def test_a_wait_over_a_year_fails_when_it_begins(wait: dict[str, Any]) -> None:
    run = run_state({"Type": "Wait", "End": True, **wait})
    assert run.error == "States.Runtime"
    assert "delay is too long" in (run.cause or "")


@pytest.mark.parametrize("seconds", ["1", -1, 1.5, None, True])
def test_a_wait_for_no_number_of_seconds_is_an_evaluation_error(seconds: Any) -> None:
    run = run_state({"Type": "Wait", "Seconds": "{% $states.input.s %}", "End": True}, {"s": seconds})
    assert (run.error, run.types()[2]) == ("States.QueryEvaluationError", "EvaluationFailed")


def test_a_run_over_its_time_is_timed_out() -> None:
    run_ = run({**single({"Type": "Wait", "Seconds": 9_999, "End": True}), "TimeoutSeconds": 100})
    assert (run_.status, run_.error, run_.cause) == ("TIMED_OUT", None, None)
    last = run_.events[-1]
    assert (last["type"], last["previousEventId"]) == ("ExecutionTimedOut", 0)
    assert last["executionTimedOutEventDetails"] == {"error": "States.Timeout"}
    lasted = run_.events[-1]["timestamp"] - run_.events[0]["timestamp"]
    assert 100 <= round(lasted, 1) < 110  # both are whole milliseconds, and may be rounded apart


# Stops and limits


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Wait", "Seconds": 99_999, "End": True},
        task("nobody", Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 9_999, "MaxAttempts": 3}]),
        {"Type": "Parallel", "Branches": [branch(n, {"Type": "Wait", "Seconds": 999}) for n in "XY"], "End": True},
        {"Type": "Map", "Items": [1, 2], "ItemProcessor": branch("I", {"Type": "Wait", "Seconds": 999}), "End": True},
    ],
    ids=["wait", "retry", "parallel", "map"],
)
def test_a_stop_ends_every_kind_of_waiting(state: dict[str, Any]) -> None:
    async def stop(on: Engine, arn: str) -> None:
        await asyncio.sleep(10)
        head = on.stop_run(arn, "Enough", "tired")
        assert on.stop_run(arn, "Again", None) == head

    run = with_engine(single(state), stop)
    assert (run.status, run.error, run.cause) == ("ABORTED", "Enough", "tired")
    assert run.events[-1]["previousEventId"] == 0
    assert run.events[-1]["timestamp"] - run.events[0]["timestamp"] < 60


def test_a_stopped_run_is_not_heard_of_again_when_its_function_returns() -> None:
    release, working = threading.Event(), threading.Event()

    def handler(event: Any, context: Any) -> None:
        working.set()
        release.wait(30)

    async def stop(on: Engine, arn: str) -> None:
        await until(working.is_set)
        on.stop_run(arn, None, None)
        release.set()
        await on.workers.call(lambda: None)

    run = with_engine(single(task()), stop, {"f": handler}, threads=1)
    assert run.types()[-2:] == ["TaskStarted", "ExecutionAborted"]


def test_a_history_that_grows_too_long_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "HISTORY_EVENTS", 50)
    run = run_state({"Type": "Pass", "Next": "T"}, T={"Type": "Pass", "Next": "S"})
    assert (run.status, run.error, len(run.events)) == ("FAILED", "States.Runtime", 50)
    assert run.types()[-1] == "ExecutionFailed"


def test_a_task_input_over_the_quota_fails_the_run() -> None:
    run = run_state(task(payload="{% {'a': $pad('', 262144, 'x')} %}"), None, {"f": lambda e, c: None})
    assert (run.error, run.types()[2]) == ("States.DataLimitExceeded", "TaskFailed")


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (object(), "Runtime.MarshalError"),
        ("x" * 6_291_557, "Function.ResponseSizeTooLarge"),
        ("x" * 262_144, "States.DataLimitExceeded"),
    ],
    ids=["object", "response", "result"],
)
def test_a_result_that_cannot_be_passed_on_is_an_error(result: Any, error: str) -> None:
    assert run_state(task(), None, {"f": lambda event, context: result}).error == error


def test_all_variables_of_a_run_are_limited_to_ten_mebibytes() -> None:
    states = {
        f"S{n}": {"Type": "Pass", "Output": 0, "Assign": {f"v{n}": "{% $pad('', 262000, 'x') %}"}} for n in range(41)
    }
    for n, state in enumerate(states.values()):
        state.update({"Next": f"S{n + 1}"} if n < 40 else {"End": True})
    run_ = run({"StartAt": "S0", "States": states})
    assert (run_.status, run_.error, len(run_.of("PassStateExited"))) == ("FAILED", "States.DataLimitExceeded", 40)


def test_fields_come_in_the_order_of_javascript() -> None:
    output = "{% {'b': 1, '10': 2, '2': 3, '01': 4, 'a': {'1': 1, '0': 2}} %}"
    run = run_state({"Type": "Pass", "Output": output, "End": True})
    assert run.head.output == '{"2":3,"10":2,"b":1,"01":4,"a":{"0":2,"1":1}}'


def test_an_expression_that_takes_long_lets_other_runs_go_on() -> None:
    async def work() -> list[str]:
        on = engine()
        slow = single({"Type": "Pass", "Output": "{% $count($map([1..800000], function($x) {$x * 2})) %}", "End": True})
        ends: list[str] = []

        async def note(name: str, definition: dict[str, Any]) -> None:
            head = await on.end_of(on.start(create(on, definition), "{}").arn)
            ends.append(f"{name} {head.output}")

        await asyncio.gather(note("slow", slow), note("quick", single({"Type": "Succeed"})))
        return ends

    assert in_skipping_time(work) == ["quick {}", "slow 800000"]


def test_an_express_run_has_no_history_and_five_minutes() -> None:
    async def work() -> tuple[Head, Head]:
        on = engine()
        quick = create(on, single({"Type": "Pass", "Output": 1, "End": True}), "EXPRESS")
        slow = create(on, single({"Type": "Wait", "Seconds": 301, "End": True}), "EXPRESS")
        heads = [await on.end_of(on.start(arn, "{}").arn) for arn in (quick, slow)]
        assert on.journal.heads(quick, None, 0, 10) == []
        return heads[0], heads[1]

    quick, slow = in_skipping_time(work)
    assert (quick.status, quick.output, slow.status) == ("SUCCEEDED", "1", "TIMED_OUT")
    assert ":express:" in quick.arn
