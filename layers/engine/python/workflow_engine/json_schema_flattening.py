"""A schema of a client made into one that is safe to apply; no `jsonschema` here.

`flattened` copies the keywords that are known here into a new schema, whose references lead to entries of its own `$defs`.
So nothing is fetched or read from disk whatever the schema names, no nested `$schema` or `$id` brings other rules in, a loop
of references is found before it is entered, and what is too large or leads nowhere is refused with its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from workflow_engine.ecma_patterns import PatternError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.linear_patterns import linear

Path: TypeAlias = tuple[str | int, ...]

MAX_SCHEMA_VALUES: Final = 2_000
"""Checking a schema against the schema of schemas takes about a millisecond for ten values."""
MAX_SCHEMA_DEPTH: Final = 24
"""Schemas within each other, and schemas that apply to the same value. Python's stack carries some more."""
MAX_PATTERN_INSTRUCTIONS: Final = 100_000
"""Of all patterns of a schema together; RE2 takes about 16 bytes for each."""

_MAX_JSON_DEPTH: Final = 100
_MAX_QUOTED_CHARACTERS: Final = 80

_ONE: Final = frozenset(
    ("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then", "unevaluatedItems")
) | {"unevaluatedProperties"}
_SEVERAL: Final = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_BY_NAME: Final = frozenset(("dependentSchemas", "patternProperties", "properties"))
_SAME_VALUE: Final = frozenset(("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"))
"""Keywords whose schemas apply to the value itself, not to something in it."""
_COPIED: Final = frozenset(
    (
        "const", "dependentRequired", "description", "enum", "exclusiveMaximum", "exclusiveMinimum", "format",
        "maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength",
        "minProperties", "minimum", "multipleOf", "pattern", "required", "title", "type", "uniqueItems",
    )
)  # fmt: skip
_DEFINITIONS: Final = ("$defs", "definitions")
_DYNAMIC: Final = 'References are static here: write "$ref": "#/$defs/NAME", also for a schema that holds itself.'
_REFUSED: Final = {
    **dict.fromkeys(("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"), _DYNAMIC),
    "dependencies": "Draft 2020-12 has 'dependentRequired' and 'dependentSchemas' instead.",
}
_DIALECTS: Final = ("draft-04/", "draft-06/", "draft-07/", "draft/2019-09/", "draft/2020-12/")


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """What is wrong with a schema: the path of the place in it, and a sentence with advice."""

    path: Path
    detail: str


class CannotApplyError(ValueError):
    """A value cannot be checked with a schema. The message is the reason, as a sentence."""


class UnusableSchemaError(CannotApplyError):
    """A schema that `schema_problem` would refuse."""

    def __init__(self, problem: SchemaProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def flattened(schema: object, *, strict: bool) -> dict[str, Any] | bool:
    """The safe form of a schema. `strict` also checks unused definitions, and names (`$id`, `$schema`) that change nothing.

    Raises UnusableSchemaError. Keywords of the wrong type are left to the schema of schemas.
    """
    check_size(schema)
    return _Flattening(schema, strict=strict).whole()


def unusable(path: Path, detail: str) -> UnusableSchemaError:
    return UnusableSchemaError(SchemaProblem(path, detail))


def _quoted(text: object) -> str:
    shown = str(text)
    cut = shown if len(shown) <= _MAX_QUOTED_CHARACTERS else shown[: _MAX_QUOTED_CHARACTERS - 1] + "…"
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut) + "'"


def check_size(schema: object) -> None:
    """Refuse a schema that is too large or nested too deeply to be looked at."""
    level: list[object] = [schema]
    seen = depth = 0
    while level:
        seen, depth = seen + len(level), depth + 1
        if seen > MAX_SCHEMA_VALUES:
            raise unusable((), f"A schema has at most {MAX_SCHEMA_VALUES:,} values.")
        if depth > _MAX_JSON_DEPTH:
            raise unusable((), f"Lists and objects of a schema are nested {_MAX_JSON_DEPTH} deep at most.")
        within: list[object] = []
        for node in level:
            within += node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
        level = within


