"""Use cases of tools on the local runtime: MCP servers are registered and asked, and all tools are listed."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pydantic import TypeAdapter

from agent_tools import mcp_servers
from tests.integration.support import AGENT, ME, OTHER, new_id
from tests.support.mcp_server import TOOLS, mcp_server
from workflow_engine.errors import InvalidRequestError, NotFoundError, UpstreamError
from workflow_engine.outbound import AddressPolicy
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.answers import McpToolPage
from workflow_engine.usecases.definitions import read_definitions, save_definition
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.tools import read_tools, register_mcp_server
from workflow_engine.usecases.tools.register_mcp_server import ListTools

LOOPBACK = AddressPolicy.from_text("127.0.0.1")


def listing(policy: AddressPolicy) -> ListTools:
    return partial(mcp_servers.list_tools, policy=policy)


def test_an_mcp_server_is_registered_and_replaced(engine: Engine) -> None:
    body = {"name": new_id("mcp"), "url": "https://mcp.example.com/mcp?x=1", "bearer_secret": "MCP_TOKEN"}
    record, created = register_mcp_server.register(engine, ME, body)
    assert created
    assert (record["allowed_tools"], record["created_by"], record["bearer_secret"]) == (None, "me", "MCP_TOKEN")
    other, created = register_mcp_server.register(engine, ME, {**body, "allowed_tools": ["find"]})
    assert not created
    assert other["created_at"] == record["created_at"]
    assert register_mcp_server.get(engine, ME, body["name"]) == other
    assert other in register_mcp_server.list_servers(engine, ME, 100)["items"]
    with pytest.raises(NotFoundError):
        register_mcp_server.get(engine, OTHER, body["name"])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"url": "ftp://example.com"}, "/url"),
        ({"url": "https://user:pass@example.com"}, "/url"),
        ({"url": "https://example.com/#a"}, "/url"),
        ({"url": "https:///mcp"}, "/url"),
        ({"url": "https://exa mple.com"}, "/url"),
        ({"url": "https://example.com:99999/"}, "/url"),
        ({"url": "https://example.com/" + "x" * 2048}, "/url"),
        ({"url": 7}, "/url"),
        ({"name": "a b"}, "/name"),
        ({"bearer_secret": "OPENAI_API_KEY"}, "/bearer_secret"),
        ({"bearer_secret": "MCP_lower"}, "/bearer_secret"),
        ({"bearer_secret": "MCP_TOKEN\n"}, "/bearer_secret"),
        ({"bearer_secret": "MCP_TOKEN", "url": "http://example.com/"}, "/bearer_secret"),
        ({"timeout_seconds": 301}, "/timeout_seconds"),
        ({"timeout_seconds": 0}, "/timeout_seconds"),
        ({"allowed_tools": "find"}, "/allowed_tools"),
        ({"allowed_tools": [""]}, "/allowed_tools/0"),
        ({"token": "t"}, "/token"),
    ],
)
def test_an_mcp_server_that_is_wrong_is_refused_with_the_place(
    engine: Engine, fields: dict[str, Any], pointer: str
) -> None:
    body = {"name": "crm", "url": "https://mcp.example.com/", **fields}
    with pytest.raises(InvalidRequestError) as error:
        register_mcp_server.register(engine, ME, body)
    assert [e["pointer"] for e in error.value.errors] == [pointer]
    assert "step id" not in error.value.errors[0]["detail"]


def test_a_server_is_asked_for_its_tools_with_the_tenants_secret(engine: Engine) -> None:
    name = new_id("mcp")
    with mcp_server(token="s3cret") as server:
        body = {"name": name, "url": server.url, "bearer_secret": "MCP_TOKEN", "allowed_tools": ["add"]}
        register_mcp_server.register(engine, ME, body)
        asked: list[tuple[str, str]] = []

        def secret_of(tenant_id: str, secret: str) -> str | None:
            asked.append((tenant_id, secret))
            return "s3cret"

        answer = register_mcp_server.discover(engine, ME, name, list_tools=listing(LOOPBACK), secret_of=secret_of)
        TypeAdapter(McpToolPage).validate_python(answer, strict=True)  # no journey has a server to ask
    assert asked == [("default", "MCP_TOKEN")]
    assert [t["name"] for t in answer["items"]] == [t.name for t in TOOLS]
    assert [t["name"] for t in answer["items"] if t["allowed"]] == ["add"]
    assert answer["items"][0]["parameters"] == TOOLS[0].input_schema
    assert answer["items"][0]["description"] == "Adds two numbers."


def test_a_server_that_cannot_be_used_is_an_upstream_error_without_the_secret(engine: Engine) -> None:
    def discover(name: str, policy: AddressPolicy, token: str | None) -> Any:
        list_tools = listing(policy)
        return register_mcp_server.discover(engine, ME, name, list_tools=list_tools, secret_of=lambda *_: token)

    name = new_id("mcp")
    with mcp_server(token="s3cret") as server:
        body = {"name": name, "url": server.url, "bearer_secret": "MCP_TOKEN", "timeout_seconds": 2}
        register_mcp_server.register(engine, ME, body)
        with pytest.raises(UpstreamError, match="refuses the credentials") as wrong:
            discover(name, LOOPBACK, "wr0ng")
        with pytest.raises(UpstreamError, match="may not be reached"):
            discover(name, AddressPolicy(), "s3cret")
        with pytest.raises(InvalidRequestError, match="MCP_TOKEN"):
            discover(name, LOOPBACK, None)
    assert "wr0ng" not in wrong.value.detail
    with pytest.raises(UpstreamError, match="cannot be reached"):
        discover(name, LOOPBACK, "s3cret")
    with pytest.raises(NotFoundError):
        discover(new_id(), LOOPBACK, None)


def test_asking_a_server_ends_before_the_function_that_asks(engine: Engine) -> None:
    from infra.catalog import function

    # Connecting and listing may each take as long as one question.
    longest = 2 * register_mcp_server.DISCOVERY_SECONDS + mcp_servers.CLOSE_SECONDS
    assert longest < function("api_tools").timeout_seconds


def test_tools_of_all_kinds_are_listed_page_by_page(engine: Engine) -> None:
    tenant = Caller(new_id("tenant"))
    arn = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-x"
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    for step_type in ("ocr", "translate"):
        register_step.register(
            engine, tenant, {"step_type": step_type, "function_arn": arn, "config_schema": schema, "description": "D"}
        )
    save_definition.create(AGENTS, engine, tenant, {**AGENT, "agent_id": "analyst"})
    register_mcp_server.register(engine, tenant, {"name": "crm", "url": "https://mcp.example.com/"})
    whole = read_tools.list_tools(engine, tenant, 100)
    assert whole["next_cursor"] is None
    wanted = ["calculator", "current_time", "json_query", "web_page", "step:ocr", "step:translate", "agent:analyst"]
    assert [t["tool"] for t in whole["items"]] == [*wanted, "mcp:crm"]
    by_name = {t["tool"]: t for t in whole["items"]}
    assert (by_name["calculator"]["parameters"] or {})["required"] == ["expression"]
    assert (by_name["step:ocr"]["parameters"], by_name["step:ocr"]["description"]) == (schema, "D")
    assert (by_name["agent:analyst"]["type"], by_name["agent:analyst"]["description"]) == ("agent", "Analyses.")
    for limit in (1, 3, 4, 5, 8):
        seen, cursor = [], None
        for _ in range(20):
            page = read_tools.list_tools(engine, tenant, limit, cursor)
            assert len(page["items"]) <= limit
            seen += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == whole["items"]


def test_a_cursor_of_another_list_is_refused(engine: Engine) -> None:
    cursor = read_tools.list_tools(engine, ME, 1)["next_cursor"]
    with pytest.raises(InvalidRequestError):
        read_tools.list_tools(engine, OTHER, 1, cursor)
    with pytest.raises(InvalidRequestError):
        read_definitions.list_all(AGENTS, engine, ME, 1, cursor)
    with pytest.raises(InvalidRequestError):
        read_tools.list_tools(engine, ME, 1, "nonsense")
