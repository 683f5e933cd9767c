"""Schemas of clients: which are refused and where, what is checked, and that applying them has an end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from workflow_engine import json_schema
from workflow_engine.json_schema import (
    CannotApplyError,
    SchemaValidator,
    UnusableSchemaError,
    schema_problem,
    surplus_fields,
)

DOUBLED = {
    "$defs": {
        **{f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 5} for n in range(6)},
        "a6": {"type": "integer"},
    },
    "$ref": "#/$defs/a0",
}
NESTED: dict[str, Any] = {}
for _ in range(300):
    NESTED = {"not": NESTED}


@pytest.mark.parametrize(
    ("schema", "path", "said"),
    [
        ({"$ref": "file:///etc/hostname"}, ("$ref",), "leads out of the schema"),
        ({"items": {"$ref": "http://127.0.0.1:1/x"}}, ("items", "$ref"), "leads out of the schema"),
        ({"$dynamicRef": "file:///etc/hostname"}, ("$dynamicRef",), "is not available"),
        ({"items": {"$dynamicAnchor": "node"}}, ("items", "$dynamicAnchor"), "is not available"),
        ({"$recursiveRef": "#"}, ("$recursiveRef",), "is not available"),
        ({"$id": "http://127.0.0.1:1/a", "$ref": "b.json"}, ("$id",), "Remove it"),
        ({"properties": {"a": {"$id": "b", "$ref": "#/c"}}}, ("properties", "a", "$id"), "Remove it"),
        ({"$schema": "http://127.0.0.1:1/meta"}, ("$schema",), "is not known, and is not fetched"),
        ({"items": {"$schema": "file:///etc/hostname"}}, ("items", "$schema"), "is not known"),
        ({"$ref": "#/nope"}, ("$ref",), "leads nowhere: the schema has no 'nope' there"),
        ({"$ref": "#nope"}, ("$ref",), "leads nowhere"),
        ({"$defs": {"unused": {"$ref": "#/$defs/gone"}}}, ("$defs", "unused", "$ref"), "leads nowhere"),
        ({"$ref": "#"}, ("$ref",), "never end"),
        ({"allOf": [{"anyOf": [{"$ref": "#"}]}]}, ("allOf", 0, "anyOf", 0, "$ref"), "never end"),
        (DOUBLED, ("$defs",), "multiply"),
        (NESTED, (), "nested 100 deep at most"),
        ({"enum": [0] * 3000}, (), "at most 2,000 values"),
        ({"pattern": "(?=x)y"}, ("pattern",), "lookahead"),
        ({"pattern": "(?<!x)y"}, ("pattern",), "lookbehind"),
        ({"pattern": r"(a)\1"}, ("pattern",), "backreference"),
        ({"patternProperties": {"(": True}}, ("patternProperties", "("), "the group is not closed"),
        ({"pattern": "(((a{1,999}){1,999}){1,999})"}, ("pattern",), "maxLength"),
        ({"pattern": "a" * 5000}, ("pattern",), "at most 2,000 characters"),
        ({"pattern": "\\p{Nonsense}"}, ("pattern",), "linear time"),
        ({"type": "objct"}, ("type",), "draft 2020-12"),
        ({"dependencies": {"a": ["b"]}}, ("dependencies",), "dependentRequired"),
        ([], (), "draft 2020-12"),
    ],
)
def test_a_schema_that_cannot_be_applied_safely_is_refused_at_its_place(
    schema: Any, path: tuple[str | int, ...], said: str
) -> None:
    problem = schema_problem(schema)

    assert problem is not None
    assert said in problem.detail
    assert problem.path[: len(path)] == path


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:example:order", "type": "object"},
        {"type": "object", "properties": {"parent": {"$ref": "#"}, "$ref": {"type": "string"}}},
        {"$defs": {"a": {"$anchor": "here", "type": "integer"}}, "items": {"$ref": "#here"}},
        {"definitions": {"a/b": {}}, "$ref": "#/definitions/a~1b"},
        {"const": {"$ref": "http://example.com"}, "default": {"$dynamicRef": "x"}},
        {"pattern": "^(a+)+$"},
        {"pattern": r"(?i)^\p{L}[\u00e4\d_-]{1,3}\/$"},
    ],
)
def test_what_tools_commonly_write_is_taken(schema: Any) -> None:
    assert schema_problem(schema) is None


def test_a_pattern_that_would_backtrack_for_ever_is_matched_at_once() -> None:
    validator = SchemaValidator({"pattern": "^(a+)+$", "patternProperties": {"^(b|b)*$": {"type": "string"}}})

    assert validator.misfits("a" * 100_000) == ()
    assert [m.keyword for m in validator.misfits("a" * 100_000 + "!")] == ["pattern"]
    assert [m.path for m in validator.misfits({"b" * 9_000: 1, "b" * 9_000 + "!": 1})] == [("b" * 9_000,)]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            {"anyOf": [{"items": {"$ref": "#"}, "type": "array"}] * 2 + [{"type": "null"}]},
            [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]],
        ),
        ({"items": {"enum": list(range(1900))}}, [1899] * 60_000),
        ({"allOf": [{"pattern": f"(a|b)*a(a|b){{{n}}}c"} for n in range(900, 990)]}, "ab" * 100_000),
    ],
)
def test_a_check_that_would_take_too_long_ends_with_a_reason(schema: Any, value: Any) -> None:
    for _ in range(20):
        value = [value] if isinstance(value, list) and len(value) == 1 else value

    with pytest.raises(CannotApplyError, match="takes too long"):
        SchemaValidator(schema).misfits(value)


def test_errors_that_nobody_sees_count_towards_the_end_of_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def count(message: str) -> str:
        made.append(message)
        return message

    monkeypatch.setattr(json_schema, "_cut", count)
    twice = {"anyOf": [{"$ref": "#/$defs/node"}] * 2}
    node = {"type": "object", "properties": {"inner": twice}, "required": ["missing"]}
    value: dict[str, Any] = {}
    for _ in range(20):
        value = {"inner": value}

    with pytest.raises(CannotApplyError, match="takes too long"):
        SchemaValidator({"$defs": {"node": node}, "$ref": "#/$defs/node"}).misfits(value)

    assert len(made) < json_schema.MAX_WORK // 4


def test_references_are_not_looked_up_as_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("referencing._core.Resolver.lookup", None)
    schema = {"$defs": {"name": {"type": "string"}}, "properties": {"name": {"$ref": "#/$defs/name"}}}

    assert [m.path for m in SchemaValidator(schema).misfits({"name": 1})] == [("name",)]


def test_a_value_that_is_nested_too_deeply_is_no_crash() -> None:
    value: Any = []
    for _ in range(900):
        value = [value]

    with pytest.raises(CannotApplyError, match="nested too deeply"):
        SchemaValidator({"items": {"$ref": "#"}}).misfits(value)


def test_repeated_objects_are_found_among_many() -> None:
    unique = SchemaValidator({"uniqueItems": True})

    assert unique.misfits([{"n": n} for n in range(20_000)]) == ()
    assert len(unique.misfits([{"n": n} for n in range(20_000)] + [{"n": 7.0}])) == 1
    assert unique.misfits([1, True, "1", [1], [True]]) == ()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-02-28T23:59:60.5+01:00", "2026-02-30T00:00:00Z"),
        ("date", "2024-02-29", "2026-2-1"),
        ("time", "12:00:00Z", "12:00"),
        ("duration", "P1Y2M3DT4H5M6S", "P1DT"),
        ("email", "a@example.com", "a@b@c"),
        ("hostname", "a-b.example", "-a.example"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("ipv6", "2001:db8::1", "1::2::3"),
        ("uri", "https://example.com/a?b#c", "/relative"),
        ("uri-reference", "/relative", "a b"),
        ("uuid", "00000000-0000-4000-8000-000000000000", "0000"),
        ("json-pointer", "/a~1b", "a"),
        ("regex", "^a+$", "("),
    ],
)
def test_formats_are_checked(name: str, good: str, bad: str) -> None:
    validator = SchemaValidator({"format": name})

    assert validator.misfits(good) == ()
    assert [m.keyword for m in validator.misfits(bad)] == ["format"]
    assert validator.misfits(7) == ()


@pytest.mark.parametrize(
    "schema", [{"$ref": "#/nope"}, {"$dynamicRef": "#x"}, {"pattern": "(?=a)"}, {"properties": []}, {"allOf": {}}]
)
def test_a_stored_schema_that_would_be_refused_today_is_unusable_not_a_crash(schema: Any) -> None:
    with pytest.raises(UnusableSchemaError):
        SchemaValidator(schema)


def test_a_nested_dialect_brings_no_other_rules_in() -> None:
    nested = {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}}}

    assert len(SchemaValidator(nested).misfits({"a": "a" * 40 + "!"})) == 1


def test_unevaluated_fields_are_those_that_nothing_judges() -> None:
    schema = {
        "$defs": {"named": {"properties": {"name": {}}}},
        "$ref": "#/$defs/named",
        "patternProperties": {"^x-": {}},
        "if": {"properties": {"kind": {"const": "k"}}, "required": ["kind"]},
        "then": {"properties": {"kind": {}, "k": {}}},
        "unevaluatedProperties": False,
    }
    validator = SchemaValidator(schema)

    assert validator.misfits({"name": 1, "x-a": 1, "kind": "k", "k": 1}) == ()
    assert "'k'" in validator.misfits({"name": 1, "kind": "other", "k": 1})[0].message
    assert surplus_fields({"x-a": 1, "b": 1}, schema) == ["b"]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
_SIMPLE = st.sampled_from(
    [
        True, False, {}, {"type": "integer"}, {"type": ["string", "null"]}, {"enum": [1, "a", None]}, {"const": [1]},
        {"minimum": 0}, {"maxLength": 1}, {"pattern": "^a"}, {"required": ["a"]}, {"maxProperties": 1},
        {"uniqueItems": True}, {"minItems": 2}, {"dependentRequired": {"a": ["b"]}}, {"$ref": "#/$defs/d"},
    ]
)  # fmt: skip
_SCHEMAS = st.recursive(
    _SIMPLE,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b|c"]), inner, max_size=1),
            "additionalProperties": inner,
            "unevaluatedProperties": inner,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
            "propertyNames": inner,
            "dependentSchemas": st.dictionaries(st.sampled_from("ab"), inner, max_size=1),
        },
    ),
    max_leaves=6,
)


@given(schema=_SCHEMAS, value=_VALUES)
def test_a_value_fits_exactly_when_the_library_finds_it_valid(schema: Any, value: Any) -> None:
    whole = {"allOf": [schema], "$defs": {"d": {"type": ["integer", "object"]}}}

    assert schema_problem(whole) is None
    assert (SchemaValidator(whole).misfits(value) == ()) == Draft202012Validator(whole).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"not": {"items": False, "prefixItems": [{}]}}, [1]),
        ({"not": {"additionalProperties": False, "patternProperties": {"^x": {}}}}, {"x1": 1}),
    ],
)
def test_a_keyword_means_what_those_after_it_make_of_it(schema: Any, value: Any) -> None:
    assert [m.keyword for m in SchemaValidator(schema).misfits(value)] == ["not"]
