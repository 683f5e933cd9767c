"""What is said of a path before the run never contradicts what the path reads at run time."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, assume, example, given, note, settings
from hypothesis import strategies as st

from tests.support.json_strategies import JSON
from tests.support.random_workflows import PROBE, workflows
from tests.support.reference_semantics import read_path
from workflow_engine.json_schema import SchemaValidator, schema_problem
from workflow_engine.language import parse_workflow
from workflow_engine.language.shapes import BySchema, ByValue, Shape, follow, is_no_list, kinds_of, values_of
from workflow_engine.language.syntax import Segment, Wildcard
from workflow_engine.steps import builtin_catalogue

SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
NAMES = st.sampled_from(["a", "b", "c", "d"])
SCALARS = st.sampled_from([None, True, False, 0, 1.5, "", "x", "y"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
SEGMENTS = st.one_of(NAMES, st.sampled_from([0, 1, -1]), st.just(Wildcard()))
CATALOGUE = builtin_catalogue().with_registered([{"step_type": PROBE}])

Pair = tuple[Any, Any]
"""A JSON Schema and a value that fits it."""


def _typed(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", type(None): "null", int: "number", float: "number"}
    return kinds.get(type(value)) or ("object" if isinstance(value, dict) else "array")


@st.composite
def _leaves(draw: Any) -> Pair:
    value = draw(VALUES)
    schemas = [
        {},
        True,
        {"type": _typed(value)},
        {"const": value},
        {"enum": [value, "other"]},
        {"type": [_typed(value), "null"]},
    ]
    return draw(st.sampled_from(schemas)), value


@st.composite
def _objects(draw: Any, parts: st.SearchStrategy[Pair]) -> Pair:
    pairs = draw(st.dictionaries(NAMES, parts, max_size=4))
    named = {name: pair[0] for name, pair in pairs.items() if draw(st.integers(0, 3))}
    value = {name: pair[1] for name, pair in pairs.items() if draw(st.integers(0, 3))}
    schema: dict[str, Any] = {"type": "object"} if draw(st.booleans()) else {}
    if named or draw(st.booleans()):
        schema["properties"] = named
    rules: list[dict[str, Any]] = [{}, {}, {"additionalProperties": True}, {"patternProperties": {"^[ab]$": {}}}]
    rules += [{"anyOf": [{"required": [name]} for name in value]}] if value else []
    rules += [{"allOf": [{"properties": {"d": {}}}]}, {"if": {}, "then": {"properties": {"c": {}}}}]
    if value.keys() <= named.keys():
        rules += [{"additionalProperties": False}] * 4
    return {**schema, **draw(st.sampled_from(rules))}, value


@st.composite
def _lists(draw: Any, parts: st.SearchStrategy[Pair]) -> Pair:
    first, more = draw(parts), draw(st.lists(parts, max_size=2))
    if draw(st.booleans()):
        return {"prefixItems": [first[0], *(pair[0] for pair in more)]}, [first[1], *(pair[1] for pair in more)]
    return {"type": "array", "items": first[0]}, [first[1]] * draw(st.integers(0, 2))


@st.composite
def _wrapped(draw: Any, parts: st.SearchStrategy[Pair]) -> Pair:
    (schema, value), other = draw(parts), draw(parts)[0]
    keyword = draw(st.sampled_from(["anyOf", "oneOf", "allOf", "one allOf", "$ref"]))
    match keyword:
        case "one allOf":
            return {"allOf": [schema]}, value
        case "$ref":
            return {"$ref": draw(st.sampled_from(["#/$defs/n", "#/properties/a", "#"]))}, value
    return {keyword: draw(st.permutations([schema, other]))}, value


PAIRS = st.recursive(_leaves(), lambda inner: _objects(inner) | _lists(inner) | _wrapped(inner), max_leaves=10)


def check(shape: Shape, value: Any, path: tuple[Segment, ...]) -> None:
    """What is known of a path by the shape holds of what it reads of the value."""
    read = read_path(value, path)
    found, missing = follow(shape, path)
    note(f"{path} reads {read!r}, known is {found}, missing {missing}")
    if missing is not None and missing.impossible:
        assert not _says_something(read)
    elif missing is None:
        assert not (isinstance(read, list) and is_no_list(found))
        values = values_of(found)
        assert values is None or read is None or read in values
        assert kinds_of(found) or not _says_something(read)


def _says_something(read: Any) -> bool:
    """Whether anything but null was read; of lists, whether any element is."""
    return any(map(_says_something, read)) if isinstance(read, list) and read else read not in (None, [])


@given(PAIRS, PAIRS, st.lists(SEGMENTS, max_size=4).map(tuple))
@SETTINGS
def test_what_fits_a_schema_has_no_value_where_its_shape_has_none(
    pair: Pair, definition: Pair, path: tuple[Segment, ...]
) -> None:
    schema, value = pair
    root = {**schema, "$defs": {"n": definition[0]}} if isinstance(schema, dict) else schema
    note(json.dumps(root))
    assume(schema_problem(root) is None and not SchemaValidator(root).misfits(value))
    check(BySchema.of(root), value, path)


@given(VALUES, st.lists(SEGMENTS, max_size=4).map(tuple))
@example([[True], {"a": None, "b": None, "d": True}], ("d", 0))
@SETTINGS
def test_a_literal_has_no_value_where_its_shape_has_none(value: Any, path: tuple[Segment, ...]) -> None:
    check(ByValue(value), value, path)


@given(JSON, st.lists(SEGMENTS, max_size=4).map(tuple))
@example({"type": {}}, ("a",))
@example({"type": [["object"]]}, ("a",))
@SETTINGS
def test_no_document_that_is_taken_for_a_schema_is_too_much(schema: Any, path: tuple[Segment, ...]) -> None:
    follow(BySchema.of(schema), path)


@given(workflows())
@SETTINGS
def test_a_workflow_that_reads_only_what_may_be_there_gets_no_finding(document: dict[str, Any]) -> None:
    assert parse_workflow(document, CATALOGUE).diagnostics == ()
