"""Parallel, Map, nested executions and task tokens on the local interpreter."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local import moto_seams
from tests.support.local_machines import PATIENCE_SECONDS, LocalMachines, local_machines

pytestmark = pytest.mark.xdist_group("local-containers")

LAMBDA = "arn:aws:states:::lambda:invoke"
CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]
CAUGHT = {"Type": "Pass", "End": True}


@pytest.fixture
def machines() -> Iterator[LocalMachines]:
    with local_machines() as machines:
        yield machines
        for name in ("f", "g"):
            moto_seams.unregister_lambda(name)


def task(name: str = "f", payload: Any = "{% $states.input %}", **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": LAMBDA,
        "Arguments": {"FunctionName": name, "Payload": payload},
        "Output": "{% $states.result.Payload %}",
        "End": True,
        **more,
    }


def program(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: state}}


def mapped(items: Any, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Map", "Items": items, "ItemProcessor": program("I", state), "End": True, **more}


def parallel(*states: dict[str, Any], **more: Any) -> dict[str, Any]:
    branches = [program(f"B{index}", state) for index, state in enumerate(states)]
    return {"Type": "Parallel", "Branches": branches, "End": True, **more}


def test_branches_run_together_and_answer_in_order(machines: LocalMachines) -> None:
    meeting = threading.Barrier(3)

    def handler(event: Any, context: Any) -> Any:
        meeting.wait(PATIENCE_SECONDS)
        return event

    moto_seams.register_lambda("f", handler)
    ended = machines.run_state(parallel(task(payload=1), task(payload=2), task(payload=3)))
    assert ended.output == [1, 2, 3]
    [started], [left] = ended.of("ParallelStateStarted"), ended.of("ParallelStateExited")
    entered = ended.of("TaskStateEntered")
    assert [event["previousEventId"] for event in entered] == [started["id"]] * 3
    assert left["previousEventId"] == max(event["id"] for event in ended.of("TaskStateExited"))


def test_a_failed_branch_aborts_the_others(machines: LocalMachines) -> None:
    working, release = threading.Event(), threading.Event()

    def slow(event: Any, context: Any) -> None:
        working.set()
        release.wait(PATIENCE_SECONDS)

    def failing(event: Any, context: Any) -> None:
        working.wait(PATIENCE_SECONDS)
        raise ValueError("broken")

    moto_seams.register_lambda("f", slow)
    moto_seams.register_lambda("g", failing)
    ended = machines.run_state(parallel(task("f"), task("g"), Catch=CATCH_ALL), Caught=CAUGHT)
    release.set()
    assert ended.output["Error"] == "ValueError"
    assert json.loads(ended.output["Cause"])["errorMessage"] == "broken"
    aborted = ended.of("TaskStateAborted")
    [started] = [
        event
        for event in ended.of("TaskStarted")
        if event["id"] not in {failed["previousEventId"] for failed in ended.of("TaskFailed")}
    ]
    assert len(aborted) == 2
    assert started["id"] in {event["previousEventId"] for event in aborted}
    assert ended.types()[-5:] == [
        "ParallelStateFailed",
        "ParallelStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert "TaskSucceeded" not in ended.types()


def test_an_error_keeps_its_name_through_nested_containers(machines: LocalMachines) -> None:
    inner = mapped([1], {"Type": "Fail", "Error": "Custom.Error", "Cause": "inside"})
    ended = machines.run_state(parallel(parallel(inner), Catch=CATCH_ALL), Caught=CAUGHT)
    assert ended.output == {"Error": "Custom.Error", "Cause": "inside"}


def test_output_of_a_task_can_be_caught(machines: LocalMachines) -> None:
    moto_seams.register_lambda("f", lambda event, context: None)
    ended = machines.run_state(task(Output="{% $states.result.nothing %}", Catch=CATCH_ALL), Caught=CAUGHT)
    assert ended.output["Error"] == "States.QueryEvaluationError"
    assert ended.types().count("EvaluationFailed") == 1


def test_what_a_failed_attempt_assigned_is_forgotten(machines: LocalMachines) -> None:
    moto_seams.register_lambda("f", lambda event, context: None)
    state = task(Assign={"v": "late"}, Output="{% $nothing %}", Catch=CATCH_ALL)
    first = {"Type": "Pass", "Assign": {"v": "early"}, "Next": "S"}
    caught = {"Type": "Pass", "Output": "{% $v %}", "End": True}
    ended = machines.run({"StartAt": "First", "States": {"First": first, "S": state, "Caught": caught}})
    assert ended.output == "early"


def test_a_catcher_may_lead_back_to_its_own_state(machines: LocalMachines) -> None:
    calls: list[int] = []

    def handler(event: Any, context: Any) -> int:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError
        return len(calls)

    moto_seams.register_lambda("f", handler)
    again = [{"ErrorEquals": ["ValueError"], "Output": {}, "Next": "S"}]
    assert machines.run_state(task(Catch=again)).output == 2


@pytest.mark.parametrize(("limit", "expected"), [(3, 3), (0, 40)])
def test_a_map_runs_no_more_items_at_once_than_it_may(limit: int, expected: int, machines: LocalMachines) -> None:
    lock, at_work, most = threading.Lock(), [0], [0]
    full = threading.Event()

    def handler(event: Any, context: Any) -> Any:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            if at_work[0] == expected:
                full.set()
        full.wait(PATIENCE_SECONDS)
        with lock:
            at_work[0] -= 1
        return event

    moto_seams.register_lambda("f", handler)
    ended = machines.run_state(mapped("{% [1..50] %}", task(), MaxConcurrency=limit))
    assert ended.output == list(range(1, 51))
    assert most == [expected]
    started = [event["mapIterationStartedEventDetails"] for event in ended.of("MapIterationStarted")]
    assert [details["index"] for details in started] == list(range(50))
    assert {details["name"] for details in started} == {"S"}


def test_a_failed_iteration_aborts_the_others(machines: LocalMachines) -> None:
    working, release = threading.Event(), threading.Event()

    def handler(event: Any, context: Any) -> None:
        if event == 0:
            working.wait(PATIENCE_SECONDS)
            raise ValueError("broken")
        working.set()
        release.wait(PATIENCE_SECONDS)

    moto_seams.register_lambda("f", handler)
    ended = machines.run_state(mapped([0, 1], task()))
    release.set()
    assert (ended.status, ended.error) == ("FAILED", "ValueError")
    [failed], [aborted] = ended.of("MapIterationFailed"), ended.of("MapIterationAborted")
    assert failed["mapIterationFailedEventDetails"] == {"name": "S", "index": 0}
    assert aborted["mapIterationAbortedEventDetails"] == {"name": "S", "index": 1}
    assert len(ended.of("TaskStateAborted")) == 1
    assert ended.types()[-2:] == ["MapStateFailed", "ExecutionFailed"]


def test_the_item_is_known_below_its_iteration(machines: LocalMachines) -> None:
    moto_seams.register_lambda("f", lambda event, context: event)
    item = "{% $states.context.Map.Item %}"
    inner = parallel(task(payload=item), {"Type": "Pass", "Output": item, "End": True})
    nested = mapped("{% [$states.context.Map.Item.Value] %}", task(payload=item))
    assert machines.run_state(mapped(["a", "b"], inner)).output == [
        [{"Index": index, "Value": value}] * 2 for index, value in enumerate("ab")
    ]
    assert machines.run_state(mapped(["a", "b"], nested)).output == [[{"Index": 0, "Value": value}] for value in "ab"]


def test_an_item_selector_shapes_each_input(machines: LocalMachines) -> None:
    selector = {"n": "{% $states.context.Map.Item.Value %}", "all": "{% $count($states.input) %}"}
    state = mapped("{% $states.input %}", {"Type": "Pass", "End": True}, ItemSelector=selector)
    assert machines.run_state(state, [5, 6]).output == [{"n": 5, "all": 2}, {"n": 6, "all": 2}]


def test_a_map_of_a_thousand_items_one_at_a_time_ends(machines: LocalMachines) -> None:
    state = mapped("{% [1..1200] %}", {"Type": "Pass", "End": True}, MaxConcurrency=1)
    assert machines.run_state(state).output == list(range(1, 1201))


def nested(child: str, **more: Any) -> dict[str, Any]:
    arguments = {"StateMachineArn": child, "Name": "child", "Input": {"n": 1}}
    resource = "arn:aws:states:::states:startExecution.sync:2"
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}


def test_a_nested_execution_returns_its_description_with_parsed_output(machines: LocalMachines) -> None:
    child = machines.create(
        program("C", {"Type": "Pass", "Output": {"twice": "{% $states.input.n * 2 %}"}, "End": True})
    )
    ended = machines.run_state(nested(child))
    result = ended.output
    assert (result["Status"], result["Name"], result["StateMachineArn"]) == ("SUCCEEDED", "child", child)
    assert (result["Input"], result["Output"]) == ({"n": 1}, {"twice": 2})
    assert result["StopDate"] >= result["StartDate"] > 1_700_000_000_000
    assert ended.types()[1:6] == ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    assert ended.of("TaskScheduled")[0]["taskScheduledEventDetails"]["resource"] == "startExecution.sync:2"


def test_a_failed_child_fails_the_task_with_its_description(machines: LocalMachines) -> None:
    child = machines.create(program("C", {"Type": "Fail", "Error": "E", "Cause": "C"}))
    ended = machines.run_state(nested(child))
    cause = json.loads(ended.cause or "")
    assert ended.error == "States.TaskFailed"
    assert (cause["Status"], cause["Error"], cause["Cause"], cause["Input"]) == ("FAILED", "E", "C", '{"n":1}')


def test_a_child_that_cannot_start_fails_the_task(machines: LocalMachines) -> None:
    child = machines.create(program("C", {"Type": "Succeed"}))
    machines.run_state(nested(child))
    ended = machines.run_state(nested(child))
    assert ended.error == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_stopped_parent_stops_its_child() -> None:
    with local_machines(time_scale=1.0) as machines:
        child = machines.create(program("C", {"Type": "Wait", "Seconds": 9_999, "End": True}))
        execution = machines.start(program("S", nested(child)))
        running = threading.Event()
        while not machines.client.list_executions(stateMachineArn=child)["executions"]:
            running.wait(0.01)
        machines.client.stop_execution(executionArn=execution)
        assert machines.end_of(execution).status == "ABORTED"
        [started] = machines.client.list_executions(stateMachineArn=child)["executions"]
        assert machines.end_of(started["executionArn"]).status == "ABORTED"


def waiting_task(**more: Any) -> dict[str, Any]:
    payload = {"token": "{% $states.context.Task.Token %}"}
    return {
        "Type": "Task",
        "Resource": f"{LAMBDA}.waitForTaskToken",
        "Arguments": {"FunctionName": "f", "Payload": payload},
        "End": True,
        **more,
    }


class Tokens:
    """The tokens that a waiting task hands out, as they come."""

    def __init__(self) -> None:
        self._come = threading.Semaphore(0)
        self._tokens: list[str] = []
        moto_seams.register_lambda("f", self._take)

    def _take(self, event: Any, context: Any) -> None:
        self._tokens.append(event["token"])
        self._come.release()

    def next(self) -> str:
        assert self._come.acquire(timeout=PATIENCE_SECONDS)
        return self._tokens[-1]


def test_a_token_brings_the_result_of_a_waiting_task_once(machines: LocalMachines) -> None:
    tokens = Tokens()
    execution = machines.start(program("S", waiting_task()))
    token = tokens.next()
    with pytest.raises(machines.client.exceptions.InvalidOutput):
        machines.client.send_task_success(taskToken=token, output="no json")
    machines.client.send_task_heartbeat(taskToken=token)
    machines.client.send_task_success(taskToken=token, output='{"approved": true}')
    ended = machines.end_of(execution)
    assert ended.output == {"approved": True}
    with pytest.raises(machines.client.exceptions.TaskTimedOut):
        machines.client.send_task_success(taskToken=token, output="1")
    with pytest.raises(machines.client.exceptions.InvalidToken):
        machines.client.send_task_success(taskToken="unheard of", output="1")


def test_a_token_brings_error_and_cause_and_a_retry_has_its_own(machines: LocalMachines) -> None:
    tokens = Tokens()
    retry = [{"ErrorEquals": ["Denied"], "MaxAttempts": 1}]
    execution = machines.start(program("S", waiting_task(Retry=retry)))
    first = tokens.next()
    machines.client.send_task_failure(taskToken=first, error="Denied", cause="not today")
    second = tokens.next()
    assert second != first
    machines.client.send_task_failure(taskToken=second, error="Denied", cause="never")
    ended = machines.end_of(execution)
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "Denied", "never")


def test_a_waiting_task_times_out(machines: LocalMachines) -> None:
    tokens = Tokens()
    ended = machines.run_state(waiting_task(TimeoutSeconds=1))
    assert (ended.error, ended.types()[-2:]) == ("States.Timeout", ["TaskTimedOut", "ExecutionFailed"])
    with pytest.raises(ClientError, match="TaskTimedOut"):
        machines.client.send_task_success(taskToken=tokens.next(), output="1")


def test_a_waiting_task_that_is_stopped_gives_its_token_back(machines: LocalMachines) -> None:
    tokens = Tokens()
    execution = machines.start(program("S", waiting_task()))
    token = tokens.next()
    machines.client.stop_execution(executionArn=execution)
    assert machines.end_of(execution).status == "ABORTED"
    with pytest.raises(ClientError, match="TaskTimedOut"):
        machines.client.send_task_success(taskToken=token, output="1")
