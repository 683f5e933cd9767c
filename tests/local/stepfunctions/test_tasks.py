"""What a Task does: its function, its retries and its time, what it may call, and how much it may give."""

from __future__ import annotations

import itertools
import json
import os
import threading
from typing import Any

import pytest

from infra.local.stepfunctions.attempts import _delay
from infra.local.stepfunctions.calls import MOST_RECOVERIES
from infra.local.stepfunctions.definition import Retrier
from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.journal import Head, MemoryJournal
from tests.local.stepfunctions.support import (
    SYNC,
    EndedRun,
    create,
    ended,
    engine,
    in_skipping_time,
    run,
    run_state,
    single,
    task,
    until,
    with_engine,
)


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
