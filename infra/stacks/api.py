"""The HTTP API: the routes of the catalogue, closed unless the catalogue opens them."""

from __future__ import annotations

import json
from typing import Any

import jsii
from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer, HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.catalog import FUNCTIONS
from infra.config import StageConfig
from infra.constructs.deployment import Deployment, construct_id
from infra.constructs.engine_function import EngineFunction, retention
from infra.constructs.layers import Layers
from infra.function import Route

PREFLIGHT = Route("OPTIONS", "/{proxy+}", is_open=True)
"""A closed $default route would catch a browser's preflight requests, which are never signed; with this route API
Gateway answers them ("Configuring CORS for an HTTP API with a $default route and an authorizer").
"""

HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
)


ACCESS_LOG_FIELDS = {
    "requestId": "requestId",
    "time": "requestTime",
    "ip": "identity.sourceIp",
    "caller": "identity.userArn",
    "routeKey": "routeKey",
    "path": "path",
    "status": "status",
    "latencyMs": "responseLatency",
    "integrationLatencyMs": "integrationLatency",
    "error": "error.messageString",
    "authorizerError": "authorizer.error",
    "integrationError": "integrationErrorMessage",
}
"""API Gateway, "Customize HTTP API access logs"."""


class ApiStack(Stack):
    """API, authoriser, access logs, throttling and the functions behind it."""

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        config = deployment.config
        self.api = apigatewayv2.HttpApi(
            self,
            "Api",
            api_name=config.stem,
            description="Unified workflow execution engine",
            create_default_stage=False,
            default_authorizer=_authorizer(config),
            cors_preflight=_cors(config) if config.cors_origins else None,
        )
        layers = Layers(self, "Layers", host_build=config.host_build)
        self.functions: dict[str, EngineFunction] = {}
        self.open_routes: list[apigatewayv2.HttpRoute] = []
        for described in (f for f in FUNCTIONS if f.kind == "api"):
            made = EngineFunction(self, described, deployment, layers)
            self.functions[described.name] = made
            integration = HttpLambdaIntegration(construct_id(described.name), made.target)
            preflight = (PREFLIGHT,) if config.cors_origins and described.name == "api_docs" else ()
            for route in (*described.served_routes, *preflight):
                self._add_route(route, integration)
        for described in (f for f in FUNCTIONS if f.kind == "background"):
            self.functions[described.name] = EngineFunction(self, described, deployment, layers)
        self._stage(deployment)
        CfnOutput(self, "ApiUrl", value=self.api.api_endpoint, description="Address of the API")

    def _add_route(self, route: Route, integration: HttpLambdaIntegration) -> None:
        key = (
            apigatewayv2.HttpRouteKey.with_(route.path, apigatewayv2.HttpMethod[route.method])
            if route.method
            else apigatewayv2.HttpRouteKey.DEFAULT
        )
        made = apigatewayv2.HttpRoute(
            self,
            f"Route {route.key}".replace("/", "|"),
            http_api=self.api,
            route_key=key,
            integration=integration,
            authorizer=apigatewayv2.HttpNoneAuthorizer() if route.is_open else None,
        )
        if route.is_open:
            self.open_routes.append(made)

    def _stage(self, deployment: Deployment) -> None:
        config = deployment.config
        access_log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apis/{config.stem}",
            retention=retention(config.log_retention_days),
            removal_policy=deployment.removal_policy,
        )
        self.api.add_stage(
            "Stage",
            stage_name="$default",
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(rate_limit=config.throttle_rate, burst_limit=config.throttle_burst),
            access_log_settings=_AccessLog(access_log),
        )


@jsii.implements(apigatewayv2.IAccessLogSettings)
class _AccessLog:
    """Who asked for what, when, and how it went; a line of JSON for each request."""

    def __init__(self, group: logs.LogGroup) -> None:
        self._group = group

    @property
    def destination(self) -> apigatewayv2.IAccessLogDestination:
        return apigatewayv2.LogGroupLogDestination(self._group)

    @property
    def format(self) -> apigateway.AccessLogFormat:
        line = {name: f"$context.{variable}" for name, variable in ACCESS_LOG_FIELDS.items()}
        return apigateway.AccessLogFormat.custom(json.dumps(line))


def _authorizer(config: StageConfig) -> apigatewayv2.IHttpRouteAuthorizer:
    if config.auth == "jwt":
        return HttpJwtAuthorizer("Jwt", config.jwt_issuer, jwt_audience=list(config.jwt_audience))
    return HttpIamAuthorizer()


def _cors(config: StageConfig) -> apigatewayv2.CorsPreflightOptions:
    methods = sorted({r.method for f in FUNCTIONS for r in f.served_routes if r.method})
    return apigatewayv2.CorsPreflightOptions(
        allow_origins=list(config.cors_origins),
        allow_methods=[apigatewayv2.CorsHttpMethod[method] for method in methods],
        allow_headers=list(HEADERS),
        expose_headers=["retry-after"],
        max_age=Duration.hours(1),
    )
