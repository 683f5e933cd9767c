"""The assembly in an emulator: bootstrap, assets, stacks in order, and somebody who may call the API."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.harness.emulator import ACCOUNT, REGION, Emulator
from tests.e2e.harness.synthesis import Assembly, Stack

QUALIFIER: Final = "hnb659fds"
"""Of the CDK's default bootstrap stack."""

ASSETS: Final = f"cdk-{QUALIFIER}-assets-{ACCOUNT}-{REGION}"
BOOTSTRAP_VERSION: Final = "30"
STACK_SECONDS: Final = 180
CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Long-term credentials of an IAM user."""

    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployed system: its API, and what each stack gives out, by stack and name."""

    api_id: str
    api_url: str
    outputs: dict[str, dict[str, str]]


def deploy(emulator: Emulator, assembly: Assembly) -> Deployment:
    """Deploy every stack. Raises RuntimeError with CloudFormation's reasons when one fails."""
    _bootstrap(emulator)
    s3 = emulator.client("s3")
    for asset in assembly.assets:
        s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.content())
    outputs = {stack.name: _create(emulator, stack) for stack in assembly.stacks}
    (api,) = emulator.client("apigatewayv2").get_apis()["Items"]
    # Its own host name resolves nowhere. The stage is named, because otherwise /workflows/ is taken for /workflows.
    return Deployment(api["ApiId"], f"{emulator.url}/_aws/execute-api/{api['ApiId']}/$default", outputs)


def make_caller(emulator: Emulator, name: str, *statements: dict[str, Any]) -> Caller:
    """An IAM user with these policy statements and an access key."""
    iam = emulator.client("iam")
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Caller(key["AccessKeyId"], key["SecretAccessKey"])


def invoke_statement(deployment: Deployment) -> dict[str, Any]:
    """The policy statement that a client of the API needs, and all it needs."""
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{deployment.api_id}/*"
    return {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": api}


def _bootstrap(emulator: Emulator) -> None:
    """What `cdk bootstrap` leaves behind, as far as templates and assets need it."""
    emulator.client("s3").create_bucket(Bucket=ASSETS)
    emulator.client("ssm").put_parameter(
        Name=f"/cdk-bootstrap/{QUALIFIER}/version", Value=BOOTSTRAP_VERSION, Type="String"
    )


def update(emulator: Emulator, stack: str, template: str) -> None:
    """Change a stack. Raises RuntimeError with CloudFormation's reasons when that fails."""
    key = f"{stack}-{hashlib.sha256(template.encode()).hexdigest()}.json"
    emulator.client("s3").put_object(Bucket=ASSETS, Key=key, Body=template.encode())
    cloudformation = emulator.client("cloudformation")
    changed = cloudformation.update_stack(StackName=stack, TemplateURL=_url(key), Capabilities=CAPABILITIES)
    _await(cloudformation, changed["StackId"], "UPDATE_COMPLETE")


def remove(emulator: Emulator, stack: str) -> None:
    """Delete a stack. Raises RuntimeError with CloudFormation's reasons when that fails."""
    cloudformation = emulator.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack)
    _await(cloudformation, stack_id, "DELETE_COMPLETE")


def _create(emulator: Emulator, stack: Stack) -> dict[str, str]:
    cloudformation = emulator.client("cloudformation")
    created = cloudformation.create_stack(
        StackName=stack.name,
        TemplateURL=_url(stack.template_key),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()],
        Capabilities=CAPABILITIES,
    )
    found = _await(cloudformation, created["StackId"], "CREATE_COMPLETE")
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}


def _url(key: str) -> str:
    return f"https://s3.{REGION}.amazonaws.com/{ASSETS}/{key}"


def _await(cloudformation: Any, stack_id: str, wanted: str) -> dict[str, Any]:
    deadline = time.monotonic() + STACK_SECONDS
    while True:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        if found["StackStatus"] == wanted:
            return found
        if not found["StackStatus"].endswith("IN_PROGRESS") or time.monotonic() > deadline:
            raise RuntimeError(f"{found['StackName']}: {found['StackStatus']}\n{_reasons(cloudformation, stack_id)}")
        time.sleep(0.2)


def _reasons(cloudformation: Any, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [e for e in events if "FAILED" in e["ResourceStatus"]]
    return "\n".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in reversed(failed))
