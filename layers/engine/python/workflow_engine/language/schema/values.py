"""The definitions of what stands in fields: references, sources, conditions.

Each is one branch of properties with `if` and `then` below it, not a union: editors propose nothing for a union one of whose
branches says `not`, and tell of a mistake in the branch that they take for the nearest.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.language.condition_text import CHECKS, LOGICAL, MAX_CONDITION_CHARACTERS
from workflow_engine.language.document import UNUSABLE_NAMES
from workflow_engine.language.expressions import MAX_EXPRESSION_CHARACTERS
from workflow_engine.language.fields import FIELDS, OPERATORS
from workflow_engine.language.schema import texts
from workflow_engine.language.schema.words import Schema, of_field, of_part, of_values

_NOT_A_REFERENCE: Final = (
    'A reference is written step_id.path, with nothing around it. A text is written {"value": "..."}, text with references in '
    'it {"template": "..."}.'
)
_NOT_A_CONDITION: Final = (
    "A condition compares references and literals: a.total >= 100 and not (input.skip == true). Texts stand in straight quotes; "
    "the operators are ==, !=, >, >=, <, <=, and, or, not, in, contains and others."
)
_NOT_BALANCED: Final = "A bracket or a quotation mark is missing, or there is one too many."
_NOT_CLOSED: Final = "Each {{ needs its }}. Braces that are meant as they stand are written {{{x}}}."
_READS_NOTHING: Final = "Nothing is read by a bare name here. Read a step, input or variables by $ref('step.path')."


def definitions() -> dict[str, Schema]:
    """All of them, by name."""
    return {
        "Reference": {**of_part("Reference"), **texts.text_schema(texts.REFERENCE, _NOT_A_REFERENCE)},
        "Source": _source("Source", {"template": _template(), "expression": _expression()}),
        "OutputSource": _source(
            "OutputSource",
            {
                "template": _template(),
                "expression": {"not": {}, "errorMessage": "An expression may stand in an input_mapping only."},
            },
        ),
        "Sources": _names("Source"),
        "OutputSources": _names("OutputSource"),
        "Condition": {
            **of_part("Condition"),
            "type": ["string", "object", "array", "null"],
            "if": {"type": "array", "maxItems": 0},
            "else": {"if": {"type": ["string", "object", "array"]}, "then": {"$ref": "#/$defs/ConditionPart"}},
        },
        "ConditionPart": _condition_part(),
        "ConditionText": _condition_text(),
        "ConditionObject": _condition_object(),
    }


def source_of_text() -> Schema:
    """The rule for texts: a template, as fields of configurations have it."""
    return {"pattern": texts.TEMPLATE, "patternErrorMessage": _NOT_CLOSED}


def _source(name: str, marked: dict[str, Schema]) -> Schema:
    """A reference, one of the marked forms, or any other literal. They are marked by being the only key."""
    rule: Schema = {}
    for key, inner in marked.items():
        alone = {"type": "object", "required": [key], "maxProperties": 1}
        rule = {"if": alone, "then": {"properties": {key: inner}}, **({"else": rule} if rule else {})}
    fields = [
        key for key in ("value", "template", "expression") if key == "value" or name == "Source" or key == "template"
    ]
    return {
        **of_part(name),
        "properties": {key: of_field("Source", key) for key in fields},
        "if": {"type": "string"},
        "then": {"$ref": "#/$defs/Reference"},
        "else": rule,
    }


def _template() -> Schema:
    return texts.text_schema(texts.TEMPLATE, _NOT_CLOSED)


def _expression() -> Schema:
    bare = {"pattern": texts.NAME_AND_DOT, "not": {"pattern": texts.LITERAL_AND_DOT}}
    return {
        **texts.text_schema(texts.EXPRESSION, _NOT_BALANCED, minLength=1, maxLength=MAX_EXPRESSION_CHARACTERS),
        "not": bare,
        "errorMessage": _READS_NOTHING,
    }


def _names(definition: str) -> Schema:
    """Names, each with a source."""
    return {
        "type": ["object", "null"],
        "additionalProperties": {"$ref": f"#/$defs/{definition}"},
        "propertyNames": {"not": {"enum": list(UNUSABLE_NAMES)}},
    }


def _condition_part() -> Schema:
    return {
        **of_part("Condition"),
        "type": ["string", "object", "array"],
        "if": {"type": "string"},
        "then": {"$ref": "#/$defs/ConditionText"},
        "else": {
            "if": {"type": "object"},
            "then": {"$ref": "#/$defs/ConditionObject"},
            "else": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ConditionPart"}},
        },
    }


def _condition_text() -> Schema:
    return {
        **texts.text_schema(texts.CONDITION, _NOT_A_CONDITION, minLength=1, maxLength=MAX_CONDITION_CHARACTERS),
        "allOf": [
            {"pattern": texts.EXPRESSION, "patternErrorMessage": _NOT_BALANCED},
            {"not": {"pattern": texts.UNFINISHED_CONDITION}, "errorMessage": "The last operand is missing."},
            {"not": {"pattern": texts.FOREIGN_OPERATOR}, "errorMessage": _NOT_A_CONDITION},
        ],
    }


def _condition_object() -> Schema:
    """A test or a group; which of the two, its fields tell."""
    test_fields, group_fields = ("left_operand", "operator", "right_operand"), ("logical_operator", "conditions")
    return {
        "type": "object",
        "properties": _condition_fields(),
        "additionalProperties": False,
        "if": {"anyOf": [{"required": [name]} for name in group_fields]},
        "then": {
            "required": list(group_fields),
            "propertyNames": {"enum": list(group_fields)},
            "if": {"properties": {"logical_operator": {"const": "not"}}},
            "then": {"properties": {"conditions": {"maxItems": 1}}},
        },
        "else": {
            "required": list(test_fields[:2]),
            "if": {"properties": {"operator": {"enum": list(CHECKS)}}},
            "then": {"properties": {"right_operand": {"type": "null"}}},
            "else": {
                "required": ["right_operand"],
                "if": {"properties": {"operator": {"const": "regex_match"}}},
                "then": {"properties": {"right_operand": _pattern()}},
            },
        },
    }


def _condition_fields() -> dict[str, Schema]:
    """The fields of both: operands and operator of a test, conditions of a group and what joins them."""
    return {
        "left_operand": {
            **of_field("Condition", "left_operand"),
            "if": {"type": "string"},
            "then": {"$ref": "#/$defs/Reference"},
            "else": {
                "type": "object",
                "properties": {"value": {}},
                "required": ["value"],
                "additionalProperties": False,
            },
        },
        "operator": {
            **of_field("Condition", "operator"),
            "enum": list(OPERATORS),
            "markdownEnumDescriptions": [f"{meaning} Example: `{example}`" for meaning, example in OPERATORS.values()],
        },
        "right_operand": of_field("Condition", "right_operand"),
        "logical_operator": {
            **of_field("Condition", "logical_operator"),
            "enum": list(LOGICAL),
            **of_values(FIELDS["Condition"]["logical_operator"], list(LOGICAL)),
        },
        "conditions": {
            **of_field("Condition", "conditions"),
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/ConditionPart"},
        },
    }


def _pattern() -> Schema:
    literal = {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]}
    return {"if": {"type": "object"}, "then": {**literal, "additionalProperties": False}, "else": {"type": "string"}}
