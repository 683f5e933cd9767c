"""Bedrock's Converse over real boto3: what is sent, and how answers are read."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from llm_gateway.errors import (
    LlmContextTooLongError,
    LlmUnsupportedError,
)
from llm_gateway.providers.bedrock.refusals import Spared
from llm_gateway.providers.bedrock.wire import converse_call
from llm_gateway.request import (
    GenerationRequest,
    Image,
    Message,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.response import ProviderAnswer
from tests.support.llm.bedrock_provider import ACCESS_KEY, CLAUDE, ask, bedrock
from tests.support.llm.bedrock_wire import converse, text, tool_use, usage
from tests.support.llm.vendor_server import Received, Reply, VendorServer

WEATHER = Tool("weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
PNG = b"\x89PNG\r\n\x1a\n"


def sent(request: GenerationRequest, reply: Reply | None = None) -> Any:
    """The body that Bedrock receives for a request."""
    with VendorServer(reply or converse(text("Fine."))) as server:
        bedrock(server).generate(CLAUDE, request)
    return server.requests[0].body


def generated(reply: Reply, request: GenerationRequest | None = None) -> ProviderAnswer:
    with VendorServer(reply) as server:
        return bedrock(server).generate(CLAUDE, request or ask())


def test_an_answer_is_that_of_converse() -> None:
    request = ask(system="Be short.", temperature=0.1, top_p=0.5, max_tokens=1000, stop=("END",))

    with VendorServer(converse(text("Good "), text("day."))) as server:
        answer = bedrock(server).generate(CLAUDE, request)

    assert answer == ProviderAnswer("Good day.", (), "stop", 11, 7, CLAUDE)
    assert server.requests[0].body == {
        "system": [{"text": "Be short."}],
        "messages": [{"role": "user", "content": [{"text": "Hello!"}]}],
        "inferenceConfig": {"temperature": 0.1, "topP": 0.5, "maxTokens": 1000, "stopSequences": ["END"]},
    }


def test_requests_are_signed_and_name_the_model_in_the_path() -> None:
    with VendorServer(converse(text("Hi."))) as server:
        bedrock(server).generate(
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0", ask()
        )

    received = server.requests[0]
    profile = "inference-profile%2Feu.amazon.nova-lite-v1%3A0"
    assert (received.method, received.path) == (
        "POST",
        f"/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3A{profile}/converse",
    )
    assert received.headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/")
    assert "/eu-west-1/bedrock/aws4_request" in received.headers["authorization"]


def test_a_retired_model_is_asked_by_its_own_name() -> None:
    with VendorServer(converse(text("Hi."))) as server:
        answer = bedrock(server).generate("anthropic.claude-instant-v1", ask())

    assert server.requests[0].path == "/model/anthropic.claude-instant-v1/converse"
    assert answer.model == "anthropic.claude-instant-v1"


def test_what_a_request_does_not_say_is_left_to_the_model() -> None:
    assert sent(ask()) == {"messages": [{"role": "user", "content": [{"text": "Hello!"}]}]}


def test_turns_of_one_role_become_one_and_blank_texts_are_left_out() -> None:
    request = ask(
        messages=(
            Message("user", (Text("One."), Text(" \n"))),
            Message("user", (Text("Two."),)),
            Message("assistant", (Text(""),)),
            Message("user", (Text("Three."),)),
        )
    )

    assert sent(request)["messages"] == [
        {"role": "user", "content": [{"text": "One."}, {"text": "Two."}, {"text": "Three."}]}
    ]


def test_a_tool_call_comes_back_with_its_result() -> None:
    called = converse(text("Let me see."), tool_use("tooluse_1", "weather", {"city": "Oslo"}), stop_reason="tool_use")
    first = ask("Weather in Oslo?", tools=(WEATHER,))

    with VendorServer(called, converse(text("It rains."))) as server:
        provider = bedrock(server)
        answer = provider.generate(CLAUDE, first)
        results = (ToolResult("tooluse_1", "weather", "rain"), ToolResult("tooluse_2", "weather", "", is_error=True))
        turns = (Message("assistant", (Text(answer.text), *answer.tool_calls)), Message("user", results))
        provider.generate(CLAUDE, replace(first, messages=first.messages + turns))

    assert answer.finish_reason == "tool_calls"
    assert answer.tool_calls == (ToolCall("tooluse_1", "weather", {"city": "Oslo"}),)
    tool_spec = {"name": "weather", "description": "Tells the weather.", "inputSchema": {"json": WEATHER.parameters}}
    assert server.requests[0].body["toolConfig"] == {"tools": [{"toolSpec": tool_spec}]}
    assert server.requests[1].body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"text": "Let me see."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Oslo"}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "rain"}], "status": "success"}},
                {"toolResult": {"toolUseId": "tooluse_2", "content": [{"text": "(nothing)"}], "status": "error"}},
            ],
        },
    ]


def test_results_of_tools_come_first_in_their_turn() -> None:
    call = ToolCall("c", "weather", {})
    turns = (Message("assistant", (call,)), Message("user", (Text("And then?"), ToolResult("c", "weather", "rain"))))

    content = sent(ask(messages=(*ask().messages, *turns), tools=(WEATHER,)))["messages"][2]["content"]

    assert [list(block) for block in content] == [["toolResult"], ["text"]]


def test_ids_of_calls_that_another_vendor_made_are_made_fit_for_bedrock() -> None:
    turns = (
        Message("assistant", (ToolCall("a/b", "weather", {}),)),
        Message("user", (ToolResult("a/b", "weather", "x"),)),
    )

    messages = sent(ask(messages=(*ask().messages, *turns), tools=(WEATHER,)))["messages"]

    call, result = messages[1]["content"][0]["toolUse"], messages[2]["content"][0]["toolResult"]
    assert call["toolUseId"] == result["toolUseId"]
    assert call["toolUseId"].startswith("call_")


@pytest.mark.parametrize(("choice", "wire"), [("auto", None), ("required", {"any": {}})])
def test_the_choice_of_tools_is_sent(choice: ToolChoice, wire: Any) -> None:
    assert sent(ask(tools=(WEATHER,), tool_choice=choice))["toolConfig"].get("toolChoice") == wire


def test_tools_that_may_not_be_called_are_named_only_if_the_conversation_has_calls() -> None:
    turns = (Message("assistant", (ToolCall("c", "weather", {}),)), Message("user", (ToolResult("c", "weather", "x"),)))
    after = ask(messages=(*ask().messages, *turns), tools=(WEATHER,), tool_choice="none")

    assert "toolConfig" not in sent(ask(tools=(WEATHER,), tool_choice="none"))
    body = sent(after)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["weather"]
    assert body["system"] == [{"text": "Do not call any tool. Answer with text."}]


def test_calls_of_tools_that_are_offered_no_more_can_stay_in_the_conversation() -> None:
    turns = (Message("assistant", (ToolCall("c", "old", {}),)), Message("user", (ToolResult("c", "old", "x"),)))

    body = sent(ask(messages=(*ask().messages, *turns)))

    assert body["toolConfig"] == {"tools": [{"toolSpec": {"name": "old", "inputSchema": {"json": {"type": "object"}}}}]}


def test_a_call_that_was_cut_off_is_left_out() -> None:
    reply = converse(text("So:"), tool_use("t", "weather", {"city": "Os"}), stop_reason="max_tokens")

    answer = generated(reply, ask(tools=(WEATHER,)))

    assert (answer.text, answer.tool_calls, answer.finish_reason) == ("So:", (), "length")
    assert answer.warnings == ("The answer ended within a tool call, so that call was left out.",)


def test_arguments_that_are_json_text_are_read() -> None:
    reply = converse(tool_use("t", "weather", '{"city": "Oslo"}'), stop_reason="tool_use")

    assert generated(reply, ask(tools=(WEATHER,))).tool_calls == (ToolCall("t", "weather", {"city": "Oslo"}),)


@pytest.mark.parametrize("arguments", ["{", "[]", [1], 3, {"city": "\ud800"}, {"city": float("inf")}])
def test_arguments_that_cannot_be_read_are_a_call_with_a_problem(arguments: object) -> None:
    answer = generated(converse(tool_use("t", "weather", arguments), stop_reason="tool_use"), ask(tools=(WEATHER,)))

    (call,) = answer.tool_calls
    assert (call.id, call.name, call.arguments, answer.tokens_out) == ("t", "weather", {}, 7)
    assert call.problem is not None
    assert call.problem.startswith("The arguments cannot be read: ")


def test_images_are_sent_with_their_format() -> None:
    request = ask(messages=(Message("user", (Image("image/png", PNG), Text("What is this?"))),))

    image = {"format": "png", "source": {"bytes": base64.b64encode(PNG).decode()}}
    assert sent(request)["messages"][0]["content"] == [{"image": image}, {"text": "What is this?"}]


def test_images_of_other_formats_are_not_supported() -> None:
    with pytest.raises(LlmUnsupportedError, match="image/tiff"):
        sent(ask(messages=(Message("user", (Image("image/tiff", b"II*"),)),)))


def test_a_schema_is_enforced_by_bedrock() -> None:
    body = sent(ask(response_format=ResponseFormat(PERSON)))

    text_format = body["outputConfig"]["textFormat"]
    assert (text_format["type"], text_format["structure"]["jsonSchema"]["name"]) == ("json_schema", "answer")
    assert json.loads(text_format["structure"]["jsonSchema"]["schema"]) == {**PERSON, "additionalProperties": False}
    assert "system" not in body


def test_a_schema_that_bedrock_cannot_enforce_is_asked_for_in_the_system_prompt() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}}

    body = sent(ask(system="Be exact.", response_format=ResponseFormat(schema)))

    assert "outputConfig" not in body
    assert body["system"][0]["text"].startswith("Be exact.\n\nAnswer only with JSON that fits this JSON Schema")
    assert json.dumps(schema, separators=(",", ":")) in body["system"][0]["text"]


def test_an_older_boto3_is_not_given_what_it_does_not_know() -> None:
    call = converse_call(
        CLAUDE, ask(response_format=ResponseFormat(PERSON)), Spared(), has_output_config=False, is_streamed=False
    )

    assert "outputConfig" not in call.arguments
    assert "JSON Schema" in call.arguments["system"][0]["text"]


def test_json_without_a_schema_is_asked_for_in_the_system_prompt() -> None:
    body = sent(ask(response_format=ResponseFormat()))

    assert body["system"] == [{"text": "Answer only with JSON, without any text around it."}]


def test_a_context_that_fills_up_is_too_long() -> None:
    with pytest.raises(LlmContextTooLongError):
        generated(converse(text("Half"), stop_reason="model_context_window_exceeded"))


def test_cached_tokens_count_as_tokens_in() -> None:
    answer = generated(converse(text("x"), usage=usage(10, 5, cacheReadInputTokens=100, cacheWriteInputTokens=20)))

    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached) == (130, 5, 100)


def test_the_model_that_a_prompt_router_chose_is_named() -> None:
    answer = generated(converse(text("x"), trace={"promptRouter": {"invokedModelId": "arn:chosen"}}))

    assert answer.model == "arn:chosen"


def test_reasoning_is_not_the_answer_but_goes_back_with_the_calls_it_led_to() -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "EvYB"}}}
    hidden = {"reasoningContent": {"redactedContent": base64.b64encode(b"\x00secret").decode()}}
    unsigned = {"reasoningContent": {"reasoningText": {"text": "Well."}}}
    reply = converse(thought, hidden, unsigned, text("So."), tool_use("t", "weather", {}), stop_reason="tool_use")
    first = ask(tools=(WEATHER,))

    with VendorServer(reply, converse(text("A")), converse(text("B"))) as server:
        provider = bedrock(server)
        answer = provider.generate(CLAUDE, first)
        turns = (Message("assistant", answer.tool_calls), Message("user", (ToolResult("t", "weather", "x"),)))
        later = replace(first, messages=first.messages + turns)
        provider.generate(CLAUDE, later)
        provider.generate("eu.amazon.nova-lite-v1:0", later)

    assert answer.text == "So."
    call = {"toolUse": {"toolUseId": "t", "name": "weather", "input": {}}}
    assert server.requests[1].body["messages"][1]["content"] == [thought, hidden, call]
    assert server.requests[2].body["messages"][1]["content"] == [call]  # another model's thoughts are none of its own


def test_what_another_vendor_keeps_with_a_call_is_not_sent() -> None:
    turns = (
        Message("assistant", (ToolCall("c", "weather", {}, replay="CqQB"),)),
        Message("user", (ToolResult("c", "weather", "x"),)),
    )

    content = sent(ask(messages=(*ask().messages, *turns), tools=(WEATHER,)))["messages"][1]["content"]

    assert [list(block) for block in content] == [["toolUse"]]


def test_a_temperature_beyond_bedrocks_scale_is_lowered() -> None:
    with VendorServer(converse(text("x"))) as server:
        answer = bedrock(server).generate(CLAUDE, ask(temperature=1.4))

    assert server.requests[0].body["inferenceConfig"] == {"temperature": 1.0}
    assert answer.warnings == ("The temperature was lowered to 1, the highest that Bedrock takes.",)


def test_one_provider_serves_many_threads() -> None:
    def answer(received: Received) -> Reply:
        return converse(text(received.body["messages"][0]["content"][0]["text"]))

    questions = [f"Question {number}" for number in range(24)]
    with VendorServer(answer=answer) as server, ThreadPoolExecutor(8) as pool:
        provider = bedrock(server)
        answers = list(pool.map(lambda question: provider.generate(CLAUDE, ask(question)).text, questions))

    assert answers == questions
