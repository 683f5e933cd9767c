"""Outputs of mocks held to the schemas of steps, of which they may leave out what a test does not look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.json_schema import CannotApplyError, SchemaValidator, UnusableSchemaError
from workflow_engine.language.diagnostics import pointer

_OF_ABSENCE: Final = frozenset({"required", "minProperties", "dependentRequired"})
_SCHEMAS: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_VERBATIM: Final = frozenset({"const", "enum", "default", "examples"})


def lenient(schema: Any) -> Any:
    """A schema without what asks for fields to be there."""
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for name, rule in schema.items():
        if name in _OF_ABSENCE:
            continue
        if name in _SCHEMAS and isinstance(rule, Mapping):
            made[name] = {key: lenient(part) for key, part in rule.items()}
        elif name in _LISTS and isinstance(rule, list):
            # Alternatives that differ in what they require alone are all one then, and anyOf says what is meant.
            made["anyOf" if name == "oneOf" else name] = [lenient(part) for part in rule]
        elif name in _VERBATIM or name == "not":
            made[name] = rule
        else:
            made[name] = lenient(rule)
    return made


def misfit_of(output: Any, schema: Any) -> str | None:
    """What of an output does not fit a schema; None where what is there does."""
    try:
        misfits = SchemaValidator(lenient(schema)).misfits(output, 1)
    except (CannotApplyError, UnusableSchemaError):
        return None  # what is no schema is told where it was registered
    if not misfits:
        return None
    first = misfits[0]
    return f"{pointer(*first.path) or 'the whole'}: {first.message}"
