"""Agents where IAM is enforced: models of Bedrock, keys out of Secrets Manager, functions and MCP servers as tools."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness.emulator import ACCOUNT, Emulator
from tests.e2e.test_custom_step import deploy_function
from tests.support.http_client import ApiClient
from tests.support.llm.openai_wire import completion, tool_call
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply
from tests.support.mcp_server import mcp_server

pytestmark = pytest.mark.e2e

TOKEN = "token-of-the-tenant"


def _model(request: Received) -> Reply:
    """A model that calls the one tool it is given, and then says what it gave."""
    last = request.body["messages"][-1]
    if last["role"] == "tool":
        return json_reply(completion(f"The tool says {last['content']}"))
    tools = request.body.get("tools")
    if not tools:
        return json_reply(completion("No tools."))
    name = tools[0]["function"]["name"]
    arguments = {"a": 2, "b": 3} if name.startswith("mcp") else {"cups": 2, "water": 1}
    return json_reply(completion(None, tool_calls=[tool_call("c1", name, arguments)]))


@pytest.fixture(scope="module")
def model(emulator: Emulator) -> Iterator[VendorServer]:
    """A model of the tenant's own, whose address and key stand in the tenant's secret."""
    with VendorServer(answer=_model) as server:
        secret = {"ONPREM_BASE_URL": f"{server.url}/v1", "ONPREM_API_KEY": "key-of-the-tenant", "MCP_TOKEN": TOKEN}
        client = emulator.client("secretsmanager")
        client.create_secret(Name=f"workflow-dev/llm/{ACCOUNT}", SecretString=json.dumps(secret))
        yield server


def ask(api: ApiClient, **config: Any) -> dict[str, Any]:
    """The results of a run of one agent step."""
    step = {"step_id": "ask", "step_type": "agent_execution", "config": {"query": "Hello?", **config}}
    return api.execute({"name": "Ask", "steps": [step]}, seconds=120)


def output(results: dict[str, Any]) -> dict[str, Any]:
    assert results["status"] == "completed", results["error"]
    found: dict[str, Any] = results["step_results"]["ask"]["output_data"]
    return found


def test_a_tenants_keys_are_read_from_its_secret(api: ApiClient, model: VendorServer) -> None:
    said = output(ask(api, provider_type="on-prem_textgen", model="llama3"))
    assert (said["response"], said["mode"]) == ("No tools.", "llm")
    assert model.requests[-1].headers["authorization"] == "Bearer key-of-the-tenant"


def test_models_of_bedrock_are_asked_with_the_functions_role(api: ApiClient, model: VendorServer) -> None:
    said = output(ask(api, model="amazon.nova-lite-v1:0"))
    assert said["mode"] == "llm"
    assert said["response"]
    assert said["usage"]["cost_usd"] > 0


def test_an_answer_of_bedrock_is_streamed_when_time_is_short(api: ApiClient, model: VendorServer) -> None:
    step = {
        "step_id": "ask",
        "step_type": "agent_execution",
        "timeout_seconds": 60,
        "config": {"query": "Hello?", "model": "amazon.nova-lite-v1:0"},
    }
    assert output(api.execute({"name": "Ask", "steps": [step]}, seconds=120))["mode"] == "llm"


def test_a_model_that_the_deployment_does_not_allow_is_refused(api: ApiClient, model: VendorServer) -> None:
    results = ask(api, provider_type="bedrock_textgen", model="ai21.jamba-1-5-mini-v1:0")
    assert results["status"] == "failed"
    assert results["error"]["type"] == "LlmAuthenticationError"


def test_without_keys_the_answer_is_simulated(api: ApiClient, model: VendorServer) -> None:
    assert output(ask(api, model="gpt-4o-mini"))["mode"] == "simulation"


def test_an_agent_calls_a_registered_function(emulator: Emulator, api: ApiClient, model: VendorServer) -> None:
    name = f"kettle_{uuid.uuid4().hex[:8]}"
    registration = {
        "step_type": name,
        "execution_type": "lambda",
        "function_arn": deploy_function(emulator, f"workflow-step-{name.replace('_', '-')}"),
    }
    assert api.post("/steps/register", registration).status == 201
    said = output(ask(api, provider_type="on-prem_textgen", model="llama3", tools=[name]))
    (traced,) = said["tool_calls_trace"]
    assert traced["is_error"] is False, traced
    assert json.loads(traced["result"]) == {"cups": 2, "water": 1, "tenant": ACCOUNT}
    assert said["usage"]["llm_calls"] == 2


def test_a_step_with_a_large_schema_is_listed_among_the_tools(emulator: Emulator, api: ApiClient) -> None:
    name = f"large_{uuid.uuid4().hex[:8]}"
    registration = {
        "step_type": name,
        "function_arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:workflow-step-large",
        "config_schema": {"type": "object", "description": "d" * 400_000},
    }
    assert api.post("/steps/register", registration).status == 201
    listed = api.get("/tools?limit=100")
    assert listed.status == 200, listed.body
    assert f"step:{name}" in [tool["tool"] for tool in listed.body["items"]]
    assert api.call("DELETE", f"/steps/{name}").status == 204


def test_an_agent_calls_a_tool_of_an_mcp_server(api: ApiClient, model: VendorServer) -> None:
    with mcp_server(token=TOKEN) as server:
        registration = {"name": "mcp", "url": server.url, "bearer_secret": "MCP_TOKEN", "allowed_tools": ["add"]}
        registered = api.post("/tools/mcp-servers", registration, idempotency_key=uuid.uuid4().hex)
        assert registered.status in (200, 201), registered.body
        discovered = api.get("/tools/mcp-servers/mcp/tools")
        assert discovered.status == 200, discovered.body
        assert [tool["name"] for tool in discovered.body["items"] if tool["allowed"]] == ["add"]
        said = output(ask(api, provider_type="on-prem_textgen", model="llama3", tools=["mcp:mcp"]))
        assert json.loads(said["tool_calls_trace"][0]["result"]) == {"sum": 5}
    assert api.call("DELETE", "/tools/mcp-servers/mcp").status == 204


def test_a_stored_agent_and_a_stored_prompt_are_read_by_the_step(api: ApiClient, model: VendorServer) -> None:
    agent_id, prompt_id = f"agent_{uuid.uuid4().hex[:8]}", f"prompt_{uuid.uuid4().hex[:8]}"
    agent = {"agent_id": agent_id, "agent_name": "Stored", "provider_type": "on-prem_textgen", "model": "llama3"}
    assert api.post("/agents", agent | {"metadata": {"notes": "n" * 400_000}}).status == 201
    assert api.post("/prompts", {"prompt_id": prompt_id, "name": "P", "query_template": "Say {what}"}).status == 201
    started = api.post(f"/prompts/{prompt_id}/test", {"agent_id": agent_id, "variables": {"what": "hi"}})
    assert started.status == 202, started.body
    results = api.results(started.body["execution_id"], 120)
    assert results["status"] == "completed", results["error"]
    assert results["step_results"]["agent"]["output_data"]["query"] == "Say hi"
    for path in (f"/agents/{agent_id}", f"/prompts/{prompt_id}"):
        assert api.call("DELETE", path).status == 204
