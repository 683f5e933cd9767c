"""A function of the catalogue as Lambda has it: its asset, its layers, its role with what it may do and no more."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import LOG_RETENTION
from infra.constructs.deployment import LIVE_ALIAS, Deployment, construct_id
from infra.constructs.layers import RUNTIME, Layers
from infra.function import Function
from infra.packaging import function_asset
from workflow_engine.faults import FAULT_FIELD, UNEXPECTED
from workflow_engine.metrics import NAMESPACE

FAULTS = logs.FilterPattern.any(
    # An exception that is no failure by contract (`workflow_engine.faults`).
    logs.FilterPattern.string_value(f"$.{FAULT_FIELD}", "=", UNEXPECTED),
    # What Lambda's runtime says of a handler that it cannot import, or of an output that is no JSON.
    logs.FilterPattern.string_value("$.errorType", "=", "Runtime.*"),
    # What Lambda says of a call that code could not log: too long, or the process gone. The statuses are those of
    # "Lambda Telemetry API Event schema reference"; an exception has the status `error`.
    logs.FilterPattern.all(
        logs.FilterPattern.string_value("$.type", "=", "platform.report"),
        logs.FilterPattern.any(
            logs.FilterPattern.string_value("$.record.status", "=", "timeout"),
            logs.FilterPattern.string_value("$.record.status", "=", "failure"),
            logs.FilterPattern.string_value("$.record.errorType", "=", "Runtime.ExitError"),
            logs.FilterPattern.string_value("$.record.errorType", "=", "Runtime.OutOfMemory"),
        ),
    ),
)
"""Lines of a step function's log that ops must see."""

WRITE_TRACES = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")


def write_traces() -> iam.PolicyStatement:
    """X-Ray's writing actions know no resources ("Actions, resources, and condition keys for AWS X-Ray")."""
    return iam.PolicyStatement(actions=list(WRITE_TRACES), resources=["*"])


class EngineFunction(Construct):
    """A function, its log group and its role. `target` is what others invoke: the function, with SnapStart its alias."""

    def __init__(
        self,
        scope: Construct,
        described: Function,
        deployment: Deployment,
        layers: Layers,
        further_statements: Iterable[iam.PolicyStatement] = (),
    ) -> None:
        super().__init__(scope, construct_id(described.name))
        self.described = described
        config = deployment.config
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{deployment.function_name(described.name)}",
            retention=retention(config.log_retention_days),
            removal_policy=deployment.removal_policy,
        )
        if described.kind == "step":
            # Its errors are mostly failures of users' steps, which are no concern of the people who run the engine.
            logs.MetricFilter(
                self,
                "Faults",
                log_group=log_group,
                filter_pattern=FAULTS,
                metric_namespace=NAMESPACE,
                metric_name=deployment.faults_metric(described.name),
            )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"function": _policy(described, deployment, further_statements)},
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=deployment.function_name(described.name),
            runtime=RUNTIME,
            architecture=layers.architecture,
            handler=described.handler,
            code=lambda_.Code.from_asset(str(function_asset(described.name))),
            layers=layers.of(described.layers),
            memory_size=described.memory_mb,
            timeout=Duration.seconds(described.timeout_seconds),
            environment=deployment.environment(Stack.of(self), described.name),
            # CDK would add to the policy what it thinks is needed; the catalogue says what is.
            role=self.role.without_policy_updates(),
            tracing=lambda_.Tracing.ACTIVE,
            logging_format=lambda_.LoggingFormat.JSON,
            log_group=log_group,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if config.snapstart else None,
        )
        self.target: lambda_.IFunction = self.function
        if config.snapstart:
            self.target = lambda_.Alias(self, "Live", alias_name=LIVE_ALIAS, version=self.function.current_version)


def retention(days: int) -> logs.RetentionDays:
    """CDK's name for a number of days, which `StageConfig` has checked."""
    return logs.RetentionDays[LOG_RETENTION[days]]


def _policy(described: Function, deployment: Deployment, further: Iterable[iam.PolicyStatement]) -> iam.PolicyDocument:
    write_logs = iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[deployment.log_arn(described.name)],
    )
    granted = [
        iam.PolicyStatement(
            actions=list(grant.actions),
            resources=deployment.arns(grant.resource),
            conditions=deployment.conditions(grant),
        )
        for grant in described.grants
        if deployment.arns(grant.resource)
    ]
    return iam.PolicyDocument(statements=[write_logs, write_traces(), *granted, *further])
