"""The shorthands that JSON Schemas of step types, agents and prompts are written with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
"""A JSON Schema of draft 2020-12."""

TIMESTAMP: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "title": "Timestamp",
    "description": "ISO 8601, UTC.",
}
SUCCESS: Final[Schema] = {
    "const": True,
    "title": "Success",
    "description": "Always true; a step that fails has no output.",
}


def property_schema(title: str, description: str, **rules: Any) -> Schema:
    """The schema of one property. `rules` are JSON Schema keywords; without any, every JSON value is allowed."""
    return {"title": title, "description": description, **rules}


def object_schema(properties: Mapping[str, Schema], *, required: Iterable[str] = (), **rules: Any) -> Schema:
    """An object that has these properties and no others. `rules` are further keywords, such as `not` or `allOf`."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False, **rules}
    if names := list(required):
        schema["required"] = names
    return schema


def output_schema(properties: Mapping[str, Schema], *, optional: Iterable[str] = (), **rules: Any) -> Schema:
    """The schema of an output: all its fields are there, but for the optional ones. `rules` as in `object_schema`."""
    left_out = set(optional)
    return object_schema(properties, required=[name for name in properties if name not in left_out], **rules)
