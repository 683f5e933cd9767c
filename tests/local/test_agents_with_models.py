"""Agents on the local server that ask models over their vendors' real SDKs; the vendors are on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from tests.support.http_client import ApiClient
from tests.support.llm import bedrock_wire, gemini_wire
from tests.support.llm.openai_wire import completion, error_reply, tool_call, usage
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply
from tests.support.local_server import running_server
from tests.support.mcp_server import mcp_server

pytestmark = pytest.mark.xdist_group("local-agents")

EXAMPLE = json.loads(
    (Path(__file__).parents[2] / "statemachines/examples/three-agents/workflow.json").read_text(encoding="utf-8")
)
ARGUMENTS: dict[str, dict[str, Any]] = {
    "calculator": {"expression": "6*7"},
    "tools__add": {"a": 2, "b": 3},
    "journey_shout": {"text": "hi"},
}
"""What the model calls each tool with."""

KEYS = ("sk-of-openai", "AIza-of-google", "AKIAOFBEDROCK", "secret-of-bedrock", "token-of-mcp")


@dataclass
class World:
    """The API, the three vendors, whose answers a test may change, and a server of one's own, which gives `replies`."""

    api: ApiClient
    openai: VendorServer
    gemini: VendorServer
    bedrock: VendorServer
    own: VendorServer
    replies: list[Reply] = field(default_factory=list)
    score: int = 9
    key_is_wrong: bool = False

    def ask(self, **config: Any) -> dict[str, Any]:
        """The results of a run of one agent step."""
        step = {"step_id": "ask", "step_type": "agent_execution", "config": {"query": "Hello?", **config}}
        return self.api.execute({"name": "Ask", "steps": [step]})


def of_openai(world: World, request: Received) -> Reply:
    """Judges where JSON is asked for, calls tools where there are any, and else answers."""
    if world.key_is_wrong:
        return error_reply(401, "Incorrect API key provided: sk-of*******", code="invalid_api_key")
    messages = request.body["messages"]
    if "response_format" in request.body:
        return json_reply(completion(json.dumps({"score": world.score, "best": "claude", "reason": "It is short."})))
    if messages[-1]["role"] == "tool":
        return json_reply(completion("Told: " + " ".join(m["content"] for m in messages if m["role"] == "tool")))
    for tool in request.body.get("tools", ()):
        name = tool["function"]["name"]
        arguments = ARGUMENTS.get(name, {"query": "What do you know?"})
        return json_reply(completion(None, tool_calls=[tool_call("c1", name, arguments)]))
    return json_reply(completion("OpenAI's answer."))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        made: list[World] = []
        openai = stack.enter_context(VendorServer(answer=lambda request: of_openai(made[0], request)))
        gemini = stack.enter_context(
            VendorServer(answer=lambda _: json_reply(gemini_wire.answer("Gemini's answer.", model="gemini-1.5-flash")))
        )
        bedrock = stack.enter_context(
            VendorServer(answer=lambda _: bedrock_wire.converse(bedrock_wire.text("Claude's answer.")))
        )
        own = stack.enter_context(VendorServer(answer=lambda _: made[0].replies.pop(0)))
        variables = {
            "ONPREM_BASE_URL": f"{own.url}/v1",
            "OPENAI_API_KEY": KEYS[0],
            "OPENAI_BASE_URL": f"{openai.url}/v1",
            "GOOGLE_API_KEY": KEYS[1],
            "GOOGLE_GEMINI_BASE_URL": gemini.url,
            "AWS_ACCESS_KEY_ID": KEYS[2],
            "AWS_SECRET_ACCESS_KEY": KEYS[3],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            "MCP_TOKEN": KEYS[4],
            "STEP_HTTP_ALLOWED_HOSTS": "127.0.0.1",
        }
        for name, value in variables.items():
            environment.setenv(name, value)
        steps = Path(__file__).parents[1] / "journeys" / "local_steps"
        cloud = stack.enter_context(LocalCloud(steps_directory=steps))
        url = stack.enter_context(running_server(cloud.gateway))
        made.append(World(ApiClient(url), openai, gemini, bedrock, own))
        yield made[0]


