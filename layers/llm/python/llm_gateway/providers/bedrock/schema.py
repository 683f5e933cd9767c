"""The JSON Schemas that Bedrock can make a model keep to.

The rules are those of https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html: every object closed,
nothing recursive, and none of the keywords that bound numbers, lengths or counts. A schema beyond them is refused, so the
prompt asks for it instead; the gateway validates the answer either way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from llm_gateway.request import Schema

_SAYS_WHAT_IT_IS: Final = frozenset({"type", "enum", "const", "anyOf", "$ref"})
_ANNOTATIONS: Final = frozenset({"$schema", "$id", "$comment", "examples"})
"""They say nothing of the answer, so they are not sent."""

_DEFINITIONS: Final = ("$defs", "definitions")
_OF_OBJECTS: Final = frozenset({"properties", "required", "additionalProperties"})
_KEYWORDS: Final = (
    _SAYS_WHAT_IT_IS
    | _OF_OBJECTS
    | _ANNOTATIONS
    | {*_DEFINITIONS, "items", "title", "description", "default", "format"}
)
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)

Json = dict[str, Any]


def enforceable(schema: Schema) -> str | None:
    """The schema as Bedrock takes it, its objects closed; None if it is beyond what Bedrock can enforce.

    Closing is safe: an answer without additional properties fits the schema that allows them.
    """
    try:
        if schema.get("type") != "object":
            return None
        closed = _closed(schema)
        _refuse_recursion(closed, closed, frozenset(), set())
        return json.dumps(closed)
    except (_BeyondError, AttributeError, TypeError, ValueError, RecursionError):
        return None


class _BeyondError(Exception):
    """The schema is beyond what Bedrock can enforce."""


def _closed(schema: Schema) -> Json:
    _refuse_what_is_beyond(schema)
    closed = {keyword: value for keyword, value in schema.items() if keyword not in _ANNOTATIONS}
    for keyword in ("properties", *_DEFINITIONS):
        if keyword in closed:
            closed[keyword] = {name: _closed(inner) for name, inner in closed[keyword].items()}
    if "anyOf" in closed:
        closed["anyOf"] = [_closed(inner) for inner in closed["anyOf"]]
    if "items" in closed:
        closed["items"] = _closed(closed["items"])
    if "object" in _types(closed):
        closed["additionalProperties"] = False
    return closed


def _refuse_what_is_beyond(schema: Schema) -> None:
    types, keywords = _types(schema), schema.keys()
    is_object = "object" in types
    if not keywords <= _KEYWORDS or keywords.isdisjoint(_SAYS_WHAT_IT_IS):
        raise _BeyondError
    if schema.get("format", "date") not in _FORMATS or ("array" in types and "items" not in schema):
        raise _BeyondError
    # An object that may hold anything would be closed to nothing, and one that is put together of parts to a contradiction.
    is_whole = is_object and bool(schema.get("properties")) and keywords.isdisjoint({"anyOf", "$ref"})
    if is_object and not is_whole:
        raise _BeyondError
    if schema.get("additionalProperties", False) is not False or (not is_object and keywords & _OF_OBJECTS):
        raise _BeyondError


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _refuse_recursion(schema: Json, root: Json, around: frozenset[str], checked: set[str]) -> None:
    """`around` are the references that lead here; those in `checked` are known to end."""
    reference = schema.get("$ref")
    if reference is not None and reference not in checked:
        if reference in around:
            raise _BeyondError
        _refuse_recursion(_target(reference, root), root, around | {reference}, checked)
        checked.add(reference)
    for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *_items(schema)):
        _refuse_recursion(inner, root, around, checked)


def _items(schema: Mapping[str, Any]) -> list[Json]:
    return [schema["items"]] if "items" in schema else []


def _target(reference: str, root: Json) -> Json:
    """The definition that a reference names; only those within the schema are taken."""
    start, _, name = reference.rpartition("/")
    for keyword in _DEFINITIONS:
        if start == f"#/{keyword}" and name in root.get(keyword, {}):
            found: Json = root[keyword][name]
            return found
    raise _BeyondError
