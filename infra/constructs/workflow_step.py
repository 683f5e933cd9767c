"""A step of one's own: the Lambda, and its registration as a step type for as long as the stack exists.

    class OcrStack(Stack):
        def __init__(self, scope, id, **options):
            super().__init__(scope, id, **options)
            WorkflowStep(self, "Ocr", step_type="ocr", code="steps/ocr", handler="ocr.handler", timeout_seconds=120)

The code is a folder with a handler made by `workflow_engine.sdk.step`; that package comes as a layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import StageConfig
from infra.constructs.deployment import Deployment
from infra.constructs.engine_function import retention, write_traces
from infra.constructs.layers import RUNTIME
from infra.packaging import own_layer_asset
from workflow_engine.settings import own_step_prefix


class WorkflowStep(Construct):
    """A step type that a stack deploys.

    Give either `code`, a folder, with `handler`, a dotted path: then the Lambda is made here, under a name that
    machines may invoke. Or give `handler` as a Lambda of your own, whose name or ARN must match the deployment's
    `step_function_arns`; registration fails, and with it the deployment, when it does not.

    `tenant_id` is whom the step type belongs to; by default the account, which is the tenant of callers that sign with
    IAM. The stage is that of the context.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        step_type: str,
        handler: str | lambda_.IFunction,
        code: str | None = None,
        description: str = "",
        config_schema: Mapping[str, Any] | None = None,
        output_schema: Mapping[str, Any] | None = None,
        timeout_seconds: int = 60,
        memory_mb: int = 512,
        environment: Mapping[str, str] | None = None,
        statements: Sequence[iam.PolicyStatement] = (),
        layers: Sequence[lambda_.ILayerVersion] = (),
        tenant_id: str | None = None,
    ) -> None:
        """`statements` are what the Lambda that is made here may do beside writing logs and traces. `layers` lie over the SDK's,
        which brings no other package: pydantic for models, Powertools for log lines, metrics and work that is done once.

        Raises ValueError when `code` and the kind of `handler` do not fit.
        """
        super().__init__(scope, id_)
        self._deployment = Deployment(StageConfig.from_context(self.node.try_get_context))
        if isinstance(handler, str) != (code is not None):
            raise ValueError("Give `code` with a dotted `handler`, or a Lambda function as `handler` without `code`.")
        if isinstance(handler, str):
            self.function: lambda_.IFunction = self._make_function(
                step_type,
                handler,
                code or "",
                iam.PolicyDocument(statements=[*self._write_logs(step_type), write_traces(), *statements]),
                memory_size=memory_mb,
                timeout=Duration.seconds(timeout_seconds),
                environment=dict(environment or {}),
                over=layers,
            )
        else:
            self.function = handler
        registration: dict[str, Any] = {
            "step_type": step_type,
            "description": description,
            "function_arn": self.function.function_arn,
            "timeout_seconds": timeout_seconds,
        }
        registration |= {"config_schema": dict(config_schema)} if config_schema is not None else {}
        registration |= {"output_schema": dict(output_schema)} if output_schema is not None else {}
        self.registration = CustomResource(
            self,
            "Registration",
            resource_type="Custom::WorkflowStep",
            service_token=self._deployment.function_arn("step_registrar"),
            service_timeout=Duration.minutes(5),
            properties={
                "TenantId": tenant_id or Aws.ACCOUNT_ID,
                # Text, because CloudFormation would turn the numbers and booleans of schemas into text.
                "Registration": Stack.of(self).to_json_string(registration),
            },
        )

    def _make_function(
        self,
        step_type: str,
        handler: str,
        code: str,
        policy: iam.PolicyDocument,
        *,
        over: Sequence[lambda_.ILayerVersion],
        **options: Any,
    ) -> lambda_.Function:
        config = self._deployment.config
        group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{self._function_name(step_type)}",
            retention=retention(config.log_retention_days),
            removal_policy=self._deployment.removal_policy,
        )
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"function": policy},
        )
        sdk = lambda_.LayerVersion(self, "Sdk", code=lambda_.Code.from_asset(str(own_layer_asset("engine"))))
        return lambda_.Function(
            self,
            "Function",
            function_name=self._function_name(step_type),
            runtime=RUNTIME,
            architecture=lambda_.Architecture.X86_64 if config.host_build else lambda_.Architecture.ARM_64,
            handler=handler,
            code=lambda_.Code.from_asset(code),
            layers=[sdk, *over],
            role=role.without_policy_updates(),
            tracing=lambda_.Tracing.ACTIVE,
            logging_format=lambda_.LoggingFormat.JSON,
            log_group=group,
            **options,
        )

    def _function_name(self, step_type: str) -> str:
        """A name that the default `step_function_arns` match, of its stage alone."""
        return f"{own_step_prefix(self._deployment.config.stage)}{step_type}".replace("_", "-")

    def _write_logs(self, step_type: str) -> list[iam.PolicyStatement]:
        group = f"log-group:/aws/lambda/{self._function_name(step_type)}:*"
        resource = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:{group}"
        return [iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[resource])]
