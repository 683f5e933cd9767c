"""The models of `document` as schemas: objects with described fields, null beside a type instead of a union with it."""

from __future__ import annotations

from typing import Any, Final

from workflow_engine.language.document import DocumentModel
from workflow_engine.language.fields import FIELDS
from workflow_engine.language.schema.words import Schema, of_field, of_values

_NAMED_SOURCES: Final = {"Source": "Sources", "OutputSource": "OutputSources"}


def model_schema(model: type[DocumentModel]) -> Schema:
    """The schema of a model, closed. What `document.refers_to` says of a field leads to a definition."""
    made = model.model_json_schema(mode="validation")
    fields = {name: _field(model.__name__, name, schema) for name, schema in made["properties"].items()}
    schema: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    return schema | ({"required": made["required"]} if "required" in made else {})


def _field(model: str, name: str, schema: dict[str, Any]) -> Schema:
    schema = {**schema, **(_or_null(schema["anyOf"]) if "anyOf" in schema else {})}
    rules = {k: v for k, v in schema.items() if k not in ("title", "default", "described", "description", "anyOf")}
    if described := schema.get("described"):
        rules = _described(described["definition"], described["keyword"], rules)
    return {**of_field(model, name), **rules, **of_values(FIELDS[model][name], rules.get("enum", []))}


def _described(definition: str, keyword: str, rules: Schema) -> Schema:
    """The rules of a field whose value, items or entries a definition describes."""
    reference = {"$ref": f"#/$defs/{definition}"}
    if keyword == "items":
        return {**rules, "items": reference}
    if keyword == "additionalProperties":
        return {"$ref": f"#/$defs/{_NAMED_SOURCES[definition]}"}
    if rules.get("type") == ["string", "null"]:
        # null is no text, so the definition is asked of texts alone.
        return {"type": rules["type"], "if": {"type": "string"}, "then": reference}
    return reference


def _or_null(union: list[dict[str, Any]]) -> Schema:
    """`{"type": [T, "null"], ...}` of a union of T and null."""
    one = dict(next(branch for branch in union if branch != {"type": "null"}))
    if "enum" in one:
        return {"enum": [*one["enum"], None]}
    return {**one, "type": [one["type"], "null"]}
