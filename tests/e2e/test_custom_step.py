"""A step function that somebody deploys and registers at run time."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness.emulator import ACCOUNT, Emulator
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.e2e

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def deploy_function(emulator: Emulator, name: str) -> str:
    """Create a function with a role that may do nothing; gives its ARN."""
    role = emulator.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.write(Path(__file__).with_name("step_function.py"), "index.py")
    function = emulator.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Arn"],
        Code={"ZipFile": archive.getvalue()},
        Timeout=10,
    )
    arn: str = function["FunctionArn"]
    return arn


@pytest.fixture(scope="module")
def step_type(emulator: Emulator, api: ApiClient) -> Iterator[str]:
    """A registered step type with a function of its own."""
    name = f"tea_{uuid.uuid4().hex[:8]}"
    registration = {
        "step_type": name,
        "execution_type": "lambda",
        "function_arn": deploy_function(emulator, f"workflow-step-{name.replace('_', '-')}"),
        "config_schema": {"type": "object", "properties": {"cups": {"type": "integer"}}, "required": ["cups"]},
        "timeout_seconds": 10,
    }
    answer = api.post("/steps/register", registration)
    assert answer.status == 201, answer.body
    yield name
    assert api.call("DELETE", f"/steps/{name}").status == 204


def making_tea(step_type: str, water: int) -> dict[str, Any]:
    step = {"step_id": "tea", "step_type": step_type, "config": {"cups": 2}, "input_mapping": {"water": "input.water"}}
    return {"name": "Tea", "steps": [step], "input": {"water": water}}


def test_a_function_that_was_registered_runs_as_a_step(api: ApiClient, step_type: str) -> None:
    results = api.execute(making_tea(step_type, 1))
    assert results["status"] == "completed", results
    assert results["step_results"]["tea"]["output_data"] == {"cups": 2, "water": 1, "tenant": ACCOUNT}


def test_what_the_function_raises_is_the_error_of_the_run(api: ApiClient, step_type: str) -> None:
    results = api.execute(making_tea(step_type, 0))
    assert results["status"] == "failed"
    assert results["error"] == {"step_id": "tea", "type": "KettleIsEmptyError", "message": "Fill it first."}
    assert results["step_results"]["tea"]["status"] == "failed"


def test_a_registration_outside_the_allowed_patterns_is_refused(emulator: Emulator, api: ApiClient) -> None:
    arn = deploy_function(emulator, f"payroll-{uuid.uuid4().hex[:8]}")
    registration = {"step_type": "payroll", "execution_type": "lambda", "function_arn": arn}
    answer = api.post("/steps/register", registration)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"] == "/function_arn"
    assert api.get("/steps/payroll").status == 404


def test_a_machine_may_not_invoke_a_function_outside_the_allowed_patterns(
    emulator: Emulator, api: ApiClient, step_type: str
) -> None:
    """Whoever gets past the registration still meets the machine's role."""
    results = api.execute(making_tea(step_type, 1))
    states = emulator.client("stepfunctions")
    machine = next(
        execution["stateMachineArn"]
        for found in states.list_state_machines()["stateMachines"]
        for execution in states.list_executions(stateMachineArn=found["stateMachineArn"])["executions"]
        if execution["name"] == results["execution_id"]
    )
    described = states.describe_execution(
        executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:{results['execution_id']}"
    )
    given = json.loads(described["input"])
    given["functions"] = dict.fromkeys(given["functions"], deploy_function(emulator, f"payroll-{uuid.uuid4().hex[:8]}"))
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
    failure = first_failure(states, started)
    states.stop_execution(executionArn=started)
    assert failure["error"] == "Lambda.AWSLambdaException"
    assert "is not authorized to perform: lambda:InvokeFunction" in failure["cause"]


def first_failure(states: Any, execution_arn: str, seconds: float = 120) -> dict[str, Any]:
    """The details of the first task that failed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for event in states.get_execution_history(executionArn=execution_arn)["events"]:
            if event["type"] == "TaskFailed":
                details: dict[str, Any] = event["taskFailedEventDetails"]
                return details
        time.sleep(0.2)
    raise AssertionError("no task failed")
