"""Shapes: what is known of a value before the run, and where a path below it can lead.

A shape is a JSON Schema, a literal value, an object or list made of shapes, or unknown. It is looked at lazily, one segment of
a path at a time (`follow`), since schemas may refer to themselves.

What is not understood is unknown: a path is said to lead nowhere only where every value that fits the shape lacks it. null
fits every shape, because a step may be skipped and a field left out, so it is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal
from urllib.parse import unquote

from workflow_engine.language.diagnostics import Json
from workflow_engine.language.syntax import MAX_LIST_NESTING, Segment, Wildcard
from workflow_engine.lazy_dataclass import dataclass

MAX_ALTERNATIVES: Final = 100
"""Alternatives of one shape, elements of a literal list included. What has more is taken as unknown, so that the time that a
path takes is bounded.
"""
MAX_SCHEMA_REFERENCES: Final = 50


@dataclass(frozen=True, slots=True)
class BySchema:
    """Whatever fits a JSON Schema (2020-12). `root` is the document that its `$ref`s are looked up in."""

    schema: Json
    root: Json

    @classmethod
    def of(cls, schema: Json) -> BySchema:
        """The shape of a schema that stands by itself."""
        return cls(schema, schema)


@dataclass(frozen=True, slots=True)
class ByValue:
    """A literal: it has what it has, and nothing else."""

    value: Json


@dataclass(frozen=True, slots=True)
class Record:
    """An object that has these fields, some of them perhaps, and no others."""

    fields: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class Refined:
    """A shape some of whose fields are known better."""

    shape: Shape
    fields: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose elements have this shape."""

    element: Shape


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value of any of these shapes; of none at all, it is only ever null."""

    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any value."""


ANYTHING: Final = Unknown()
Shape = BySchema | ByValue | Record | Refined | ListOf | OneOf | Unknown


# --- the kinds of value that a shape comes to ---


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """An object. Which fields it has beside `fields`: none if `closed`; if `open` there may be some that nothing names; if
    `any` others are expected, of the shape `others`. Not `typed`: the schema has no `type`, so other kinds fit as well.
    """

    fields: Mapping[str, Shape]
    openness: Literal["closed", "open", "any"] = "closed"
    others: Shape = ANYTHING
    typed: bool = True


@dataclass(frozen=True, slots=True)
class ListKind:
    element: Shape


@dataclass(frozen=True, slots=True)
class ScalarKind:
    """A text, number or truth value. `values` are all that it can be, by an enumeration; None where any will do."""

    what: str
    values: tuple[Json, ...] | None = None


Kind = ObjectKind | ListKind | ScalarKind | Unknown

_SCALARS: Final = {"string": "a text", "integer": "a number", "number": "a number", "boolean": "true or false"}
_NAMING_KEYWORDS: Final = (
    "patternProperties", "allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas", "unevaluatedProperties",
    "propertyNames", "$dynamicRef",
)  # fmt: skip


def kinds_of(shape: Shape) -> tuple[Kind, ...]:
    """All kinds of value that fit, null left out: (`ANYTHING`,) when they cannot be told, () for nothing but null."""
    kinds: list[Kind]
    match shape:
        case BySchema(schema=schema, root=root):
            kinds = _by_schema(schema, root, MAX_SCHEMA_REFERENCES)
        case ByValue(value=value):
            kinds = [] if value is None else [_of_value(value)]
        case Record(fields=fields):
            kinds = [ObjectKind(fields)]
        case Refined(shape=base, fields=fields):
            kinds = [
                replace(k, fields={**k.fields, **fields}) if isinstance(k, ObjectKind) else k for k in kinds_of(base)
            ]
        case ListOf(element=element):
            kinds = [ListKind(element)]
        case OneOf(shapes=shapes):
            kinds = _one_list([kind for part in shapes for kind in kinds_of(part)])
        case _:
            kinds = [ANYTHING]
    return (ANYTHING,) if ANYTHING in kinds or len(kinds) > MAX_ALTERNATIVES else tuple(kinds)


def one_of(shapes: Iterable[Shape]) -> Shape:
    """A value of any of these shapes, alternatives within alternatives made flat; unknown where they are too many."""
    flat: list[Shape] = []
    for shape in shapes:
        flat.extend(shape.shapes if isinstance(shape, OneOf) else [shape])
        if len(flat) > MAX_ALTERNATIVES or ANYTHING in flat[-1:]:
            return ANYTHING
    return flat[0] if len(flat) == 1 else OneOf(tuple(flat))


def _one_list(kinds: list[Kind]) -> list[Kind]:
    """All lists among alternatives as one, so that lists in lists do not multiply."""
    lists = [kind for kind in kinds if isinstance(kind, ListKind)]
    if len(lists) < 2:
        return kinds
    merged = ListKind(one_of(kind.element for kind in lists))
    return [*(kind for kind in kinds if not isinstance(kind, ListKind)), merged]


