"""The local cloud's Step Functions and Lambda, as clients of boto3 meet them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from infra.local.stepfunctions.journal import Head
from infra.local.stepfunctions.lambdas import LambdaFunctions
from tests.support.backend_cloud import counted
from tests.support.embedded_behind_boto3 import embedded_behind_boto3
from workflow_engine.aws import translating
from workflow_engine.errors import MisconfiguredError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_stepfunctions import SFNClient

REGION, ACCOUNT = "eu-west-1", "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
PASS = json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


@pytest.fixture
def functions() -> Iterator[LambdaFunctions]:
    functions = LambdaFunctions(region=REGION, account=ACCOUNT)
    with embedded_behind_boto3(functions, region=REGION, account=ACCOUNT, on_end=_nobody):
        yield functions


def _nobody(_: Head) -> None: ...


def _client(service: str) -> Any:
    """A client without credentials: nothing that it sends could be signed."""
    session: Any = boto3.Session(region_name=REGION)
    return session.client(service)


@pytest.fixture
def states(functions: LambdaFunctions) -> SFNClient:
    client: SFNClient = _client("stepfunctions")
    return client


@pytest.fixture
def lambdas(functions: LambdaFunctions) -> LambdaClient:
    client: LambdaClient = _client("lambda")
    return client


def test_errors_have_the_class_that_the_client_has_for_their_code(states: SFNClient) -> None:
    with pytest.raises(states.exceptions.StateMachineDoesNotExist) as refused:
        states.start_execution(stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:none")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused.value.operation_name == "StartExecution"


def test_errors_of_a_deployment_are_translated_as_those_of_aws(states: SFNClient) -> None:
    with pytest.raises(MisconfiguredError):
        translating(states).create_state_machine(name="a b", definition=PASS, roleArn=ROLE)


def test_parameters_are_checked_by_the_client(states: SFNClient) -> None:
    with pytest.raises(ParamValidationError, match="roleArn"):
        states.create_state_machine(name="a", definition=PASS)  # type: ignore[call-arg] # what is tested


def test_pages_are_followed_and_calls_are_seen_by_who_counts_them(states: SFNClient) -> None:
    machine = states.create_state_machine(name="a", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    for name in ("one", "two", "three"):
        states.start_execution(stateMachineArn=machine, name=name)
    with counted(states) as calls:
        pages = list(
            states.get_paginator("list_executions").paginate(stateMachineArn=machine, PaginationConfig={"PageSize": 2})
        )
    assert [[e["name"] for e in page["executions"]] for page in pages] == [["three", "two"], ["one"]]
    assert calls == ["ListExecutions", "ListExecutions"]


def test_an_action_that_the_engine_has_not_is_refused_by_name(states: SFNClient) -> None:
    with pytest.raises(ClientError, match=r"UnknownOperationException.*ListStateMachineAliases"):
        states.list_state_machine_aliases(stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:a")


def test_a_client_that_outlives_the_machines_reaches_nobody() -> None:
    functions = LambdaFunctions(region=REGION, account=ACCOUNT)
    with embedded_behind_boto3(functions, region=REGION, account=ACCOUNT, on_end=_nobody):
        states = _client("stepfunctions")
        assert states.list_state_machines()["stateMachines"] == []
    with pytest.raises(RuntimeError, match="closed"):
        states.list_state_machines()


def test_invoke_gives_the_result_of_a_function(functions: LambdaFunctions, lambdas: LambdaClient) -> None:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:twice"
    functions.register(arn, lambda event, context: {"is": event["n"] * 2, "by": context.invoked_function_arn})
    answer = lambdas.invoke(FunctionName=arn, Payload=json.dumps({"n": 4}).encode())
    assert json.loads(answer["Payload"].read()) == {"is": 8, "by": arn}
    assert "FunctionError" not in answer


def test_invoke_tells_what_a_function_raised(functions: LambdaFunctions, lambdas: LambdaClient) -> None:
    def fail(event: Any, context: Any) -> None:
        raise KeyError("gone")

    functions.register("fails", fail)
    answer = lambdas.invoke(FunctionName="fails")
    said = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (said["errorType"], said["errorMessage"]) == ("KeyError", "'gone'")


def test_invoke_of_a_function_that_is_not_there_is_refused(lambdas: LambdaClient) -> None:
    with pytest.raises(
        lambdas.exceptions.ResourceNotFoundException, match=r"Function not found: arn:aws:lambda:.*:none"
    ):
        lambdas.invoke(FunctionName="none")
