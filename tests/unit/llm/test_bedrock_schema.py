"""Which JSON Schemas Bedrock is asked to enforce."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_gateway.providers.bedrock.schema import enforceable

NAME = {"type": "string", "description": "Who?"}


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def test_every_object_is_closed() -> None:
    schema = an_object(
        people={"type": "array", "items": an_object(name=NAME)},
        maybe={"anyOf": [an_object(x={"type": "null"}), {"type": "null"}]},
        other={"$ref": "#/$defs/Other"},
    )
    enforced = enforceable({**schema, "$defs": {"Other": an_object(y={"enum": [1, 2]})}, "$schema": "https://x"})

    assert enforced is not None
    closed = json.loads(enforced)
    assert "$schema" not in closed
    properties = closed["properties"]
    objects = [closed, properties["people"]["items"], properties["maybe"]["anyOf"][0], closed["$defs"]["Other"]]
    assert [inner["additionalProperties"] for inner in objects] == [False] * 4
    assert "additionalProperties" not in schema  # the caller's own is left alone


def test_a_property_may_be_called_like_a_keyword() -> None:
    assert enforceable(an_object(minimum={"type": "number"}, items=NAME)) is not None


def test_definitions_may_be_used_twice_but_not_within_themselves() -> None:
    uses = an_object(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"})
    tree = an_object(children={"type": "array", "items": {"$ref": "#/$defs/A"}})

    assert enforceable({**uses, "$defs": {"A": an_object(name=NAME)}}) is not None
    assert enforceable({**uses, "$defs": {"A": tree}}) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "array", "items": NAME},
        {"type": "object"},
        {"type": "object", "properties": {}},
        {"properties": {"a": NAME}},
        {**an_object(a=NAME), "additionalProperties": True},
        {**an_object(a=NAME), "additionalProperties": {"type": "string"}},
        {**an_object(a=NAME), "anyOf": [{"required": ["a"]}]},
        {**an_object(a=NAME), "minProperties": 1},
        an_object(a={}),
        an_object(a=True),
        an_object(a={"type": "object"}),
        an_object(a={"type": "array"}),
        an_object(a={"type": "array", "items": NAME, "maxItems": 3}),
        an_object(a={"type": "integer", "minimum": 0}),
        an_object(a={"type": "string", "pattern": "x"}),
        an_object(a={"type": "string", "format": "iban"}),
        an_object(a={"allOf": [an_object(b=NAME), an_object(c=NAME)]}),
        an_object(a={"$ref": "https://example.com/schema.json"}),
        an_object(a={"$ref": "#/$defs/Missing"}),
        an_object(a={"type": "string", "default": b"bytes"}),
        {"type": "object", "properties": "nonsense"},
    ],
)
def test_what_bedrock_cannot_enforce_is_not_sent(schema: Any) -> None:
    assert enforceable(schema) is None


def test_a_schema_nested_without_end_is_not_followed() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5_000):
        schema = an_object(a=schema)

    assert enforceable(schema) is None