def _of_value(value: Json) -> Kind:
    if isinstance(value, dict):
        return ObjectKind({name: ByValue(part) for name, part in value.items()})
    if isinstance(value, list):
        return ListKind(one_of(map(ByValue, value)))
    return ScalarKind(_what(value))


def _what(scalar: Json) -> str:
    if isinstance(scalar, bool):
        return "true or false"
    return "a text" if isinstance(scalar, str) else "a number"


def _by_schema(schema: Json, root: Json, references_left: int) -> list[Kind]:
    """The kinds of value that a schema lets through. Keywords that only narrow are not looked at."""
    if not isinstance(schema, dict) or not schema:
        return [] if schema is False else [ANYTHING]
    if "$ref" in schema:
        if "properties" in schema or not references_left or (found := _referred(schema["$ref"], root)) is None:
            return [ANYTHING]
        return _by_schema(found, root, references_left - 1)
    if "const" in schema:
        return _enumerated([schema["const"]])
    if isinstance(schema.get("enum"), list):
        return _enumerated(schema["enum"])
    if not isinstance(schema.get("properties"), dict):
        if isinstance(wrapped := schema.get("allOf"), list):
            # The usual wrapping of a single reference is understood, intersections are not.
            return _by_schema(wrapped[0], root, references_left) if len(wrapped) == 1 else [ANYTHING]
        if isinstance(parts := schema.get("anyOf", schema.get("oneOf")), list):
            return [kind for part in parts for kind in _by_schema(part, root, references_left)]
    return _typed(schema, root)


def _typed(schema: Mapping[str, Json], root: Json) -> list[Kind]:
    """The kinds that the `type` of a schema names; without one those that its keywords are about."""
    types = schema.get("type")
    if types is None:
        if any(keyword in schema for keyword in ("properties", "additionalProperties")):
            return [replace(_object(schema, root), typed=False)]
        return [_list(schema, root)] if "items" in schema else [ANYTHING]
    kinds: list[Kind] = []
    for name in types if isinstance(types, list) else [types]:
        if name == "object":
            kinds.append(_object(schema, root))
        elif name == "array":
            kinds.append(_list(schema, root))
        elif name != "null":
            known = _SCALARS.get(name) if isinstance(name, str) else None
            kinds.append(ANYTHING if known is None else ScalarKind(known))
    return kinds


def _object(schema: Mapping[str, Json], root: Json) -> ObjectKind:
    named = schema.get("properties")
    properties = named if isinstance(named, dict) else {}
    fields = {name: BySchema(part, root) for name, part in properties.items()}
    others = schema.get("additionalProperties")
    if others is False and not schema.get("patternProperties"):
        return ObjectKind(fields)
    if others is None and fields and not any(_may_name(schema, keyword) for keyword in _NAMING_KEYWORDS):
        return ObjectKind(fields, "open")
    expected = isinstance(others, dict) and "patternProperties" not in schema
    return ObjectKind(fields, "any", BySchema(others, root) if expected else ANYTHING)


def _may_name(schema: Mapping[str, Json], keyword: str) -> bool:
    """Whether a keyword may name properties: `anyOf` often only says which of them are required."""
    rule = schema.get(keyword)
    parts = rule if isinstance(rule, list) else [rule]
    return keyword in schema and not all(isinstance(part, dict) and set(part) <= {"required"} for part in parts)


def _list(schema: Mapping[str, Json], root: Json) -> ListKind:
    items, first = schema.get("items"), schema.get("prefixItems")
    if not isinstance(first, list):
        return ListKind(BySchema(items, root) if isinstance(items, dict) else ANYTHING)
    return ListKind(one_of((*(BySchema(part, root) for part in first), BySchema(items, root))))


def _enumerated(values: list[Json]) -> list[Kind]:
    kinds: list[Kind] = [_of_value(value) for value in values if isinstance(value, dict | list)]
    scalars = tuple(value for value in values if value is not None and not isinstance(value, dict | list))
    return [*kinds, ScalarKind(_what(scalars[0]), scalars)] if scalars else kinds


