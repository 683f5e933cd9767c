"""A step of one's own, with a few lines of CDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from infra.constructs import WorkflowStep
from tests.support.templates import as_text

pytestmark = pytest.mark.xdist_group("cdk")


@pytest.fixture
def code(tmp_path: Path) -> str:
    (tmp_path / "ocr.py").write_text("def handler(event, context):\n    return {}\n", encoding="utf-8")
    return str(tmp_path)


def stack(**context: str) -> Stack:
    return Stack(App(context=context), "Ours")


def properties(stack: Stack, type_: str) -> dict[str, Any]:
    (found,) = Template.from_stack(stack).find_resources(type_).values()
    return dict(as_text(found["Properties"]))


def test_a_few_lines_deploy_and_register_a_step(code: str) -> None:
    ours = stack()
    schema = {"type": "object", "properties": {"pages": {"type": "integer", "maximum": 5}}}
    WorkflowStep(
        ours, "Ocr", step_type="ocr", code=code, handler="ocr.handler", config_schema=schema, timeout_seconds=120
    )
    function = properties(ours, "AWS::Lambda::Function")
    assert function["FunctionName"] == "workflow-step-dev-ocr"
    assert (function["Handler"], function["Timeout"], len(function["Layers"])) == ("ocr.handler", 120, 1)
    custom = properties(ours, "Custom::WorkflowStep")
    assert custom["ServiceToken"].endswith(":function:workflow-dev-step-registrar")
    assert custom["TenantId"] == "${AWS::AccountId}"
    body = json.loads(custom["Registration"])
    assert body == {
        "step_type": "ocr",
        "description": "",
        "function_arn": body["function_arn"],
        "timeout_seconds": 120,
        "config_schema": schema,
    }
    assert body["function_arn"].startswith("${OcrFunction")


def test_its_role_writes_logs_and_traces_and_nothing_else(code: str) -> None:
    ours = stack()
    WorkflowStep(ours, "Ocr", step_type="ocr", code=code, handler="ocr.handler")
    (policy,) = properties(ours, "AWS::IAM::Role")["Policies"]
    actions = [a for statement in policy["PolicyDocument"]["Statement"] for a in statement["Action"]]
    assert sorted(actions) == [
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ]
    assert not Template.from_stack(ours).find_resources("AWS::IAM::Policy")


def test_it_belongs_to_the_stage_of_the_context_and_to_a_tenant(code: str) -> None:
    ours = stack(stage="prod", snapstart="true")
    WorkflowStep(ours, "Ocr", step_type="ocr", code=code, handler="ocr.handler", tenant_id="sales")
    assert properties(ours, "AWS::Lambda::Function")["FunctionName"] == "workflow-step-prod-ocr"
    custom = properties(ours, "Custom::WorkflowStep")
    assert custom["ServiceToken"].endswith(":function:workflow-prod-step-registrar:live")
    assert custom["TenantId"] == "sales"


def test_a_function_that_is_there_can_be_registered() -> None:
    ours = stack()
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:workflow-step-ocr"
    theirs = lambda_.Function.from_function_arn(ours, "Theirs", arn)
    WorkflowStep(ours, "Ocr", step_type="ocr", handler=theirs)
    assert json.loads(properties(ours, "Custom::WorkflowStep")["Registration"])["function_arn"] == arn
    assert not Template.from_stack(ours).find_resources("AWS::Lambda::Function")


def test_a_handler_by_name_needs_code_and_a_function_has_its_own(code: str) -> None:
    ours = stack()
    with pytest.raises(ValueError, match="code"):
        WorkflowStep(ours, "One", step_type="ocr", handler="ocr.handler")
    theirs = lambda_.Function.from_function_arn(ours, "Theirs", "arn:aws:lambda:eu-west-1:123456789012:function:x")
    with pytest.raises(ValueError, match="code"):
        WorkflowStep(ours, "Two", step_type="ocr", handler=theirs, code=code)