@pytest.mark.parametrize(("score", "taken", "skipped"), [(9, "publish", "improve"), (3, "improve", "publish")])
def test_three_agents_answer_a_judge_decides_and_the_rest_follows_its_score(
    world: World, score: int, taken: str, skipped: str
) -> None:
    world.score = score
    results = world.api.execute({"workflow": EXAMPLE, "input": {"question": "Why is the sky blue?"}})
    assert results["status"] == "completed", results["error"]
    found = results["step_results"]
    outputs = {name: step["output_data"] for name, step in found.items()}
    assert [outputs[name]["response"] for name in ("openai", "gemini", "claude")] == [
        "OpenAI's answer.",
        "Gemini's answer.",
        "Claude's answer.",
    ]
    assert all(outputs[name]["mode"] == "llm" for name in ("openai", "gemini", "claude", "judge"))
    assert outputs["judge"]["response"] == {"score": score, "best": "claude", "reason": "It is short."}
    assert (found[taken]["status"], found[skipped]["status"]) == ("completed", "skipped")
    for name in ("openai", "gemini", "claude", "judge"):
        usage = outputs[name]["usage"]
        assert usage["total_tokens"] == usage["tokens_in"] + usage["tokens_out"] > 0
        assert usage["cost_usd"] > 0
    retired = [w for name in ("gemini", "claude") for w in outputs[name]["warnings"] if "retired" in w]
    assert len(retired) == 2


def test_the_three_configurations_reach_their_vendors_as_given(world: World) -> None:
    world.api.execute({"workflow": EXAMPLE, "input": {"question": "Why?"}})
    asked = next(r.body for r in world.openai.requests if "response_format" not in r.body and "tools" not in r.body)
    assert (asked["model"], asked["temperature"], asked["max_completion_tokens"]) == ("gpt-4o-mini", 0.1, 1000)
    assert asked["messages"][0] == {"role": "system", "content": "You are an expert analyst..."}
    google = world.gemini.requests[-1]
    assert google.path.endswith("/models/gemini-1.5-flash:generateContent")
    assert google.body["generationConfig"]["temperature"] == 0.1
    assert google.body["generationConfig"]["maxOutputTokens"] == 1000
    claude = world.bedrock.requests[-1]
    assert claude.path == "/model/anthropic.claude-instant-v1/converse"
    assert claude.body["inferenceConfig"] == {"maxTokens": 1000, "temperature": 0.1}
    assert KEYS[2] in claude.headers["authorization"]


def test_an_agent_that_names_nobody_is_asked_of_the_usual_model(world: World) -> None:
    said = world.ask()["step_results"]["ask"]["output_data"]
    assert (said["response"], world.openai.requests[-1].body["model"]) == ("OpenAI's answer.", "gpt-4o")


def test_no_key_is_in_what_a_run_leaves_behind(world: World) -> None:
    results = world.api.execute({"workflow": EXAMPLE, "input": {"question": "Why?"}})
    path = f"/executions/{results['execution_id']}"
    left = json.dumps([results, *(world.api.get(f"{path}/{page}?limit=100").body for page in ("events", "history"))])
    assert not [key for key in KEYS if key in left]


def test_a_built_in_tool_is_called(world: World) -> None:
    said = world.ask(model="gpt-4o-mini", tools=["calculator"])["step_results"]["ask"]["output_data"]
    assert said["response"] == "Told: 42"
    assert said["tool_calls"] == 1
    assert said["usage"]["llm_calls"] == 2


def test_a_registered_step_is_called(world: World) -> None:
    parameters = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    tool = {"type": "step", "name": "journey_shout", "parameters": parameters, "config": {"marks": 2}}
    said = world.ask(model="gpt-4o-mini", tools=[tool])["step_results"]["ask"]["output_data"]
    assert said["response"] == 'Told: {"text": "HI!!"}'


def test_what_a_registered_step_raises_is_told_to_the_model(world: World) -> None:
    said = world.ask(model="gpt-4o-mini", tools=["journey_broken"])["step_results"]["ask"]["output_data"]
    assert said["tool_calls_trace"][0]["is_error"] is True
    assert said["response"] == "Told: Error: OvenTooHotError: It burns at 300 degrees."


