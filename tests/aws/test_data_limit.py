"""What AWS does with more than 256 KiB: documented in part only, so it is asked of a real account, by hand.

    AWS_CHECKS=1 AWS_DEFAULT_REGION=eu-west-1 .venv/bin/python -m pytest -n 0 -s -m aws tests/aws

Makes a role, a function and a machine, runs the machine once, and removes all three. It costs less than a cent.
"""

from __future__ import annotations

import io
import json
import os
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.data_limit import DOCUMENT, FUNCTION_SOURCE, check_run, compiled
from workflow_engine.compiler import execution_input

T = TypeVar("T")

OPT_IN: Final = "AWS_CHECKS"
PATIENCE_SECONDS: Final = 180.0
"""A new role takes some seconds until other services know it; the run itself takes a few."""


def has_credentials() -> bool:
    return boto3.Session().get_credentials() is not None


pytestmark = [
    pytest.mark.aws,
    pytest.mark.skipif(
        os.environ.get(OPT_IN) != "1" or not has_credentials(), reason=f"needs credentials of AWS and {OPT_IN}=1"
    ),
]


def wait_for(what: str, attempt: Callable[[], T | None]) -> T:
    """What `attempt` gives as soon as it is not None. Raises AssertionError when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = attempt()
        if found is not None:
            return found
        time.sleep(2)
    raise AssertionError(f"{what} took more than {PATIENCE_SECONDS:.0f} seconds")


def unless_role_is_new(create: Callable[..., Mapping[str, Any]], **arguments: Any) -> Mapping[str, Any] | None:
    """The answer, or None while the service does not know the role yet."""
    try:
        return create(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("InvalidParameterValueException", "AccessDeniedException"):
            return None
        raise


@contextmanager
def function_and_machine(definition: str, session: Any, name: str) -> Iterator[tuple[str, str]]:
    """ARNs of a function and of a machine that may call it. Both are removed in the end, and their role."""
    iam, functions, machines = session.client("iam"), session.client("lambda"), session.client("stepfunctions")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    with ExitStack() as undo:
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        undo.callback(iam.delete_role, RoleName=name)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr("filler.py", FUNCTION_SOURCE)
        made = wait_for(
            "making the function",
            lambda: unless_role_is_new(
                functions.create_function,
                FunctionName=name,
                Runtime="python3.13",
                Role=role,
                Handler="filler.handler",
                Code={"ZipFile": archive.getvalue()},
                Timeout=10,
            ),
        )
        undo.callback(functions.delete_function, FunctionName=name)
        function = str(made["FunctionArn"])
        functions.get_waiter("function_active_v2").wait(FunctionName=name)
        invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [invoke]})
        iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=policy)
        undo.callback(iam.delete_role_policy, RoleName=name, PolicyName="invoke")
        time.sleep(10)  # until the policy holds: nothing asks for that
        machine = wait_for(
            "making the machine",
            lambda: unless_role_is_new(
                machines.create_state_machine, name=name, definition=definition, roleArn=role, type="STANDARD"
            ),
        )["stateMachineArn"]
        undo.callback(machines.delete_state_machine, stateMachineArn=machine)
        yield function, str(machine)


def test_more_than_256_kib_is_caught_by_name_and_not_tried_again() -> None:
    """A result, a list, an input and a pure step, each too large and none critical, in one run of a machine of ours."""
    session = boto3.Session()
    machines = session.client("stepfunctions")
    compilation = compiled(DOCUMENT)
    with function_and_machine(compilation.definition, session, f"data-limit-{uuid.uuid4().hex[:12]}") as made:
        function, machine = made
        run = dict.fromkeys(("tenant_id", "session_id", "user_id", "correlation_id"))
        value = execution_input(
            compilation.bindings,
            input={},
            functions=dict.fromkeys(compilation.bindings["functions"], function),
            run={**run, "execution_id": "check", "workflow_id": "check", "workflow_version": 1},
        )
        started = machines.start_execution(stateMachineArn=machine, input=json.dumps(value))["executionArn"]

        def ended() -> Mapping[str, Any] | None:
            described = machines.describe_execution(executionArn=started)
            return None if described["status"] == "RUNNING" else described

        described = wait_for("the run", ended)
        pages = machines.get_paginator("get_execution_history").paginate(executionArn=started)
        events = [event for page in pages for event in page["events"]]
    # The kinds of events are what no page says; whoever runs this should keep them.
    print(json.dumps([_shortened(event) for event in events], indent=1, default=str))
    assert described["status"] == "SUCCEEDED", (described.get("error"), described.get("cause"))
    check_run(events, compilation)


def _shortened(value: Any) -> Any:
    """The value with long texts cut."""
    if isinstance(value, Mapping):
        return {key: _shortened(part) for key, part in value.items()}
    return f"{value[:300]}..." if isinstance(value, str) and len(value) > 300 else value
