"""What is tried when a model of Gemini refuses a part of a request."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.providers.gemini.client import options_until
from llm_gateway.request import GenerationRequest, Message, ResponseFormat, Tool, ToolCall, ToolResult
from tests.support.llm import gemini_wire as wire
from tests.support.llm.gemini_wire import MODEL, ask, gemini_at, sent
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool("get_weather", "Current weather", SCHEMA)


def test_gemini_is_not_told_of_a_deadline_that_it_would_refuse() -> None:
    with VendorServer(*[json_reply(wire.response(wire.text("Hi.")))] * 2) as server:
        provider = gemini_at(server)
        provider.generate(MODEL, ask(timeout_seconds=3))
        provider.generate(MODEL, ask(timeout_seconds=60))

    assert [received.headers["x-server-timeout"] for received in server.requests] == ["10", "60"]


def test_calls_again_share_the_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines: list[float] = []

    def noted(deadline: float) -> Any:
        deadlines.append(deadline)
        return options_until(deadline)

    monkeypatch.setattr("llm_gateway.providers.gemini.provider.options_until", noted)
    refusal = wire.error_reply("temperature is not supported for this model")
    with VendorServer(refusal, json_reply(wire.response(wire.text("Hi.")))) as server:
        gemini_at(server).generate(MODEL, ask(temperature=0.1, timeout_seconds=30))

    assert len(server.requests) == 2
    assert len(deadlines) >= 2
    assert len(set(deadlines)) == 1


def test_several_refusals_are_met_one_after_the_other() -> None:
    bodies, answer = sent(
        wire.error_reply("temperature is not supported"),
        wire.error_reply("topP is not supported"),
        wire.error_reply("JSON mode is not enabled for models/gemma-3-27b-it"),
        request=ask(temperature=0.1, top_p=0.2, response_format=ResponseFormat(SCHEMA)),
    )

    assert len(bodies) == 4
    assert not bodies[3].get("generationConfig")
    assert '"city"' in bodies[3]["systemInstruction"]["parts"][0]["text"]
    assert len(answer.warnings) == 3


def test_json_mode_is_left_out_beside_tools_where_a_model_cannot_combine_them() -> None:
    refusal = wire.error_reply("Function calling with a response mime type: 'application/json' is unsupported")
    request = ask(tools=(WEATHER,), response_format=ResponseFormat(SCHEMA))
    with VendorServer(refusal, *[json_reply(wire.response(wire.text("{}")))] * 3) as server:
        provider = gemini_at(server)
        answer = provider.generate(MODEL, request)
        provider.generate(MODEL, request)
        provider.generate(MODEL, ask(response_format=ResponseFormat(SCHEMA)))

    modes = ["responseMimeType" in received.body.get("generationConfig", {}) for received in server.requests]
    assert modes == [True, False, False, True]
    assert "tools" in server.requests[1].body
    assert "fits this JSON Schema" in server.requests[1].body["systemInstruction"]["parts"][0]["text"]
    assert answer.warnings == ("The model has no JSON mode beside tools, so JSON was asked for in the system prompt.",)


def test_a_schema_that_is_too_much_is_said_in_the_system_prompt_this_once() -> None:
    refusal = wire.error_reply("The specified schema produces a constraint that has too many states for serving.")
    request = ask(response_format=ResponseFormat(SCHEMA))
    with VendorServer(refusal, *[json_reply(wire.response(wire.text("{}")))] * 2) as server:
        provider = gemini_at(server)
        answer = provider.generate(MODEL, request)
        provider.generate(MODEL, request)

    configs = [received.body["generationConfig"] for received in server.requests]
    assert ["responseJsonSchema" in config for config in configs] == [True, False, True]
    assert configs[1] == {"responseMimeType": "application/json"}
    assert "fits this JSON Schema" in server.requests[1].body["systemInstruction"]["parts"][0]["text"]
    assert len(answer.warnings) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        wire.error_reply("Function call is missing a thought_signature in functionCall parts."),
        json_reply(wire.response(finish_reason="MISSING_THOUGHT_SIGNATURE")),
    ],
)
def test_calls_of_another_vendor_are_sent_with_the_signature_for_such(refusal: Reply) -> None:
    calls = (ToolCall("a", "get_weather", {}), ToolCall("b", "get_weather", {}, "not base64!"))
    results = (ToolResult("a", "get_weather", "sun"), ToolResult("b", "get_weather", "rain"))
    turns = (*ask().messages, Message("assistant", calls), Message("user", results))
    bodies, _ = sent(refusal, request=GenerationRequest(turns, tools=(WEATHER,)), model="gemini-3-pro")

    signatures = [[part.get("thoughtSignature") for part in body["contents"][1]["parts"]] for body in bodies]
    assert signatures == [[None, None], ["skip_thought_signature_validator", None]]


def test_a_signature_of_another_model_is_not_sent_again() -> None:
    call = ToolCall("a", "get_weather", {}, "b3RoZXI=")
    turns = (*ask().messages, Message("assistant", (call,)), Message("user", (ToolResult("a", "get_weather", "sun"),)))
    request = GenerationRequest(turns, tools=(WEATHER,))
    with VendorServer(
        wire.error_reply("Corrupted thought signature."), *[json_reply(wire.answer("Sun."))] * 2
    ) as server:
        provider = gemini_at(server)
        answer = provider.generate("gemini-3-pro", request)
        provider.generate("gemini-3-pro", request)

    signatures = [received.body["contents"][1]["parts"][0]["thoughtSignature"] for received in server.requests]
    assert signatures == ["b3RoZXI=", "skip_thought_signature_validator", "b3RoZXI="]
    assert answer.warnings == (
        "The model wants its signature on tool calls; those without were marked as made by another.",
    )
