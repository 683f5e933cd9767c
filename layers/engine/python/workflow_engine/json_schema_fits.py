"""Whether a small value fits a schema, where that is plain to see: without loading `jsonschema`, which takes longer than that.

    verdict({"type": "object", "required": ["a"]}, {"a": 1})    # True
    verdict({"uniqueItems": True}, [1, 2])                      # None: ask `jsonschema`

Most values fit, and a value that fits needs no report. Schemas come as `json_schema_flattening` makes them. What is not here
for certain is `None`: a keyword that few schemas have, a comparison of lists or objects, a keyword of the wrong type, a value
that is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Any, Final

from workflow_engine.ecma_patterns import PatternError
from workflow_engine.linear_patterns import linear

MAX_SCHEMAS: Final = 2_000
"""Applied to parts of the value. Beyond it `json_schema` counts what a check costs."""


class _UncertainError(Exception):
    """Only `jsonschema` knows."""


def verdict(schema: Any, value: Any) -> bool | None:
    """Whether the value fits the flat schema; None when it is not told here."""
    try:
        return _fits(schema, value, iter(range(MAX_SCHEMAS)))
    except Exception:  # _UncertainError, or what a keyword of the wrong type leads to
        return None


def _fits(schema: Any, value: Any, left: Iterator[int]) -> bool:
    if isinstance(schema, bool):
        return schema
    # What is not here may change what a keyword means that is, as `prefixItems` does with `items`.
    if next(left, None) is None or not schema.keys() <= _KEYWORDS.keys():
        raise _UncertainError
    return all(_KEYWORDS[name](rule, value, schema, left) for name, rule in schema.items())


def _says_nothing(*_: Any) -> bool:
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _type(rule: Any, value: Any, *_: Any) -> bool:
    return any(_TYPES[name](value) for name in ([rule] if isinstance(rule, str) else rule))


def _enum(rule: list[Any], value: Any, *_: Any) -> bool:
    if _is_number(value):
        return any(_is_number(allowed) and allowed == value for allowed in rule)
    if value is None or isinstance(value, str | bool):
        return any(type(allowed) is type(value) and allowed == value for allowed in rule)
    raise _UncertainError


def _required(rule: list[str], value: Any, *_: Any) -> bool:
    return not isinstance(value, dict) or all(name in value for name in rule)


def _properties(rule: dict[str, Any], value: Any, _schema: Any, left: Iterator[int]) -> bool:
    if not isinstance(value, dict):
        return True
    return all(_fits(inner, value[name], left) for name, inner in rule.items() if name in value)


def _additional_properties(rule: Any, value: Any, schema: Any, left: Iterator[int]) -> bool:
    if not isinstance(value, dict):
        return True
    known = schema.get("properties", {})
    return all(_fits(rule, inner, left) for name, inner in value.items() if name not in known)


def _items(rule: Any, value: Any, _schema: Any, left: Iterator[int]) -> bool:
    return not isinstance(value, list) or all(_fits(rule, element, left) for element in value)


def _pattern(rule: str, value: Any, *_: Any) -> bool:
    if not isinstance(value, str):
        return True
    if len(value) > MAX_SCHEMAS:
        raise _UncertainError
    try:
        return linear(rule).search(value)
    except PatternError:
        raise _UncertainError from None


def _format(_rule: str, value: Any, *_: Any) -> bool:
    if isinstance(value, str):
        raise _UncertainError
    return True


def _if(rule: Any, value: Any, schema: Any, left: Iterator[int]) -> bool:
    return _fits(schema.get("then" if _fits(rule, value, left) else "else", True), value, left)


def _bounded(measured: Callable[[Any], float | None], holds: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """A keyword that bounds what is measured of the values that it is for."""

    def keyword(rule: Any, value: Any, *_: Any) -> bool:
        if not _is_number(rule):
            raise _UncertainError
        measure = measured(value)
        return measure is None or holds(measure, rule)

    return keyword


def _at_least(measure: Any, bound: Any) -> bool:
    return bool(measure >= bound)


def _at_most(measure: Any, bound: Any) -> bool:
    return bool(measure <= bound)


def _number(value: Any) -> float | None:
    return value if _is_number(value) else None


def _length_of(kind: type[Sized]) -> Callable[[Any], int | None]:
    return lambda value: len(value) if isinstance(value, kind) else None


_KEYWORDS: Final[Mapping[str, Callable[..., bool]]] = {
    # What only describes, or is looked at by another keyword.
    **dict.fromkeys(("$defs", "description", "else", "then", "title"), _says_nothing),
    "additionalProperties": _additional_properties,
    "allOf": lambda rule, value, _, left: all(_fits(inner, value, left) for inner in rule),
    "anyOf": lambda rule, value, _, left: any(_fits(inner, value, left) for inner in rule),
    "const": lambda rule, value, *_: _enum([rule], value),
    "enum": _enum,
    "exclusiveMaximum": _bounded(_number, lambda measure, bound: measure < bound),
    "exclusiveMinimum": _bounded(_number, lambda measure, bound: measure > bound),
    "format": _format,
    "if": _if,
    "items": _items,
    "maxItems": _bounded(_length_of(list), _at_most),
    "maxLength": _bounded(_length_of(str), _at_most),
    "maxProperties": _bounded(_length_of(dict), _at_most),
    "maximum": _bounded(_number, _at_most),
    "minItems": _bounded(_length_of(list), _at_least),
    "minLength": _bounded(_length_of(str), _at_least),
    "minProperties": _bounded(_length_of(dict), _at_least),
    "minimum": _bounded(_number, _at_least),
    "not": lambda rule, value, _, left: not _fits(rule, value, left),
    "oneOf": lambda rule, value, _, left: sum(_fits(inner, value, left) for inner in rule) == 1,
    "pattern": _pattern,
    "properties": _properties,
    "required": _required,
    "type": _type,
}
