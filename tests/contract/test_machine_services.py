"""What machines and their executions do, asked of Step Functions by boto3 and of the embedded engine alike."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import pytest

from infra.local.machines import EmbeddedMachines
from infra.local.stepfunctions.lambdas import LambdaFunctions
from infra.local.stepfunctions.service import StepFunctions
from tests.support.embedded_behind_boto3 import embedded_behind_boto3
from tests.support.stores import name_of
from workflow_engine.aws import translating
from workflow_engine.errors import InvalidRequestError
from workflow_engine.machines.naming import MachineSettings, execution_arn
from workflow_engine.machines.port import (
    ActivityGoneError,
    DefinitionRefusedError,
    ExecutionGoneError,
    MachineGoneError,
    MachineService,
    NameTakenError,
    NotRedrivableError,
    PageForgottenError,
    TaskGoneError,
)
from workflow_engine.machines.step_functions import StepFunctionsMachines

REGION, ACCOUNT = "us-east-1", "123456789012"
SETTINGS: Final = MachineSettings("workflow", "test", f"arn:aws:iam::{ACCOUNT}:role/machines")
GONE: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:none"
MOST_LOOKS: Final = 3000


def definition(*states: dict[str, Any]) -> str:
    named = {f"s{n}": state for n, state in enumerate(states)}
    for n, state in enumerate(named.values()):
        state |= {"End": True} if n == len(states) - 1 else {"Next": f"s{n + 1}"}
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "s0", "States": named})


def passing(comment: str = "") -> str:
    return definition({"Type": "Pass", "Comment": comment, "Output": "{% $states.input %}"})


def waiting() -> str:
    return definition({"Type": "Wait", "Seconds": 3600})


@contextmanager
def embedded() -> Iterator[MachineService]:
    with StepFunctions(LambdaFunctions(region=REGION, account=ACCOUNT), region=REGION, account=ACCOUNT) as client:
        yield EmbeddedMachines(lambda: client)


@contextmanager
def boto3() -> Iterator[MachineService]:
    from botocore.session import get_session

    functions = LambdaFunctions(region=REGION, account=ACCOUNT)
    with embedded_behind_boto3(functions, region=REGION, account=ACCOUNT, on_end=lambda _: None):
        client = get_session().create_client("stepfunctions", region_name=REGION)
        yield StepFunctionsMachines(translating(client))


@pytest.fixture(params=(embedded, boto3), ids=name_of)
def machines(request: pytest.FixtureRequest) -> Iterator[MachineService]:
    make: Callable[[], Any] = request.param
    with make() as made:
        yield made


def ended(machines: MachineService, execution: str) -> str:
    for _ in range(MOST_LOOKS):
        if machines.end(execution) is not None:
            return execution
        time.sleep(0.002)
    raise AssertionError(f"{execution} does not end")


def test_a_machine_is_created_once(machines: MachineService) -> None:
    arn = machines.create("hello", passing(), SETTINGS)
    assert arn == f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:hello"
    assert machines.create("hello", passing(), SETTINGS) == arn
    with pytest.raises(NameTakenError):
        machines.create("hello", passing("another"), SETTINGS)


def test_a_definition_that_is_none_is_refused_with_the_reason(machines: MachineService) -> None:
    text = json.dumps({"StartAt": "nowhere", "States": {"a": {"Type": "Pass", "End": True}}})
    with pytest.raises(DefinitionRefusedError, match="nowhere"):
        machines.create("bad", text, SETTINGS)


def test_a_name_starts_one_execution_however_often_it_is_asked(machines: MachineService) -> None:
    arn = machines.create("waits", waiting(), SETTINGS)
    started = machines.start(arn, "run-1", "{}")
    assert started == execution_arn(arn, "run-1")
    assert machines.start(arn, "run-1", "{}") == started
    machines.stop(started, "enough")
    assert machines.start(arn, "run-1", "{}") == started
    assert machines.start(arn, "run-1", '{"other": 1}') == started
    assert machines.end(started) is not None
    assert len(machines.executions(arn, 10, None)[0]) == 1


def test_what_is_not_there_is_told_by_its_own_error(machines: MachineService) -> None:
    for ask in (
        lambda: machines.start(GONE, "run", "{}"),
        lambda: machines.executions(GONE, 1, None),
    ):
        with pytest.raises(MachineGoneError):
            ask()
    execution = execution_arn(machines.create("hello", passing(), SETTINGS), "never")
    for look in (
        lambda: machines.end(execution),
        lambda: machines.end_in_history(execution),
        lambda: machines.stop(execution, "because"),
        lambda: machines.redrive(execution, "token"),
        lambda: machines.events(execution, 10, None, with_data=True),
    ):
        with pytest.raises(ExecutionGoneError):
            look()


def test_an_input_that_is_no_json_starts_nothing(machines: MachineService) -> None:
    arn = machines.create("hello", passing(), SETTINGS)
    with pytest.raises(InvalidRequestError) as refused:
        machines.start(arn, "run", "{")
    assert [error["pointer"] for error in refused.value.errors] == ["/input"]
    assert machines.executions(arn, 10, None)[0] == []


def test_a_redrive_of_one_token_is_one(machines: MachineService) -> None:
    execution = machines.start(machines.create("waits", waiting(), SETTINGS), "run-2", "{}")
    with pytest.raises(NotRedrivableError, match="RUNNING"):
        machines.redrive(execution, "run-2-1")
    machines.stop(execution, "enough")
    for _ in range(3):
        machines.redrive(execution, "run-2-1")
    assert machines.end(execution) is None
    types = [event["type"] for event in machines.events(execution, 100, None, with_data=True)[0]]
    assert types.count("ExecutionRedriven") == 1
    machines.stop(execution, "enough")


def test_an_execution_that_has_ended_is_not_stopped(machines: MachineService) -> None:
    arn = machines.create("hello", passing(), SETTINGS)
    execution = ended(machines, machines.start(arn, "run", "{}"))
    machines.stop(execution, "too late")
    types = [event["type"] for event in machines.events(execution, 100, None, with_data=True)[0]]
    assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]


def test_an_end_is_told_alike_by_its_description_and_by_the_last_event(machines: MachineService) -> None:
    run = json.dumps({"run": {"tenant_id": "t", "execution_id": "done"}}, separators=(",", ":"))
    arn = ended(machines, machines.start(machines.create("hello", passing(), SETTINGS), "done", run))
    described, last = machines.end(arn), machines.end_in_history(arn)
    assert described is not None
    assert last is not None
    assert (described.status, described.output, described.redrive_count) == ("completed", run, 0)
    assert described.run == ("t", "done")
    assert last == replace(described, redrive_count=None, run=None, input=None, stopped_at=last.stopped_at)
    going = machines.start(machines.create("waits", waiting(), SETTINGS), "going", "{}")
    assert (machines.end(going), machines.end_in_history(going)) == (None, None)
    machines.stop(going, "enough")
    stopped = machines.end(going)
    assert stopped is not None
    assert (stopped.status, stopped.cause, stopped.failure()) == ("cancelled", "enough", None)


def test_a_history_comes_in_pages_oldest_event_first(machines: MachineService) -> None:
    arn = machines.create("three", definition(*({"Type": "Pass"} for _ in range(3))), SETTINGS)
    execution = ended(machines, machines.start(arn, "run", '{"a": 1}'))
    ids, token, pages = [], None, 0
    while token is not None or not pages:
        events, token = machines.events(execution, 3, token, with_data=True)
        ids += [event["id"] for event in events]
        pages += 1
    assert (ids, pages) == ([1, 2, 3, 4, 5, 6, 7, 8], 3)
    with pytest.raises(PageForgottenError):
        machines.events(execution, 3, "no token", with_data=True)


def test_a_history_without_data_has_no_inputs_and_outputs(machines: MachineService) -> None:
    arn = machines.create("hello", passing(), SETTINGS)
    execution = ended(machines, machines.start(arn, "run", '{"word": "hello"}'))
    told, bare = (machines.events(execution, 100, None, with_data=with_data)[0] for with_data in (True, False))
    assert "hello" in str(told[0])
    assert "word" not in str(bare)
    assert [event["timestamp"] for event in told] == [event["timestamp"] for event in bare]


def test_executions_come_newest_first_with_when_they_ended(machines: MachineService) -> None:
    arn = machines.create("waits", waiting(), SETTINGS)
    started = [machines.start(arn, f"run-{n}", "{}") for n in range(3)]
    machines.stop(started[0], "enough")
    first, token = machines.executions(arn, 2, None)
    rest, last = machines.executions(arn, 2, token)
    assert [use.ended_at is None for use in (*first, *rest)] == [True, True, False]
    assert first[0].started_at >= first[1].started_at >= rest[0].started_at
    assert last is None
    for execution in started[1:]:
        machines.stop(execution, "enough")


def test_a_machine_that_is_deleted_starts_nothing_and_may_be_deleted_again(machines: MachineService) -> None:
    arn = machines.create("hello", passing(), SETTINGS)
    machines.delete(arn)
    machines.delete(arn)
    with pytest.raises(MachineGoneError):
        machines.start(arn, "run", "{}")


def types_of(machines: MachineService, execution: str) -> list[str]:
    return [event["type"] for event in machines.events(execution, 100, None, with_data=True)[0]]


def asked(machines: MachineService, name: str) -> tuple[str, str]:
    """An execution that waits for an answer, and the token for it."""
    arn = machines.create_activity("ask")
    machine = machines.create("asks", definition({"Type": "Task", "Resource": arn}), SETTINGS)
    execution = machines.start(machine, name, '{"word": "hello"}')
    task = machines.next_activity_task(arn, "worker-1")
    assert task is not None
    assert json.loads(task.input) == {"word": "hello"}
    return execution, task.token


def test_an_activity_is_created_once(machines: MachineService) -> None:
    arn = machines.create_activity("ask")
    assert arn == f"arn:aws:states:{REGION}:{ACCOUNT}:activity:ask"
    assert machines.create_activity("ask") == arn
    with pytest.raises(ActivityGoneError):
        machines.next_activity_task(arn + "-not", None)


def test_a_task_takes_one_answer(machines: MachineService) -> None:
    execution, token = asked(machines, "run-1")
    machines.send_heartbeat(token)
    machines.send_success(token, '{"n": 1}')
    answers: tuple[Callable[[], None], ...] = (
        lambda: machines.send_success(token, "2"),
        lambda: machines.send_failure(token, "Late", "too late"),
        lambda: machines.send_heartbeat(token),
    )
    for answer in answers:
        with pytest.raises(TaskGoneError):
            answer()
    assert types_of(machines, ended(machines, execution))[-1] == "ExecutionSucceeded"


def test_a_task_that_failed_fails_its_execution(machines: MachineService) -> None:
    execution, token = asked(machines, "run-1")
    machines.send_failure(token, "Refused", "for a reason")
    last = machines.events(ended(machines, execution), 100, None, with_data=True)[0][-1]
    details = last["executionFailedEventDetails"]
    assert (details["error"], details["cause"]) == ("Refused", "for a reason")


def test_an_answer_that_is_no_json_is_none(machines: MachineService) -> None:
    execution, token = asked(machines, "run-1")
    with pytest.raises(InvalidRequestError):
        machines.send_success(token, "{")
    machines.send_success(token, "{}")
    assert types_of(machines, ended(machines, execution))[-1] == "ExecutionSucceeded"


def test_a_token_that_is_none_and_one_of_a_stopped_execution_are_answered_alike(machines: MachineService) -> None:
    execution, token = asked(machines, "run-1")
    machines.stop(execution, "enough")
    for nobodys in ("no token", token):
        with pytest.raises(TaskGoneError):
            machines.send_success(nobodys, "{}")
