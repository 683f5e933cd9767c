"""Schemas of what the API takes and answers, made of the types in the code, in the form that generators of clients can read.

They leave out what relates fields to each other (`if`, `not`, `allOf` of such rules): no generator makes anything of it, many
stumble over it, and the service checks it anyhow. The published schema of workflows has it all.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from infra.openapi.workflow import workflow_shapes
from workflow_engine.usecases import answers
from workflow_engine.usecases.bodies.run import WorkflowRunFields
from workflow_engine.usecases.bodies.workflow import WRAPPERS, WrappedRun

Schema = dict[str, Any]

_COMPONENTS: Final = "#/components/schemas/"
_DEFINITIONS: Final = "#/$defs/"

_RELATIONS: Final = ("if", "then", "else", "not", "allOf", "propertyNames")
_WORKFLOW: Final = "language.document:WorkflowDocument"
_RUN: Final = "usecases.bodies.run:WorkflowRunFields"
_OF_BOTH: Final = ("tags", "metadata")
"""Fields that a workflow and a run have; beside the workflow's fields they are shown as the workflow's."""


class Schemas:
    """The components of a document, each added when something first refers to it."""

    def __init__(self) -> None:
        self._added: dict[str, Schema] = {}
        workflow = workflow_shapes()
        definitions: dict[str, Schema] = workflow.pop("$defs")
        parts = {"ConditionPart": _without_own_lists("ConditionPart", definitions["ConditionPart"])}
        self._definitions = {**definitions, **parts, "Workflow": workflow}

    @property
    def components(self) -> dict[str, Schema]:
        """All that was referred to, by name."""
        return dict(sorted(self._added.items()))

    def answer(self, name: str) -> Schema:
        """A reference to a type of `usecases.answers`."""
        adapter = TypeAdapter(getattr(answers, name))
        schema = adapter.json_schema(ref_template=_COMPONENTS + "{model}", mode="serialization")
        definitions = schema.pop("$defs", {})
        if "$ref" not in schema:
            definitions[name] = schema
        for named, definition in definitions.items():
            self._add(named, _with_words(definition, getattr(answers, named)))
        return _reference(name)

    def body(self, place: str) -> Schema:
        """A reference to the schema of a body, `module:name` below `workflow_engine`."""
        if place == _WORKFLOW:
            return self._posted("WorkflowRequest", "Workflow", self._definitions["Workflow"])
        if place == _RUN:
            whole, fields = self._definitions["Workflow"], _model(WorkflowRunFields)["properties"]
            beside = {name: schema for name, schema in fields.items() if name not in _OF_BOTH}
            flat = whole | {"properties": {**whole["properties"], **beside}}
            return self._posted("ExecuteRequest", "WorkflowRun", flat)
        return self._located(place)

    def form(self, name: str, schema: Schema) -> Schema:
        """A reference to the schema of a form, which no type in the code says: forms are read part by part."""
        return self._add(name, schema)

    def _located(self, place: str) -> Schema:
        module, _, attribute = place.partition(":")
        found = getattr(importlib.import_module(f"workflow_engine.{module}"), attribute)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return self._add(attribute, _model(found))
        name = "".join(word.capitalize() for word in attribute.removesuffix("_DOCUMENT").split("_"))
        return self._add(name, _without_defaults(found))

    def _posted(self, name: str, alone: str, schema: Schema) -> Schema:
        """A workflow in any of the forms in which clients post it; `alone` is the one with its fields on top."""
        forms = [self._add(alone, schema)]
        wrapped = _model(WrappedRun)
        of_run = {name: schema for name, schema in wrapped["properties"].items() if name not in WRAPPERS}
        for form, field in zip(("WrappedRun", "WrappedRunOfTheOriginal"), WRAPPERS, strict=True):
            properties = {**of_run, field: {"$ref": _DEFINITIONS + "Workflow"}}
            forms.append(self._add(form, wrapped | {"properties": properties, "required": [field]}))
        return self._add(name, {"anyOf": forms})

    def _add(self, name: str, schema: Schema) -> Schema:
        if name not in self._added:
            self._added[name] = {}  # what follows may refer to it
            self._added[name] = self._readable(schema)
        return _reference(name)

    def _readable(self, schema: Any) -> Any:
        """A schema, or a list of them, as generators of clients take it."""
        if isinstance(schema, list):
            return [self._readable(s) for s in schema]
        if not isinstance(schema, dict):
            return {} if schema is True else schema
        if described := schema.get("described"):
            return self._described(schema, described["definition"])
        made: Schema = {}
        for keyword, value in schema.items():
            if keyword == "properties":
                # A field that may only be null is one not to send; types of TypeScript that hold nothing else clash in unions.
                made[keyword] = {name: self._readable(s) for name, s in value.items() if s != {"type": "null"}}
            elif keyword == "additionalProperties":
                made[keyword] = value if isinstance(value, bool) else self._readable(value)
            elif keyword == "anyOf":
                made |= self._any_of([s for s in value if set(s) != {"required"}])
            elif keyword == "items":
                made[keyword] = self._readable(value)
            elif keyword not in (*_RELATIONS, "title", "described") and (keyword, value) != ("default", None):
                made[keyword] = value
        target = made.get("$ref", "")
        if target.startswith(_DEFINITIONS):
            name = target.removeprefix(_DEFINITIONS)
            made |= self._add(name, self._definitions[name])
        if made.get("type") == "array":
            made.setdefault("items", {})
        return made

    def _described(self, schema: Schema, place: str) -> Schema:
        """A field whose value a model or schema of its own describes (`language.document.refers_to`)."""
        own = self._located(place)
        may_be_null = {"type": "null"} in schema.get("anyOf", ())
        words = {"description": schema["description"]} if "description" in schema else {}
        return ({"anyOf": [own, {"type": "null"}]} if may_be_null else own) | words

    def _any_of(self, alternatives: list[Schema]) -> Schema:
        return {"anyOf": self._readable(alternatives)} if alternatives else {}


def _reference(name: str) -> Schema:
    return {"$ref": _COMPONENTS + name}


def _model(model: type[BaseModel]) -> Schema:
    """The schema of a pydantic model, with what stands below its fields."""
    schema = model.model_json_schema(ref_template=_COMPONENTS + "{model}")
    return _with_words(schema, model)


def _with_words(schema: Schema, kind: Any) -> Schema:
    """The schema of a class with what stands below its fields; that of any other type as it is."""
    if not isinstance(kind, type):
        return schema
    for field, words in _words(importlib.import_module(kind.__module__)).get(kind.__name__, {}).items():
        schema["properties"][field].setdefault("description", words)
    return schema


def _without_defaults(schema: Any) -> Any:
    """A schema of the catalogue without its defaults, which generated clients would send: what is left out may mean more, such as
    the response_format that a response_schema implies.
    """
    if isinstance(schema, list):
        return [_without_defaults(s) for s in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        keyword: {name: _without_defaults(inner) for name, inner in value.items()}
        if keyword == "properties"
        else _without_defaults(value)
        for keyword, value in schema.items()
        if keyword != "default"
    }


def _without_own_lists(name: str, union: Schema) -> Schema:
    """A union that may be a list of itself, with the innermost of two lists left open: a type that is directly its own part has
    no name in TypeScript's declarations, nor a class in Python.
    """
    own = {"$ref": _DEFINITIONS + name}
    others = [s for s in union["anyOf"] if s.get("items") != own]
    inner = {"anyOf": [*others, {"type": "array"}]}
    return union | {"anyOf": [s | {"items": inner} if s.get("items") == own else s for s in union["anyOf"]]}


@cache
def _words(module: ModuleType) -> dict[str, dict[str, str]]:
    """What stands below the fields of a module's classes, by class and field, inherited ones included. In the source alone: to
    the interpreter these texts are nothing, so they cost no start of a function anything.
    """
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        own: dict[str, str] = {}
        for base in (b.id for b in node.bases if isinstance(b, ast.Name)):
            home = getattr(getattr(module, base), "__module__", "")
            elsewhere = home.startswith("workflow_engine.") and home != module.__name__
            own |= (_words(importlib.import_module(home)) if elsewhere else found).get(base, {})
        for field, text in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                own[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
        found[node.name] = own
    return found
