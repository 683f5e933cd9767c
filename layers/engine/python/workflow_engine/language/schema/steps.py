"""The rules for steps: what each step type lets stand in a step of it, and what goes for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from workflow_engine.language.catalogue import StepTypeSpec
from workflow_engine.language.document import (
    CaseDocument,
    DocumentModel,
    LoopConfig,
    MapConfig,
    StepDocument,
    SwitchConfig,
)
from workflow_engine.language.schema import texts
from workflow_engine.language.schema.models import model_schema
from workflow_engine.language.schema.values import source_of_text
from workflow_engine.language.schema.words import BY_NAME, NO_SCHEMAS, Schema, published
from workflow_engine.language.scopes import RESERVED_IDS


class PublishedType(StepTypeSpec, Protocol):
    """A step type as the schema shows it."""

    @property
    def description(self) -> str: ...

    @property
    def aliases(self) -> tuple[str, ...]: ...

    @property
    def kind(self) -> str:
        """`builtin`, or `registered`: then a workflow may pin a version of it."""


_CONTAINERS: Final[Mapping[str, type[DocumentModel]]] = {"map": MapConfig, "loop": LoopConfig, "switch": SwitchConfig}
_NOTHING_GIVEN: Final[Schema] = {"maxProperties": 0}
_NOT_ON_CONTAINERS: Final[Schema] = {
    "for_each": {"type": "null"},
    "input_mapping": _NOTHING_GIVEN,
    "timeout_seconds": {"type": "null"},
    "max_retries": {"enum": [0, None]},
}
_SAYS_SOMETHING: Final[Schema] = {"not": {"enum": [None, []]}}


def definitions(step_types: Iterable[PublishedType]) -> dict[str, Schema]:
    """`Step`, and the configuration of each step type, by name."""
    types = [t for t in step_types if t.available]
    step = model_schema(StepDocument)
    step["properties"]["step_type"] |= _names_of(types)
    step["properties"]["step_id"] |= {
        "patternErrorMessage": "A letter or a digit, then letters, digits, _ and -, 64 at most; not a number.",
        "not": {"enum": sorted(RESERVED_IDS)},
        "errorMessage": "A word of the language cannot be the id of a step.",
    }
    step["properties"]["compensate"]["items"] = {"allOf": [{"$ref": "#/$defs/Step"}, {"$ref": "#/$defs/FailureStep"}]}
    step["properties"]["compensate"] |= _distinct()
    step["allOf"] = [*map(_rule, types), *_GENERAL]
    return {
        "Step": step,
        "HasConfig": _is_object("config"),
        "HasParameters": _is_object("parameters"),
        "FailureStep": {
            "properties": {
                "compensate": {"maxItems": 0, "errorMessage": "What runs when the run fails is not undone itself."}
            }
        },
        "CaseDocument": _with_distinct_steps(model_schema(CaseDocument)),
        **{_config_name(t): _config(t) for t in types},
    }


def root_steps() -> Schema:
    """What goes for the steps of the workflow itself: nothing is around them that could have an item, and no run has failed."""
    asked = ("query", "query_template")
    return {
        "allOf": [
            {"$ref": "#/$defs/Step"},
            {"$ref": "#/$defs/OutsideOfContainers"},
            {
                "properties": {
                    "input_mapping": _reads_no("failure", "failure is known in on_failure and compensate only.")
                },
                "if": _object(
                    ["step_type"],
                    step_type=_one_of("agent_execution", "agent"),
                    dependencies={"maxItems": 0},
                    input_mapping=_NOTHING_GIVEN,
                ),
                "then": {
                    "anyOf": [_sent(name) for name in asked],
                    "errorMessage": "The agent is asked nothing: give a query.",
                },
            },
        ]
    }


def outside_of_containers() -> Schema:
    """A step without for_each that stands in no map or loop has no item, and no index."""
    says = "item and index are known only in a step with for_each and inside of a map or loop."
    begins = {"type": "string", "pattern": r"^\s*(?:item|index)(?:[\s.\[=!<>]|$)"}
    return {
        "if": _object(["for_each"], for_each={"type": "string"}),
        "else": {
            "properties": {
                "input_mapping": _reads_no("item|index", says),
                "conditions": {"not": begins, "errorMessage": says},
            }
        },
    }


def distinct_steps(schema: Schema) -> Schema:
    """A list of steps in which none stands twice, ids included."""
    return schema | _distinct()


def _reads_no(words: str, says: str) -> Schema:
    return {
        "additionalProperties": {"not": {"type": "string", "pattern": texts.of_element(words)}, "errorMessage": says}
    }


def _distinct() -> Schema:
    """Steps without an id are named by their place, so two of them may be alike."""
    return {
        "if": {"items": {"required": ["step_id"], "properties": {"step_id": {"type": "string"}}}},
        "then": {"uniqueItems": True},
    }


def _names_of(types: list[PublishedType]) -> Schema:
    """The names of all step types, closed; a version of a registered type may be pinned."""
    named = [(name, t.description) for t in types for name in (t.name, *t.aliases)]
    names: Schema = {
        "enum": [name for name, _ in named],
        "markdownEnumDescriptions": [description for _, description in named],
    }
    registered = [t.name for t in types if t.kind == "registered"]
    if not registered:
        return names
    pinned = {"pattern": f"^(?:{'|'.join(registered)})@[1-9][0-9]{{0,7}}$"}
    return {"anyOf": [names, pinned]}


def names_of_registered(step_types: Iterable[PublishedType]) -> set[str]:
    """The definitions of configurations that clients have written, into which references may lead at any depth."""
    return {_config_name(t) for t in step_types if t.kind == "registered"}


def _config_name(step_type: PublishedType) -> str:
    return f"config_{step_type.name}"


def _rule(step_type: PublishedType) -> Schema:
    """What goes for steps of a type. The configuration stands in `config` or in its alias `parameters`, or some in each."""
    reference = {"$ref": f"#/$defs/{_config_name(step_type)}"}
    given = _must_be_given(step_type)
    fields: Schema = {}
    if step_type.name in _CONTAINERS:
        fields = _NOT_ON_CONTAINERS
    elif not step_type.takes_input:
        fields = {"input_mapping": _NOTHING_GIVEN}
    then: Schema = {
        "if": {"$ref": "#/$defs/HasParameters"},
        "then": {"if": {"$ref": "#/$defs/HasConfig"}, "else": {"properties": {"parameters": reference}}},
        "else": {"properties": {"config": reference}, **({"required": ["config"]} if given else {})},
    }
    if step_type.name in _CONTAINERS:
        then["then"]["then"] = _in_both(_CONTAINERS[step_type.name], f"{reference['$ref']}/properties/")
    return {
        "if": _object(["step_type"], step_type=_one_of(step_type.name, *step_type.aliases)),
        "then": {"properties": fields, **then} if fields else then,
    }


def _one_of(*names: str) -> Schema:
    """One of these names. Without `enum`: VS Code's hover fails on a field whose value another `enum` describes and this one lacks
    (vscode-json-languageservice 5.7.2).
    """
    return {"const": names[0]} if len(names) == 1 else {"anyOf": [{"const": name} for name in names]}


def _must_be_given(step_type: PublishedType) -> bool:
    """Whether a step of the type needs a configuration."""
    model, schema = _CONTAINERS.get(step_type.name), step_type.config_schema
    return model is not None or bool(schema.get("required")) or _one_of_required(schema)


def _one_of_required(schema: Mapping[str, Any]) -> bool:
    rules = schema.get("anyOf")
    return isinstance(rules, list) and bool(rules) and all(isinstance(r, dict) and r.get("required") for r in rules)


def _config(step_type: PublishedType) -> Schema:
    """The schema of the configuration of a type, of the whole of it."""
    model = _CONTAINERS.get(step_type.name)
    if model is None:
        made: Schema = published(_own(step_type.config_schema))
        made = _moved(made, _config_name(step_type))
        for name in step_type.template_fields:
            if name in made.get("properties", {}):
                made["properties"][name] |= source_of_text()
    else:
        made = _with_distinct_steps(model_schema(model))
        if model is LoopConfig:
            says = {"properties": {"while": _SAYS_SOMETHING}, "required": ["while"]}
            until = {"properties": {"until": _SAYS_SOMETHING}, "required": ["until"]}
            made["oneOf"] = [says, until]
            made["errorMessage"] = "A loop needs exactly one of while and until."
    if not _must_be_given(step_type) and made.get("type") == "object":
        made["type"] = ["object", "null"]
    return {"description": step_type.description, **made} if step_type.description else made


def _own(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without what names it for others: an `$id` would change what its references lead to here."""
    return {k: v for k, v in schema.items() if k not in ("$id", "$schema")}


