"""The JSON Schema (2020-12) of a workflow, for editors and clients. Print it: `python -m workflow_engine.language.schema`.

It is made of the pydantic models, and of definitions written here for what they leave open: steps, sources, conditions.
Every workflow that `parse_workflow` takes fits it. It does not check what needs names: references, step types, configs.
"""

from __future__ import annotations

import json
import sys
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

_CONTAINER_CONFIGS: Final = {"map": "MapConfig", "loop": "LoopConfig", "switch": "SwitchConfig"}


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
_TEST: Final = {
    "type": "object",
    "properties": {
        "left_operand": {"anyOf": [{"$ref": "#/$defs/Reference"}, _VALUE]},
        "operator": {"enum": [*COMPARISONS, *CHECKS]},
        "right_operand": {"description": "A literal, or a reference with a path. {'value': ...} forces a literal."},
    },
    "required": ["left_operand", "operator"],
    "additionalProperties": False,
}
_GROUP: Final = _object(
    logical_operator={"enum": list(LOGICAL)},
    conditions={"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Condition"}},
)
_CONDITION: Final = {
    "description": 'A text such as "a.score >= 0.5 and not b.skip", a test, a group, or a list of which all must hold.',
    "anyOf": [
        {"type": "null"},
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"$ref": "#/$defs/Condition"}},
        _TEST,
        _GROUP,
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
        },
    }


def render_schema() -> str:
    """The schema as the text of `statemachines/workflow.schema.json`."""
    return json.dumps(workflow_schema(), indent=2, ensure_ascii=False) + "\n"


def _container_rule(step_type: str, config: str) -> dict[str, Json]:
    """The form of a container's config, where it is not spread over `config` and its alias `parameters`."""
    return {
        "if": {
            "properties": {
                "step_type": {"const": step_type},
                "config": {"type": "object"},
                "parameters": {"type": "null"},
            },
            "required": ["step_type", "config"],
        },
        "then": {"properties": {"config": {"$ref": f"#/$defs/{config}"}}},
    }


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
    return made


if __name__ == "__main__":
    sys.stdout.write(render_schema())
