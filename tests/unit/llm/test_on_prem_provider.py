"""Servers of one's own, as vLLM, llama.cpp, Ollama, LM Studio and SGLang answer, over OpenAI's SDK."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from llm_gateway.errors import (
    LlmContextTooLongError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmModelNotFoundError,
    LlmUnavailableError,
    LlmUnsupportedError,
)
from llm_gateway.providers import Provider, make_provider
from llm_gateway.request import EmbeddingRequest, GenerationRequest, Message, ResponseFormat, Text, Tool, ToolCall
from llm_gateway.response import ProviderAnswer
from llm_gateway.tokens import count_request, count_tokens
from tests.support.llm import openai_wire as wire
from tests.support.llm.openai_calls import ask
from tests.support.llm.openai_wire import LLAMA_CONTEXT, vllm_error
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply, sse_reply

MODEL = "qwen3-8b"
KEY = "token-of-our-own-server"
TOOL = Tool("search", "Search", {"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ESTIMATED = "The server did not count the tokens, so the usage is estimated."


def on_prem_at(server: VendorServer, **variables: str) -> Provider:
    return make_provider("on-prem", {"ONPREM_BASE_URL": f"{server.url}/v1", **variables})


def generate(body: Any, request: GenerationRequest | None = None) -> ProviderAnswer:
    with VendorServer(json_reply(body)) as server:
        return on_prem_at(server).generate(MODEL, request or ask())


def sent(*replies: Reply, request: GenerationRequest) -> tuple[list[Any], ProviderAnswer]:
    """The bodies that a request sends, and its answer; after the replies comes a plain completion."""
    with VendorServer(*replies, json_reply(wire.completion())) as server:
        answer = on_prem_at(server).generate(MODEL, request)
    return [received.body for received in server.requests], answer


def stream(*chunks: dict[str, Any]) -> ProviderAnswer:
    with VendorServer(wire.stream_reply(*chunks)) as server:
        *_, answer = on_prem_at(server).stream(MODEL, ask())
    assert isinstance(answer, ProviderAnswer)
    return answer


def test_a_request_goes_out_without_a_key_and_with_max_tokens() -> None:
    with VendorServer(json_reply(wire.completion("Hi.", model=MODEL))) as server:
        answer = on_prem_at(server).generate(MODEL, ask(temperature=0.1, max_tokens=1000))

    received = server.requests[0]
    assert received.path == "/v1/chat/completions"
    assert "authorization" not in received.headers
    assert received.body == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hello!"}],
        "temperature": 0.1,
        "max_tokens": 1000,
    }
    assert answer == ProviderAnswer("Hi.", (), "stop", 19, 10, MODEL)


def test_streams_and_embeddings_go_out_without_a_key_too() -> None:
    with VendorServer(sse_reply(*wire.text_chunks("x")), wire.embeddings([1.0], model="bge")) as server:
        provider = on_prem_at(server)
        list(provider.stream(MODEL, ask()))
        answer = provider.embed("bge", EmbeddingRequest(("a",)))

    assert (answer.vectors, answer.model) == (((1.0,),), "bge")
    assert all("authorization" not in received.headers for received in server.requests)


def test_a_key_of_the_server_is_sent_and_openais_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "sk-of-openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Extra: sk-of-openai")
    with VendorServer(*[json_reply(wire.completion())] * 2) as server:
        on_prem_at(server, ONPREM_API_KEY=KEY, OPENAI_API_KEY="sk-of-openai").generate(MODEL, ask())
        on_prem_at(server).generate(MODEL, ask())

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in server.requests[1].headers
    assert all("sk-of-openai" not in str(received.headers) for received in server.requests)


def test_user_and_password_of_the_address_are_sent_but_stand_in_no_log_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusal = Reply(400, body={"error": "No route for me:pa ss, said pa ss"})
    with caplog.at_level(logging.DEBUG), VendorServer(json_reply(wire.completion()), refusal) as server:
        url = server.url.replace("http://", "http://me:pa%20ss@") + "/v1"
        provider = make_provider("on-prem", {"ONPREM_BASE_URL": url})
        provider.generate(MODEL, ask())
        with pytest.raises(LlmInvalidRequestError) as raised:
            provider.generate(MODEL, ask())

    basic = base64.b64encode(b"me:pa ss").decode()
    assert server.requests[0].headers["authorization"] == f"Basic {basic}"
    assert raised.value.detail == "The on-prem server says: No route for me:[secret], said [secret]"
    assert "127.0.0.1" in caplog.text
    assert "pa%20ss" not in caplog.text
    assert basic not in caplog.text


def test_the_servers_key_is_cut_out_of_what_it_says() -> None:
    with VendorServer(Reply(400, body={"detail": f"Token {KEY} is odd"})) as server:
        provider = on_prem_at(server, ONPREM_API_KEY=KEY)
        with pytest.raises(LlmInvalidRequestError) as raised:
            provider.generate(MODEL, ask())

    assert raised.value.detail == "The on-prem server says: Token [secret] is odd"


# What servers refuse, each in its own words.


def test_max_tokens_is_renamed_for_a_server_that_wants_it_so() -> None:
    bodies, answer = sent(wire.unsupported_parameter("max_tokens", "max_completion_tokens"), request=ask(max_tokens=5))

    assert (bodies[0]["max_tokens"], bodies[1]["max_completion_tokens"]) == (5, 5)
    assert "max_tokens" not in bodies[1]
    assert answer.warnings == ("The model takes no 'max_tokens', so it was sent 'max_completion_tokens'.",)


def test_a_prompt_before_an_assistants_turn_becomes_a_message_of_its_own() -> None:
    turns = (Message("assistant", (Text("Hm."),)), Message("user", (Text("Well?"),)))
    bodies, _ = sent(vllm_error(400, "System role not supported"), request=GenerationRequest(turns, system="Be brief."))

    assert [message["content"] for message in bodies[1]["messages"]] == ["Be brief.", "Hm.", "Well?"]
    assert [message["role"] for message in bodies[1]["messages"]] == ["user", "assistant", "user"]


def test_a_server_without_schemas_is_asked_for_json_with_the_schema_in_the_prompt() -> None:
    refusal = wire.error_reply(
        400, 'response_format type must be one of "text" or "json_object", but got: json_schema', code=400
    )
    bodies, answer = sent(refusal, request=ask(response_format=ResponseFormat(SCHEMA)))

    assert bodies[1]["response_format"] == {"type": "json_object"}
    assert '"required":["n"]' in bodies[1]["messages"][0]["content"]
    assert answer.warnings == (
        "The model takes no JSON Schema, so it was asked for JSON, with the schema in the system prompt.",
    )


def test_a_server_without_json_mode_is_asked_for_json_in_the_prompt() -> None:
    refusal = Reply(400, body={"error": "'response_format.type' must be 'json_schema' or 'text'"})
    bodies, answer = sent(refusal, request=ask(response_format=ResponseFormat()))

    assert "response_format" not in bodies[1]
    assert bodies[1]["messages"][0] == {"role": "system", "content": "Answer only with JSON."}
    assert answer.warnings == ("The model takes no 'response_format', so JSON was asked for in the system prompt.",)


def test_a_schema_of_a_list_goes_out_as_it_is() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    bodies, answer = sent(request=ask(response_format=ResponseFormat(schema)))

    assert bodies[0]["response_format"]["json_schema"] == {"name": "answer", "schema": schema, "strict": False}
    assert answer.warnings == ()


def test_stream_options_are_dropped_and_the_usage_is_estimated_instead() -> None:
    refusal = Reply(422, body={"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "no"}]})
    with VendorServer(refusal, *[sse_reply(*wire.text_chunks("One, ", "two."))] * 2) as server:
        provider = on_prem_at(server)
        *_, answer = provider.stream(MODEL, ask())
        list(provider.stream(MODEL, ask()))

    assert ["stream_options" in received.body for received in server.requests] == [True, False, False]
    assert isinstance(answer, ProviderAnswer)
    assert (answer.tokens_in, answer.tokens_out) == (count_request(ask()), count_tokens("One, two."))
    assert answer.warnings == (ESTIMATED,)


# Answers that are not quite OpenAI's.


def test_an_answer_without_usage_is_counted_here() -> None:
    answer = generate(
        {"choices": [{"message": {"role": "assistant", "content": "One, two."}, "finish_reason": "stop"}]}
    )

    assert (answer.text, answer.model) == ("One, two.", MODEL)
    assert answer.tokens_in == count_request(ask()) > 0
    assert answer.tokens_out == count_tokens("One, two.") > 0
    assert answer.warnings == (ESTIMATED,)


def test_arguments_that_are_an_object_and_calls_without_an_id_are_read() -> None:
    call = {"type": "function", "function": {"name": "search", "arguments": {"q": "x"}}}
    answer = generate(wire.completion(None, tool_calls=[call, call]))

    assert [(found.name, dict(found.arguments)) for found in answer.tool_calls] == [("search", {"q": "x"})] * 2
    assert len({found.id for found in answer.tool_calls}) == 2
    assert all(found.id.startswith("call_") for found in answer.tool_calls)


@pytest.mark.parametrize("numbering", [{"index": 0}, {}])
def test_streamed_calls_that_are_not_numbered_are_told_apart_by_their_ids(numbering: dict[str, int]) -> None:
    calls = [{**numbering, **wire.tool_call(call_id, "search", {"q": call_id})} for call_id in ("a", "b")]
    answer = stream(*(wire.chunk({"tool_calls": [call]}) for call in calls), wire.chunk({}, "stop"))

    assert answer.finish_reason == "tool_calls"
    assert answer.tool_calls == (ToolCall("a", "search", {"q": "a"}), ToolCall("b", "search", {"q": "b"}))


def test_an_id_and_a_name_in_every_piece_are_one_call() -> None:
    pieces = [wire.tool_call("a", "search", text) for text in ('{"q":', ' "x"}')]
    answer = stream(*(wire.chunk({"tool_calls": [{"index": 0, **piece}]}) for piece in pieces), wire.chunk({}, "stop"))

    assert answer.tool_calls == (ToolCall("a", "search", {"q": "x"}),)


def test_calls_of_one_answer_without_index_stay_apart() -> None:
    calls = [wire.tool_call("a", "search", {"q": 1}), wire.tool_call("b", "search", {"q": 2})]

    assert [call.id for call in generate(wire.completion(None, tool_calls=calls)).tool_calls] == ["a", "b"]


def test_a_content_of_several_texts_is_one_text() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "thinking"}, {"type": "text", "text": "lo"}]

    assert generate(wire.completion(parts)).text == "Hello"


def test_usage_in_every_piece_counts_once() -> None:
    answer = stream(
        wire.chunk({"content": "a"}, usage=wire.usage(5, 1)),
        wire.chunk({"content": "b"}, "stop", usage=wire.usage(5, 2)),
    )

    assert (answer.text, answer.tokens_in, answer.tokens_out, answer.warnings) == ("ab", 5, 2, ())


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_the_server_gave_up_is_no_answer(reason: str) -> None:
    with pytest.raises(LlmUnavailableError, match=reason):
        generate(wire.completion("Hal", finish_reason=reason))


# Errors in the servers' own words.


def test_an_error_with_the_status_of_success_is_an_error() -> None:  # as llama.cpp has sent them
    with pytest.raises(LlmContextTooLongError):
        generate(LLAMA_CONTEXT)


def test_a_path_that_is_not_there_hints_at_the_address() -> None:
    with VendorServer(Reply(404, {"content-type": "text/plain"}, raw=b"404 page not found")) as server:
        provider = on_prem_at(server)
        with pytest.raises(LlmModelNotFoundError, match="usually ends in /v1"):
            provider.generate(MODEL, ask())


def test_vectors_of_other_lengths_than_asked_for_are_told_of() -> None:
    matryoshka = vllm_error(400, 'Model "bge" does not support matryoshka representation, changing output dimensions')
    with VendorServer(matryoshka, json_reply(LLAMA_CONTEXT), json_reply({"data": [{"embedding": None}]})) as server:
        provider = on_prem_at(server)
        with pytest.raises(LlmUnsupportedError, match="no vectors of 8 numbers"):
            provider.embed("bge", EmbeddingRequest(("a",), dimensions=8))
        with pytest.raises(LlmContextTooLongError):
            provider.embed("bge", EmbeddingRequest(("a",)))
        with pytest.raises(LlmMalformedAnswerError):
            provider.embed("bge", EmbeddingRequest(("a",)))


def test_embeddings_without_index_or_usage_are_read_and_counted() -> None:
    with VendorServer(json_reply({"data": [{"embedding": [1]}, {"embedding": [2]}]})) as server:
        answer = on_prem_at(server).embed("bge", EmbeddingRequest(("one two", "three")))

    assert (answer.vectors, answer.tokens_in, answer.model) == (((1.0,), (2.0,)), 3, "bge")
