"""Agents, prompts, tools and MCP servers as a client of the API meets them. Models are simulated: no keys, no costs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.journeys.test_bad_input import assert_problem
from tests.support.http_client import Answer, ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

AGENT: dict[str, Any] = {
    "agent_name": "Analyst",
    "description": "Analyses what it is given.",
    "model": "gpt-4o-mini",
    "provider_type": "openai_textgen",
    "system_prompt": "You are an expert analyst.",
    "temperature": 0.1,
    "max_tokens": 1000,
    "tools": ["calculator", {"type": "builtin", "name": "current_time"}],
    "mode": "simulation",
}
PROMPT: dict[str, Any] = {
    "name": "Greeting",
    "system_prompt": "Speak {language}.",
    "query_template": "Greet {{ name }} in the {time}.",
    "variables": [{"name": "language", "default": "English"}, {"name": "name"}, {"name": "time"}],
}


def new_id(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:12]}"


def created(api: ApiClient, path: str, document: dict[str, Any], word: str) -> str:
    """Store a document under an id of its own; gives the id."""
    definition_id = new_id(word)
    answer = api.post(path, {**document, f"{word}_id": definition_id})
    assert answer.status == 201, answer.body
    return definition_id


def started(answer: Answer, api: ApiClient) -> dict[str, Any]:
    """The results of a run that an answer of 202 tells of."""
    assert answer.status == 202, answer.body
    return api.results(answer.body["execution_id"])


def listed(api: ApiClient, path: str, field: str, limit: int = 100) -> list[str]:
    """A field of all items of a list, through all of its pages."""
    found: list[str] = []
    cursor = ""
    for _ in range(200):
        page = api.get(f"{path}?limit={limit}{cursor}").body
        found += [item[field] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
    raise AssertionError(f"{path} does not end")


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


def test_an_agent_answers_as_a_run_of_one_step(api: ApiClient) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    body = {"query": "Why?", "input": {"facts": [1, 2]}, "session_id": "s-1", "tags": ["journey"]}
    results = started(api.post(f"/agents/{agent_id}/execute", body), api)
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["agent"]["output_data"]
    assert (output["agent_id"], output["agent_version"], output["agent_name"]) == (agent_id, 1, "Analyst")
    assert (output["query"], output["mode"], output["success"]) == ("Why?", "simulation", True)
    assert output["usage"]["total_tokens"] > 0
    assert isinstance(output["response"], str)
    assert results["metadata"]["session_id"] == "s-1"


def test_an_agent_answers_while_the_client_waits(api: ApiClient) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    answer = api.post(f"/agents/{agent_id}/execute?wait=25", {"query": "Why?"})
    assert answer.status == 200, answer.body
    assert answer.body["step_results"]["agent"]["output_data"]["query"] == "Why?"


def test_an_older_version_of_an_agent_answers(api: ApiClient) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    api.call("PUT", f"/agents/{agent_id}", {**AGENT, "agent_name": "New"})
    results = started(api.post(f"/agents/{agent_id}/execute", {"query": "x", "version": 1}), api)
    assert results["step_results"]["agent"]["output_data"]["agent_name"] == "Analyst"


def test_an_agent_with_a_response_schema_gives_a_value_that_fits(api: ApiClient) -> None:
    schema = {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 0, "maximum": 10}},
        "required": ["score"],
    }
    agent_id = created(api, "/agents", {**AGENT, "response_schema": schema}, "agent")
    results = started(api.post(f"/agents/{agent_id}/execute", {"query": "How good?"}), api)
    assert 0 <= results["step_results"]["agent"]["output_data"]["response"]["score"] <= 10


def test_an_agent_is_started_once_under_an_idempotency_key(api: ApiClient) -> None:
    agent_id, key = created(api, "/agents", AGENT, "agent"), new_id("key")
    url = f"/agents/{agent_id}/execute"
    first = api.post(url, {"query": "x"}, idempotency_key=key)
    assert api.post(url, {"query": "x"}, idempotency_key=key).body == first.body
    assert_problem(api.post(url, {"query": "y"}, idempotency_key=key), 409, "conflict")
    assert started(first, api)["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [({}, 422, ""), ({"query": ""}, 422, "/query"), ({"query": "x", "wait": 1}, 422, "/wait")],
)
def test_an_agent_that_is_asked_nothing_is_not_started(
    api: ApiClient, body: dict[str, Any], status: int, pointer: str
) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    answer = api.post(f"/agents/{agent_id}/execute", body)
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (status, pointer)
    assert_problem(api.post(f"/agents/{agent_id}/execute?wait=26", {"query": "x"}), 422, "invalid_request")


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


def test_a_workflow_asks_a_stored_agent_with_a_stored_prompt(api: ApiClient) -> None:
    agent_id, prompt_id = created(api, "/agents", AGENT, "agent"), created(api, "/prompts", PROMPT, "prompt")
    workflow = {
        "name": "Greet",
        "steps": [
            {
                "step_id": "prompt",
                "step_type": "prompt",
                "config": {"prompt_id": prompt_id},
                "input_mapping": {"name": "input.name", "time": {"value": "morning"}},
            },
            {
                "step_id": "agent",
                "step_type": "agent_execution",
                "dependencies": ["prompt"],
                "config": {"agent_id": agent_id, "temperature": 0},
            },
        ],
        "input": {"name": "Ann"},
    }
    results = api.execute(workflow)
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["agent"]["output_data"]
    assert (output["query"], output["agent_id"]) == ("Greet Ann in the morning.", agent_id)


def test_a_step_whose_agent_does_not_exist_fails_with_a_clear_message(api: ApiClient) -> None:
    step = {"step_id": "a", "step_type": "agent_execution", "config": {"agent_id": "nobody", "query": "x"}}
    results = api.execute({"name": "Nobody", "steps": [step]})
    assert results["status"] == "failed"
    assert "There is no agent 'nobody'" in results["step_results"]["a"]["error_message"]


def test_a_prompt_is_rendered(api: ApiClient) -> None:
    prompt_id = created(api, "/prompts", PROMPT, "prompt")
    url = f"/prompts/{prompt_id}/render"
    rendered = api.post(url, {"variables": {"name": "Ann"}}).body
    assert rendered["system_prompt"] == "Speak English."
    assert rendered["query"] == "Greet Ann in the {time}."
    assert rendered["missing"] == ["time"]
    assert api.post(url).body["missing"] == ["name", "time"]
    api.call("PUT", f"/prompts/{prompt_id}", {"name": "Greeting", "query_template": "Bye."})
    assert api.post(url).body["query"] == "Bye."
    assert api.post(url, {"version": 1}).body["query"] == PROMPT["query_template"]
    assert_problem(api.post(url, {"variables": []}), 422, "WFE-E103", "/variables")


def test_a_prompt_is_tried_with_a_stored_agent_or_one_of_the_request(api: ApiClient) -> None:
    prompt_id, agent_id = created(api, "/prompts", PROMPT, "prompt"), created(api, "/agents", AGENT, "agent")
    variables = {"name": "Ann", "time": "morning"}
    url = f"/prompts/{prompt_id}/test"
    results = started(api.post(url, {"variables": variables, "agent_id": agent_id, "input": {"mood": "good"}}), api)
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["agent"]["output_data"]
    assert (output["query"], output["agent_id"]) == ("Greet Ann in the morning.", agent_id)
    waited = api.post(f"{url}?wait=25", {"variables": variables, "agent_config": AGENT})
    assert waited.status == 200, waited.body
    assert waited.body["step_results"]["agent"]["output_data"]["agent_name"] == "Analyst"


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({}, "invalid_request", ""),
        ({"agent_id": "a", "agent_config": AGENT}, "invalid_request", ""),
        ({"agent_id": "nobody-is-called-so"}, "invalid_request", "/agent_id"),
        ({"agent_config": {**AGENT, "temperature": 3}}, "WFE-E402", "/agent_config/temperature"),
        ({"agent_config": {**AGENT, "tools": ["lambda:x"]}}, "WFE-E402", "/agent_config/tools/0"),
    ],
)
def test_a_trial_that_is_wrong_is_refused_with_the_place(
    api: ApiClient, fields: dict[str, Any], code: str, pointer: str
) -> None:
    prompt_id = created(api, "/prompts", PROMPT, "prompt")
    assert_problem(api.post(f"/prompts/{prompt_id}/test", fields), 422, code, pointer)


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


def test_a_workflow_that_names_what_does_not_exist_is_warned_of(api: ApiClient) -> None:
    missing = new_id("agent")
    step = {
        "step_id": "a",
        "step_type": "agent",
        "config": {"agent_id": missing, "query": "x", "tools": ["calculater"]},
    }
    body = {"name": "Named", "steps": [step]}
    told = [
        {
            "code": "WFE-W410",
            "pointer": "/steps/0/config/agent_id",
            "detail": f"There is no agent '{missing}' now. POST /agents makes one.",
        },
        {
            "code": "WFE-W410",
            "pointer": "/steps/0/config/tools/0",
            "detail": "'calculater' is neither a built-in tool nor a registered step type now. Did you mean 'calculator'?",
        },
    ]
    report = api.post("/workflows/validate", body)
    assert (report.status, report.body["is_valid"], report.body["warnings"]) == (200, True, told)
    saved = api.post("/workflows", body)
    assert (saved.status, saved.body["warnings"]) == (201, told)


@pytest.mark.usefixtures("without_keys")
def test_an_agent_that_names_nobody_is_answered_by_the_default(api: ApiClient) -> None:
    results = api.execute(
        {"name": "Hi", "steps": [{"step_id": "a", "step_type": "agent_execution", "config": {"query": "Hi"}}]}
    )
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["a"]["output_data"]
    assert (output["query"], output["model"]) == ("Hi", {"provider": "openai_textgen", "name": "gpt-4o"})


def test_an_agent_with_a_tool_that_cannot_be_is_not_started(api: ApiClient) -> None:
    step = {"step_id": "a", "step_type": "agent", "config": {"query": "x", "tools": ["builtin:calculater"]}}
    answer = api.post("/workflows/execute", {"name": "No", "steps": [step]})
    assert answer.status == 422
    (error,) = answer.body["errors"]
    assert (error["code"], error["pointer"]) == ("WFE-E402", "/steps/0/config/tools/0")
    assert "Did you mean 'calculator'?" in error["detail"]
