"""The embedded engine over the wire: all that the product and its tests ask of Step Functions, asked by boto3's own client."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from infra.local.stepfunctions.lambdas import LambdaFunctions
from infra.local.stepfunctions.service import StepFunctions
from tests.local.stepfunctions.support import ACCOUNT, ACTIVITY, CALLBACK, REGION, single, task
from tests.support.aws_json import step_functions_server

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

ROLE = f"arn:aws:iam::{ACCOUNT}:role/machines"
PASS = {"Type": "Pass", "End": True}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "timestamp": (int, float),
}


def as_modelled(shape: Shape, value: Any, place: str) -> None:
    """Assert that a value on the wire is of a shape of the API. The client would drop what is not, without a word."""
    if isinstance(shape, StructureShape):
        assert isinstance(value, dict), place
        assert value.keys() <= shape.members.keys(), place
        assert set(shape.required_members) <= value.keys(), place
        for name, member in value.items():
            as_modelled(shape.members[name], member, f"{place}.{name}")
    elif isinstance(shape, ListShape):
        assert isinstance(value, list), place
        for item in value:
            as_modelled(shape.member, item, f"{place}[]")
    elif isinstance(shape, MapShape):
        assert isinstance(value, dict), place
        for item in value.values():
            as_modelled(shape.value, item, f"{place}.*")
    else:
        assert type(value) in _TYPES[shape.type_name], (place, value)


@pytest.fixture
def engine() -> Iterator[StepFunctions]:
    functions = LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"f": lambda event, context: event})
    with StepFunctions(functions, skips_time=True) as opened:
        yield opened


@pytest.fixture
def endpoint(engine: StepFunctions) -> Iterator[str]:
    with step_functions_server(engine) as url:
        yield url


@pytest.fixture
def states(endpoint: str) -> SFNClient:
    """A client each of whose answers is looked at before it is parsed."""
    # StartSyncExecution and ValidateStateMachineDefinition put "sync-" before the name of the host.
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
    client = boto3.Session(region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b").client(
        "stepfunctions", endpoint_url=endpoint, config=config
    )

    def look(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
        if response_dict["status_code"] == 200 and operation_model.output_shape is not None:
            as_modelled(operation_model.output_shape, json.loads(response_dict["body"]), operation_model.name)

    client.meta.events.register("before-parse.sfn", look)
    return client


def machine(states: SFNClient, state: dict[str, Any], name: str = "m", **more: Any) -> str:
    text = json.dumps({"QueryLanguage": "JSONata", **single(state)})
    return states.create_state_machine(name=name, definition=text, roleArn=ROLE, **more)["stateMachineArn"]


def is_now(moment: datetime) -> bool:
    return abs(datetime.now(UTC) - moment) < timedelta(minutes=5)


def post(endpoint: str, target: str, body: bytes) -> tuple[int, Any, Any]:
    request = urllib.request.Request(endpoint, body, {"X-Amz-Target": target}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read()), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


def test_machines_are_created_described_listed_updated_and_deleted(states: SFNClient) -> None:
    arn = machine(states, PASS, tags=[{"key": "k", "value": "v"}])
    assert arn == f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"
    described = states.describe_state_machine(stateMachineArn=arn)
    assert (described["name"], described["type"], described["roleArn"]) == ("m", "STANDARD", ROLE)
    assert json.loads(described["definition"])["StartAt"] == "S"
    assert is_now(described["creationDate"])
    machine(states, PASS, "other")
    pages = states.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 1})
    assert [[m["name"] for m in page["stateMachines"]] for page in pages] == [["m"], ["other"]]
    text = json.dumps({"QueryLanguage": "JSONata", **single({"Type": "Succeed"})})
    assert is_now(states.update_state_machine(stateMachineArn=arn, definition=text)["updateDate"])
    assert states.describe_state_machine(stateMachineArn=arn)["definition"] == text
    states.delete_state_machine(stateMachineArn=arn)
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.describe_state_machine(stateMachineArn=arn)


def test_executions_are_started_described_listed_and_read_in_pages(states: SFNClient, engine: StepFunctions) -> None:
    arn = machine(states, {**task(), "Assign": {"v": 1}, "Output": {"x": "{% $states.result.Payload %}"}})
    started = states.start_execution(stateMachineArn=arn, name="run", input='{"a":1}')
    execution = started["executionArn"]
    assert engine.wait_for_end(execution).status == "SUCCEEDED"
    described = states.describe_execution(executionArn=execution)
    assert (described["status"], described["input"], described["output"]) == ("SUCCEEDED", '{"a":1}', '{"x":{"a":1}}')
    assert described["startDate"] == started["startDate"]
    assert is_now(described["stopDate"])
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    [listed] = states.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"]
    assert (listed["name"], listed["stopDate"]) == ("run", described["stopDate"])
    assert states.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"] == []
    paginator = states.get_paginator("get_execution_history")
    pages = list(paginator.paginate(executionArn=execution, PaginationConfig={"PageSize": 3}))
    events = [event for page in pages for event in page["events"]]
    assert [len(page["events"]) for page in pages] == [3, 3, 1]
    assert [event["id"] for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert (events[0]["type"], events[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert events[5]["stateExitedEventDetails"]["assignedVariables"] == {"v": "1"}
    newest = states.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=1)["events"]
    assert newest == events[-1:]


def test_a_stopped_run_is_redriven_and_answered(states: SFNClient, engine: StepFunctions) -> None:
    arn = machine(states, {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK})
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    assert is_now(states.stop_execution(executionArn=execution, error="E", cause="C")["stopDate"])
    described = states.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "E", "C")
    redriven = states.redrive_execution(executionArn=execution)["redriveDate"]
    assert states.describe_execution(executionArn=execution)["redriveDate"] == redriven
    token = token_of(states, execution)
    states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output='"yes"')
    assert engine.wait_for_end(execution).output == '"yes"'
    assert states.describe_execution(executionArn=execution)["redriveCount"] == 1
    with pytest.raises(states.exceptions.TaskTimedOut):
        states.send_task_failure(taskToken=token)
    with pytest.raises(states.exceptions.InvalidOutput):
        states.send_task_success(taskToken=token, output="{")
    with pytest.raises(states.exceptions.ExecutionNotRedrivable):
        states.redrive_execution(executionArn=execution)


def token_of(states: SFNClient, execution: str) -> str:
    """The token that the function of a run's task was given, once it was."""
    for _ in range(3000):
        events = states.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
        if events[0]["type"] == "TaskSubmitted":
            [scheduled, *_] = [event for event in events if event["type"] == "TaskScheduled"]
            return str(json.loads(scheduled["taskScheduledEventDetails"]["parameters"])["Payload"])
    raise AssertionError("No task waits for an answer.")