def test_an_agent_calls_an_agent_and_pays_for_it(world: World) -> None:
    agent = {
        "agent_id": "expert",
        "agent_name": "Expert",
        "model": "gemini-2.5-flash",
        "provider_type": "gemini_textgen",
    }
    assert world.api.post("/agents", agent).status == 201
    said = world.ask(model="gpt-4o-mini", tools=["agent:expert"])["step_results"]["ask"]["output_data"]
    assert said["response"] == "Told: Gemini's answer."
    assert said["usage"]["llm_calls"] == 3


def test_agents_that_call_each_other_come_to_an_end(world: World) -> None:
    agent = {"agent_id": "narcissus", "agent_name": "N", "model": "gpt-4o-mini", "tools": ["agent:narcissus"]}
    assert world.api.post("/agents", agent).status == 201
    said = world.ask(agent_id="narcissus")["step_results"]["ask"]["output_data"]
    assert "3 deep" in said["response"]
    assert said["usage"]["llm_calls"] == 6


def test_a_tool_of_an_mcp_server_is_called(world: World) -> None:
    with mcp_server(token=KEYS[4]) as server:
        registration = {"name": "tools", "url": server.url, "bearer_secret": "MCP_TOKEN", "allowed_tools": ["add"]}
        assert world.api.post("/tools/mcp-servers", registration).status == 201
        listed = world.api.get("/tools/mcp-servers/tools/tools").body["items"]
        assert {tool["name"] for tool in listed} > {"add"}
        said = world.ask(model="gpt-4o-mini", tools=["mcp:tools"])["step_results"]["ask"]["output_data"]
        assert said["response"] == 'Told: {"sum": 5}'
        called = world.api.execute(
            {
                "name": "Add",
                "steps": [
                    {
                        "step_id": "add",
                        "step_type": "tool_execution",
                        "config": {"tool_name": "mcp:tools/add", "static_params": {"a": 1, "b": 2}},
                    }
                ],
            }
        )
        assert called["step_results"]["add"]["output_data"]["result"] == {"sum": 3}


def test_a_server_that_is_gone_fails_the_step_by_a_name_that_is_retried(world: World) -> None:
    registration = {"name": "gone", "url": "http://127.0.0.1:9/mcp", "timeout_seconds": 1}
    assert world.api.post("/tools/mcp-servers", registration).status == 201
    assert world.api.get("/tools/mcp-servers/gone/tools").status == 424
    step = {
        "step_id": "ask",
        "step_type": "agent_execution",
        "max_retries": 1,
        "retry_delay_seconds": 1,
        "config": {"query": "Hello?", "model": "gpt-4o-mini", "tools": ["mcp:gone"]},
    }
    results = world.api.execute({"name": "Ask", "steps": [step]})
    assert results["error"]["type"] == "McpServerError"
    assert results["step_results"]["ask"]["retry_count"] == 1


def test_a_wrong_key_fails_the_run_at_once_and_is_not_simulated(world: World) -> None:
    world.key_is_wrong = True
    try:
        results = world.ask(model="gpt-4o-mini")
        fallen_back = world.ask(model="gpt-4o-mini", providers=["gemini_textgen"])
        simulated = world.ask(model="gpt-4o-mini", fallback_to_simulation=True)
    finally:
        world.key_is_wrong = False
    assert results["error"]["type"] == "LlmAuthenticationError"
    assert results["step_results"]["ask"]["retry_count"] == 0
    assert "sk-of" not in json.dumps(results)
    assert fallen_back["step_results"]["ask"]["output_data"]["response"] == "Gemini's answer."
    assert simulated["step_results"]["ask"]["output_data"]["mode"] == "simulation"


def told(world: World) -> list[dict[str, Any]]:
    """The messages that OpenAI was sent last."""
    messages: list[dict[str, Any]] = world.openai.requests[-1].body["messages"]
    return messages


def test_names_in_the_definition_are_filled_once_and_data_never_is(world: World) -> None:
    steps = [
        {"step_id": "text", "step_type": "data_input", "config": {"data": {"body": "print({token})"}}},
        {
            "step_id": "ask",
            "step_type": "agent_execution",
            "dependencies": ["text"],
            "input_mapping": {"token": {"value": "INTERNAL"}, "who": "input.who"},
            "config": {
                "model": "gpt-4o-mini",
                "include_context": False,
                "system_prompt": "You help {who}, as {{{who}}}.",
                "query": "Review {{ text.data.body }} for {who}.",
            },
        },
    ]
    results = world.api.execute({"workflow": {"name": "Ask", "steps": steps}, "input": {"who": "Ann {token}"}})
    assert results["status"] == "completed", results["error"]
    assert told(world) == [
        {"role": "system", "content": "You help Ann {token}, as {{who}}."},
        {"role": "user", "content": "Review print({token}) for Ann {token}."},
    ]
    assert results["step_results"]["ask"]["output_data"]["query"] == "Review print({token}) for Ann {token}."


