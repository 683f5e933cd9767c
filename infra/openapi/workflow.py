"""A workflow as generators of clients can read it: what each part may be, as a union of types.

What relates fields to each other, and a step's configuration to its type, is in the schema for editors (`language.schema`): no
generator makes anything of it.
"""

from __future__ import annotations

from typing import Any, Final

from workflow_engine.language.condition_text import CHECKS, COMPARISONS, LOGICAL
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import (
    CaseDocument,
    DocumentModel,
    LoopConfig,
    MapConfig,
    StepDocument,
    SwitchConfig,
    WorkflowDocument,
)
from workflow_engine.language.fields import FIELDS


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
_OTHER_LITERAL: Final = {"description": "Any other JSON value is a literal."}
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
_GROUP: Final = _object(
    logical_operator={"enum": list(LOGICAL)},
    conditions={"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ConditionPart"}},
)
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


def workflow_shapes() -> dict[str, Json]:
    """The schema of a workflow document, with the parts of the language in its `$defs`."""
    return {
        **_model_schema(WorkflowDocument),
        "$defs": {
            "Step": _model_schema(StepDocument),
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


def _model_schema(model: type[DocumentModel]) -> dict[str, Json]:
    schema: dict[str, Json] = _resolved(model.model_json_schema(mode="validation"))
    del schema["title"]
    for name, words in FIELDS[model.__name__].items():
        schema["properties"][name]["description"] = words.description
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
    return made
