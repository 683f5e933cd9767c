"""Whether OpenAI takes a JSON Schema as `strict`, which makes the model unable to answer anything else.

The rules are those of OpenAI's guide "Structured model outputs", section "Supported schemas". A schema beyond them is
refused if it is called strict, so it is sent as a wish only and the gateway validates the answer, as it does anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llm_gateway.request import Schema

MAX_PROPERTIES: Final = 5000
MAX_DEPTH: Final = 10
"""Objects within objects."""

MAX_ENUM_VALUES: Final = 1000
MAX_NAME_CHARACTERS: Final = 120_000
"""Names of properties and definitions, enum values and const values together."""

_ANYWHERE: Final = frozenset({"type", "title", "description", "enum", "const", "anyOf", "$ref", "$defs", "definitions"})
_OF_OBJECTS: Final = frozenset({"properties", "required", "additionalProperties"})
_OF_VALUES: Final = frozenset(
    {"pattern", "format", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "items"}
    | {"minItems", "maxItems"}
)
_KEYWORDS: Final = _ANYWHERE | _OF_OBJECTS | _OF_VALUES
_TYPES: Final = frozenset({"string", "number", "boolean", "integer", "object", "array", "null"})
_FORMATS: Final = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})


def root_is_object(schema: Schema) -> bool:
    """Whether the root is plainly an object, the only root that OpenAI takes, strict or not."""
    return schema.get("type") == "object" and "anyOf" not in schema


def is_strict(schema: Schema) -> bool:
    """Whether a schema keeps all rules of strictness. What is no schema at all does not."""
    count = _Count()
    try:
        return root_is_object(schema) and _is_strict(schema, 0, count) and count.is_within_limits()
    except (AttributeError, TypeError, RecursionError):
        return False


@dataclass(slots=True)
class _Count:
    """What is limited over the whole of a schema."""

    properties: int = 0
    enum_values: int = 0
    characters: int = 0

    def is_within_limits(self) -> bool:
        return (
            self.properties <= MAX_PROPERTIES
            and self.enum_values <= MAX_ENUM_VALUES
            and self.characters <= MAX_NAME_CHARACTERS
        )


def _is_strict(schema: Schema, objects_around: int, count: _Count) -> bool:
    if "$ref" in schema:  # it stands alone: OpenAI refuses keywords beside a reference
        return len(schema) == 1 and bool(schema["$ref"].startswith("#"))
    if not schema.keys() <= _KEYWORDS or not _says_what_it_is(schema):
        return False
    values = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]
    count.enum_values += len(values)
    count.characters += sum(len(value) for value in values if isinstance(value, str))
    is_object = "object" in _types(schema)
    if not (_is_closed_object(schema, count) if is_object else schema.keys().isdisjoint(_OF_OBJECTS)):
        return False
    depth = objects_around + is_object
    return depth <= MAX_DEPTH and all(_is_strict(inner, depth, count) for inner in _inner_schemas(schema, count))


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _says_what_it_is(schema: Schema) -> bool:
    types = _types(schema)
    if not _TYPES.issuperset(types) or schema.get("format", "date") not in _FORMATS:
        return False
    if "array" in types and "items" not in schema:
        return False
    return bool(types) or not schema.keys().isdisjoint({"enum", "const", "anyOf"})


def _is_closed_object(schema: Schema, count: _Count) -> bool:
    properties = schema.get("properties", {})
    count.properties += len(properties)
    count.characters += sum(map(len, properties))
    return schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(properties)


def _inner_schemas(schema: Schema, count: _Count) -> list[Schema]:
    definitions = {**schema.get("$defs", {}), **schema.get("definitions", {})}
    count.characters += sum(map(len, definitions))
    items = [schema["items"]] if "items" in schema else []
    return [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *definitions.values(), *items]