def test_a_worker_is_given_the_tasks_of_an_activity(states: SFNClient, engine: StepFunctions) -> None:
    created = states.create_activity(name="review")
    assert created["activityArn"] == ACTIVITY
    assert is_now(created["creationDate"])
    arn = machine(states, {"Type": "Task", "Resource": ACTIVITY, "End": True})
    execution = states.start_execution(stateMachineArn=arn, input='{"doc":1}')["executionArn"]
    given = states.get_activity_task(activityArn=ACTIVITY, workerName="me")
    assert given["input"] == '{"doc":1}'
    states.send_task_failure(taskToken=given["taskToken"], error="Rejected", cause="no")
    assert engine.wait_for_end(execution).error == "Rejected"
    assert states.get_activity_task(activityArn=ACTIVITY).keys() == {"ResponseMetadata"}
    states.delete_activity(activityArn=ACTIVITY)
    with pytest.raises(states.exceptions.ActivityDoesNotExist):
        states.get_activity_task(activityArn=ACTIVITY)


def test_an_express_machine_answers_at_once(states: SFNClient) -> None:
    arn = machine(states, {**PASS, "Output": "{% $states.input.n * 2 %}"}, type="EXPRESS")
    answer = states.start_sync_execution(stateMachineArn=arn, input='{"n":21}')
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "42")
    assert answer["billingDetails"]["billedDurationInMilliseconds"] >= 100


def test_a_definition_is_validated(states: SFNClient) -> None:
    good = json.dumps({"QueryLanguage": "JSONata", **single(PASS)})
    assert states.validate_state_machine_definition(definition=good)["result"] == "OK"
    bad = json.dumps({"QueryLanguage": "JSONata", **single({"Type": "Pass", "Next": "nowhere"})})
    found = states.validate_state_machine_definition(definition=bad)
    assert (found["result"], found["diagnostics"][0]["severity"]) == ("FAIL", "ERROR")
    with pytest.raises(states.exceptions.InvalidDefinition):
        states.create_state_machine(name="m", definition=bad, roleArn=ROLE)


def test_moments_are_numbers_of_seconds(endpoint: str, states: SFNClient) -> None:
    arn = machine(states, PASS)
    body = json.dumps({"stateMachineArn": arn}).encode()
    status, answer, headers = post(endpoint, "AWSStepFunctions.DescribeStateMachine", body)
    assert (status, headers["Content-Type"]) == (200, "application/x-amz-json-1.0")
    assert abs(answer["creationDate"] - datetime.now(UTC).timestamp()) < 300
    assert headers["x-amzn-RequestId"]


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("AWSStepFunctions.DescribeExecution", b'{"executionArn":"arn:none"}', "ExecutionDoesNotExist"),
        ("AWSStepFunctions.ListTagsForResource", b"{}", "UnknownOperationException"),
        ("AWSStepFunctions.Wait", b"{}", "UnknownOperationException"),
        ("DynamoDB_20120810.GetItem", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
        ("AWSStepFunctions.StopExecution", b"{}", "ValidationException"),
        ("AWSStepFunctions.StopExecution", b'{"executionArn":"a","unheardOf":1}', "ValidationException"),
        ("AWSStepFunctions.StopExecution", b"{", "SerializationException"),
        ("AWSStepFunctions.StopExecution", b"[]", "SerializationException"),
    ],
)
def test_what_the_client_does_wrong_is_refused_by_a_code(endpoint: str, target: str, body: bytes, code: str) -> None:
    status, answer, _ = post(endpoint, target, body)
    assert (status, answer["__type"]) == (400, code)
    assert answer["message"]


def test_a_client_knows_the_code_of_a_refusal(states: SFNClient) -> None:
    with pytest.raises(ClientError, match=r"UnknownOperationException.*ListStateMachineAliases"):
        states.list_state_machine_aliases(stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m")
