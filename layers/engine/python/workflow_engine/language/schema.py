"""The JSON Schema (2020-12) of a workflow, for editors and clients. Print it: `python -m workflow_engine.language.schema`.

It is made of the pydantic models, and of definitions written here for what they leave open: steps, sources, conditions.
It takes a document exactly when `parse_workflow` finds nothing wrong with its form: fields, types, ranges, shapes of
conditions and sources. What stands in texts, and what needs names (references, step types, configurations), it leaves alone.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from workflow_engine.language.condition_text import CHECKS, COMPARISONS, LOGICAL
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import (
    UNUSABLE_NAMES,
    CaseDocument,
    DocumentModel,
    LoopConfig,
    MapConfig,
    StepDocument,
    SwitchConfig,
    WorkflowDocument,
)

_CONTAINER_CONFIGS: Final[dict[str, type[DocumentModel]]] = {
    "map": MapConfig,
    "loop": LoopConfig,
    "switch": SwitchConfig,
}


def _object(**properties: Json) -> dict[str, Json]:
    """A closed object, all of whose properties are required."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_VALUE: Final = {**_object(value=True), "description": "A literal."}
_TEMPLATE: Final = {
    **_object(template={"type": "string"}),
    "description": "Text with references: 'Hi {{ a.data.name }}'. A literal {{x}} is written {{{x}}}.",
}
_EXPRESSION: Final = {
    **_object(expression={"type": "string", "minLength": 1}),
    "description": 'JSONata, in which a reference is written $ref("a.data").',
}
_OTHER_LITERAL: Final = {
    "description": "Any other JSON value is a literal.",
    "not": {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "required": ["template"], "maxProperties": 1},
            {"type": "object", "required": ["expression"], "maxProperties": 1},
        ]
    },
}
_REFERENCE: Final = {
    "type": "string",
    "minLength": 1,
    "description": "step_id.path, input.path, variables.path, item, index or execution.id.",
    "examples": ["fetch.data.items[0].name", "fetch.status", "input.customer", 'variables["any key"]', "item.price"],
}
_LEFT_OPERAND: Final = {"anyOf": [{"$ref": "#/$defs/Reference"}, _VALUE]}
_RIGHT_OPERAND: Final = {"description": "A literal, or a reference with a path. {'value': ...} forces a literal."}
_COMPARISON: Final = _object(
    left_operand=_LEFT_OPERAND,
    operator={"enum": [operator for operator in COMPARISONS if operator != "regex_match"]},
    right_operand=_RIGHT_OPERAND,
)
_MATCH: Final = _object(
    left_operand=_LEFT_OPERAND,
    operator={"const": "regex_match"},
    right_operand={
        "description": "A regular expression.",
        "anyOf": [{"type": "string"}, _object(value={"type": "string"})],
    },
)
_CHECK: Final = {
    **_object(left_operand=_LEFT_OPERAND, operator={"enum": list(CHECKS)}, right_operand={"type": "null"}),
    "required": ["left_operand", "operator"],
}
_GROUP: Final = {
    **_object(
        logical_operator={"enum": list(LOGICAL)},
        conditions={"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ConditionPart"}},
    ),
    "if": {"properties": {"logical_operator": {"const": "not"}}},
    "then": {"properties": {"conditions": {"maxItems": 1}}},
}
_CONDITION: Final = {
    "description": "A condition; null and the empty list are none.",
    "anyOf": [{"type": "null"}, {"type": "array", "maxItems": 0}, {"$ref": "#/$defs/ConditionPart"}],
}
_CONDITION_PART: Final = {
    "description": 'A text such as "a.score >= 0.5 and not b.skip", a test, a group, or a list of which all must hold.',
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ConditionPart"}},
        {"$ref": "#/$defs/Comparison"},
        {"$ref": "#/$defs/PatternMatch"},
        {"$ref": "#/$defs/Check"},
        {"$ref": "#/$defs/ConditionGroup"},
    ],
}