class _Flattening:
    """Makes of a schema one that is safe to apply (see the module), or raises UnusableSchemaError."""

    def __init__(self, root: object, *, strict: bool) -> None:
        self._root = root
        self._strict = strict
        self._names: dict[int, str] = {}
        self._queue: list[tuple[object, Path]] = []
        self._same_value: dict[int, list[tuple[object, Path]]] = {}
        self._instructions = 0

    def whole(self) -> dict[str, Any] | bool:
        flat = self._schema(self._root, (), 0)
        if isinstance(flat, bool):
            return flat
        definitions: dict[str, object] = {}
        for number, (target, path) in enumerate(self._queue):  # grows meanwhile
            definitions[f"d{number}"] = self._schema(target, path, 0)
        _Multiplied(self._same_value, definitions).check(flat)
        return {**flat, "$defs": definitions}

    def _schema(self, schema: object, path: Path, depth: int) -> dict[str, Any] | bool:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise unusable(path, "A schema is an object, true or false.")
        if depth > MAX_SCHEMA_DEPTH:
            raise unusable(path, f"Schemas are nested {MAX_SCHEMA_DEPTH} deep at most. Name inner ones in '$defs'.")
        flat: dict[str, Any] = {}
        same = self._same_value[id(flat)] = []
        for keyword, rule in schema.items():
            place = (*path, keyword)
            self._refuse(keyword, rule, place)
            if keyword == "$ref":
                flat["$ref"] = self._reference(rule, place)
                same.append((flat["$ref"], place))
            elif keyword in _COPIED:
                flat[keyword] = rule
                if keyword == "pattern":
                    self._check_pattern(rule, place)
            elif keyword in _ONE or keyword in _SEVERAL or keyword in _BY_NAME:
                flat[keyword] = self._within(keyword, rule, place, depth)
                if keyword in _SAME_VALUE:
                    same += [(inner, place) for inner in _parts(flat[keyword], keyword)]
            elif keyword in _DEFINITIONS and self._strict and isinstance(rule, Mapping):
                for name, inner in rule.items():
                    self._schema(inner, (*place, name), depth + 1)
        return flat

    def _within(self, keyword: str, rule: object, place: Path, depth: int) -> object:
        if keyword in _SEVERAL and isinstance(rule, list):
            return [self._schema(inner, (*place, index), depth + 1) for index, inner in enumerate(rule)]
        if keyword in _BY_NAME and isinstance(rule, Mapping):
            if keyword == "patternProperties":
                for pattern in rule:
                    self._check_pattern(pattern, (*place, pattern))
            return {name: self._schema(inner, (*place, name), depth + 1) for name, inner in rule.items()}
        if keyword in _ONE:
            return self._schema(rule, place, depth + 1)
        raise unusable(place, f"'{keyword}' holds {'a list' if keyword in _SEVERAL else 'an object'} of schemas.")

    def _refuse(self, keyword: str, rule: object, place: Path) -> None:
        if keyword in _REFUSED:
            raise unusable(place, f"'{keyword}' is not available. {_REFUSED[keyword]}")
        if keyword == "$id" and (len(place) > 1 or (self._strict and _is_address(rule))):
            raise unusable(
                place, f"The address {_quoted(rule)} as '$id' is not available. Remove it: references begin with #."
            )
        if keyword == "$schema" and self._strict and not _is_dialect(rule):
            raise unusable(
                place,
                f"The dialect {_quoted(rule)} is not known, and is not fetched. "
                "Write \"https://json-schema.org/draft/2020-12/schema\", or leave '$schema' out.",
            )

    def _check_pattern(self, pattern: object, place: Path) -> None:
        if not isinstance(pattern, str):
            raise unusable(place, "A pattern is a text.")
        try:
            self._instructions += linear(pattern).instructions
        except PatternError as error:
            raise unusable(place, str(error)) from None
        if self._instructions > MAX_PATTERN_INSTRUCTIONS:
            raise unusable(
                place, "The patterns of the schema are too large together. Use + and * in them, and 'maxLength'."
            )

    def _reference(self, reference: object, place: Path) -> str:
        """The reference in the flat schema to what a reference means."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise unusable(
                place,
                f"The reference {_quoted(reference)} leads out of the schema. "
                "Only references that begin with # are followed; copy what it names into '$defs'.",
            )
        target, path = self._target(reference, place)
        name = self._names.get(id(target)) if isinstance(target, Mapping) else None
        if name is None:
            name = f"d{len(self._queue)}"
            self._queue.append((target, path))
            self._names[id(target)] = name
        return f"#/$defs/{name}"

    def _target(self, reference: str, place: Path) -> tuple[object, Path]:
        fragment = unquote(reference[1:])
        if fragment and not fragment.startswith("/"):
            for node, path in _schemas_of(self._root):
                if node.get("$anchor") == fragment:
                    return node, path
            raise unusable(place, f"The reference {_quoted(reference)} leads nowhere: no schema has that '$anchor'.")
        found: object = self._root
        at: Path = ()
        for segment in fragment.split("/")[1:]:
            key: str | int = segment.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and segment.isascii() and segment.isdigit() and int(segment[:9]) < len(found):
                key = int(segment[:9])
                found = found[key]
            else:
                missing = f"the schema has no {_quoted(key)} there"
                raise unusable(place, f"The reference {_quoted(reference)} leads nowhere: {missing}.")
            at = (*at, key)
        return found, at


class _Multiplied:
    """Follows what applies to the same value, keywords and references: for ever, too far, or too often?"""

    def __init__(self, same_value: Mapping[int, list[tuple[object, Path]]], definitions: Mapping[str, object]) -> None:
        self._same_value = same_value
        self._definitions = definitions
        self._known: dict[int, tuple[int, int]] = {}

    def check(self, root: object) -> None:
        """Raise UnusableSchemaError if a reference comes back to itself, or schemas apply too deep or too often."""
        for schema in (root, *self._definitions.values()):
            self._measure(schema, (), ())

    def _measure(self, schema: object, above: tuple[int, ...], place: Path) -> tuple[int, int]:
        """How deep and how often schemas apply to a value."""
        if isinstance(schema, str):
            schema = self._definitions[schema.removeprefix("#/$defs/")]
        if isinstance(schema, bool):
            return 1, 1
        if id(schema) in above:
            raise unusable(
                place,
                "The reference comes back to itself without a step into the value, so it would never end. Remove it.",
            )
        if id(schema) not in self._known:
            if len(above) > MAX_SCHEMA_DEPTH:
                raise unusable(place, f"More than {MAX_SCHEMA_DEPTH} schemas in a row apply to one value.")
            depth, times = 0, 1
            for inner, at in self._same_value[id(schema)]:
                deeper, more = self._measure(inner, (*above, id(schema)), at)
                depth, times = max(depth, deeper), times + more
                if times > MAX_SCHEMA_VALUES:
                    raise unusable(
                        at, "References multiply: too many schemas apply to one value. Leave repeated ones out."
                    )
            self._known[id(schema)] = depth + 1, times
        if self._known[id(schema)][0] + len(above) > 2 * MAX_SCHEMA_DEPTH:
            raise unusable(place, f"More than {MAX_SCHEMA_DEPTH} schemas in a row apply to one value.")
        return self._known[id(schema)]


def _parts(rule: object, keyword: str) -> Iterable[object]:
    if keyword in _SEVERAL and isinstance(rule, list):
        return rule
    return rule.values() if keyword in _BY_NAME and isinstance(rule, dict) else (rule,)


def _schemas_of(root: object) -> Iterator[tuple[Mapping[str, Any], Path]]:
    """Every schema within a schema, with its path."""
    stack: list[tuple[object, Path]] = [(root, ())]
    while stack:
        node, path = stack.pop()
        if not isinstance(node, Mapping):
            continue
        yield node, path
        for keyword, rule in node.items():
            if keyword in _ONE:
                stack.append((rule, (*path, keyword)))
            elif keyword in _SEVERAL and isinstance(rule, list):
                stack += [(inner, (*path, keyword, index)) for index, inner in enumerate(rule)]
            elif (keyword in _BY_NAME or keyword in _DEFINITIONS) and isinstance(rule, Mapping):
                stack += [(inner, (*path, keyword, name)) for name, inner in rule.items()]


def _is_address(identifier: object) -> bool:
    """Whether an `$id` names a place somewhere else; a bare name or a URN does not."""
    return (
        not isinstance(identifier, str)
        or identifier.startswith("//")
        or (":" in identifier.split("/")[0] and not identifier.lower().startswith("urn:"))
    )


def _is_dialect(identifier: object) -> bool:
    if not isinstance(identifier, str):
        return False
    name = identifier.removesuffix("#").removeprefix("https://").removeprefix("http://")
    return name in [f"json-schema.org/{dialect}schema" for dialect in _DIALECTS]
