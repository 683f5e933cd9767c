"""Answers of any vendor: why they ended, what they cost, and what is no answer; and what a provider is made of."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import pytest

from llm_gateway.errors import LlmMalformedAnswerError, LlmNotConfiguredError
from llm_gateway.providers import make_provider
from llm_gateway.request import EmbeddingRequest
from llm_gateway.response import EmbeddingAnswer, Tokens
from tests.support.llm import gemini_wire, openai_wire
from tests.support.llm.bedrock_wire import converse, text
from tests.support.llm.gemini_wire import function_call, response
from tests.support.llm.openai_wire import completion, embeddings, tool_call
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply
from tests.support.llm.vendors import Vendor, ask, cases, each_vendor, grouped

HTML: Final = Reply(raw=b"<html>Welcome</html>", headers={"content-type": "text/html"})


def openai_choice(**choice: Any) -> Reply:
    return json_reply({"choices": [choice]})


def openai_vectors(*data: Any) -> Reply:
    return json_reply({"object": "list", "data": list(data)})


def gemini_reply(*parts: Any, **fields: Any) -> Reply:
    return json_reply(response(*parts, **fields))


@cases(
    "reply",
    {
        "openai": [
            HTML,
            Reply(raw=b'{"id": "chatcmpl'),
            Reply(raw=b"\xff\xfe", headers={"content-type": "application/json"}),
            Reply(raw=b"[" * 20_000),
            *map(json_reply, ([], None, {})),
            *(json_reply({"object": "chat.completion", "choices": choices}) for choices in ([], "none", [5])),
            openai_choice(message="text", finish_reason="stop"),
            openai_choice(message={"content": 5}, finish_reason="stop"),
            openai_choice(message={"content": "x", "tool_calls": [7]}, finish_reason="stop"),
            openai_choice(message={"content": "x", "tool_calls": 7}, finish_reason="stop"),
            openai_choice(message={"tool_calls": [{"function": {"arguments": "{}"}}]}),
        ],
        "gemini": [
            HTML,
            Reply(raw=b"\xff\xfe"),
            Reply(raw=b""),
            Reply(204),
            *map(json_reply, ({}, [1], "text", {"candidates": []}, {"candidates": "none"})),
            json_reply({"candidates": [{"content": {"parts": "none"}}]}),
            gemini_reply(gemini_wire.text("Hi"), finish_reason=None),
            gemini_reply(function_call("get_weather", None), finish_reason="MALFORMED_FUNCTION_CALL"),
            *(
                gemini_reply(finish_reason=reason)
                for reason in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER")
            ),
            gemini_reply({"functionCall": {"args": {}}}),
            gemini_reply({"functionCall": {"name": "f", "args": "none"}}),
            gemini_reply({"text": 5}),
        ],
        "bedrock": [
            HTML,
            Reply(raw=b""),
            json_reply([1]),
            json_reply({"output": {"message": {}}, "stopReason": "end_turn"}),
            json_reply({"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}}),
            json_reply({"output": "x", "stopReason": 1}),
            converse(stop_reason="malformed_model_output"),
            converse(stop_reason="malformed_tool_use"),
        ],
    },
)
def test_an_answer_that_cannot_be_read_is_malformed(vendor: Vendor, reply: Reply) -> None:
    with VendorServer(reply) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmMalformedAnswerError):
            provider.generate(vendor.model, ask())


@cases(
    "reply, tokens",
    {
        "openai": [
            (
                json_reply(completion(None, tool_calls=[tool_call("c", "", {})], usage=openai_wire.usage(7, 3))),
                Tokens(7, 3),
            )
        ],
        "gemini": [
            (
                gemini_reply(finish_reason="MALFORMED_FUNCTION_CALL", usageMetadata=gemini_wire.usage(21, 9)),
                Tokens(21, 9),
            )
        ],
    },
)
def test_a_rejected_answer_tells_what_it_cost(vendor: Vendor, reply: Reply, tokens: Tokens) -> None:
    with VendorServer(reply) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmMalformedAnswerError) as rejected:
            provider.generate(vendor.model, ask())

    assert rejected.value.tokens == tokens


@cases(
    "finish, reply",
    grouped(
        {
            "openai": {
                "stop": [json_reply(completion("x", finish_reason=reason)) for reason in ("stop", "eos_token")],
                "length": [json_reply(completion("x", finish_reason="length"))],
                "content_filter": [json_reply(completion("x", finish_reason="content_filter"))],
                "tool_calls": [
                    json_reply(completion(None, tool_calls=[tool_call("c", "f", {})], finish_reason="stop"))
                ],
            },
            "gemini": {
                "stop": [gemini_reply(gemini_wire.text("Hi"), finish_reason="STOP")],
                "length": [gemini_reply(gemini_wire.text("Hi"), finish_reason="MAX_TOKENS")],
                "content_filter": [
                    gemini_reply(gemini_wire.text("Hi"), finish_reason=reason)
                    for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")
                ],
            },
            "bedrock": {
                "stop": [
                    converse(text("Hi"), stop_reason=reason)
                    for reason in ("end_turn", "stop_sequence", "a_reason_of_tomorrow")
                ],
                "length": [converse(text("Hi"), stop_reason="max_tokens")],
                "content_filter": [
                    converse(text("Hi"), stop_reason=reason) for reason in ("guardrail_intervened", "content_filtered")
                ],
            },
        }
    ),
)
def test_why_an_answer_ended_is_told_in_the_gateways_words(vendor: Vendor, finish: str, reply: Reply) -> None:
    with VendorServer(reply) as server:
        assert vendor.at(server).generate(vendor.model, ask()).finish_reason == finish


@each_vendor
def test_no_texts_give_no_vectors_without_a_call(vendor: Vendor) -> None:
    with VendorServer() as server:
        answer = vendor.at(server).embed(vendor.embedding_model, EmbeddingRequest(()))

    assert answer == EmbeddingAnswer((), 0, vendor.embedding_model)
    assert server.requests == []


@cases(
    "reply",
    {
        "openai": [
            embeddings([1.0]),
            embeddings([1.0], [1.0], [1.0]),
            embeddings([1.0], []),
            openai_vectors({"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}),
            openai_vectors({"index": 0, "embedding": [1]}, {"index": 2, "embedding": [1]}),
            openai_vectors({"index": 0, "embedding": [1]}, {"index": 1, "embedding": ["x"]}),
            openai_vectors(5, 6),
            json_reply({"object": "list"}),
            json_reply([]),
            Reply(raw=b"{"),
        ],
        "gemini": [
            gemini_wire.embeddings([1, 0]),
            gemini_wire.embeddings([1, 0], []),
            json_reply({}),
            json_reply({"embeddings": [{"values": ["x"]}, {"values": [1]}]}),
        ],
        "bedrock": [
            Reply(raw=b"nonsense"),
            json_reply({"embedding": "x"}),
            json_reply({"embedding": ["x"]}),
            json_reply({"embeddings": [None]}),
            json_reply({"embeddings": [[1.0], [2.0]]}),
            json_reply([1.0]),
        ],
    },
)
def test_vectors_that_do_not_fit_the_texts_are_a_malformed_answer(vendor: Vendor, reply: Reply) -> None:
    with VendorServer(answer=lambda _: reply) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmMalformedAnswerError):
            provider.embed(vendor.embedding_model, EmbeddingRequest(("a", "b")))


@cases(
    "variables",
    {
        "openai": [
            {"OPENAI_API_KEY": "sk-ü"},
            {"OPENAI_API_KEY": "sk-a\nb"},
            {"OPENAI_BASE_URL": "api.openai.com/v1"},
            {"OPENAI_BASE_URL": "http://[::1/v1"},
            {"OPENAI_BASE_URL": "https://:99999/v1"},
        ],
        "on-prem": [{}, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}],
        "gemini": [
            {"GOOGLE_API_KEY": ""},
            {"GOOGLE_API_KEY": " "},
            {"GOOGLE_API_KEY": "AIzaÄ1234"},
            {"GOOGLE_API_KEY": "auth_tokens/abc"},
            {"GOOGLE_GEMINI_BASE_URL": "localhost:80"},
            {"GOOGLE_GEMINI_BASE_URL": "http://[half"},
            {"GOOGLE_GEMINI_BASE_URL": "http://me:secret@localhost"},
            {"GOOGLE_GEMINI_BASE_URL": "http://localhost/?key=secret"},
        ],
    },
)
def test_variables_that_cannot_be_used_configure_nothing(vendor: Vendor, variables: dict[str, str]) -> None:
    with pytest.raises(LlmNotConfiguredError) as raised:
        make_provider(vendor.name, {**vendor.variables, **variables})

    secrets = (*vendor.secrets, *(value for value in variables.values() if "://" not in value and value.strip()))
    assert not [word for word in (*secrets, "secret") if word in raised.value.detail]


def test_no_sdk_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, llm_gateway.gateway, llm_gateway.secrets, llm_gateway.prices, llm_gateway.providers.simulated\n"
        "from llm_gateway.providers import make_provider\n"
        "make_provider('bedrock', {})\n"
        "heavy = {'openai', 'google', 'boto3', 'botocore', 'urllib3', 'httpx2', 'mcp', 'genai_prices', 'pydantic', "
        "'jsonschema'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
