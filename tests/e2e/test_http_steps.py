"""Endpoints that ask for a secret, where IAM is enforced: the tenant's own, read by the function that calls."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.harness.emulator import ACCOUNT, Emulator
from tests.support.http_client import ApiClient
from tests.support.llm.vendor_server import VendorServer, json_reply

pytestmark = pytest.mark.e2e

NAME = f"workflow-dev/llm/{ACCOUNT}"
TOKEN = "token-of-the-tenant-for-the-crm"


@pytest.fixture(scope="module", autouse=True)
def tenant_secret(emulator: Emulator) -> None:
    """The tenant's secret, which holds the keys of its models too."""
    client = emulator.client("secretsmanager")
    try:
        before = json.loads(client.get_secret_value(SecretId=NAME)["SecretString"])
        client.put_secret_value(SecretId=NAME, SecretString=json.dumps(before | {"STEP_SECRET_CRM": TOKEN}))
    except ClientError:
        client.create_secret(Name=NAME, SecretString=json.dumps({"STEP_SECRET_CRM": TOKEN}))


def run(api: ApiClient, url: str, secret: str) -> dict[str, Any]:
    name = f"crm_{uuid.uuid4().hex[:8]}"
    endpoint = {"url": url, "auth": {"type": "bearer", "secret": secret}}
    body = {"step_type": name, "execution_type": "http", "endpoint_config": endpoint}
    assert api.post("/steps/register", body).status == 201
    return api.execute({"name": "CRM", "steps": [{"step_id": "crm", "step_type": name}]})


def test_the_tenants_secret_is_sent_and_stands_nowhere_else(emulator: Emulator, api: ApiClient) -> None:
    with VendorServer(answer=lambda received: json_reply({"seen": received.headers["authorization"]})) as peer:
        results = run(api, peer.url, "STEP_SECRET_CRM")
    assert results["status"] == "completed", results["error"]
    assert peer.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert results["step_results"]["crm"]["output_data"] == {"seen": "Bearer [secret]"}
    for page in ("events", "history"):
        assert TOKEN not in json.dumps(api.get(f"/executions/{results['execution_id']}/{page}?limit=100").body)


def test_a_secret_that_the_tenant_has_not_set_fails_the_step_and_sends_nothing(api: ApiClient) -> None:
    with VendorServer() as peer:
        results = run(api, peer.url, "STEP_SECRET_OTHER")
    assert results["error"]["type"] == "SecretNotSetError"
    assert "STEP_SECRET_OTHER" in results["error"]["message"]
    assert peer.requests == []