def test_names_in_a_prompt_are_filled_by_the_agent_and_data_in_it_never_is(world: World) -> None:
    prompt = {"name": "P", "query_template": "Say {{ greeting }} to {who}: {text}", "variables": [{"name": "greeting"}]}
    prompt_id = world.api.post("/prompts", prompt).body["prompt_id"]
    configs: list[dict[str, Any]] = [
        {"query_template": "Say {{ input.greeting }} to {who}: {text}"},
        {"prompt_id": prompt_id, "variables": {"greeting": "hi {who}"}},
    ]
    for config in configs:
        steps = [
            {"step_id": "p", "step_type": "prompt", "config": config},
            {
                "step_id": "ask",
                "step_type": "agent_execution",
                "dependencies": ["p"],
                "input_mapping": {"p": "p", "who": {"value": "Ann"}, "text": {"value": "{who}?"}},
                "config": {"model": "gpt-4o-mini"},
            },
        ]
        results = world.api.execute({"workflow": {"name": "Ask", "steps": steps}, "input": {"greeting": "hi {who}"}})
        assert results["status"] == "completed", results["error"]
        assert told(world) == [{"role": "user", "content": "Say hi {who} to Ann: {who}?"}]
        assert results["step_results"]["p"]["output_data"]["query_template"] == "Say hi {who} to {who}: {text}"


@pytest.mark.parametrize("wrap", [lambda chat: chat, lambda chat: {"trigger": {"kind": "chat", **chat}}])
def test_a_chat_comes_to_the_model_as_it_was_said(world: World, wrap: Any) -> None:
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    steps = [
        {"step_id": "start", "step_type": "trigger", "config": {"kind": "chat"}},
        {
            "step_id": "ask",
            "step_type": "agent_execution",
            "dependencies": ["start"],
            "config": {"model": "gpt-4o-mini"},
        },
    ]
    run_input = wrap({"current_message": "Why?", "history": history})
    results = world.api.execute({"workflow": {"name": "Chat", "steps": steps}, "input": run_input})
    assert results["step_results"]["start"]["output_data"]["messages"] == [
        *history,
        {"role": "user", "content": "Why?"},
    ]
    assert told(world) == [*history, {"role": "user", "content": "Why?"}]


def answers(world: World, *replies: Reply, **config: Any) -> dict[str, Any]:
    """The output of an agent whose model, at a server of one's own, gives these answers."""
    world.replies, before = list(replies), len(world.own.requests)
    results = world.ask(provider_type="on-prem_textgen", model="qwen3", **config)
    assert results["status"] == "completed", results["error"]
    output: dict[str, Any] = results["step_results"]["ask"]["output_data"]
    return {**output, "sent": [request.body for request in world.own.requests[before:]]}


X = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


def test_a_draft_in_the_reasoning_is_not_the_answer(world: World) -> None:
    reply = json_reply(completion('<think>maybe {"x": 9}</think>\n{"x": 2}'))
    said = answers(world, reply, response_schema=X)
    assert (said["response"], said["mode"], said["usage"]["llm_calls"]) == ({"x": 2}, "llm", 1)
    assert said["remarks"] == [{"kind": "reasoning", "text": 'maybe {"x": 9}', "truncated": False, "iteration": 1}]
    assert answers(world, json_reply(completion("<think>Hm.</think>\n\nParis.")))["response"] == "Paris."


@pytest.mark.parametrize("number", ["1e400", "Infinity"])
def test_a_number_that_is_none_is_sent_back_and_both_answers_are_paid_for(world: World, number: str) -> None:
    said = answers(
        world,
        json_reply(completion(f'{{"x": {number}}}', usage=usage(100, 10))),
        json_reply(completion('{"x": 3}', usage=usage(200, 20))),
        response_schema=X,
    )
    assert said["response"] == {"x": 3}
    assert (said["usage"]["tokens_in"], said["usage"]["tokens_out"], said["usage"]["llm_calls"]) == (300, 30, 2)
    assert said["remarks"][0] == {
        "kind": "rejected",
        "text": f'{{"x": {number}}}',
        "truncated": False,
        "iteration": 1,
    }


