"""JSON out of answers, and values that fit a schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llm_gateway.request import ResponseFormat
from llm_gateway.sampling import CannotSampleError, sample
from llm_gateway.structured import NotAsAskedError, parsed

ANY = ResponseFormat()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("  [1, 2]\n", [1, 2]),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("Here you are:\n```\n[1]\n```\nBye.", [1]),
        ('Sure! {"a": {"b": "}"}} is it.', {"a": {"b": "}"}}),
        ("null", None),
    ],
)
def test_json_is_found_where_models_put_it(text: str, value: Any) -> None:
    assert parsed(text, ANY).value == value


@pytest.mark.parametrize("text", ["", "no json", '{"a": NaN}', "{'a': 1}", "[" * 100_000])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotAsAskedError, match="valid JSON"):
        parsed(text, ANY)


def test_the_misfits_are_told_with_their_place() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
    with pytest.raises(NotAsAskedError, match="/a/1"):
        parsed('{"a": [1, "x"]}', ResponseFormat(schema))


def test_a_schema_that_leads_elsewhere_is_not_followed() -> None:
    with pytest.raises(NotAsAskedError, match="cannot be applied"):
        parsed("1", ResponseFormat({"$ref": "https://example.com/schema.json"}))


SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 0, "maximum": 10}},
        "required": ["score"],
    },
    {"type": "array", "items": {"type": "string", "minLength": 20}, "minItems": 3, "uniqueItems": True},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "multipleOf": 7, "minimum": 50},
    {"enum": ["a", "b"]},
    {"const": {"x": 1}},
    {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    {"type": ["string", "null"], "maxLength": 3},
    {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}},
    {"allOf": [{"properties": {"a": {"type": "boolean"}}, "required": ["a"]}, {"properties": {"b": {"type": "null"}}}]},
    {"type": "object", "required": ["free"], "additionalProperties": {"type": "string"}},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False},
    {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["ABC"]},
    {},
    {"type": "object"},
]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("seed", ["", "x", "y"])
def test_a_sample_fits_its_schema_and_is_the_same_again(schema: dict[str, Any], seed: str) -> None:
    value = sample(schema, seed)
    Draft202012Validator(schema).validate(value)
    assert sample(schema, seed) == value


def test_the_seed_decides() -> None:
    schema = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
    assert len({sample(schema, str(seed)) for seed in range(20)}) > 15


def test_what_is_not_understood_is_said() -> None:
    with pytest.raises(CannotSampleError, match="examples"):
        sample({"type": "string", "pattern": "^[A-Z]{3}$"}, "")


bounded = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-1000, 1000), "multipleOf": st.integers(1, 9)},
)
schemas = st.recursive(
    st.one_of(bounded, st.just({"type": "string"}), st.just({"type": "boolean"}), st.just({"type": "null"})),
    lambda inner: st.one_of(
        st.builds(lambda items, n: {"type": "array", "items": items, "minItems": n}, inner, st.integers(0, 3)),
        st.builds(
            lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)},
            st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
        ),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)


@given(schemas, st.text(max_size=5))
def test_ordinary_schemas_have_samples(schema: dict[str, Any], seed: str) -> None:
    Draft202012Validator(schema).validate(sample(schema, seed))
