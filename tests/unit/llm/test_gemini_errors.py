"""What calls of Gemini end in when they fail, and what is tried when a model refuses a part of a request."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmModelNotFoundError,
    LlmQuotaError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
    LlmUnsupportedError,
)
from llm_gateway.providers import Provider
from llm_gateway.providers.gemini.client import options_until
from llm_gateway.request import EmbeddingRequest, GenerationRequest, Message, ResponseFormat, Tool, ToolCall, ToolResult
from tests.support.llm import gemini_wire as wire
from tests.support.llm.gemini_wire import KEY, MODEL, ask, gemini_at, generate, sent
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool("get_weather", "Current weather", SCHEMA)

QUOTA = "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: x, "
PER_MINUTE = wire.quota_failure("Minute")
TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."

ERRORS: list[tuple[Reply, type[LlmError]]] = [
    (
        wire.error_reply(f"API key not valid: {KEY}.", 400, wire.error_info("API_KEY_INVALID")),
        LlmAuthenticationError,
    ),
    (wire.error_reply("API key expired. Please renew the API key."), LlmAuthenticationError),
    (wire.error_reply("User location is not supported for the API use."), LlmAuthenticationError),
    (wire.error_reply("Request had invalid authentication credentials.", 401), LlmAuthenticationError),
    (wire.error_reply("Generative Language API has not been used.", 403), LlmAuthenticationError),
    (wire.error_reply("models/gemini-9 is not found for API version v1beta.", 404), LlmModelNotFoundError),
    (wire.error_reply("* GenerateContentRequest.model: unexpected model name format"), LlmModelNotFoundError),
    (wire.error_reply(f"{QUOTA}limit: 10", 429, PER_MINUTE, wire.retry_info("23s")), LlmRateLimitError),
    (wire.error_reply("Resource has been exhausted (e.g. check quota).", 429), LlmRateLimitError),
    (wire.error_reply(f"{QUOTA}limit: 250", 429, wire.quota_failure("Day", "250")), LlmQuotaError),
    (wire.error_reply(f"{QUOTA}limit: 0, model: gemini-2.5-pro", 429, PER_MINUTE), LlmQuotaError),
    (wire.error_reply("Quota exceeded.", 429, wire.quota_failure("Minute", "0")), LlmQuotaError),
    (wire.error_reply("Your prepayment credits are depleted.", 429), LlmQuotaError),
    (wire.error_reply("Gemini API free tier is not available in your country. Enable billing."), LlmQuotaError),
    (wire.error_reply(TOO_LONG), LlmContextTooLongError),
    (wire.error_reply("Request payload size exceeds the limit: 20971520 bytes."), LlmContextTooLongError),
    (wire.error_reply("Image input modality is not enabled for models/gemma-3-1b-it"), LlmUnsupportedError),
    (wire.error_reply("Function calling is not enabled for models/gemma-3-27b-it"), LlmUnsupportedError),
    (wire.error_reply("* GenerateContentRequest.contents: contents is not specified"), LlmInvalidRequestError),
    (wire.error_reply("Conflict", 409), LlmInvalidRequestError),
    (wire.error_reply("Request timed out", 408), LlmTimeoutError),
    (wire.error_reply("The request timed out. Please try again.", 504), LlmTimeoutError),
    (wire.error_reply("The operation was cancelled.", 499), LlmUnavailableError),
    (wire.error_reply("An internal error has occurred.", 500), LlmUnavailableError),
    (wire.error_reply("The model is overloaded. Please try again later.", 503), LlmUnavailableError),
    (json_reply([wire.error("The model is overloaded.", 503)], 503), LlmUnavailableError),
    (Reply(502, {"content-type": "text/html"}, raw=b"<html>Bad gateway</html>"), LlmUnavailableError),
    (Reply(502, raw=b"\xff\xfe\xff"), LlmUnavailableError),
    (Reply(500), LlmUnavailableError),
    (json_reply("text", 500), LlmUnavailableError),
    (json_reply({"error": None}, 503), LlmUnavailableError),
    (json_reply({"error": {"details": "none", "message": 5}}, 503), LlmUnavailableError),
    (Reply(drop=True), LlmUnavailableError),
    (Reply(body=wire.response(wire.text("Hi")), drop=True), LlmUnavailableError),
]


@pytest.mark.parametrize(("reply", "kind"), ERRORS)
def test_each_failure_is_an_error_of_the_gateway(reply: Reply, kind: type[LlmError]) -> None:
    calls: list[Callable[[Provider], object]] = [
        lambda provider: provider.generate(MODEL, ask()),
        lambda provider: list(provider.stream(MODEL, ask())),
        lambda provider: provider.embed("gemini-embedding-001", EmbeddingRequest(("a",))),
    ]
    for call in calls:
        with VendorServer(reply) as server:
            provider = gemini_at(server)
            with pytest.raises(LlmError) as raised:
                call(provider)

        assert type(raised.value) is kind
        assert len(server.requests) == 1  # trying again is the gateway's
        assert KEY not in "".join(traceback.format_exception(raised.value))


def test_a_refused_key_is_told_in_a_sentence_of_ours() -> None:
    with pytest.raises(LlmAuthenticationError) as raised:
        generate(wire.error_reply("API key not valid.", 400, wire.error_info("API_KEY_INVALID")))

    assert raised.value.detail == "Gemini refuses the key, or what it is used for (HTTP 400, API_KEY_INVALID)."


def test_keys_are_cut_out_of_what_the_vendor_says() -> None:
    with VendorServer(wire.error_reply("Bad header: a-key-of-a-proxy and AIzaSyAnotherKey")) as server:
        provider = gemini_at(server, GOOGLE_API_KEY="a-key-of-a-proxy")
        with pytest.raises(LlmInvalidRequestError) as raised:
            provider.generate(MODEL, ask())

    assert raised.value.detail == "Gemini says: Bad header: [secret] and [secret]"


@pytest.mark.parametrize(
    ("details", "headers", "seconds"),
    [
        ([wire.retry_info("23s")], {}, 23.0),
        ([PER_MINUTE, wire.retry_info("0.5s")], {"retry-after": "7"}, 0.5),
        ([wire.retry_info("soon")], {"retry-after": "7"}, 7.0),
        ([], {"retry-after": "1.5"}, 1.5),
        ([], {"retry-after": "soon"}, None),
        ([], {}, None),
    ],
)
def test_the_vendors_word_on_when_to_try_again_is_kept(
    details: list[dict[str, Any]], headers: dict[str, str], seconds: float | None
) -> None:
    with pytest.raises(LlmRateLimitError) as raised:
        generate(wire.error_reply("Slow down", 429, *details, headers=headers))

    assert raised.value.retry_after_seconds == seconds


def test_a_date_to_try_again_at_is_a_number_of_seconds_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with pytest.raises(LlmRateLimitError) as raised:
        generate(wire.error_reply("Slow down", 429, headers={"retry-after": date}))

    assert raised.value.retry_after_seconds is not None
    assert 3000 < raised.value.retry_after_seconds <= 3600


def test_an_answer_that_does_not_come_or_drips_in_is_a_timeout() -> None:
    drops = Reply(headers={"content-type": "application/json"}, chunks=(b" ",) * 100, chunk_delay_seconds=0.03)
    calls: list[Callable[[Provider], object]] = [
        lambda provider: provider.generate(MODEL, ask(timeout_seconds=0.15)),
        lambda provider: list(provider.stream(MODEL, ask(timeout_seconds=0.15))),
    ]
    for call in calls:
        for reply in (Reply(delay_seconds=30), drops):
            with VendorServer(reply) as server:
                provider = gemini_at(server)
                with pytest.raises(LlmTimeoutError):
                    call(provider)


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


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with VendorServer() as server:
        pass
    with pytest.raises(LlmUnavailableError, match="cannot be reached"):
        gemini_at(server).generate(MODEL, ask())


def test_a_refused_system_instruction_goes_before_the_first_message_and_is_remembered() -> None:
    refusal = wire.error_reply("Developer instruction is not enabled for models/gemma-3-27b-it")
    with VendorServer(refusal, *[json_reply(wire.response(wire.text("Hi.")))] * 3) as server:
        provider = gemini_at(server)
        answer = provider.generate("gemma-3-27b-it", ask(system="Be terse."))
        provider.generate("gemma-3-27b-it", ask(system="Be terse."))
        provider.generate(MODEL, ask(system="Be terse."))

    assert ["systemInstruction" in received.body for received in server.requests] == [True, False, False, True]
    contents = [{"role": "user", "parts": [{"text": "Be terse."}, {"text": "Hello!"}]}]
    assert server.requests[1].body["contents"] == server.requests[2].body["contents"] == contents
    assert answer.warnings == ("The model takes no system prompt, so it was put before the first message.",)


@pytest.mark.parametrize(
    ("message", "fields", "name"),
    [
        ("temperature is not supported for this model", {"temperature": 0.1}, "temperature"),
        ("topP cannot be set for this model.", {"top_p": 0.5}, "top_p"),
        ("Invalid JSON payload received. Unknown name \"stopSequences\" at 'x'", {"stop": ("a",)}, "stop_sequences"),
        ("max_output_tokens is unsupported", {"max_tokens": 5}, "max_output_tokens"),
    ],
)
def test_a_refused_parameter_is_left_out(message: str, fields: dict[str, Any], name: str) -> None:
    bodies, answer = sent(wire.error_reply(message), request=ask(**fields))

    assert len(bodies) == 2
    assert not bodies[1].get("generationConfig")
    assert answer.warnings == (f"The model takes no '{name}', so it was left out.",)


def test_a_parameter_out_of_range_is_not_left_out() -> None:
    message = "Unable to submit request: it has a maxOutputTokens value of 9 but the supported range is from 1 to 8."
    with pytest.raises(LlmInvalidRequestError):
        generate(wire.error_reply(message), ask(max_tokens=9))


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


def test_the_same_refusal_again_is_an_error() -> None:
    refusal = wire.error_reply("temperature is not supported")
    with VendorServer(refusal, refusal) as server:
        provider = gemini_at(server)
        with pytest.raises(LlmInvalidRequestError):
            provider.generate(MODEL, ask(temperature=0.1))

    assert len(server.requests) == 2


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


def test_a_model_that_cannot_be_made_to_call_tools_is_left_free() -> None:
    refusal = wire.error_reply("Function calling mode `ANY` is not enabled for api version v1beta")
    bodies, answer = sent(refusal, request=ask(tools=(WEATHER,), tool_choice="required"))

    assert ["toolConfig" in body for body in bodies] == [True, False]
    assert answer.warnings == ("The model takes no 'tool_choice', so it was left out.",)


def test_a_refused_image_type_is_not_taken_for_a_refused_json_mode() -> None:
    with VendorServer(wire.error_reply("Unsupported MIME type: image/bmp")) as server:
        provider = gemini_at(server)
        with pytest.raises(LlmInvalidRequestError):
            provider.generate(MODEL, ask(response_format=ResponseFormat()))

    assert len(server.requests) == 1
