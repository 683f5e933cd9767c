"""What a role may do, by MiniStack's own evaluation of its policies. Used inside MiniStack's process only."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any


def ministack(path: str) -> Any:
    """The module `path` of MiniStack, such as "services.lambda_svc". It is untyped, so it is handled as Any."""
    return import_module(f"ministack.{path}")


def role_may(role_arn: str, action: str, resource: str) -> bool:
    """Whether the policies of a role allow `action` ("lambda:InvokeFunction") on a resource's ARN.

    False for a role that does not exist.
    """
    _arn, partition, _iam, _region, account, path = role_arn.split(":", 5)
    name = path.rpartition("/")[2]
    evaluator = ministack("core.iam_evaluator")
    context = evaluator.EvalContext(
        principal_arn=f"arn:{partition}:sts::{account}:assumed-role/{name}/session",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=ministack("core.responses").get_region(),
    )
    decision: str = evaluator.evaluate(context, evaluator._gather_role_policies(name, account)).decision
    return decision == "Allow"


def denial(role_arn: str, action: str, resource: str) -> str:
    """AWS's sentence for what `role_may` refused."""
    _arn, partition, _iam, _region, account, path = role_arn.split(":", 5)
    session = f"arn:{partition}:sts::{account}:assumed-role/{path.rpartition('/')[2]}/session"
    return (
        f"User: {session} is not authorized to perform: {action} on resource: {resource}"
        f" because no identity-based policy allows the {action} action"
    )


def service_may_assume(role_arn: str, service: str, source_arn: str) -> bool:
    """Whether a role's trust policy lets a service ("states.amazonaws.com") work for the resource `source_arn` with it.

    False for a role that does not exist.
    """
    _arn, _partition, _iam, _region, account, path = role_arn.split(":", 5)
    role = ministack("services.iam")._roles.get_scoped(account, None, path.rpartition("/")[2])
    if role is None:
        return False
    document = role["AssumeRolePolicyDocument"]
    document = json.loads(document) if isinstance(document, str) else document
    named = [s for s in document["Statement"] if service in _services(s.get("Principal"))]
    evaluator = ministack("core.iam_evaluator")
    # The evaluator takes the account's root for any service, hence the selection above.
    root = f"arn:aws:iam::{account}:root"
    context = evaluator.EvalContext(
        principal_arn=root,
        principal_type="Root",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=ministack("core.responses").get_region(),
        service_context={"aws:sourceaccount": account, "aws:sourcearn": source_arn},
    )
    allowed: bool = evaluator.evaluate_trust_policy({"Statement": named}, root, context)
    return allowed


def _services(principal: Any) -> list[str]:
    found = principal.get("Service", []) if isinstance(principal, dict) else []
    return [found] if isinstance(found, str) else found
