"""Who may do what. The golden shows each widening in review: UPDATE_GOLDENS=1 writes it anew."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from infra.catalog import FUNCTIONS
from tests.infra.conftest import synthesize
from tests.support.templates import Assembly, as_text, roles

pytestmark = pytest.mark.xdist_group("cdk")

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "infra" / "roles.json"

WITHOUT_RESOURCES: Final = frozenset(
    {
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    }
)
"""Actions for which AWS documents no resources, or which Step Functions asks for on all ("Service Authorization
Reference"; "Logging using CloudWatch Logs").
"""


def described(assembly: Assembly) -> dict[str, Any]:
    """Role -> resource -> actions, all sorted; a condition stands beside its resource."""
    found: dict[str, Any] = {}
    for name, statements in sorted(roles(assembly).items()):
        allowed: dict[str, set[str]] = {}
        for statement in statements:
            for resource in statement.resources:
                condition = f" if {json.dumps(statement.conditions)}" if statement.conditions else ""
                allowed.setdefault(resource + condition, set()).update(statement.actions)
        found[name] = {resource: sorted(actions) for resource, actions in sorted(allowed.items())}
    return found


def test_the_roles_are_as_reviewed(dev: Assembly) -> None:
    found = described(dev)
    if os.environ.get("UPDATE_GOLDENS"):
        GOLDEN.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_every_function_has_a_role_of_its_own(dev: Assembly) -> None:
    used = [as_text(f["Role"]) for f in dev.resources("AWS::Lambda::Function").values()]
    assert len(used) == len(set(used)) == len(FUNCTIONS)
    assert len(dev.resources("AWS::IAM::Role")) == len(FUNCTIONS) + 1


def test_no_role_has_a_managed_policy(dev: Assembly, prod: Assembly) -> None:
    for assembly in (dev, prod):
        assert all("ManagedPolicyArns" not in role for role in assembly.resources("AWS::IAM::Role").values())
        assert not assembly.resources("AWS::IAM::ManagedPolicy")


def test_no_action_is_a_wildcard_and_no_resource_is_everything(dev: Assembly, prod: Assembly) -> None:
    for assembly in (dev, prod):
        for name, statements in roles(assembly).items():
            for statement in statements:
                assert not any("*" in action for action in statement.actions), name
                if "*" in statement.resources:
                    assert set(statement.actions) <= WITHOUT_RESOURCES, name


def test_the_machine_role_is_for_machines_of_this_deployment(dev: Assembly) -> None:
    (role,) = [r for n, r in dev.resources("AWS::IAM::Role").items() if "MachineRole" in n]
    (statement,) = as_text(role["AssumeRolePolicyDocument"])["Statement"]
    assert statement["Principal"] == {"Service": "states.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "${AWS::AccountId}"}
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"].endswith(":stateMachine:workflow-dev-*")


def test_machines_may_invoke_what_the_context_names(prod: Assembly) -> None:
    (allowed,) = [
        s for n, ss in roles(prod).items() if "MachineRole" in n for s in ss if s.actions == ("lambda:InvokeFunction",)
    ]
    account = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function"
    assert allowed.resources == (
        f"{account}:workflow-prod-step-data",
        f"{account}:workflow-prod-step-data:*",
        f"{account}:workflow-prod-step-files",
        f"{account}:workflow-prod-step-files:*",
        f"{account}:workflow-prod-step-http",
        f"{account}:workflow-prod-step-http:*",
        f"{account}:workflow-prod-step-approval",
        f"{account}:workflow-prod-step-approval:*",
        f"{account}:workflow-prod-step-agent",
        f"{account}:workflow-prod-step-agent:*",
        f"{account}:workflow-prod-step-vectors",
        f"{account}:workflow-prod-step-vectors:*",
        f"{account}:steps-*",
        "arn:aws:lambda:eu-west-1:123456789012:function:ocr",
        "arn:aws:lambda:eu-west-1:123456789012:function:ocr:*",
    )


def test_the_role_is_passed_to_step_functions_only(dev: Assembly) -> None:
    passing = [s for statements in roles(dev).values() for s in statements if "iam:PassRole" in s.actions]
    assert len(passing) == 6
    assert all(s.conditions == {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}} for s in passing)
    assert all(s.actions == ("iam:PassRole",) for s in passing)


def test_agents_may_ask_the_models_and_read_the_secrets_that_the_context_names(dev: Assembly, prod: Assembly) -> None:
    in_dev, in_prod = (allowed_by_action(assembly, "StepAgentRole") for assembly in (dev, prod))
    assert "secretsmanager:GetSecretValue" not in in_dev
    assert in_prod["secretsmanager:GetSecretValue"] == (
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:llm-AbCdEf",
        "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:workflow-prod/llm/*",
    )
    assert in_prod["bedrock:InvokeModel"] == in_prod["bedrock:InvokeModelWithResponseStream"]
    assert in_prod["bedrock:InvokeModel"] == (
        "arn:${AWS::Partition}:bedrock:*::foundation-model/anthropic.*",
        "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/*.anthropic.*",
    )


def test_what_calls_endpoints_reads_secrets_of_tenants_and_touches_nothing_else(dev: Assembly, prod: Assembly) -> None:
    writes = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
    assert set(allowed_by_action(dev, "StepHttp")) == writes
    in_prod = allowed_by_action(prod, "StepHttp")
    assert set(in_prod) == {*writes, "secretsmanager:GetSecretValue"}
    assert in_prod["secretsmanager:GetSecretValue"] == (
        "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:workflow-prod/llm/*",
    )


def allowed_by_action(assembly: Assembly, role: str) -> dict[str, tuple[str, ...]]:
    (statements,) = [found for name, found in roles(assembly).items() if role in name]
    return {action: s.resources for s in statements for action in s.actions}


def test_stages_do_not_share_a_name(dev: Assembly, prod: Assembly) -> None:
    names = [physical_names(assembly) for assembly in (dev, prod)]
    assert all(len(of) > 20 for of in names)
    assert not names[0] & names[1]


def physical_names(assembly: Assembly) -> set[str]:
    keys = ("FunctionName", "TableName", "BucketName", "QueueName", "RoleName", "LogGroupName", "AlarmName", "Name")
    return {
        f"{resource['Type']} {as_text(resource['Properties'][key])}"
        for resource in assembly.all_resources()
        for key in keys
        if key in resource.get("Properties", {})
        and resource["Type"] not in ("AWS::Lambda::Alias", "AWS::Logs::MetricFilter")  # which name another resource
    }


def test_files_are_read_from_the_buckets_that_the_context_names_and_no_others(dev: Assembly, prod: Assembly) -> None:
    def readable(assembly: Assembly) -> set[str]:
        (statements,) = (found for name, found in roles(assembly).items() if "StepFiles" in name)
        return {r for s in statements if "s3:GetObject" in s.actions for r in s.resources}

    own = "arn:${AWS::Partition}:s3:::workflow-{}-${AWS::AccountId}-${AWS::Region}/payloads/*"
    assert readable(dev) == {own.replace("{}", "dev")}
    assert readable(prod) == {own.replace("{}", "prod"), "arn:${AWS::Partition}:s3:::reports-of-the-company/*"}


def test_without_vectors_there_is_no_bucket_of_them_and_nobody_may_anything_there(tmp_path: Path) -> None:
    without = synthesize(tmp_path, {"vectors": "false"})
    assert not without.resources("AWS::S3Vectors::VectorBucket")
    assert not any("s3vectors" in action for found in roles(without).values() for s in found for action in s.actions)
