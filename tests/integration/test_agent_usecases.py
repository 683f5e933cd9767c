"""Use cases of agents, prompts and tools on the local runtime: saved, read, run in simulation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pydantic import TypeAdapter

from agent_tools import mcp_servers
from tests.support.backend_cloud import counted
from tests.support.mcp_server import TOOLS, mcp_server
from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError, UpstreamError
from workflow_engine.outbound import AddressPolicy
from workflow_engine.usecases.agents import run_agent
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.answers import ExecutionStarted, McpToolPage, Results
from workflow_engine.usecases.definitions import read_definitions, save_definition
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.prompts import render_prompt, try_prompt
from workflow_engine.usecases.prompts.check_prompt import PROMPTS
from workflow_engine.usecases.runs import read_results
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.tools import read_tools, register_mcp_server
from workflow_engine.usecases.tools.register_mcp_server import ListTools

ME = Caller("default", "me")
OTHER = Caller("other")
LOOPBACK = AddressPolicy.from_text("127.0.0.1")

AGENT: dict[str, Any] = {
    "agent_name": "Analyst",
    "description": "Analyses.",
    "model": "gpt-4o-mini",
    "system_prompt": "You are an analyst.",
    "temperature": 0.1,
    "mode": "simulation",
}
PROMPT: dict[str, Any] = {
    "name": "Greeting",
    "system_prompt": "Speak {language}.",
    "query_template": "Greet {{ name }} in the {time}.",
    "variables": [{"name": "language", "default": "English"}, {"name": "name", "required": True}],
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with MotoCloud():
        yield Engine.from_environment()


def new_id(word: str = "a") -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


def listing(policy: AddressPolicy) -> ListTools:
    return partial(mcp_servers.list_tools, policy=policy)


def saved_agent(engine: Engine, **fields: Any) -> str:
    return str(save_definition.create(AGENTS, engine, ME, {**AGENT, **fields})["agent_id"])


def saved_prompt(engine: Engine, **fields: Any) -> str:
    return str(save_definition.create(PROMPTS, engine, ME, {**PROMPT, **fields})["prompt_id"])


def results_of(engine: Engine, started: ExecutionStarted) -> Results:
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    return read_results.results(engine, ME, started["execution_id"])


def refused(work: Callable[[], Any]) -> list[tuple[str, str]]:
    """Code and pointer of each finding of the InvalidRequestError that this raises."""
    with pytest.raises(InvalidRequestError) as error:
        work()
    return [(e["code"], e["pointer"]) for e in error.value.errors]


def test_an_agent_without_an_id_gets_one_and_is_read_as_it_was_saved(engine: Engine) -> None:
    created = save_definition.create(AGENTS, engine, ME, AGENT)
    assert created["agent_id"].startswith("agent-")
    assert created["agent"] == AGENT
    assert (created["version"], created["agent_name"], created["created_by"]) == (1, "Analyst", "me")
    assert created["warnings"] == []
    assert read_definitions.get(AGENTS, engine, ME, created["agent_id"]) == created
    with pytest.raises(NotFoundError):
        read_definitions.get(AGENTS, engine, OTHER, created["agent_id"])


def test_an_id_of_the_client_is_kept_and_taken_once(engine: Engine) -> None:
    agent_id = new_id()
    assert save_definition.create(AGENTS, engine, ME, {**AGENT, "agent_id": agent_id})["agent_id"] == agent_id
    with pytest.raises(ConflictError, match=agent_id):
        save_definition.create(AGENTS, engine, ME, {**AGENT, "agent_id": agent_id})
    assert save_definition.create(AGENTS, engine, OTHER, {**AGENT, "agent_id": agent_id})["version"] == 1


def test_saving_equal_content_makes_no_new_version(engine: Engine) -> None:
    agent_id = saved_agent(engine)
    first = read_definitions.get(AGENTS, engine, ME, agent_id)
    assert save_definition.update(AGENTS, engine, ME, agent_id, {**AGENT, "agent_id": agent_id}) == first
    second = save_definition.update(AGENTS, engine, ME, agent_id, {**AGENT, "agent_name": "New"})
    assert (second["version"], second["created_at"]) == (2, first["created_at"])
    assert read_definitions.get(AGENTS, engine, ME, agent_id, 1)["agent"] == AGENT
    listed = read_definitions.list_versions(AGENTS, engine, ME, agent_id, 10)["items"]
    assert [(v["version"], v["agent_name"]) for v in listed] == [(2, "New"), (1, "Analyst")]


def test_true_and_one_are_different_content(engine: Engine) -> None:
    agent_id = saved_agent(engine, metadata={"level": 1})
    changed = save_definition.update(AGENTS, engine, ME, agent_id, {**AGENT, "metadata": {"level": True}})
    assert changed["version"] == 2
    assert read_definitions.get(AGENTS, engine, ME, agent_id)["agent"]["metadata"] == {"level": True}


def test_the_id_of_the_path_counts_and_another_in_the_body_is_an_error(engine: Engine) -> None:
    agent_id = saved_agent(engine)
    found = refused(lambda: save_definition.update(AGENTS, engine, ME, agent_id, {**AGENT, "agent_id": "other"}))
    assert found == [("invalid_request", "/agent_id")]
    with pytest.raises(NotFoundError):
        save_definition.update(AGENTS, engine, ME, new_id(), AGENT)


def test_a_deleted_agent_is_gone_until_its_id_is_used_again(engine: Engine) -> None:
    agent_id = saved_agent(engine)
    save_definition.delete(AGENTS, engine, ME, agent_id)
    uses: tuple[Callable[[], Any], ...] = (
        lambda: read_definitions.get(AGENTS, engine, ME, agent_id),
        lambda: save_definition.update(AGENTS, engine, ME, agent_id, AGENT),
        lambda: read_definitions.list_versions(AGENTS, engine, ME, agent_id, 10),
        lambda: run_agent.execute(engine, ME, agent_id, {"query": "x"}),
    )
    for use in uses:
        with pytest.raises(NotFoundError):
            use()
    assert read_definitions.get(AGENTS, engine, ME, agent_id, 1)["agent"] == AGENT
    assert save_definition.create(AGENTS, engine, ME, {**AGENT, "agent_id": agent_id})["version"] == 2


def test_creating_with_an_idempotency_key_creates_once(engine: Engine) -> None:
    key = new_id("key")
    first = save_definition.create(AGENTS, engine, ME, AGENT, key)
    assert save_definition.create(AGENTS, engine, ME, AGENT, key) == first
    with pytest.raises(ConflictError):
        save_definition.create(AGENTS, engine, ME, {**AGENT, "agent_name": "Other"}, key)
    assert save_definition.create(PROMPTS, engine, ME, PROMPT, key)["version"] == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"temperture": 1}, "/temperture"),
        ({"agent_name": ""}, "/agent_name"),
        ({"agent_name": 7}, "/agent_name"),
        ({"agent_id": "no id"}, "/agent_id"),
        ({"temperature": 3}, "/temperature"),
        ({"provider_type": "opnai_textgen"}, "/provider_type"),
        ({"budget": {}}, "/budget"),
        ({"budget": {"max_total_tokens": 0}}, "/budget/max_total_tokens"),
        ({"tools": "calculator"}, "/tools"),
        ({"tools": ["calculator", "two words"]}, "/tools/1"),
        ({"tools": ["lambda:x"]}, "/tools/0"),
        ({"tools": ["mcp:crm/"]}, "/tools/0"),
        ({"tools": [{"type": "lambda", "name": "x"}]}, "/tools/0/type"),
        ({"tools": [{"type": "step", "name": "x", "colour": 1}]}, "/tools/0/colour"),
        ({"tools": [{"type": "step", "name": "x", "parameters": {"type": 7}}]}, "/tools/0/parameters/type"),
        ({"response_schema": {"type": "objekt"}}, "/response_schema/type"),
        ({"response_schema": {"$ref": "https://example.com/x"}}, "/response_schema/$ref"),
    ],
)
def test_an_agent_that_is_wrong_is_refused_with_the_place(engine: Engine, fields: dict[str, Any], pointer: str) -> None:
    found = refused(lambda: save_definition.create(AGENTS, engine, ME, {**AGENT, **fields}))
    assert found == [("WFE-E402", pointer)]


def test_all_that_is_wrong_is_told_at_once_and_what_is_near_is_suggested(engine: Engine) -> None:
    with pytest.raises(InvalidRequestError) as error:
        save_definition.create(AGENTS, engine, ME, {"agent_nam": "x", "temperature": "hot", "model": ""})
    told = {e["pointer"]: e["detail"] for e in error.value.errors}
    assert told.keys() == {"", "/agent_nam", "/temperature", "/model"}
    assert "Did you mean 'agent_name'?" in told["/agent_nam"]
    assert told[""] == "An agent needs 'agent_name' or 'name' in its body."


@pytest.mark.parametrize("body", [None, [], "x", 7, float("nan"), {"metadata": "\ud800"}, {"metadata": float("inf")}])
def test_what_is_no_document_is_refused(engine: Engine, body: Any) -> None:
    for kind in (AGENTS, PROMPTS):
        assert refused(lambda kind=kind: save_definition.create(kind, engine, ME, body))  # type: ignore[misc]  # a default


def test_a_document_that_is_nested_too_deeply_is_refused(engine: Engine) -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    ((code, _),) = refused(lambda: save_definition.create(AGENTS, engine, ME, {**AGENT, "metadata": deep}))
    assert code == "WFE-E103"


def test_retired_models_are_told_and_kept(engine: Engine) -> None:
    fields = {"model": "gemini-1.5-flash", "providers": [{"model": "anthropic.claude-instant-v1"}, "openai_textgen"]}
    created = save_definition.create(AGENTS, engine, ME, {**AGENT, **fields})
    assert created["agent"]["model"] == "gemini-1.5-flash"
    assert ["gemini-1.5-flash" in w or "claude-instant-v1" in w for w in created["warnings"]] == [True, True]


def test_tools_that_are_not_there_are_told_until_they_come(engine: Engine) -> None:
    step, other, server = new_id("step"), new_id("agent"), new_id("mcp")
    tools = ["calculator", step, f"agent:{other}", f"mcp:{server}/find", {"type": "mcp", "name": server}]
    created = save_definition.create(AGENTS, engine, ME, {**AGENT, "tools": tools})
    assert [name for name in (step, other, server) if any(name in w for w in created["warnings"])] == [
        step,
        other,
        server,
    ]
    arn = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-x"
    register_step.register(engine, ME, {"step_type": step, "function_arn": arn})
    save_definition.create(AGENTS, engine, ME, {**AGENT, "agent_id": other})
    register_mcp_server.register(engine, ME, {"name": server, "url": "https://mcp.example.com/"})
    assert read_definitions.get(AGENTS, engine, ME, created["agent_id"])["warnings"] == []


def test_an_agent_runs_as_a_workflow_of_one_step(engine: Engine) -> None:
    agent_id = saved_agent(engine)
    started = run_agent.execute(
        engine,
        ME,
        agent_id,
        {"query": "Why?", "input": {"facts": [1, 2]}, "session_id": "s", "tags": ["t"], "variables": {"x": 1}},
    )
    assert (started["status"], started["workflow_name"]) == ("running", "Analyst")
    results = results_of(engine, started)
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["agent"]["output_data"]
    assert (output["agent_id"], output["agent_version"], output["agent_name"]) == (agent_id, 1, "Analyst")
    assert (output["query"], output["mode"], output["success"]) == ("Why?", "simulation", True)
    assert results["metadata"]["session_id"] == "s"


def test_an_input_alone_is_a_question(engine: Engine) -> None:
    results = results_of(engine, run_agent.execute(engine, ME, saved_agent(engine), {"input": {"facts": [1, 2]}}))
    assert results["status"] == "completed", results["error"]
    assert "facts" in results["step_results"]["agent"]["output_data"]["query"]


def test_runs_of_an_agent_share_what_was_compiled(engine: Engine) -> None:
    agent_id = saved_agent(engine)
    first = run_agent.execute(engine, ME, agent_id, {"query": "One?"})
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        second = run_agent.execute(engine, ME, agent_id, {"query": "Two?", "input": 7})
    assert calls == ["GetItem", "GetItem", "PutItem", "StartExecution"]
    assert second["workflow_id"] == first["workflow_id"]
    assert results_of(engine, second)["step_results"]["agent"]["output_data"]["query"] == "Two?"


def test_an_older_version_of_an_agent_may_be_run(engine: Engine) -> None:
    agent_id = saved_agent(engine)
    save_definition.update(AGENTS, engine, ME, agent_id, {**AGENT, "agent_name": "New"})
    old = results_of(engine, run_agent.execute(engine, ME, agent_id, {"query": "x", "version": 1}))
    new = results_of(engine, run_agent.execute(engine, ME, agent_id, {"query": "x"}))
    outputs = [r["step_results"]["agent"]["output_data"] for r in (old, new)]
    assert [(o["agent_version"], o["agent_name"]) for o in outputs] == [(1, "Analyst"), (2, "New")]
    with pytest.raises(NotFoundError):
        run_agent.execute(engine, ME, agent_id, {"query": "x", "version": 3})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"query": None, "input": None}, ""),
        ({"variables": {"a": 1}}, ""),
        ({"query": ""}, "/query"),
        ({"query": 7}, "/query"),
        ({"query": "x", "version": 0}, "/version"),
        ({"query": "x", "variables": []}, "/variables"),
        ({"query": "x", "conversation_history": "hello"}, "/conversation_history"),
        ({"qery": "x", "input": 1}, "/qery"),
        ([], ""),
    ],
)
def test_a_run_of_an_agent_that_asks_nothing_starts_nothing(engine: Engine, body: Any, pointer: str) -> None:
    agent_id = saved_agent(engine)
    with counted(engine.stepfunctions) as calls:
        found = refused(lambda: run_agent.execute(engine, ME, agent_id, body))
    assert [p for _, p in found] == [pointer]
    assert calls == []


def test_an_idempotency_key_starts_an_agent_once_also_when_the_agent_has_changed_since(engine: Engine) -> None:
    agent_id, other_id, key = saved_agent(engine), saved_agent(engine), new_id("key")
    first = run_agent.execute(engine, ME, agent_id, {"query": "x"}, key)
    save_definition.update(AGENTS, engine, ME, agent_id, {**AGENT, "agent_name": "New"})
    assert run_agent.execute(engine, ME, agent_id, {"query": "x"}, key) == first
    with pytest.raises(ConflictError):
        run_agent.execute(engine, ME, agent_id, {"query": "y"}, key)
    assert run_agent.execute(engine, ME, other_id, {"query": "x"}, key)["execution_id"] != first["execution_id"]


def test_a_prompt_is_rendered_with_its_defaults_and_tells_what_is_missing(engine: Engine) -> None:
    prompt_id = saved_prompt(engine)
    rendered = render_prompt.render(engine, ME, prompt_id, {"variables": {"name": "Ann", "unused": 1}})
    assert rendered == {
        "prompt_id": prompt_id,
        "version": 1,
        "system_prompt": "Speak English.",
        "query": "Greet Ann in the {time}.",
        "missing": ["time"],
    }
    whole = render_prompt.render(
        engine, ME, prompt_id, {"variables": {"name": "{time}", "time": "dawn", "language": None}}
    )
    assert (whole["system_prompt"], whole["query"]) == ("Speak .", "Greet {time} in the dawn.")
    assert whole["missing"] == []


def test_an_older_version_of_a_prompt_may_be_rendered(engine: Engine) -> None:
    prompt_id = saved_prompt(engine)
    save_definition.update(PROMPTS, engine, ME, prompt_id, {"name": "Greeting", "query_template": "Bye {name}"})
    assert render_prompt.render(engine, ME, prompt_id, {"variables": {"name": "Ann"}})["query"] == "Bye Ann"
    assert render_prompt.render(engine, ME, prompt_id, {"version": 1})["missing"] == ["name", "time"]
    with pytest.raises(NotFoundError):
        render_prompt.render(engine, ME, prompt_id, {"version": 3})
    with pytest.raises(NotFoundError):
        render_prompt.render(engine, OTHER, prompt_id, {})


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"query_tmplate": "x"}, "/query_tmplate"),
        ({"variables": [{"name": "1st"}]}, "/variables/0/name"),
        ({"variables": [{"name": "a"}, {"name": "a"}]}, "/variables/1/name"),
        ({"variables": {"a": 1}}, "/variables"),
        ({"prompt_id": "a b"}, "/prompt_id"),
        ({"max_tokens": 0}, "/max_tokens"),
    ],
)
def test_a_prompt_that_is_wrong_is_refused_with_the_place(engine: Engine, fields: dict[str, Any], pointer: str) -> None:
    found = refused(lambda: save_definition.create(PROMPTS, engine, ME, {**PROMPT, **fields}))
    assert [p for _, p in found] == [pointer]


def test_a_prompt_without_a_text_is_told_what_it_needs(engine: Engine) -> None:
    with pytest.raises(InvalidRequestError) as error:
        save_definition.create(PROMPTS, engine, ME, {"name": "Empty"})
    (finding,) = error.value.errors
    assert finding["pointer"] == ""
    assert "query_template" in finding["detail"]


def test_a_variable_that_no_text_uses_is_told(engine: Engine) -> None:
    created = save_definition.create(PROMPTS, engine, ME, {**PROMPT, "variables": [{"name": "nmae"}]})
    assert ["'nmae'" in w for w in created["warnings"]] == [True]


def test_a_prompt_is_tried_with_a_stored_agent(engine: Engine) -> None:
    prompt_id, agent_id = saved_prompt(engine), saved_agent(engine)
    body = {"variables": {"name": "Ann", "time": "morning"}, "agent_id": agent_id, "input": {"mood": "good"}}
    results = results_of(engine, try_prompt.try_out(engine, ME, prompt_id, body))
    assert results["status"] == "completed", results["error"]
    steps = results["step_results"]
    assert steps["prompt"]["output_data"]["system_prompt"] == "Speak English."
    assert steps["prompt"]["output_data"]["prompt_version"] == 1
    output = steps["agent"]["output_data"]
    assert (output["query"], output["agent_id"]) == ("Greet Ann in the morning.", agent_id)


def test_a_prompt_is_tried_with_an_agent_of_the_request(engine: Engine) -> None:
    prompt_id = saved_prompt(engine)
    body = {"variables": {"name": "Ann", "time": "morning"}, "agent_config": AGENT}
    results = results_of(engine, try_prompt.try_out(engine, ME, prompt_id, body))
    assert results["step_results"]["agent"]["output_data"]["agent_name"] == "Analyst"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, ""),
        ({"agent_id": "a", "agent_config": AGENT}, ""),
        ({"agent_config": {**AGENT, "temperature": 3}}, "/agent_config/temperature"),
        ({"agent_config": {**AGENT, "tools": ["two words"]}}, "/agent_config/tools/0"),
        ({"agent_id": "a b"}, "/agent_id"),
        ({"agent_id": "nobody-is-called-so"}, "/agent_id"),
        ({"agent_config": AGENT, "version": "1"}, "/version"),
    ],
)
def test_a_trial_that_is_wrong_starts_nothing(engine: Engine, fields: dict[str, Any], pointer: str) -> None:
    prompt_id = saved_prompt(engine)
    with counted(engine.stepfunctions) as calls:
        found = refused(lambda: try_prompt.try_out(engine, ME, prompt_id, {"variables": {"name": "Ann"}, **fields}))
    assert [p for _, p in found] == [pointer]
    assert calls == []


def test_an_idempotency_key_starts_a_trial_once(engine: Engine) -> None:
    prompt_id, key = saved_prompt(engine), new_id("key")
    body = {"variables": {"name": "Ann"}, "agent_config": AGENT}
    first = try_prompt.try_out(engine, ME, prompt_id, body, key)
    save_definition.update(PROMPTS, engine, ME, prompt_id, {**PROMPT, "name": "New"})
    assert try_prompt.try_out(engine, ME, prompt_id, body, key) == first


def test_a_trial_of_a_prompt_that_does_not_exist_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFoundError):
        try_prompt.try_out(engine, ME, new_id(), {"agent_config": AGENT})


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
