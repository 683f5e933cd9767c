"""The API: its routes, who may call them, and what is logged."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from infra.catalog import FUNCTIONS
from tests.infra.stacks.support import checked, lambda_function
from tests.support.templates import Assembly, as_text

pytestmark = pytest.mark.xdist_group("cdk")


OPEN = {
    *("GET /health", "GET /health/{proxy+}", "HEAD /health", "HEAD /health/{proxy+}"),
    *("GET /console", "GET /console/config.json", "GET /console/{file}", "GET /console/{proxy+}"),
    *("HEAD /console", "HEAD /console/{proxy+}"),
}
"""Routes that ask for no credentials."""


ROUTES = [route for function in FUNCTIONS for route in function.served_routes]


def test_the_api_has_the_routes_of_the_catalogue_and_is_closed_but_for_health_and_console(dev: Assembly) -> None:
    routes = dev.resources("AWS::ApiGatewayV2::Route").values()
    assert {route["RouteKey"] for route in routes} == {route.key for route in ROUTES}
    open_ = {route["RouteKey"] for route in routes if route.get("AuthorizationType", "NONE") == "NONE"}
    assert open_ == OPEN
    assert {r["AuthorizationType"] for r in routes if r["RouteKey"] not in open_} == {"AWS_IAM"}


def test_with_jwt_every_route_but_those_and_preflight_asks_for_a_token(prod: Assembly) -> None:
    checked(prod, "api").has_resource_properties(
        "AWS::ApiGatewayV2::Authorizer",
        {
            "AuthorizerType": "JWT",
            "JwtConfiguration": {"Issuer": "https://login.example.com/", "Audience": ["workflows"]},
            "IdentitySource": ["$request.header.Authorization"],
        },
    )
    routes = prod.resources("AWS::ApiGatewayV2::Route").values()
    open_ = {route["RouteKey"] for route in routes if route.get("AuthorizationType", "NONE") == "NONE"}
    assert open_ == OPEN | {"OPTIONS /{proxy+}"}
    assert {r["AuthorizationType"] for r in routes if r["RouteKey"] not in open_} == {"JWT"}
    for described in (f for f in FUNCTIONS if f.kind == "api"):
        variables = lambda_function(prod, described)["Environment"]["Variables"]
        assert variables["AUTH_MODE"] == "jwt"
        assert described.name in ("api_docs", "api_console") or variables["TENANT_CLAIM"] == "org_id"


def test_what_may_call_a_function_fits_into_its_policy(dev: Assembly) -> None:
    """Lambda, quotas: a function's resource-based policy has 20 KB. A statement has about 450 bytes."""
    of_functions = Counter(as_text(p["FunctionName"]) for p in dev.resources("AWS::Lambda::Permission").values())
    assert max(of_functions.values()) * 450 < 20_480


def test_only_configured_origins_may_call_from_a_browser(dev: Assembly, prod: Assembly) -> None:
    assert "CorsConfiguration" not in dev.only("AWS::ApiGatewayV2::Api")
    cors = prod.only("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    (of_bucket,) = prod.only("AWS::S3::Bucket")["CorsConfiguration"]["CorsRules"]
    assert of_bucket["AllowedOrigins"] == ["https://app.example.com"]
    assert (of_bucket["AllowedMethods"], of_bucket["AllowedHeaders"]) == (["GET", "PUT"], ["content-type"])
    assert set(cors["AllowMethods"]) == {route.method for route in ROUTES if route.method}


def test_requests_are_logged_and_limited(dev: Assembly) -> None:
    stage = dev.only("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 100
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 200
    fields = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"$context.requestId", "$context.identity.userArn", "$context.status"} <= set(fields.values())
