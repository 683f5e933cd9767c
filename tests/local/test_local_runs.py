"""Runs of the local interpreter: tasks, time, stops, ends, what is recorded of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local import moto_seams
from infra.local.seams import history, waiting
from tests.support.local_machines import PATIENCE_SECONDS, LocalMachines, local_machines

pytestmark = pytest.mark.xdist_group("local-runs")

LAMBDA = "arn:aws:states:::lambda:invoke"


@pytest.fixture
def machines() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines


@contextmanager
def function(name: str, handler: Callable[[Any, Any], Any]) -> Iterator[None]:
    moto_seams.register_lambda(name, handler)
    try:
        yield
    finally:
        moto_seams.unregister_lambda(name)


def task(name: str = "f", payload: Any = "{% $states.input %}", **more: Any) -> dict[str, Any]:
    end = {} if "Next" in more else {"End": True}
    return {"Type": "Task", "Resource": LAMBDA, "Arguments": {"FunctionName": name, "Payload": payload}, **end, **more}


def test_a_task_returns_what_its_function_returns(machines: LocalMachines) -> None:
    with function("f", lambda event, context: {"got": event, "name": context.function_name}):
        ended = machines.run_state(task(Output="{% $states.result.Payload %}"), {"n": None})
    assert ended.output == {"got": {"n": None}, "name": "f"}
    [succeeded] = ended.of("TaskSucceeded")
    output = json.loads(succeeded["taskSucceededEventDetails"]["output"])
    assert output["StatusCode"] == 200
    assert output["Payload"] == ended.output
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200


@pytest.mark.parametrize(
    "called", ["f", "f:live", "123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f:3"]
)
def test_a_function_is_found_by_all_its_names(called: str, machines: LocalMachines) -> None:
    with function("arn:aws:lambda:us-east-1:123456789012:function:f", lambda event, context: "found"):
        assert machines.run_state(task(called, Output="{% $states.result.Payload %}")).output == "found"


def test_an_unknown_function_fails_the_task_as_lambda_would(machines: LocalMachines) -> None:
    ended = machines.run_state(task("nobody"))
    assert ended.error == "Lambda.ResourceNotFoundException"
    assert "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody" in (ended.cause or "")
    assert "Status Code: 404; Error Code: ResourceNotFoundException" in (ended.cause or "")


def test_an_exception_becomes_an_error_with_its_class_name(machines: LocalMachines) -> None:
    class OutOfStockError(Exception):
        pass

    def handler(event: Any, context: Any) -> None:
        raise OutOfStockError("none left")

    with function("f", handler):
        ended = machines.run_state(task())
    cause = json.loads(ended.cause or "")
    assert ended.error == cause["errorType"] == "OutOfStockError"
    assert cause["errorMessage"] == "none left"
    assert list(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert "in handler\n" in cause["stackTrace"][0]
    [failed] = ended.of("TaskFailed")
    assert failed["taskFailedEventDetails"]["error"] == "OutOfStockError"
    assert ended.of("ExecutionFailed")[0]["executionFailedEventDetails"]["cause"] == ended.cause


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (object(), "Runtime.MarshalError"),
        (float("nan"), "Runtime.MarshalError"),
        ([float("-inf")], "Runtime.MarshalError"),
        ({"x": "\ud800"}, "Runtime.MarshalError"),
        ("x" * 6_291_557, "Function.ResponseSizeTooLarge"),
        ("x" * 262_144, "States.DataLimitExceeded"),
    ],
)
def test_a_result_that_lambda_cannot_pass_on_is_an_error(result: Any, error: str, machines: LocalMachines) -> None:
    with function("f", lambda event, context: result):
        assert machines.run_state(task()).error == error


def test_a_message_that_has_no_utf_8_form_is_passed_on(machines: LocalMachines) -> None:
    def handler(event: Any, context: Any) -> None:
        raise ValueError("\ud800 bad")

    with function("f", handler):
        ended = machines.run_state(task())
    assert ended.error == "ValueError"
    assert json.loads(ended.cause or "")["errorMessage"] == "? bad"


def test_a_function_that_exits_is_an_error(machines: LocalMachines) -> None:
    def handler(event: Any, context: Any) -> None:
        raise SystemExit(3)

    with function("f", handler):
        assert machines.run_state(task()).error == "Runtime.ExitError"


def test_a_function_may_change_its_event(machines: LocalMachines) -> None:
    with function("f", lambda event, context: event.clear()):
        state = task(payload="{% $states.input %}", Output="{% $states.input %}")
        assert machines.run_state(state, {"kept": True}).output == {"kept": True}


def test_a_task_input_over_the_quota_fails_the_run(machines: LocalMachines) -> None:
    with function("f", lambda event, context: None):
        ended = machines.run_state(task(payload="{% {'a': $pad('', 262144, 'x')} %}"))
    assert ended.error == "States.DataLimitExceeded"


def test_the_result_of_a_container_is_limited(machines: LocalMachines) -> None:
    branch = {"StartAt": "B", "States": {"B": {"Type": "Pass", "Output": "{% $pad('', 200000, 'x') %}", "End": True}}}
    parallel = {"Type": "Parallel", "Branches": [branch], "Output": "small", "End": True}
    assert machines.run_state(parallel).output == "small"
    other = {**branch, "StartAt": "C", "States": {"C": branch["States"]["B"]}}  # type: ignore[index]
    ended = machines.run_state({**parallel, "Branches": [branch, other]})
    assert ended.error == "States.DataLimitExceeded"


def test_all_variables_of_a_run_are_limited_to_ten_mebibytes(machines: LocalMachines) -> None:
    states = {
        f"S{index}": {"Type": "Pass", "Output": 0, "Assign": {f"v{index}": "{% $pad('', 262000, 'x') %}"}}
        for index in range(41)
    }
    for index, state in enumerate(states.values()):
        state.update({"Next": f"S{index + 1}"} if index < 40 else {"End": True})
    ended = machines.run({"StartAt": "S0", "States": states})
    assert (ended.status, ended.error) == ("FAILED", "States.DataLimitExceeded")
    assert len(ended.of("PassStateExited")) == 40


def test_retry_counts_and_waits_between_attempts(machines: LocalMachines, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(waiting, "sleep_in", lambda env, seconds: waits.append(seconds))
    attempts: list[int] = []

    def handler(event: Any, context: Any) -> str:
        attempts.append(event["attempt"])
        if len(attempts) < 4:
            raise ValueError("again")
        return "done"

    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10}]
    with function("f", handler):
        state = task(payload={"attempt": "{% $states.context.State.RetryCount %}"}, Retry=retry)
        ended = machines.run_state(state)
    assert ended.status == "SUCCEEDED"
    assert attempts == [0, 1, 2, 3]
    assert waits == [2, 6, 10]
    assert ended.types().count("TaskFailed") == 3


def test_waits_are_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_machines(time_scale=0.0) as machines:
        assert machines.run_state({"Type": "Wait", "Seconds": 3600, "End": True}).status == "SUCCEEDED"
        later = {"Type": "Wait", "Timestamp": "2999-01-01T00:00:00.5+01:00", "End": True}
        assert machines.run_state(later).status == "SUCCEEDED"
    with pytest.raises(ValueError, match="negative"):
        moto_seams.set_time_scale(-1)


def test_a_task_that_takes_too_long_times_out_and_is_not_heard_of_again(machines: LocalMachines) -> None:
    release = threading.Event()
    returned = threading.Event()

    def handler(event: Any, context: Any) -> None:
        release.wait(PATIENCE_SECONDS)
        returned.set()

    catch = [{"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput.Error %}", "Next": "W"}]
    after = {"Type": "Task", "Resource": LAMBDA, "Arguments": {"FunctionName": "g"}, "End": True}

    def release_and_wait(event: Any, context: Any) -> None:
        release.set()
        returned.wait(PATIENCE_SECONDS)

    with function("f", handler), function("g", release_and_wait):
        ended = machines.run_state(task(TimeoutSeconds=1, Catch=catch), W=after)
    assert ended.status == "SUCCEEDED"
    [entered] = [e for e in ended.of("TaskStateEntered") if e["stateEnteredEventDetails"]["name"] == "W"]
    assert entered["stateEnteredEventDetails"]["input"] == '"States.Timeout"'
    assert len(ended.of("TaskTimedOut")) == 1
    assert len(ended.of("TaskSucceeded")) == 1


def test_a_stop_ends_a_run_while_its_task_works(machines: LocalMachines) -> None:
    working, release = threading.Event(), threading.Event()

    def handler(event: Any, context: Any) -> None:
        working.set()
        release.wait(PATIENCE_SECONDS)

    with function("f", handler):
        execution = machines.start({"StartAt": "S", "States": {"S": task()}})
        assert working.wait(PATIENCE_SECONDS)
        answer = machines.client.stop_execution(executionArn=execution, error="Enough", cause="tired")
        ended = machines.end_of(execution)
        release.set()
    described = machines.client.describe_execution(executionArn=execution)
    assert described["stopDate"] == answer["stopDate"]
    assert (ended.status, ended.error, ended.cause) == ("ABORTED", "Enough", "tired")
    assert ended.events[-1]["type"] == "ExecutionAborted"
    assert ended.events[-1]["executionAbortedEventDetails"] == {"error": "Enough", "cause": "tired"}
    assert machines.client.stop_execution(executionArn=execution)["stopDate"] == answer["stopDate"]
    assert machines.history(execution) == ended.events


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Wait", "Seconds": 99_999, "End": True},
        task("nobody", Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 9_999, "MaxAttempts": 3}]),
        {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": name, "States": {name: {"Type": "Wait", "Seconds": 9_999, "End": True}}} for name in "XY"
            ],
            "End": True,
        },
        {
            "Type": "Map",
            "Items": [1, 2],
            "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Wait", "Seconds": 9_999, "End": True}}},
            "End": True,
        },
    ],
    ids=["wait", "retry", "parallel", "map"],
)
def test_a_stop_ends_every_kind_of_waiting(state: dict[str, Any]) -> None:
    with local_machines(time_scale=1.0) as machines:
        execution = machines.start({"StartAt": "S", "States": {"S": state}})
        machines.client.stop_execution(executionArn=execution)
        ended = machines.end_of(execution)
    assert (ended.status, ended.error, ended.cause) == ("ABORTED", None, None)
    assert ended.events[-1]["previousEventId"] == 0


def test_a_run_over_its_time_is_timed_out() -> None:
    with local_machines(time_scale=1.0) as machines:
        states = {"S": {"Type": "Wait", "Seconds": 9_999, "End": True}}
        ended = machines.run({"StartAt": "S", "TimeoutSeconds": 1, "States": states})
    assert (ended.status, ended.types()[-1]) == ("TIMED_OUT", "ExecutionTimedOut")


def test_a_failing_interpreter_ends_the_run(machines: LocalMachines, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    arn = machines.create({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})

    def broken(self: Any) -> None:
        raise SystemError("unreadable")

    monkeypatch.setattr(ExecutionWorker, "_get_evaluation_entrypoint", broken)
    execution = machines.client.start_execution(stateMachineArn=arn)["executionArn"]
    ended = machines.end_of(execution)
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert "unreadable" in (ended.cause or "")
    assert ended.types() == ["ExecutionStarted", "ExecutionFailed"]


def test_a_history_that_grows_too_long_ends_the_run(machines: LocalMachines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 50)
    ended = machines.run_state({"Type": "Pass", "Next": "T"}, T={"Type": "Pass", "Next": "S"})
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert len(ended.events) == 50
    assert ended.types()[-1] == "ExecutionFailed"


def test_the_context_object_describes_the_run(machines: LocalMachines) -> None:
    execution = machines.start(
        {"StartAt": "S", "States": {"S": {"Type": "Pass", "Output": "{% $states.context %}", "End": True}}},
        {"a": 1},
        name="my-run",
    )
    context = machines.end_of(execution).output
    assert context["Execution"]["Id"] == execution
    assert context["Execution"]["Name"] == "my-run"
    assert context["Execution"]["Input"] == {"a": 1}
    assert context["State"]["Name"] == "S"
    for moment in (context["Execution"]["StartTime"], context["State"]["EnteredTime"]):
        assert len(moment) == len("2026-01-01T00:00:00.000Z")
        assert moment.endswith("Z")


def test_whoever_wants_to_know_is_told_of_an_end_once(machines: LocalMachines) -> None:
    told: list[tuple[moto_seams.ExecutionEnded, str]] = []

    def remember(ended: moto_seams.ExecutionEnded) -> None:
        described = machines.client.describe_execution(executionArn=ended.execution_arn)
        told.append((ended, described["status"]))

    def fail(ended: moto_seams.ExecutionEnded) -> None:
        raise ValueError("not my day")

    for callback in (fail, remember, remember):
        moto_seams.on_execution_ended(callback)
    try:
        good = machines.run_state({"Type": "Pass", "Output": {"x": 1}, "End": True}, {"in": True})
        bad = machines.run_state({"Type": "Fail", "Error": "E", "Cause": "C"})
        # Told a moment after the end is there for all to see, each by its own thread.
        waiting = threading.Event()
        while len(told) < 2:
            waiting.wait(0.01)
    finally:
        for callback in (fail, remember):
            moto_seams.remove_on_execution_ended(callback)
    machines.run_state({"Type": "Succeed"})
    assert (good.status, bad.status) == ("SUCCEEDED", "FAILED")
    [(second, second_seen), (first, first_seen)] = sorted(told, key=lambda each: each[0].status)
    assert (first.status, first.input, first.output, first_seen) == (
        "SUCCEEDED",
        '{"in": true}',
        '{"x":1}',
        "SUCCEEDED",
    )
    assert (second.status, second.output, second.error, second.cause) == ("FAILED", None, "E", "C")
    assert second_seen == "FAILED"
    assert first.stop_date - first.start_date >= 0
    assert first.execution_arn.endswith(f":{first.name}")


def test_histories_are_read_in_pages_backwards_and_without_data(machines: LocalMachines) -> None:
    execution = machines.start({"StartAt": "S", "States": {"S": {"Type": "Pass", "Output": 1, "End": True}}})
    events = machines.end_of(execution).events
    read = machines.client.get_execution_history
    first = read(executionArn=execution, maxResults=3)
    rest = read(executionArn=execution, maxResults=3, nextToken=first["nextToken"])
    assert first["events"] + rest["events"] == events
    assert "nextToken" not in rest
    assert read(executionArn=execution, reverseOrder=True)["events"] == events[::-1]
    bare = read(executionArn=execution, includeExecutionData=False)["events"]
    assert bare[2]["stateExitedEventDetails"] == {"name": "S"}
    with pytest.raises(ClientError):
        read(executionArn=execution, nextToken="?")
    assert [event["id"] for event in events] == [1, 2, 3, 4]
    assert [event["previousEventId"] for event in events] == [0, 0, 2, 3]


def test_many_runs_at_once_all_end(machines: LocalMachines) -> None:
    with function("f", lambda event, context: event["n"] + 1):
        arn = machines.create({"StartAt": "S", "States": {"S": task(Output="{% $states.result.Payload %}")}})
        executions = [
            machines.client.start_execution(stateMachineArn=arn, input=json.dumps({"n": n}))["executionArn"]
            for n in range(40)
        ]
        assert [machines.end_of(execution).output for execution in executions] == list(range(1, 41))


def test_a_name_is_taken_once(machines: LocalMachines) -> None:
    arn = machines.create({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
    execution = machines.client.start_execution(stateMachineArn=arn, name="one")["executionArn"]
    machines.end_of(execution)
    with pytest.raises(machines.client.exceptions.ExecutionAlreadyExists):
        machines.client.start_execution(stateMachineArn=arn, name="one")
    with pytest.raises(machines.client.exceptions.InvalidName):
        machines.client.start_execution(stateMachineArn=arn, name="a b")
    with pytest.raises(machines.client.exceptions.InvalidExecutionInput):
        machines.client.start_execution(stateMachineArn=arn, input="{")