def _referred(reference: Json, root: Json) -> Json | None:
    """The part of a schema document at `#/a/b`; None for any other reference, and where there is no such part."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    part = root
    for escaped in reference.split("/")[1:]:
        key = unquote(escaped).replace("~1", "/").replace("~0", "~")
        if isinstance(part, dict) and key in part:
            part = part[key]
        elif isinstance(part, list) and key.isdecimal() and int(key) < len(part):
            part = part[int(key)]
        else:
            return None
    return part


# --- paths ---


@dataclass(frozen=True, slots=True)
class Missing:
    """Where a path leaves a shape: the position of the segment, the kinds of value that stand before it, and whether such a
    field is impossible or only named nowhere.
    """

    position: int
    kinds: tuple[Kind, ...]
    impossible: bool


_Verdict = Literal["found", "unnamed", "impossible"]
Seen = dict[tuple[int, Segment], tuple["Shape", "Shape", "_Verdict"]]
"""What each segment led to from each shape, by the identity of the shape, which stands first so that it lives as long."""


def follow(shape: Shape, path: tuple[Segment, ...], seen: Seen | None = None) -> tuple[Shape, Missing | None]:
    """What a path below a shape leads to, by the rules of `syntax`; past what is missing, unknown.

    With `seen`, kept by the caller, paths that begin alike are followed once as far as they do.
    """
    seen = {} if seen is None else seen
    for position, segment in enumerate(path):
        key = (id(shape), segment)
        if key not in seen:
            seen[key] = (shape, *_step(shape, segment))
        before, shape, verdict = seen[key]
        if verdict != "found":
            return ANYTHING, Missing(position, kinds_of(before), impossible=verdict == "impossible")
        if isinstance(segment, Wildcard):
            inner, missing = follow(shape, path[position + 1 :], seen)
            return ListOf(inner), replace(missing, position=missing.position + position + 1) if missing else None
    return shape, None


def _step(shape: Shape, segment: Segment) -> tuple[Shape, _Verdict]:
    if isinstance(segment, Wildcard):
        elements = _lists(kinds_of(shape))
        return (elements, "found") if elements is not None else (ANYTHING, "impossible")
    return _below(kinds_of(shape), segment, MAX_LIST_NESTING)


def _below(kinds: tuple[Kind, ...], segment: str | int, lists_left: int) -> tuple[Shape, _Verdict]:
    """What one segment reads of values of these kinds. One kind that has it is enough."""
    read = [_read(kind, segment, lists_left) for kind in kinds]
    found = [shape for shape, verdict in read if verdict == "found"]
    if found or not read:
        # A list whose elements do not have it is read as a list all the same, of nulls.
        return one_of([*found, *(s for s, verdict in read if verdict != "found" and isinstance(s, ListOf))]), "found"
    return ANYTHING, "unnamed" if any(verdict == "unnamed" for _, verdict in read) else "impossible"


def _read(kind: Kind, segment: str | int, lists_left: int) -> tuple[Shape, _Verdict]:
    match kind:
        case ObjectKind() if isinstance(segment, int):
            return ANYTHING, "impossible" if kind.typed else "found"  # without a `type` a list fits as well
        case ObjectKind(fields=fields, openness=openness, others=others):
            if segment in fields:
                return fields[str(segment)], "found"
            return others, "impossible" if openness == "closed" else "unnamed" if openness == "open" else "found"
        case ListKind(element=element) if isinstance(segment, int):
            return element, "found"
        case ListKind(element=element) if lists_left:
            shape, verdict = _below(kinds_of(element), segment, lists_left - 1)
            return ListOf(shape), verdict
        case ScalarKind():
            return ANYTHING, "impossible"
    return ANYTHING, "found"


def _lists(kinds: tuple[Kind, ...]) -> Shape | None:
    """The elements of those kinds that are lists; None if none can be one."""
    elements = [kind.element if isinstance(kind, ListKind) else ANYTHING for kind in kinds if not _is_no_list(kind)]
    return one_of(elements) if elements or not kinds else None


def _is_no_list(kind: Kind) -> bool:
    return isinstance(kind, ScalarKind) or (isinstance(kind, ObjectKind) and kind.typed)


def is_no_list(shape: Shape) -> bool:
    """True if no value of this shape is a list or null."""
    return bool(kinds := kinds_of(shape)) and all(map(_is_no_list, kinds))


def values_of(shape: Shape) -> tuple[Json, ...] | None:
    """All values that a shape allows beside null, by enumerations; None if they cannot be told."""
    values: list[Json] = []
    for kind in kinds_of(shape):
        if not isinstance(kind, ScalarKind) or kind.values is None:
            return None
        values.extend(kind.values)
    return tuple(values) or None


def fields_of(kinds: Iterable[Kind]) -> dict[str, Shape]:
    """The named fields of all objects among kinds of value, those in lists too, in order."""
    return dict(_fields(kinds, MAX_LIST_NESTING))


def _fields(kinds: Iterable[Kind], lists_left: int) -> Iterator[tuple[str, Shape]]:
    for kind in kinds:
        if isinstance(kind, ObjectKind):
            yield from kind.fields.items()
        elif isinstance(kind, ListKind) and lists_left:
            yield from _fields(kinds_of(kind.element), lists_left - 1)
