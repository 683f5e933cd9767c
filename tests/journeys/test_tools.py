"""Tools that agents may have, and the MCP servers that offer some, as a client of the API meets them."""

from __future__ import annotations

import uuid

import pytest

from tests.journeys.definitions import AGENT, created, listed, new_id
from tests.journeys.test_bad_input import assert_problem
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def test_an_mcp_server_is_registered_listed_replaced_and_removed(api: ApiClient) -> None:
    name = new_id("mcp")
    body = {"name": name, "url": "https://mcp.example.com/mcp", "bearer_secret": "MCP_TOKEN", "allowed_tools": ["a"]}
    first = api.post("/tools/mcp-servers", body)
    assert first.status == 201, first.body
    assert {key: first.body[key] for key in body} == body
    second = api.post("/tools/mcp-servers", {"name": name, "url": "https://other.example.com/"})
    assert (second.status, second.body["bearer_secret"], second.body["allowed_tools"]) == (200, None, None)
    assert second.body["created_at"] == first.body["created_at"]
    one = f"/tools/mcp-servers/{name}"
    assert api.get(one).body == second.body
    assert name in listed(api, "/tools/mcp-servers", "name", 1)
    assert api.call("DELETE", one).status == 204
    assert_problem(api.get(one), 404, "not_found")
    assert name not in listed(api, "/tools/mcp-servers", "name")


def test_a_server_that_cannot_be_asked_is_a_failed_dependency(api: ApiClient) -> None:
    name = new_id("mcp")
    # A link-local address, which no deployment allows: nothing is sent.
    api.post("/tools/mcp-servers", {"name": name, "url": "http://169.254.169.254/mcp"})
    answer = api.get(f"/tools/mcp-servers/{name}/tools")
    assert_problem(answer, 424, "mcp_server_error")
    assert name in answer.body["detail"]
    api.post("/tools/mcp-servers", {"name": name, "url": "https://x.example", "bearer_secret": "MCP_NEVER_SET"})
    unset = api.get(f"/tools/mcp-servers/{name}/tools")
    assert unset.status == 422, unset.body
    assert "MCP_NEVER_SET" in unset.body["detail"]


def test_all_tools_that_an_agent_may_have_are_listed(api: ApiClient) -> None:
    agent_id, server = created(api, "/agents", AGENT, "agent"), new_id("mcp")
    step = f"journey_{uuid.uuid4().hex[:8]}"
    arn = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-journey"
    schema = {"type": "object", "properties": {"size": {"type": "integer"}}}
    api.post("/steps/register", {"step_type": step, "function_arn": arn, "config_schema": schema})
    api.post("/tools/mcp-servers", {"name": server, "url": "https://mcp.example.com/", "description": "Customers."})
    wanted = {f"step:{step}", f"agent:{agent_id}", f"mcp:{server}", "calculator", "web_page"}
    assert wanted <= set(listed(api, "/tools", "tool"))
    one_by_one = listed(api, "/tools", "tool", 7)
    assert wanted <= set(one_by_one)
    assert len(one_by_one) == len(set(one_by_one))

    tools = [f"step:{step}", f"agent:{agent_id}", f"mcp:{server}", "calculator"]
    answer = api.post("/agents", {**AGENT, "tools": tools})
    assert answer.body["warnings"] == []
    api.call("DELETE", f"/steps/{step}")
    api.call("DELETE", f"/tools/mcp-servers/{server}")
    told = " ".join(api.get(f"/agents/{answer.body['agent_id']}").body["warnings"])
    assert step in told
    assert server in told
