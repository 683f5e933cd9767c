"""Agents, prompts and MCP servers are stored, changed, listed and deleted, and refused when they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.definitions import AGENT, PROMPT, created, listed, new_id
from tests.journeys.test_bad_input import assert_problem
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


@pytest.mark.parametrize(
    ("path", "word", "document", "name"),
    [("/agents", "agent", AGENT, "agent_name"), ("/prompts", "prompt", PROMPT, "name")],
)
def test_a_definition_is_stored_changed_listed_and_deleted(
    api: ApiClient, path: str, word: str, document: dict[str, Any], name: str
) -> None:
    definition_id = created(api, path, document, word)
    one = f"{path}/{definition_id}"
    first = api.get(one).body
    assert (first[f"{word}_id"], first["version"], first[name]) == (definition_id, 1, document[name])
    assert first[word] == document
    assert first["warnings"] == []

    changed = api.call("PUT", one, {**document, name: "New"})
    assert (changed.status, changed.body["version"], changed.body[name]) == (200, 2, "New")
    assert api.call("PUT", one, {**document, name: "New"}).body == changed.body
    assert api.get(one).body == changed.body
    assert api.get(f"{one}?version=1").body == first
    assert [v["version"] for v in api.get(f"{one}/versions").body["items"]] == [2, 1]
    page = api.get(f"{one}/versions?limit=1").body
    assert [v["version"] for v in page["items"]] == [2]
    following = api.get(f"{one}/versions?limit=1&cursor={page['next_cursor']}").body
    assert [v["version"] for v in following["items"]] == [1]
    assert definition_id in listed(api, path, f"{word}_id")
    assert_problem(api.get(f"{one}?version=3"), 404, "not_found")

    assert api.call("DELETE", one).status == 204
    for method, url, body in (
        ("GET", one, None),
        ("GET", f"{one}/versions", None),
        ("PUT", one, document),
    ):
        assert_problem(api.call(method, url, body), 404, "not_found")
    assert api.call("DELETE", one).status == 204  # a client whose answer was lost
    assert definition_id not in listed(api, path, f"{word}_id")
    again = api.post(path, {**document, f"{word}_id": definition_id})
    assert (again.status, again.body["version"]) == (201, 3)


@pytest.mark.parametrize(("path", "word", "document"), [("/agents", "agent", AGENT), ("/prompts", "prompt", PROMPT)])
def test_an_id_is_made_by_the_service_or_taken_once(
    api: ApiClient, path: str, word: str, document: dict[str, Any]
) -> None:
    made = api.post(path, document)
    assert made.body[f"{word}_id"].startswith(f"{word}-")
    taken = api.post(path, {**document, f"{word}_id": made.body[f"{word}_id"]})
    assert_problem(taken, 409, "conflict")
    other = api.call("PUT", f"{path}/{made.body[f'{word}_id']}", {**document, f"{word}_id": "other"})
    assert_problem(other, 422, "invalid_request", f"/{word}_id")


def test_lists_go_page_by_page_in_the_order_of_ids(api: ApiClient) -> None:
    stem = new_id("page")
    wanted = [f"{stem}-{number}" for number in range(5)]
    for agent_id in reversed(wanted):
        assert api.post("/agents", {**AGENT, "agent_id": agent_id}).status == 201
    found = [agent_id for agent_id in listed(api, "/agents", "agent_id", 2) if agent_id.startswith(stem)]
    assert found == wanted


def test_creating_with_an_idempotency_key_creates_once(api: ApiClient) -> None:
    key = new_id("key")
    first = api.post("/agents", AGENT, idempotency_key=key)
    assert api.post("/agents", AGENT, idempotency_key=key).body == first.body
    assert_problem(api.post("/agents", {**AGENT, "agent_name": "x"}, idempotency_key=key), 409, "conflict")


BAD: dict[str, tuple[str, Any, str, str]] = {
    "no object": ("/agents", [], "WFE-E100", ""),
    "no name": ("/agents", {"model": "gpt-4o-mini"}, "WFE-E402", ""),
    "unknown field": ("/agents", {**AGENT, "temprature": 1}, "WFE-E402", "/temprature"),
    "wrong type": ("/agents", {**AGENT, "temperature": "hot"}, "WFE-E402", "/temperature"),
    "out of range": ("/agents", {**AGENT, "max_tokens": 0}, "WFE-E402", "/max_tokens"),
    "unknown provider": ("/agents", {**AGENT, "provider_type": "opnai_textgen"}, "WFE-E402", "/provider_type"),
    "bad id": ("/agents", {**AGENT, "agent_id": "a b"}, "WFE-E402", "/agent_id"),
    "bad tool": ("/agents", {**AGENT, "tools": ["calculator", "lambda:x"]}, "WFE-E402", "/tools/1"),
    "bad tool type": ("/agents", {**AGENT, "tools": [{"type": "x", "name": "y"}]}, "WFE-E402", "/tools/0/type"),
    "bad schema": ("/agents", {**AGENT, "response_schema": {"type": 7}}, "WFE-E402", "/response_schema/type"),
    "prompt without texts": ("/prompts", {"name": "x"}, "WFE-E402", ""),
    "prompt with a bad variable": (
        "/prompts",
        {**PROMPT, "variables": [{"name": "1"}]},
        "WFE-E402",
        "/variables/0/name",
    ),
    "prompt with a variable twice": (
        "/prompts",
        {**PROMPT, "variables": [{"name": "a"}, {"name": "a"}]},
        "WFE-E104",
        "/variables/1/name",
    ),
    "server without a url": ("/tools/mcp-servers", {"name": "x"}, "WFE-E102", ""),
    "server with a bad name": (
        "/tools/mcp-servers",
        {"name": "a b", "url": "https://x.example"},
        "invalid_request",
        "/name",
    ),
    "server with a bad url": ("/tools/mcp-servers", {"name": "x", "url": "ftp://x.example"}, "invalid_request", "/url"),
    "server with a password": (
        "/tools/mcp-servers",
        {"name": "x", "url": "https://a:b@x.example"},
        "invalid_request",
        "/url",
    ),
    "server with another secret": (
        "/tools/mcp-servers",
        {"name": "x", "url": "https://x.example", "bearer_secret": "OPENAI_API_KEY"},
        "invalid_request",
        "/bearer_secret",
    ),
    "server with a token": (
        "/tools/mcp-servers",
        {"name": "x", "url": "https://x.example", "token": "t"},
        "WFE-E101",
        "/token",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_body_that_is_wrong_is_refused_with_the_place(api: ApiClient, name: str) -> None:
    path, body, code, pointer = BAD[name]
    assert_problem(api.post(path, body), 422, code, pointer)


def test_a_change_that_is_wrong_leaves_an_agent_as_it_was(api: ApiClient) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    assert_problem(api.call("PUT", f"/agents/{agent_id}", {**AGENT, "temperature": 3}), 422, "WFE-E402", "/temperature")
    assert api.get(f"/agents/{agent_id}").body["version"] == 1


def test_an_unknown_field_comes_with_a_suggestion(api: ApiClient) -> None:
    answer = api.post("/agents", BAD["unknown field"][1])
    assert "Did you mean 'temperature'?" in answer.body["errors"][0]["detail"]


@pytest.mark.parametrize("path", ["/agents", "/prompts", "/tools/mcp-servers"])
@pytest.mark.parametrize("content", [b"", b"{", b'{"a": NaN}', b'{"name": "a", "name": "b"}'])
def test_what_is_no_json_is_a_400(api: ApiClient, path: str, content: bytes) -> None:
    assert_problem(api.call("POST", path, content=content), 400, "malformed_json")


@pytest.mark.parametrize("path", ["/agents?limit=0", "/prompts?cursor=nonsense", "/tools?limit=101", "/tools?cursor=x"])
def test_a_page_that_cannot_be_is_refused(api: ApiClient, path: str) -> None:
    assert_problem(api.get(path), 422, "invalid_request")


def test_retired_models_and_tools_that_are_not_there_are_warned_of(api: ApiClient) -> None:
    missing = new_id("agent")
    answer = api.post("/agents", {**AGENT, "model": "gpt-4-32k", "tools": [f"agent:{missing}"]})
    assert answer.status == 201
    assert answer.body["agent"]["model"] == "gpt-4-32k"
    told = " ".join(answer.body["warnings"])
    assert "'gpt-4-32k'" in told
    assert missing in told


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/agents/nothing/execute", {"query": "x"}),
        ("POST", "/prompts/nothing/render", {}),
        ("POST", "/prompts/nothing/test", {"agent_config": AGENT}),
        ("GET", "/tools/mcp-servers/nothing", None),
        ("GET", "/tools/mcp-servers/nothing/tools", None),
        ("DELETE", "/tools/mcp-servers/nothing", None),
    ],
)
def test_what_does_not_exist_is_a_404(api: ApiClient, method: str, path: str, body: Any) -> None:
    assert_problem(api.call(method, path, body), 404, "not_found")
