"""What is told of a value without `jsonschema` is what `jsonschema` says; what is not told is left to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from workflow_engine.json_schema import SchemaValidator
from workflow_engine.json_schema_fits import MAX_SCHEMAS, verdict
from workflow_engine.steps.catalogue import BUILTIN

NAMES = ("a", "b", "c")
SCALARS = (None, True, False, 0, 1, 1.0, -1, 1.5, 2, 10**20, "", "a", "ab", "é😀", "1")

scalars: st.SearchStrategy[Any] = st.sampled_from(SCALARS)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*NAMES, "d")), inner, max_size=3),
    max_leaves=8,
)
bounds = st.integers(0, 3)
types = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])

of_values: dict[str, st.SearchStrategy[Any]] = {
    "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
    "enum": st.lists(values, max_size=4),
    "const": values,
    "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    "pattern": st.sampled_from(["a", "^[ab]+$", "^$"]),
    "format": st.sampled_from(["date", "email"]),
    "uniqueItems": st.booleans(),
    "multipleOf": st.just(2),
    "title": st.just("T"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), bounds | st.just(0.5)),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), bounds),
}


def few(keywords: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.sets(st.sampled_from(sorted(keywords)), max_size=3).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in sorted(chosen)})
    )


def schemas_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    by_name = st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    return few(
        {
            **dict.fromkeys(("if", "then", "else", "not", "items", "additionalProperties", "contains"), inner),
            **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), several),
            **dict.fromkeys(("properties", "dependentSchemas", "patternProperties"), by_name),
            "required": of_values["required"],
            "type": of_values["type"],
        }
    )


schemas: st.SearchStrategy[Any] = st.recursive(st.booleans() | few(of_values), schemas_of, max_leaves=6)


@given(schemas, values)
def test_what_is_told_is_what_jsonschema_says(schema: Any, value: Any) -> None:
    told = verdict(schema, value)
    event(f"told: {told}")
    assert told in (None, Draft202012Validator(schema).is_valid(value))


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        ({"type": "integer", "minimum": 1}, 1.0, True),
        ({"type": "integer"}, True, False),
        ({"enum": [1, "a"]}, True, False),
        ({"enum": [[1]]}, [1], None),
        ({"const": 0}, False, False),
        ({"properties": {"a": {"type": "string"}}, "additionalProperties": False}, {"a": "x"}, True),
        ({"properties": {"a": {"type": "string"}}, "additionalProperties": False}, {"b": "x"}, False),
        ({"patternProperties": {"^b": True}, "additionalProperties": False}, {"b": "x"}, None),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, False),
        ({"oneOf": [{"type": "number"}, {"minimum": 1}]}, 2, False),
        ({"anyOf": [{"uniqueItems": True}, True]}, [1], None),
        ({"anyOf": [True, {"uniqueItems": True}]}, [1], True),
        ({"format": "date"}, "2026-02-30", None),
        ({"format": "date"}, 3, True),
        ({"minimum": "1"}, 2, None),
        ({"type": "intger"}, 2, None),
        ({"pattern": "(?<=a)b"}, "ab", None),
        ({"$ref": "#/$defs/d0", "$defs": {"d0": True}}, 1, None),
        ({"items": {"type": "integer"}}, [1] * (MAX_SCHEMAS + 1), None),
    ],
)
def test_a_verdict(schema: Any, value: Any, told: bool | None) -> None:
    assert verdict(schema, value) is told


def test_deep_values_and_schemas_are_left_to_jsonschema() -> None:
    schema: Any = True
    value: Any = 1
    for _ in range(1_500):
        schema, value = {"items": schema}, [value]
    assert verdict(schema, value) is None


def test_configurations_of_the_examples_are_told_without_jsonschema(monkeypatch: pytest.MonkeyPatch) -> None:
    fitting: dict[str, Any] = {
        "trigger": {"kind": "manual"},
        "data_input": {"input_type": "dynamic", "source": "user.name"},
        "data_processing": {"processing_type": "filter", "options": {"filter_key": "a"}},
        "delay": {"delay_seconds": 2},
        "prompt": {"query_template": "x", "temperature": 0.5},
    }
    monkeypatch.setattr("workflow_engine.json_schema._make_validator", lambda: pytest.fail("jsonschema was asked"))
    schemas = {step_type.name: step_type.config_schema for step_type in BUILTIN}
    assert [SchemaValidator(schemas[name]).misfits(config) for name, config in fitting.items()] == [()] * len(fitting)
