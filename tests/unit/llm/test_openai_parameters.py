"""What OpenAI's models are sent where they do not take everything: schemas, and the parameters that they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.request import (
    Image,
    ResponseFormat,
    Text,
)
from tests.support.llm import openai_wire as wire
from tests.support.llm.openai_calls import MODEL, ask, openai_at, sent
from tests.support.llm.vendor_server import VendorServer, json_reply

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": ["integer", "null"]}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def test_a_schema_that_keeps_the_rules_is_sent_as_strict() -> None:
    request = ask(response_format=ResponseFormat({"$schema": "https://json-schema.org/draft/2020-12/schema", **PERSON}))
    bodies, answer = sent(request=request)

    assert bodies[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": PERSON, "strict": True},
    }
    assert answer.warnings == ()


@pytest.mark.parametrize(
    "change",
    [
        {"required": ["name"]},
        {"additionalProperties": True},
        {"properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer"}}},
        {"properties": {"name": {"type": "string", "default": ""}, "age": {"type": "integer"}}},
        {"properties": {"name": {}, "age": {"type": "integer"}}},
        {"properties": {"name": {"type": "string", "format": "uri"}, "age": {"type": "integer"}}},
        {"properties": {"name": {"type": "object"}, "age": {"type": "integer"}}},
        {"properties": {"name": {"type": "array"}, "age": {"type": "integer"}}},
        {"properties": {"name": {"$ref": "#/$defs/x", "title": "X"}, "age": {"type": "integer"}}},
        {"properties": {"name": True, "age": {"type": "integer"}}},
        {"allOf": []},
    ],
)
def test_a_schema_beyond_the_rules_is_sent_as_not_strict(change: dict[str, Any]) -> None:
    bodies, _ = sent(request=ask(response_format=ResponseFormat({**PERSON, **change})))

    assert bodies[0]["response_format"]["json_schema"]["strict"] is False


def test_nested_definitions_and_choices_can_be_strict() -> None:
    node = {
        "type": "object",
        "properties": {
            "value": {"anyOf": [{"type": "number", "minimum": 0}, {"enum": ["x", None]}, {"const": "none"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 3},
        },
        "required": ["value", "children"],
        "additionalProperties": False,
    }
    tree = {**PERSON, "properties": {"name": node, "age": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    bodies, _ = sent(request=ask(response_format=ResponseFormat(tree)))

    assert bodies[0]["response_format"]["json_schema"]["strict"] is True


def test_objects_nested_deeper_than_ten_are_not_strict() -> None:
    def nested(depth: int) -> dict[str, Any]:
        inner = nested(depth - 1) if depth > 1 else {"type": "string"}
        return {"type": "object", "properties": {"a": inner}, "required": ["a"], "additionalProperties": False}

    for depth, strict in ((10, True), (11, False)):
        bodies, _ = sent(request=ask(response_format=ResponseFormat(nested(depth))))
        assert bodies[0]["response_format"]["json_schema"]["strict"] is strict


def test_a_schema_whose_root_is_no_object_is_asked_for_in_the_system_prompt() -> None:
    request = ask(system="Be brief.", response_format=ResponseFormat({"type": "array", "items": {"type": "string"}}))
    bodies, answer = sent(request=request)

    assert "response_format" not in bodies[0]
    assert bodies[0]["messages"][0] == {
        "role": "system",
        "content": 'Be brief.\n\nAnswer only with JSON that fits this JSON Schema:\n{"type":"array","items":{"type":"string"}}',
    }
    assert answer.warnings == ("The model does not take this JSON Schema, so it was asked for in the system prompt.",)


def test_json_without_a_schema_is_json_mode_whose_prompt_says_json() -> None:
    bodies, _ = sent(request=ask(response_format=ResponseFormat()))
    assert bodies[0]["response_format"] == {"type": "json_object"}
    assert bodies[0]["messages"][0] == {"role": "system", "content": "Answer only with JSON."}

    bodies, _ = sent(request=ask(Text("As json, please."), response_format=ResponseFormat()))
    assert [message["role"] for message in bodies[0]["messages"]] == ["user"]


def test_a_schema_that_openai_does_not_take_as_strict_is_sent_again_as_not_strict() -> None:
    message = (
        "Invalid schema for response_format 'answer': In context=('properties', 'name'), 'pattern' is not permitted."
    )
    refusal = wire.error_reply(400, message, param="response_format")
    with VendorServer(refusal, *[json_reply(wire.completion("{}"))] * 2) as server:
        provider = openai_at(server)
        answer = provider.generate(MODEL, ask(response_format=ResponseFormat(PERSON)))
        provider.generate(MODEL, ask(response_format=ResponseFormat(PERSON)))

    assert [received.body["response_format"]["json_schema"]["strict"] for received in server.requests] == [
        True,
        False,
        True,  # another schema may well be strict, so the refusal is not remembered
    ]
    assert answer.warnings == ("The model does not take this JSON Schema as strict, so it was sent as not strict.",)


def test_a_model_without_schemas_is_asked_in_json_mode_and_one_without_json_mode_in_its_prompt() -> None:
    no_schema = wire.error_reply(
        400,
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        param="response_format",
    )
    no_json = wire.error_reply(
        400,
        "Invalid parameter: 'response_format' of type 'json_object' is not supported with this model.",
        param="response_format",
    )
    bodies, answer = sent(no_schema, no_json, request=ask(response_format=ResponseFormat(PERSON)), model="gpt-4")

    assert [body.get("response_format", {}).get("type") for body in bodies] == ["json_schema", "json_object", None]
    assert "fits this JSON Schema" in bodies[1]["messages"][0]["content"]
    assert "fits this JSON Schema" in bodies[2]["messages"][0]["content"]
    assert answer.warnings == ("The model does not take this JSON Schema, so it was asked for in the system prompt.",)


@pytest.mark.parametrize("model", ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-mini", "ft:o4-mini:org::id"])
def test_reasoning_models_are_not_sent_what_they_refuse(model: str) -> None:
    request = ask(temperature=0.1, top_p=0.5, stop=("END",), max_tokens=50)
    bodies, answer = sent(request=request, model=model)

    assert bodies == [
        {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "max_completion_tokens": 50}
    ]
    assert answer.warnings == tuple(
        f"The model takes no '{name}', so it was left out." for name in ("temperature", "top_p", "stop")
    )


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-chat-latest", "gpt-4.1-mini"])
def test_other_models_are_sent_the_temperature(model: str) -> None:
    bodies, answer = sent(request=ask(temperature=0.1), model=model)

    assert bodies[0]["temperature"] == 0.1
    assert answer.warnings == ()


def test_the_limit_of_tokens_is_renamed_and_at_last_left_out() -> None:
    bodies, answer = sent(
        wire.unsupported_parameter("max_completion_tokens", "max_tokens"),
        wire.unsupported_parameter("max_tokens"),
        request=ask(max_tokens=9),
    )

    assert [body.keys() & {"max_tokens", "max_completion_tokens"} for body in bodies] == [
        {"max_completion_tokens"},
        {"max_tokens"},
        set(),
    ]
    assert answer.warnings == ("The model takes no limit of tokens, so it was left out.",)


def test_a_refused_system_role_is_folded_into_the_first_message() -> None:
    refusal = wire.error_reply(
        400,
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        param="messages[0].role",
        code="unsupported_value",
    )
    request = ask(Text("Hello!"), Image("image/png", b"x"), system="Be brief.")
    bodies, answer = sent(refusal, request=request, model="o1-mini")

    assert [message["role"] for message in bodies[1]["messages"]] == ["user"]
    assert bodies[1]["messages"][0]["content"][:2] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Hello!"},
    ]
    assert answer.warnings == ("The model takes no system prompt, so it was put before the first message.",)


def test_calls_again_without_a_parameter_share_the_one_timeout() -> None:
    with VendorServer(wire.unsupported_parameter("temperature"), json_reply(wire.completion())) as server:
        openai_at(server).generate("gpt-9", ask(temperature=0.1, timeout_seconds=30))

    first, second = (float(received.headers["x-stainless-read-timeout"]) for received in server.requests)
    assert second < first <= 30
