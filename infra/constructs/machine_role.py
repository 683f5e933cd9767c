"""The role of all machines."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.deployment import Deployment
from infra.constructs.engine_function import WRITE_TRACES

LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
"""Step Functions, "Logging using CloudWatch Logs", IAM policies. None of them knows resources."""

SUBFLOW_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
"""The rule by which Step Functions learns that a child has ended ("Service integrations", startExecution.sync)."""


class MachineRole(iam.Role):
    """May invoke the step functions and what may be registered as one, run machines of this deployment as subflows,
    and write logs and traces. Assumed by Step Functions for machines of this deployment only.
    """

    def __init__(self, scope: Construct, id_: str, deployment: Deployment) -> None:
        super().__init__(
            scope,
            id_,
            role_name=deployment.machine_role_name,
            description="Role of the state machines that the workflow engine makes",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": deployment.machine_arns},
                },
            ),
            inline_policies={"machines": _policy(deployment)},
        )


def _policy(deployment: Deployment) -> iam.PolicyDocument:
    rule = f"arn:{Aws.PARTITION}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:rule/{SUBFLOW_RULE}"
    sampling = ("xray:GetSamplingRules", "xray:GetSamplingTargets")
    allowed: list[tuple[tuple[str, ...], list[str]]] = [
        (("lambda:InvokeFunction",), deployment.invocable_by_machines()),
        (("states:StartExecution",), [deployment.machine_arns]),
        (("states:DescribeExecution", "states:StopExecution"), [deployment.execution_arns]),
        (("events:DescribeRule", "events:PutRule", "events:PutTargets"), [rule]),
        (LOG_DELIVERY, ["*"]),
        ((*sampling, *WRITE_TRACES), ["*"]),
    ]
    statements = [iam.PolicyStatement(actions=list(actions), resources=arns) for actions, arns in allowed]
    return iam.PolicyDocument(statements=statements)
