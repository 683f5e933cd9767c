"""JSON Schemas of tools and answers as the vendors take them.

A vendor that refuses one tool refuses the whole request, so each schema is made one that all of them take: an object with
`properties` at its root and nothing that is put together there, references resolved, lists with `items`. That may allow
more than the tool does; arguments are held against the tool's own schema when it is called.

- OpenAI wants `type: object` at the root with no `anyOf`, `oneOf`, `allOf`, `enum` or `not` beside it, `properties` in every
  object and `items` in every list (errors `invalid_function_parameters` of the Chat Completions API).
- Claude, on Bedrock too, takes no `anyOf`, `oneOf` or `allOf` at the root and names of properties of
  `[a-zA-Z0-9_.-]{1,64}` only; Nova takes `type`, `properties` and `required` at the root and nothing else (Amazon Nova user
  guide, "Using tools", "Tool use with the Converse API").
- Gemini finds no definition that a reference within `anyOf` names, and takes few keywords beside a reference (Gemini API
  reference, the schema of "FunctionDeclaration").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from llm_gateway.json_reader import UnreadableJsonError, checked
from llm_gateway.request import GenerationRequest, Tool

MAX_NODES: Final = 5_000
"""Schemas within one tool's schema after its references are resolved; OpenAI takes as many properties."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PROPERTY_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ONE_OF: Final = ("anyOf", "oneOf")
_SCHEMAS: Final = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_PUT_TOGETHER: Final = frozenset({"anyOf", "oneOf", "allOf"})
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS: Final = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_NOT_SENT: Final = frozenset({"$schema", "$id", "$anchor", "$comment", "$defs", "definitions"})
"""Keywords that say nothing of the arguments once references are resolved."""

Json = dict[str, Any]


class _InexpressibleError(Exception):
    """No vendor takes such a schema. The message says why."""


def for_vendors(request: GenerationRequest) -> tuple[GenerationRequest, tuple[str, ...]]:
    """The request with schemas that every vendor takes, and what had to be left out for that. The answer is held against the
    schema of the request itself, arguments against those of the tools.
    """
    warnings: list[str] = []
    form = request.response_format
    if form is not None and form.schema is not None:
        form = replace(form, schema=completed(form.schema))
    return replace(request, tools=offered(request.tools, warnings), response_format=form), tuple(warnings)


def offered(tools: Iterable[Tool], warnings: list[str]) -> tuple[Tool, ...]:
    """The tools as vendors take them; those that cannot be expressed are left out, each with a warning."""
    return tuple(_offered(tools, warnings))


def completed(schema: Mapping[str, Any]) -> Json:
    """A schema of an answer with what vendors miss: the type at the root where that can only be an object, `properties` in
    objects and `items` in lists. What fits it fits the schema; one that cannot be read is as it was.
    """
    try:
        whole = _Completion(schema, resolves=False).of(schema)
        if isinstance(whole.get("$ref"), str):  # at the root no vendor takes one
            target = _Completion(schema, resolves=False).of(_target(schema, whole["$ref"]))
            whole = {**target, **{name: value for name, value in whole.items() if name != "$ref"}}
    except (_InexpressibleError, AttributeError, TypeError, RecursionError):
        return dict(schema)
    if "type" not in whole and "properties" in whole and whole.keys().isdisjoint(_PUT_TOGETHER):
        whole["type"] = "object"
    return whole


def _offered(tools: Iterable[Tool], warnings: list[str]) -> Iterator[Tool]:
    for tool in tools:
        try:
            if not _NAME.fullmatch(tool.name):
                raise _InexpressibleError("models take no such name")
            yield replace(tool, parameters=_parameters(tool.parameters))
        except _InexpressibleError as problem:
            warnings.append(f"The tool '{tool.name[:64]}' was left out: {problem}.")
        except (AttributeError, TypeError, ValueError, RecursionError):
            warnings.append(f"The tool '{tool.name[:64]}' was left out: its parameters are not a JSON Schema.")