def test_tool_arguments_come_in_all_forms_and_what_cannot_be_read_goes_back_to_the_model(world: World) -> None:
    given = ["null", "", '```json\n{"timezone": "UTC"}\n```', json.dumps('{"timezone": "UTC"}'), '{"timezone": 1e400}']
    calls = [tool_call(f"c{place}", "current_time", arguments) for place, arguments in enumerate(given)]
    said = answers(
        world, json_reply(completion(None, tool_calls=calls)), json_reply(completion("Now.")), tools=["current_time"]
    )
    assert [traced["is_error"] for traced in said["tool_calls_trace"]] == [False] * 4 + [True]
    told_back = [message["content"] for message in said["sent"][1]["messages"] if message["role"] == "tool"]
    assert told_back[-1].startswith("Error: The arguments cannot be read: a number is too large or not finite.")
    calls_back = next(m["tool_calls"] for m in said["sent"][1]["messages"] if m["role"] == "assistant")
    assert [json.loads(call["function"]["arguments"]) for call in calls_back] == [
        {},
        {},
        {"timezone": "UTC"},
        {"timezone": "UTC"},
        {},
    ]


def test_half_a_character_in_an_answer_fails_nothing(world: World) -> None:
    assert answers(world, json_reply(completion("Paris \ud83d!")))["response"] == "Paris \ufffd!"


def test_a_rejected_answer_counts_in_the_usage_of_the_step(world: World) -> None:
    nameless = json_reply(completion(None, tool_calls=[tool_call("c", "", {})], usage=usage(50, 5)))
    said = answers(world, nameless, json_reply(completion("Here.", usage=usage(60, 6))), tools=["calculator"])
    assert said["response"] == "Here."
    assert (said["usage"]["tokens_in"], said["usage"]["llm_calls"]) == (110, 2)


def test_a_tool_that_no_vendor_takes_is_left_out_with_a_warning(world: World) -> None:
    parameters = {"type": "object", "properties": {"a b": {"type": "string"}}}
    tool = {"type": "step", "name": "journey_shout", "parameters": parameters}
    said = answers(world, json_reply(completion("Well.")), tools=[tool, "calculator"])
    assert [tool["function"]["name"] for tool in said["sent"][0]["tools"]] == ["calculator"]
    assert "The tool 'journey_shout' was left out: models take no argument called 'a b'." in said["warnings"]


def test_one_bad_tool_of_an_mcp_server_is_left_out_and_the_others_are_called(world: World) -> None:
    def answer(asked: Received) -> Reply:
        tools = [{"name": "add", "inputSchema": {"type": "array"}}, {"name": "find", "inputSchema": {"type": "object"}}]
        results: dict[str, Any] = {
            "initialize": {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "x", "version": "1"},
            },
            "tools/list": {"tools": tools},
            "tools/call": {"content": [{"type": "poem", "text": "found"}]},
        }
        if "id" not in asked.body:
            return Reply(202)
        known = results.get(asked.body["method"])
        said = {"error": {"code": -32601, "message": "none"}} if known is None else {"result": known}
        return json_reply({"jsonrpc": "2.0", "id": asked.body["id"], **said})

    with VendorServer(answer=answer) as server:
        assert world.api.post("/tools/mcp-servers", {"name": "odd", "url": f"{server.url}/mcp"}).status == 201
        listed = world.api.get("/tools/mcp-servers/odd/tools").body
        calls = json_reply(completion(None, tool_calls=[tool_call("c", "odd__find", {})]))
        said = answers(world, calls, json_reply(completion("So.")), tools=["mcp:odd"])
    warning = "MCP server 'odd': The tool 'add' was left out: its arguments are not an object."
    assert ([tool["name"] for tool in listed["items"]], listed["warnings"]) == (["find"], [warning])
    assert said["tool_calls_trace"][0]["result"] == "found"
    assert said["warnings"][0] == warning
