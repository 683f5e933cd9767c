"""What a role may do, by MiniStack's own evaluation of its policies. Used inside MiniStack's process only."""

from __future__ import annotations

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