def _moved(schema: Any, name: str) -> Any:
    """A client's schema at its place in the definitions: what its references and anchors mean is below its own root."""
    if isinstance(schema, list):
        return [_moved(s, name) for s in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {}
    for keyword, value in schema.items():
        if keyword in BY_NAME and isinstance(value, dict):
            made[keyword] = {inner: _moved(s, name) for inner, s in value.items()}
        elif keyword == "$ref" and isinstance(value, str) and value.startswith("#"):
            is_pointer = value == "#" or value.startswith("#/")
            made[keyword] = f"#/$defs/{name}{value[1:]}" if is_pointer else f"#{name}.{value[1:]}"
        elif keyword == "$anchor" and isinstance(value, str):
            made[keyword] = f"{name}.{value}"
        else:
            made[keyword] = value if keyword in NO_SCHEMAS else _moved(value, name)
    return made


def _with_distinct_steps(schema: Schema) -> Schema:
    for name in ("steps", "default"):
        if name in schema["properties"]:
            schema["properties"][name] |= _distinct()
    return schema


def _in_both(model: type[DocumentModel], definition: str) -> Schema:
    """A container's configuration of which some stands in each place: each field by itself."""
    fields = {f.alias or name: f for name, f in model.model_fields.items()}
    known = {"propertyNames": {"enum": list(fields)}}
    rules: list[Schema] = [{"properties": {"config": known, "parameters": known}}]
    rules += [_in_one_place(name, {"$ref": definition + name}) for name in fields]
    rules += [_sent(name) for name, f in fields.items() if f.is_required()]
    if model is LoopConfig:
        rules.append({"oneOf": [{"allOf": [_sent(n), _in_one_place(n, _SAYS_SOMETHING)]} for n in ("while", "until")]})
    return {"allOf": rules}


def _object(required: list[str], **properties: Schema) -> Schema:
    """An object with these properties. It says that it is one: without, a step that is not written yet would fit every `if`, and
    editors propose what stands below it.
    """
    return {"type": "object", "properties": properties, "required": required}


def _is_object(place: str) -> Schema:
    return _object([place], **{place: {"type": "object"}})


def _has(place: str, name: str) -> Schema:
    return {"properties": {place: {"type": "object", "required": [name]}}, "required": [place]}


def _sent(name: str) -> Schema:
    return {"anyOf": [_has("config", name), _has("parameters", name)]}


def _in_one_place(name: str, schema: Schema) -> Schema:
    """A rule for a field of the configuration, in the place that counts where it stands in both."""

    def at(place: str) -> Schema:
        return {"properties": {place: {"properties": {name: schema}}}}

    return {"if": _has("config", name), "then": at("config"), "else": at("parameters")}


_BOUND: Final = ("max_concurrency", "max_items")
_GENERAL: Final[list[Schema]] = [
    {
        "if": {"anyOf": [_object([name], **{name: {"type": "number"}}) for name in _BOUND]},
        "then": {"properties": {"for_each": {"type": "string"}}, "required": ["for_each"]},
    },
    *(
        {
            "if": _object(["on_error"], on_error={"const": on_error}),
            "then": {"properties": {"critical": {"enum": [critical, None]}}},
        }
        for on_error, critical in (("continue", False), ("fail", True))
    ),
]
"""What goes for steps of every type: what bounds a for_each needs one; the two ways to say critical agree."""
