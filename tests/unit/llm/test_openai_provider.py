"""OpenAI, over its real SDK, against a loopback server that speaks its wire format."""

from __future__ import annotations

import base64
import logging

import pytest

from llm_gateway.errors import (
    LlmNotConfiguredError,
)
from llm_gateway.providers import make_provider
from llm_gateway.request import (
    EmbeddingRequest,
    GenerationRequest,
    Image,
    Message,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from llm_gateway.response import ProviderAnswer
from tests.support.llm import openai_wire as wire
from tests.support.llm.openai_calls import KEY, MODEL, ask, generate, openai_at, sent
from tests.support.llm.vendor_server import VendorServer, json_reply, sse_reply

WEATHER = Tool("get_weather", "Current weather", {"type": "object", "properties": {"city": {"type": "string"}}})


def test_a_whole_request_is_written_as_openai_documents_it() -> None:
    request = ask(system="You are terse.", temperature=0.1, top_p=0.9, max_tokens=1000, stop=("END",))

    with VendorServer(json_reply(wire.completion("Hi.", usage=wire.usage(21, 3, cached=5)))) as server:
        answer = openai_at(server).generate(MODEL, request)

    received = server.requests[0]
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.body == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "Hello!"}],
        "temperature": 0.1,
        "top_p": 0.9,
        "stop": ["END"],
        "max_completion_tokens": 1000,
    }
    assert answer == ProviderAnswer("Hi.", (), "stop", 21, 3, wire.MODEL, tokens_cached=5)


def test_what_is_none_is_not_sent() -> None:
    bodies, _ = sent(request=ask())

    assert bodies == [{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}]


def test_tool_calls_come_out_and_their_results_go_back() -> None:
    calls = [wire.tool_call("call_1", "get_weather", {"city": "Zürich"}), wire.tool_call("call_2", "get_weather", "")]
    request = ask(tools=(WEATHER,), tool_choice="required")
    with VendorServer(
        json_reply(wire.completion(None, tool_calls=calls)), json_reply(wire.completion("Sun."))
    ) as server:
        provider = openai_at(server)
        first = provider.generate(MODEL, request)
        results = (ToolResult("call_1", "get_weather", "21 °C"), ToolResult("call_2", "get_weather", "No city.", True))
        turns = (*request.messages, Message("assistant", first.tool_calls), Message("user", (*results, Text("Well?"))))
        second = provider.generate(MODEL, GenerationRequest(turns, tools=(WEATHER,)))

    assert first.tool_calls == (
        ToolCall("call_1", "get_weather", {"city": "Zürich"}),
        ToolCall("call_2", "get_weather", {}),
    )
    assert (first.text, first.finish_reason) == ("", "tool_calls")
    function = {"name": "get_weather", "description": "Current weather", "parameters": dict(WEATHER.parameters)}
    assert server.requests[0].body["tools"] == [{"type": "function", "function": function}]
    assert server.requests[0].body["tool_choice"] == "required"
    assert "tool_choice" not in server.requests[1].body
    assert server.requests[1].body["messages"] == [
        {"role": "user", "content": "Hello!"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                wire.tool_call("call_1", "get_weather", '{"city":"Zürich"}'),
                wire.tool_call("call_2", "get_weather", "{}"),
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "21 °C"},
        {"role": "tool", "tool_call_id": "call_2", "content": "Error: No city."},
        {"role": "user", "content": "Well?"},
    ]
    assert second.text == "Sun."


def test_another_vendors_long_call_id_is_shortened_alike_in_call_and_result() -> None:
    call = ToolCall("x" * 64, "get_weather", {})
    turns = (Message("assistant", (call,)), Message("user", (ToolResult(call.id, call.name, "sun"),)))
    bodies, _ = sent(request=GenerationRequest(turns, tools=(WEATHER,)))

    assistant, result = bodies[0]["messages"]
    assert assistant["tool_calls"][0]["id"] == result["tool_call_id"]
    assert len(result["tool_call_id"]) <= 40


def test_images_go_out_as_data_urls() -> None:
    png = b"\x89PNG"
    bodies, _ = sent(request=ask(Text("What is it?"), Image("image/png", png)))

    url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    assert bodies[0]["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]


def test_an_unknown_finish_reason_is_taken_for_stop_and_told() -> None:
    answer = generate(json_reply(wire.completion("x", finish_reason="tired")))

    assert answer.finish_reason == "stop"
    assert answer.warnings == ("The server ended its answer with 'tired', which is taken for 'stop'.",)


def test_a_refusal_is_the_text_of_a_filtered_answer() -> None:
    answer = generate(json_reply(wire.completion(None, refusal="I can't help with that.")))

    assert (answer.text, answer.finish_reason) == ("I can't help with that.", "content_filter")


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', '{"x": NaN}', '{"x": 1e400}', '{"x": "\\ud800"}'])
def test_tool_arguments_that_cannot_be_read_are_a_call_with_a_problem(arguments: str) -> None:
    completion = wire.completion(None, tool_calls=[wire.tool_call("c", "get_weather", arguments)])

    answer = generate(json_reply(completion))
    (call,) = answer.tool_calls
    assert (call.id, call.arguments, answer.tokens_in) == ("c", {}, 19)
    assert call.problem is not None
    assert call.problem.endswith(f"You sent: {arguments}")


def test_a_call_that_the_token_limit_cuts_off_is_left_out() -> None:
    calls = [wire.tool_call("a", "get_weather", {}), wire.tool_call("b", "get_weather", '{"city": "Zü')]
    answer = generate(json_reply(wire.completion("Let me", tool_calls=calls, finish_reason="length")))

    assert [call.id for call in answer.tool_calls] == ["a"]
    assert answer.finish_reason == "length"
    assert answer.warnings == ("The answer was cut off within a tool call, which is left out.",)


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/from-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Extra: from-the-environment\nAuthorization: from-the-environment")
    replies = (json_reply(wire.completion()), sse_reply(*wire.text_chunks("x")), wire.embeddings([1.0]))
    with VendorServer(*replies) as server:
        provider = openai_at(server)
        provider.generate(MODEL, ask())
        list(provider.stream(MODEL, ask()))
        provider.embed("m", EmbeddingRequest(("a",)))

    for received in server.requests:
        assert received.headers["authorization"] == f"Bearer {KEY}"
        assert "from-the-environment" not in str(received.headers)
        assert not {"openai-organization", "openai-project", "x-extra"} & received.headers.keys()


def test_a_key_in_the_environment_configures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    with pytest.raises(LlmNotConfiguredError, match="no OPENAI_API_KEY"):
        make_provider("openai", {})


def test_the_address_is_openais_own_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from llm_gateway.providers.openai.provider import OpenAiProvider

    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    provider = OpenAiProvider({"OPENAI_API_KEY": KEY})

    assert str(provider._client.base_url) == "https://api.openai.com/v1/"


def test_the_key_is_in_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), VendorServer(json_reply(wire.completion())) as server:
        provider = openai_at(server, OPENAI_API_KEY=f" {KEY}\n")
        provider.generate(MODEL, ask())

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert caplog.text
    assert KEY not in caplog.text
    assert KEY not in repr(provider)
