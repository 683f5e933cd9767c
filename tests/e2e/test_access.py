"""Who may call the deployed API."""

from __future__ import annotations

import json
import os
import uuid

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from infra.catalog import FUNCTIONS
from infra.function import Route
from tests.e2e.harness.deployment import make_caller
from tests.e2e.harness.emulator import REGION, Emulator
from tests.support.http_client import ApiClient
from tests.support.sigv4_client import SignedApiClient

pytestmark = pytest.mark.e2e

ROUTES = [route for function in FUNCTIONS for route in function.routes]
CLOSED = [route for route in ROUTES if route.method and not route.is_open]


def some_path(route: Route) -> str:
    return "/".join("x" if part.startswith("{") else part for part in route.path.split("/"))


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.key)
def test_a_call_without_a_signature_is_refused(unsigned: ApiClient, route: Route) -> None:
    answer = unsigned.call(route.method, some_path(route), {} if route.method in ("POST", "PUT") else None)
    assert (answer.status, answer.body) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("path", ["/", "/nothing"])
def test_a_route_that_does_not_exist_tells_nothing_without_a_signature(unsigned: ApiClient, path: str) -> None:
    assert unsigned.get(path).status in (403, 404)


def test_health_and_the_consoles_files_are_open_and_nothing_else(unsigned: ApiClient) -> None:
    files = ["GET /console", "GET /console/config.json", "GET /console/{file}"]
    assert [route.key for route in ROUTES if route.is_open] == ["GET /health", *files]
    assert unsigned.get("/health").status == 200
    assert unsigned.get("/console/config.json").body["auth"] == "iam"
    assert unsigned.get("/console/nothing.js").status == 404


def test_a_signature_with_a_wrong_secret_is_refused(api: SignedApiClient) -> None:
    assert api.credentials is not None
    forged = Credentials(api.credentials.access_key, "not the secret")
    assert SignedApiClient(api.base_url, credentials=forged, region=REGION).get("/workflows").status == 403


def test_a_user_without_permission_is_refused(emulator: Emulator) -> None:
    caller = make_caller(emulator, f"stranger-{uuid.uuid4().hex[:8]}")
    credentials = Credentials(caller.access_key, caller.secret_key)
    stranger = SignedApiClient(os.environ["WORKFLOW_API_URL"], credentials=credentials, region=REGION)
    assert stranger.get("/workflows").status == 403


def test_the_role_of_machines_serves_no_machine_of_another_name(emulator: Emulator) -> None:
    role = next(
        found["Arn"]
        for page in emulator.client("iam").get_paginator("list_roles").paginate()
        for found in page["Roles"]
        if found["RoleName"].startswith("workflow-dev-machines")
    )
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    with pytest.raises(ClientError, match="AccessDeniedException"):
        emulator.client("stepfunctions").create_state_machine(name="other", definition=definition, roleArn=role)
