"""Endpoints that ask for a secret, on a laptop: the secret is one of the developer's environment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from tests.support.llm.vendor_server import VendorServer, json_reply

TOKEN = "token-of-the-developer"


def run(cloud: LocalCloud, url: str) -> dict[str, Any]:
    endpoint = {"url": url, "auth": {"type": "api_key", "header": "X-API-Key", "secret": "STEP_SECRET_CRM"}}
    body = {"step_type": "crm", "execution_type": "http", "endpoint_config": endpoint}
    status, answer = cloud.call("POST", "/steps/register", body)
    assert status in (200, 201), answer
    workflow = {"name": "CRM", "steps": [{"step_id": "crm", "step_type": "crm"}]}
    status, results = cloud.call("POST", "/workflows/execute?wait=20", workflow)
    assert status == 200, results
    found: dict[str, Any] = results
    return found


def test_a_secret_is_sent_and_stands_in_no_definition_input_history_or_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STEP_HTTP_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("STEP_SECRET_CRM", TOKEN)
    caplog.set_level("DEBUG", logger="workflow_engine")
    with VendorServer(answer=lambda r: json_reply({"key": r.headers["x-api-key"]})) as peer, LocalCloud() as cloud:
        results = run(cloud, peer.url)
        assert results["step_results"]["crm"]["output_data"] == {"key": "[secret]"}
        assert peer.requests[0].headers["x-api-key"] == TOKEN
        states = cloud.step_functions()
        (machine,) = states.list_state_machines()["stateMachines"]
        arn = machine["stateMachineArn"]
        (execution,) = states.list_executions(stateMachineArn=arn)["executions"]
        kept = [
            states.describe_state_machine(stateMachineArn=arn),
            states.describe_execution(executionArn=execution["executionArn"]),
            states.get_execution_history(executionArn=execution["executionArn"]),
            cloud.call("GET", "/steps/crm"),
        ]
    assert "STEP_SECRET_CRM" in json.dumps(kept, default=str)
    assert TOKEN not in json.dumps(kept, default=str)
    assert TOKEN not in caplog.text


def test_a_secret_that_is_not_set_fails_the_step_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_HTTP_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.delenv("STEP_SECRET_CRM", raising=False)
    with VendorServer() as peer, LocalCloud() as cloud:
        results = run(cloud, peer.url)
    assert results["error"]["type"] == "SecretNotSetError"
    assert peer.requests == []


def test_an_endpoint_on_this_machine_is_refused_until_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEP_HTTP_ALLOWED_HOSTS", raising=False)
    body = {"step_type": "crm", "execution_type": "http", "endpoint_config": {"url": "http://localhost:9000/"}}
    with LocalCloud() as cloud:
        status, answer = cloud.call("POST", "/steps/register", body)
    assert status == 422
    assert "STEP_HTTP_ALLOWED_HOSTS" in answer["errors"][0]["detail"]
