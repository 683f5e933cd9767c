"""Gemini, over Google's real SDK, against a loopback server that speaks its wire format."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from llm_gateway.errors import (
    LlmContentFilterError,
    LlmMalformedAnswerError,
    LlmModelNotFoundError,
    LlmUnsupportedError,
)
from llm_gateway.providers import make_provider
from llm_gateway.request import (
    EmbeddingRequest,
    GenerationRequest,
    Image,
    Message,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from llm_gateway.response import ProviderAnswer
from tests.support.llm import gemini_wire as wire
from tests.support.llm.gemini_wire import KEY, MODEL, ask, gemini_at, generate, sent
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool("get_weather", "Current weather", SCHEMA)
SIGNATURE = base64.b64encode(b"\xfb\xff a thought").decode()


def test_a_whole_request_is_written_as_gemini_documents_it() -> None:
    request = ask(system="You are terse.", temperature=0.1, top_p=0.9, max_tokens=1000, stop=("END",))
    counted = wire.usage(21, 3, thoughtsTokenCount=40, cachedContentTokenCount=5)

    with VendorServer(json_reply(wire.response(wire.text("Hi."), usageMetadata=counted))) as server:
        answer = gemini_at(server).generate(MODEL, request)

    received = server.requests[0]
    assert (received.method, received.path, received.query) == (
        "POST",
        "/v1beta/models/gemini-2.5-flash:generateContent",
        "",
    )
    assert received.headers["x-goog-api-key"] == KEY
    assert received.body == {
        "contents": [{"role": "user", "parts": [{"text": "Hello!"}]}],
        "systemInstruction": {"parts": [{"text": "You are terse."}]},
        "generationConfig": {"temperature": 0.1, "topP": 0.9, "maxOutputTokens": 1000, "stopSequences": ["END"]},
    }
    assert answer == ProviderAnswer("Hi.", (), "stop", 21, 43, MODEL, tokens_cached=5)


def test_what_is_none_is_not_sent() -> None:
    bodies, _ = sent(request=ask(), model=f"models/{MODEL}")

    assert [{name: value for name, value in body.items() if value} for body in bodies] == [
        {"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]}
    ]


def test_tool_calls_come_out_and_their_results_go_back_with_the_thought_signature() -> None:
    calls = [
        wire.thought("Two cities."),
        wire.text("I look."),
        wire.function_call("get_weather", {"city": "Zürich"}, "fc_1", SIGNATURE),
        wire.function_call("get_weather", None),
    ]
    request = ask(tools=(WEATHER,), tool_choice="required")
    with VendorServer(json_reply(wire.response(*calls)), json_reply(wire.response(wire.text("Sun.")))) as server:
        provider = gemini_at(server)
        first = provider.generate(MODEL, request)
        results = tuple(
            ToolResult(call.id, call.name, content, is_error)
            for call, content, is_error in zip(first.tool_calls, ("21 °C", "No city."), (False, True), strict=True)
        )
        turns = (
            *request.messages,
            Message("assistant", (Text(first.text), *first.tool_calls)),
            Message("user", results),
        )
        second = provider.generate(MODEL, GenerationRequest(turns, tools=(WEATHER,)))

    made_up = first.tool_calls[1].id
    assert made_up.startswith("call_")
    assert first.tool_calls == (
        ToolCall("fc_1", "get_weather", {"city": "Zürich"}, SIGNATURE),
        ToolCall(made_up, "get_weather", {}),
    )
    assert (first.text, first.finish_reason) == ("I look.", "tool_calls")
    declaration = {"name": "get_weather", "description": "Current weather", "parameters_json_schema": SCHEMA}
    assert server.requests[0].body["tools"] == [{"functionDeclarations": [declaration]}]
    assert server.requests[0].body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert "toolConfig" not in server.requests[1].body
    _, model_turn, user_turn = server.requests[1].body["contents"]
    signature = model_turn["parts"][1].pop("thoughtSignature")
    assert base64.urlsafe_b64decode(signature) == base64.b64decode(SIGNATURE)
    assert model_turn == {
        "role": "model",
        "parts": [
            {"text": "I look."},
            {"functionCall": {"id": "fc_1", "name": "get_weather", "args": {"city": "Zürich"}}},
            {"functionCall": {"id": made_up, "name": "get_weather", "args": {}}},
        ],
    }
    assert user_turn == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "fc_1", "name": "get_weather", "response": {"output": "21 °C"}}},
            {"functionResponse": {"id": made_up, "name": "get_weather", "response": {"error": "No city."}}},
        ],
    }
    assert second.text == "Sun."


def test_made_up_ids_of_calls_are_the_same_again_and_differ_within_a_conversation() -> None:
    reply = json_reply(wire.response(wire.function_call("f", {"a": 1}), wire.function_call("f", {"a": 1})))
    later = GenerationRequest((*ask().messages, Message("assistant", (Text("Hi."),)), *ask().messages))

    first, again, after = (generate(reply, request).tool_calls for request in (ask(), ask(), later))

    assert first == again
    assert len({call.id for call in (*first, *after)}) == 4


def test_a_tool_choice_of_none_is_sent() -> None:
    bodies, _ = sent(request=ask(tools=(WEATHER,), tool_choice="none"))

    assert bodies[0]["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}


def test_images_go_out_as_inline_data() -> None:
    png = b"\x89PNG"
    bodies, _ = sent(request=ask(Text("What is it?"), Image("image/png", png)))

    part = bodies[0]["contents"][0]["parts"][1]["inlineData"]
    assert part["mime_type"] == "image/png"  # the SDK writes fields of its models so; protobuf's JSON takes both names
    assert base64.urlsafe_b64decode(part["data"]) == png


def test_json_is_asked_for_with_and_without_a_schema() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMA}
    (plain,), _ = sent(request=ask(response_format=ResponseFormat()))
    (with_schema,), answer = sent(request=ask(response_format=ResponseFormat(schema)))

    assert plain["generationConfig"] == {"responseMimeType": "application/json"}
    assert with_schema["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert answer.warnings == ()


def test_empty_texts_are_left_out() -> None:
    turns = (*ask(Text("Hi"), Text("")).messages, Message("assistant", (Text(""),)), *ask().messages)
    bodies, _ = sent(request=GenerationRequest(turns))

    assert bodies[0]["contents"] == [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "user", "parts": [{"text": "Hello!"}]},
    ]


def test_an_answer_that_is_blocked_before_its_first_word_is_still_one() -> None:
    answer = generate(json_reply(wire.response(finish_reason="SAFETY", usageMetadata=wire.usage(8, None))))

    assert (answer.text, answer.finish_reason, answer.tokens_in, answer.tokens_out) == ("", "content_filter", 8, 0)


def test_a_finish_reason_that_nobody_knows_is_a_warning_if_there_is_an_answer() -> None:
    with pytest.warns(UserWarning, match="BORED"):  # of the SDK
        answer = generate(json_reply(wire.response(wire.text("Hi"), finish_reason="BORED")))

    assert answer.finish_reason == "stop"
    assert answer.warnings == ("Gemini ended its answer with 'BORED', which is taken for 'stop'.",)


def test_a_blocked_prompt_is_a_refusal() -> None:
    with pytest.raises(LlmContentFilterError) as raised:
        generate(json_reply(wire.blocked("SAFETY")))

    assert raised.value.detail == "Gemini refuses the prompt (SAFETY)."


def test_arguments_that_are_no_json_are_a_call_with_a_problem() -> None:
    (call,) = generate(json_reply(wire.response(wire.function_call("f", {"x": float("nan")})))).tool_calls

    assert (call.name, call.arguments) == ("f", {})
    assert call.problem is not None
    assert "not finite" in call.problem


def test_fields_that_the_sdk_does_not_know_are_no_matter() -> None:
    body = wire.response({"text": "Hi", "colour": "red"}, mood="good")
    body["candidates"][0]["taste"] = {"sweet": True}

    assert generate(json_reply(body)).text == "Hi"


def test_usage_that_is_missing_is_estimated_with_a_warning() -> None:
    body = wire.response(wire.text("Four words of text."))
    del body["usageMetadata"]
    answer = generate(json_reply(body))

    assert answer.tokens_in > 0
    assert answer.tokens_out > 3
    assert answer.warnings == ("Gemini did not count the tokens, so the usage is estimated.",)


def test_vectors_come_in_the_order_of_the_texts() -> None:
    with VendorServer(wire.embeddings([1, 0], [0, 1], usageMetadata={"promptTokenCount": 7})) as server:
        answer = gemini_at(server).embed("gemini-embedding-001", EmbeddingRequest(("a", "b"), dimensions=2))

    assert server.requests[0].path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert server.requests[0].body == {
        "requests": [
            {
                "model": "models/gemini-embedding-001",
                "content": {"parts": [{"text": text}]},
                "outputDimensionality": 2,
            }
            for text in ("a", "b")
        ]
    }
    assert (answer.vectors, answer.tokens_in, answer.model) == (((1.0, 0.0), (0.0, 1.0)), 7, "gemini-embedding-001")


def test_newer_embedding_models_get_a_content_for_each_text_too() -> None:
    with VendorServer(wire.embeddings([1], [2])) as server:
        answer = gemini_at(server).embed("gemini-embedding-2", EmbeddingRequest(("a", "b")))

    contents = [item["content"] for item in server.requests[0].body["requests"]]
    assert contents == [{"parts": [{"text": "a"}]}, {"parts": [{"text": "b"}]}]
    assert answer.tokens_in == 2  # estimated


def test_many_texts_are_sent_in_batches_of_a_hundred() -> None:
    with VendorServer(wire.embeddings(*([n] for n in range(100))), wire.embeddings([100])) as server:
        answer = gemini_at(server).embed("gemini-embedding-001", EmbeddingRequest(tuple(map(str, range(101)))))

    assert [len(received.body["requests"]) for received in server.requests] == [100, 1]
    assert answer.vectors == tuple((float(n),) for n in range(101))


@pytest.mark.parametrize(
    "reply",
    [
        wire.embeddings([1, 0, 0], [0, 1, 0]),
        wire.error_reply("output_dimensionality must be less than or equal to 768."),
    ],
)
def test_vectors_of_other_lengths_than_asked_for_are_not_supported(reply: Reply) -> None:
    with VendorServer(reply) as server, pytest.raises(LlmUnsupportedError):
        gemini_at(server).embed("gemini-embedding-001", EmbeddingRequest(("a", "b"), dimensions=2))


def test_nothing_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    caplog.set_level(logging.DEBUG)
    environment = {
        "GOOGLE_API_KEY": "AIzaOfTheEnvironment1",
        "GEMINI_API_KEY": "AIzaOfTheEnvironment2",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_GENAI_USE_ENTERPRISE": "false",
        "GOOGLE_CLOUD_PROJECT": "a-project",
        "GOOGLE_CLOUD_LOCATION": "europe-west6",
        "GOOGLE_GENAI_API_VERSION": "v9",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9/environment",
        "GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:9/environment",
        "GOOGLE_GENAI_CLIENT_MODE": "replay",
        "GOOGLE_GENAI_REPLAYS_DIRECTORY": "/nowhere",
        "GOOGLE_GENAI_REPLAY_ID": "none",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with VendorServer(json_reply(wire.response(wire.text("Hi.")))) as server:
        gemini_at(server, GEMINI_API_KEY="AIzaTheOtherKey").generate(MODEL, ask())

    received = server.requests[0]
    assert received.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert received.headers["x-goog-api-key"] == KEY
    assert "authorization" not in received.headers
    assert not any(word in str(received.headers) for word in environment.values() if word.startswith("AIza"))
    assert not any(word in caplog.text for word in ("AIza", "API_KEY"))
    assert not [warning for warning in recwarn if "GOOGLE_GENAI" in str(warning.message)]


@pytest.mark.parametrize("library", ["httpx", "urllib"])
def test_the_environment_does_not_choose_the_http_library(
    library: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("google.genai._api_client.httpx", None)  # as where it is not installed
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", library)

    with VendorServer(json_reply(wire.answer("Hi."))) as server:
        assert gemini_at(server).generate(MODEL, ask()).text == "Hi."
    assert "GOOGLE_GENAI_HTTP_CLIENT" not in caplog.text


def test_the_sdk_is_left_as_it_was() -> None:
    from google.genai import _api_client

    before = (_api_client._get_http_client_backend, list(_api_client.logger.filters))
    gemini_at("http://127.0.0.1:9")

    assert (_api_client._get_http_client_backend, list(_api_client.logger.filters)) == before


def test_a_redirect_does_not_take_the_key_elsewhere() -> None:
    with VendorServer() as elsewhere:
        with VendorServer(Reply(307, {"location": f"{elsewhere.url}/v1beta/models/x:generateContent"})) as server:
            provider = gemini_at(server)
            with pytest.raises(LlmMalformedAnswerError):
                provider.generate(MODEL, ask())
        assert elsewhere.requests == []


def test_the_other_variable_may_hold_the_key() -> None:
    with VendorServer(json_reply(wire.response(wire.text("Hi.")))) as server:
        variables = {"GEMINI_API_KEY": f" {KEY}\n", "GOOGLE_GEMINI_BASE_URL": server.url}
        make_provider("gemini", variables).generate(MODEL, ask())

    assert server.requests[0].headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize("model", ["", "../files", "a?key=b", "a b", "{api_version}", "projects/x/models/y"])
def test_what_is_no_name_of_a_model_is_not_asked(model: str) -> None:
    calls: list[Any] = [
        lambda provider: provider.generate(model, ask()),
        lambda provider: list(provider.stream(model, ask())),
        lambda provider: provider.embed(model, EmbeddingRequest(("a",))),
    ]
    for call in calls:
        with VendorServer() as server, pytest.raises(LlmModelNotFoundError):
            call(gemini_at(server))
        assert server.requests == []


def test_a_system_prompt_alone_is_the_message() -> None:
    bodies, _ = sent(request=GenerationRequest((), system="Say hello."))

    assert bodies[0]["contents"] == [{"role": "user", "parts": [{"text": "Say hello."}]}]
    assert "systemInstruction" not in bodies[0]