def workflow_schema() -> dict[str, Json]:
    """The JSON Schema of a workflow document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workflow",
        **_model_schema(WorkflowDocument),
        "$defs": {
            "Step": {
                **_model_schema(StepDocument),
                "allOf": [_container_rule(t, c) for t, c in _CONTAINER_CONFIGS.items()],
            },
            "MapConfig": _model_schema(MapConfig),
            "LoopConfig": _model_schema(LoopConfig),
            "SwitchConfig": _model_schema(SwitchConfig),
            "CaseDocument": _model_schema(CaseDocument),
            "Reference": _REFERENCE,
            "Source": {"anyOf": [{"$ref": "#/$defs/Reference"}, _VALUE, _TEMPLATE, _EXPRESSION, _OTHER_LITERAL]},
            "OutputSource": {"anyOf": [{"$ref": "#/$defs/Reference"}, _VALUE, _TEMPLATE, _OTHER_LITERAL]},
            "Condition": _CONDITION,
            "ConditionPart": _CONDITION_PART,
            "Comparison": _COMPARISON,
            "PatternMatch": _MATCH,
            "Check": _CHECK,
            "ConditionGroup": _GROUP,
        },
    }


def render_schema() -> str:
    """The schema as the text of `statemachines/workflow.schema.json`."""
    return json.dumps(workflow_schema(), indent=2, ensure_ascii=False) + "\n"


def _container_rule(step_type: str, model: type[DocumentModel]) -> dict[str, Json]:
    """The form of a container's configuration, each field of which stands in `config` or, failing that, in
    its alias `parameters`.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    definition = f"#/$defs/{model.__name__}/properties/"
    known = {"propertyNames": {"enum": list(fields)}}
    rules: list[dict[str, Json]] = [{"properties": {"config": known, "parameters": known}}]
    rules += [_in_one_place(name, {"$ref": definition + name}) for name in fields]
    rules += [_sent(name) for name, field in fields.items() if field.is_required()]
    if model is LoopConfig:
        rules.append({"anyOf": [{"allOf": [_sent(n), _in_one_place(n, _SAYS_SOMETHING)]} for n in ("while", "until")]})
    applies = {"properties": {"step_type": {"const": step_type}}, "required": ["step_type"]}
    return {"if": applies, "then": {"allOf": rules}}


_SAYS_SOMETHING: Final[dict[str, Json]] = {"not": {"enum": [None, []]}}


def _has(place: str, name: str) -> dict[str, Json]:
    return {"properties": {place: {"type": "object", "required": [name]}}, "required": [place]}


def _sent(name: str) -> dict[str, Json]:
    return {"anyOf": [_has("config", name), _has("parameters", name)]}


def _in_one_place(name: str, schema: dict[str, Json]) -> dict[str, Json]:
    """A rule for a field of the configuration, in the place that counts where it stands in both."""

    def at(place: str) -> dict[str, Json]:
        return {"properties": {place: {"properties": {name: schema}}}}

    return {"if": _has("config", name), "then": at("config"), "else": at("parameters")}


def _model_schema(model: type[DocumentModel]) -> dict[str, Json]:
    schema: dict[str, Json] = _resolved(model.model_json_schema(mode="validation"))
    del schema["title"]
    return schema


def _resolved(node: Any) -> Any:
    """Pydantic's schema with `described` (see `document.refers_to`) put in place, without titles made from field names."""
    if isinstance(node, list):
        return [_resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _resolved(value) for key, value in node.items() if key != "described"}
    if "properties" in made:
        made["properties"] = {
            name: {k: v for k, v in field.items() if k != "title" and (k, v) != ("default", None)}
            for name, field in made["properties"].items()
        }
    if "described" in node:
        reference = f"#/$defs/{node['described']['definition']}"
        keyword = node["described"]["keyword"]
        made[keyword] = reference if keyword == "$ref" else {"$ref": reference}
        if keyword == "additionalProperties":
            made["propertyNames"] = {"not": {"enum": list(UNUSABLE_NAMES)}}
    return made


if __name__ == "__main__":
    sys.stdout.write(render_schema())
