"""Schemas of tools and answers as the vendors take them, up to the bytes that they are sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llm_gateway.gateway import Gateway
from llm_gateway.request import GenerationRequest, Message, ResponseFormat, Target, Text, Tool
from llm_gateway.vendor_schemas import completed, offered
from tests.support.llm import bedrock_wire, gemini_wire, openai_wire
from tests.support.llm.vendor_server import VendorServer, json_reply
from tests.unit.steps.json_values import JSON

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "id": {"type": "string"}}}


def taken(schema: Any) -> Any:
    """What becomes of the parameters of a tool."""
    warnings: list[str] = []
    tools = offered([Tool("t", "Does.", schema)], warnings)
    return tools[0].parameters if tools else warnings[0]


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        (
            {"$schema": "x", "properties": {"a": {"type": "array"}, "b": {"type": "object"}}},
            {
                "type": "object",
                "properties": {"a": {"type": "array", "items": {}}, "b": {"type": "object", "properties": {}}},
            },
        ),
        (
            {
                "$ref": "#/$defs/A",
                "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/B"}}}, "B": {}},
            },
            {"type": "object", "properties": {"a": {}}},
        ),
        (
            {
                "type": "object",
                "properties": {"x": {"type": "string"}},
                "required": ["x"],
                "oneOf": [
                    {"properties": {"a": {"type": "string"}, "k": {"const": 1}}, "required": ["a", "k"]},
                    {"properties": {"b": {"type": "string"}, "k": {"const": 2}}, "required": ["b", "k"]},
                ],
            },
            {
                "type": "object",
                "properties": {
                    "x": {"type": "string"},
                    "a": {"type": "string"},
                    "k": {"anyOf": [{"const": 1}, {"const": 2}]},
                    "b": {"type": "string"},
                },
                "required": ["x", "k"],
            },
        ),
        (
            {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}]},
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]},
        ),
        (
            {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {}}, "required": ["a"]}]},
            {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        ),
        (
            {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
            {
                "type": "object",
                "properties": {"next": {"description": "The same again."}, "id": {"type": "string"}},
            },
        ),
        (
            {"type": "object", "properties": {"$ref": {"type": "string"}}, "additionalProperties": False},
            "The tool 't' was left out: models take no argument called '$ref'.",
        ),
        ({"type": "array"}, "The tool 't' was left out: its arguments are not an object."),
        ({"anyOf": [{"type": "string"}]}, "The tool 't' was left out: its arguments are not an object."),
        (
            {"$ref": "https://example.com/x"},
            "The tool 't' was left out: its schema refers to 'https://example.com/x', which is elsewhere.",
        ),
        ({"$ref": "#/no"}, "The tool 't' was left out: its schema refers to '#/no', which is not there."),
        ({"properties": []}, "The tool 't' was left out: its parameters are not a JSON Schema."),
        (
            {"properties": {"a": {"default": float("inf")}}},
            "The tool 't' was left out: its schema cannot be sent, since a number is too large or not finite.",
        ),
    ],
)
def test_parameters_become_what_every_vendor_takes(schema: Any, sent: Any) -> None:
    assert taken(schema) == sent


def test_a_name_that_no_model_takes_leaves_the_tool_out() -> None:
    warnings: list[str] = []
    assert offered([Tool("a b", "", {}), Tool("3d", "", {}), Tool("ok", "", {})], warnings)[0].name == "ok"
    assert warnings == [f"The tool '{n}' was left out: models take no such name." for n in ("a b", "3d")]


def test_a_schema_that_grows_without_end_is_left_out() -> None:
    definitions: dict[str, Any] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 4} for n in range(12)}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": {**definitions, "d12": {}}}
    assert taken(schema) == "The tool 't' was left out: its schema is too large."


PROPERTIES = st.dictionaries(st.sampled_from("abc"), st.sampled_from([{}, {"type": "string"}, {"type": "integer"}]))
OBJECTS = st.fixed_dictionaries({}, optional={"properties": PROPERTIES, "required": st.lists(st.sampled_from("abc"))})
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("object"),
        "properties": PROPERTIES,
        "anyOf": st.lists(OBJECTS, min_size=1, max_size=3),
        "allOf": st.lists(OBJECTS, min_size=1, max_size=3),
    },
)
VALUES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", 1]))


def is_spoken_of(schema: dict[str, Any], value: dict[str, Any]) -> bool:
    """Whether each property fits a schema that names it, if any does: an alternative that says nothing of a property would
    let it be anything, which is no use to tell a model.
    """
    parts = [schema, *schema.get("anyOf", ()), *schema.get("allOf", ())]
    named = [(name, rule) for part in parts for name, rule in part.get("properties", {}).items() if rule]
    return all(
        any(Draft202012Validator(rule).is_valid(given) for other, rule in named if other == name)
        for name, given in value.items()
        if name in dict(named)
    )


@given(schema=SCHEMAS, value=VALUES)
@example(schema={"anyOf": [{}, {"properties": {"a": {}, "b": {"type": "string"}}}]}, value={"a": "x", "b": 1})
def test_what_fits_a_tool_fits_what_vendors_are_sent(schema: dict[str, Any], value: dict[str, Any]) -> None:
    sent = taken(schema)
    if Draft202012Validator(schema).is_valid(value) and is_spoken_of(schema, value):
        assert Draft202012Validator(sent).is_valid(value)


@given(JSON | st.dictionaries(st.sampled_from(["type", "properties", "anyOf", "$ref", "items", "required"]), JSON))
def test_any_parameters_are_sent_or_left_out(schema: Any) -> None:
    sent = taken(schema)
    assert isinstance(sent, str) or (sent["type"], type(sent["properties"])) == ("object", dict)


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        ({"type": "object"}, {"type": "object", "properties": {}}),
        (
            {"properties": {"a": {"type": "array"}}},
            {"type": "object", "properties": {"a": {"type": "array", "items": {}}}},
        ),
        (
            {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
            {**NODE, "$defs": {"Node": NODE}},
        ),
        ({"anyOf": [{"properties": {}}]}, {"anyOf": [{"properties": {}}]}),
        ({"type": ["array", "null"]}, {"type": ["array", "null"], "items": {}}),
        ({"$ref": "#/no"}, {"$ref": "#/no"}),
        ({"properties": 5}, {"properties": 5}),
    ],
)
def test_a_schema_of_an_answer_is_completed(schema: Any, sent: Any) -> None:
    assert completed(schema) == sent


UNION = {"oneOf": [{"properties": {"a": {"type": "array"}}, "required": ["a"]}, {"properties": {"b": {}}}]}
FLAT = {"type": "object", "properties": {"a": {"type": "array", "items": {}}, "b": {}}}
ASKED = GenerationRequest(
    (Message("user", (Text("Hi"),)),),
    tools=(Tool("none", "Nothing.", {"type": "object"}), Tool("union", "Either.", UNION)),
)


def test_each_vendor_is_sent_what_it_takes() -> None:
    with (
        VendorServer(json_reply(openai_wire.completion())) as openai,
        VendorServer(json_reply(gemini_wire.response(gemini_wire.text("Hi.")))) as gemini,
        VendorServer(bedrock_wire.converse(bedrock_wire.text("Hi."))) as bedrock,
    ):
        gateway = Gateway(
            {
                "OPENAI_API_KEY": "sk-x",
                "OPENAI_BASE_URL": f"{openai.url}/v1",
                "GOOGLE_API_KEY": "AIza-x",
                "GOOGLE_GEMINI_BASE_URL": gemini.url,
                "AWS_ACCESS_KEY_ID": "AKIA",
                "AWS_SECRET_ACCESS_KEY": "s",
                "BEDROCK_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            }
        )
        for provider, model in (
            ("openai", "gpt-4o"),
            ("gemini", "gemini-2.5-flash"),
            ("bedrock", "amazon.nova-lite-v1:0"),
        ):
            gateway.generate(ASKED, [Target(f"{provider}_textgen", model)])
    sent = [
        [tool["function"]["parameters"] for tool in openai.requests[0].body["tools"]],
        [f["parameters_json_schema"] for f in gemini.requests[0].body["tools"][0]["functionDeclarations"]],
        [tool["toolSpec"]["inputSchema"]["json"] for tool in bedrock.requests[0].body["toolConfig"]["tools"]],
    ]
    assert sent == [[{"type": "object", "properties": {}}, FLAT]] * 3


def test_an_answer_is_held_against_the_schema_that_was_asked_for() -> None:
    form = ResponseFormat({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "required": ["x"]}}})
    replies = [json_reply(openai_wire.completion(text)) for text in ("{}", '{"x": 1}')]
    with VendorServer(*replies) as server:
        gateway = Gateway({"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{server.url}/v1"})
        request = GenerationRequest(ASKED.messages, response_format=form)
        answer = gateway.generate(request, [Target("openai_textgen", "gpt-4o")])
    assert answer.parsed == {"x": 1}
    schema = server.requests[0].body["response_format"]["json_schema"]["schema"]
    assert (schema["type"], schema["properties"], schema["required"]) == ("object", {}, ["x"])