def _parameters(schema: Mapping[str, Any]) -> Json:
    try:
        checked(json.loads(json.dumps(schema, default=dict)))
    except UnreadableJsonError as error:
        raise _InexpressibleError(f"its schema cannot be sent, since {error}") from None
    whole = _Completion(schema).of(schema)
    types = whole.get("type", "object")
    if "object" not in ([types] if isinstance(types, str) else types):
        raise _InexpressibleError("its arguments are not an object")
    properties, required = _flattened(whole)
    odd = next((name for name in properties if not _PROPERTY_NAME.fullmatch(name)), None)
    if odd is not None:
        raise _InexpressibleError(f"models take no argument called '{odd[:64]}'")
    kept = {"type": "object", "properties": properties}
    if required:
        kept["required"] = required
    if "additionalProperties" in whole and whole.keys().isdisjoint(_PUT_TOGETHER):
        kept["additionalProperties"] = whole["additionalProperties"]
    if isinstance(whole.get("description"), str):
        kept["description"] = whole["description"]
    return kept


def _flattened(schema: Json) -> tuple[Json, list[str]]:
    """Properties and required ones of an object that may be put together of others: of all of `allOf`, and of any of
    `anyOf` and `oneOf`, where only those are required that all of these require.
    """
    properties = dict(schema.get("properties", {}))
    required = dict.fromkeys(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        inner, needed = _flattened(part)
        _add(properties, inner)
        required |= dict.fromkeys(needed)
    for keyword in _ONE_OF:
        variants = [_flattened(part) for part in schema.get(keyword, ()) if _may_be_object(part)]
        if schema.get(keyword) and not variants:
            raise _InexpressibleError("its arguments are not an object")
        for inner, _ in variants:
            _add(properties, inner)
        if variants:
            common = [name for name in variants[0][1] if all(name in needed for _, needed in variants)]
            required |= dict.fromkeys(common)
    return properties, [name for name in required if name in properties]


def _may_be_object(schema: Json) -> bool:
    types = schema.get("type", "object")
    return "object" in ([types] if isinstance(types, str) else types)


def _add(properties: Json, more: Json) -> None:
    """Take in properties; one that is there with another schema may be either."""
    for name, schema in more.items():
        known = properties.get(name)
        if known is None or known == schema or known == {}:
            properties[name] = schema
        elif schema != {}:
            variants = known["anyOf"] if known.keys() == {"anyOf"} else [known]
            if schema not in variants:
                properties[name] = {"anyOf": [*variants, schema]}


class _Completion:
    """Schemas of one document with its objects and lists completed and, if wanted, its references resolved."""

    def __init__(self, root: Mapping[str, Any], *, resolves: bool = True) -> None:
        self._root = root
        self._resolves = resolves
        self._nodes = 0

    def of(self, schema: Any, around: frozenset[str] = frozenset()) -> Json:
        """A schema; `around` are the references that lead here, of which none is followed again."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _InexpressibleError("its schema is too large")
        if schema is True:
            return {}
        if schema is False:
            return {"not": {}}
        if not isinstance(schema, Mapping):
            raise _InexpressibleError("its parameters are not a JSON Schema")
        reference = schema.get("$ref")
        if self._resolves and isinstance(reference, str):
            if reference in around:
                return {"description": "The same again."}
            target = self.of(_target(self._root, reference), around | {reference})
            beside = self.of({name: value for name, value in schema.items() if name != "$ref"}, around)
            return {**target, **beside}
        whole = {name: value for name, value in schema.items() if not self._resolves or name not in _NOT_SENT}
        for name in _SCHEMAS:
            if isinstance(whole.get(name), Mapping):
                whole[name] = self.of(whole[name], around)
        for name in _LISTS:
            if name in whole:
                whole[name] = [self.of(inner, around) for inner in whole[name]]
        for name in _MAPS:
            if name in whole:
                whole[name] = {key: self.of(inner, around) for key, inner in whole[name].items()}
        types = whole.get("type", ())
        types = [types] if isinstance(types, str) else types
        if "object" in types:
            whole.setdefault("properties", {})
        if "array" in types and "prefixItems" not in whole:
            whole.setdefault("items", {})
        return whole


def _target(root: Mapping[str, Any], reference: str) -> Any:
    """What a reference within a document names (RFC 6901)."""
    if not reference.startswith("#"):
        raise _InexpressibleError(f"its schema refers to '{reference[:100]}', which is elsewhere")
    found: Any = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (LookupError, TypeError, ValueError):
            raise _InexpressibleError(f"its schema refers to '{reference[:100]}', which is not there") from None
    return found
