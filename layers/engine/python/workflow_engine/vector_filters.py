"""Filters on metadata, in the form that S3 Vectors has ("Metadata filtering"): `{"year": {"$gte": 2020}, "kind": "report"}`.

All entries of an object must hold. A list in the metadata fits a value if one of its elements does. What is not there fits
`$exists: false`, `$ne` and `$nin` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from workflow_engine.json_schema import Path

NOT_FILTERED: Final = "text"
"""The entry of metadata that no filter asks for, so that it may be long."""

MAX_DEPTH: Final = 8

_ORDERED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
}
_OPERATORS: Final = ("$eq", "$ne", *_ORDERED, "$in", "$nin", "$exists")
_GROUPS: Final = ("$and", "$or")


def problems(filter_: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What is wrong with a filter: places, each with a sentence."""
    if not isinstance(filter_, Mapping) or not filter_:
        yield path, 'A filter is an object with at least one entry, such as {"year": {"$gte": 2020}}.'
        return
    if len(path) > 2 * MAX_DEPTH:
        yield path, f"A filter is nested deeper than {MAX_DEPTH} levels."
        return
    for name, value in filter_.items():
        place = (*path, name)
        if name in _GROUPS:
            if not isinstance(value, list) or not value:
                yield place, f"'{name}' takes a list of filters."
            else:
                for number, part in enumerate(value):
                    yield from problems(part, (*place, number))
        elif name.startswith("$"):
            yield place, f"'{name}' is none of {', '.join(_GROUPS)}. Other operators stand below the name of a field."
        elif name == NOT_FILTERED:
            yield (
                place,
                f"'{NOT_FILTERED}' cannot be filtered by. Store what is to be asked for as metadata of its own.",
            )
        elif isinstance(value, Mapping):
            yield from _tests(value, place)
        elif not _is_plain(value):
            yield place, "A field is compared with a text, a number, or true or false."


def _tests(tests: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    if not tests:
        yield path, f"Name an operator: {', '.join(_OPERATORS)}."
    for operator, value in tests.items():
        place = (*path, operator)
        if operator not in _OPERATORS:
            yield place, f"'{operator}' is no operator. There are {', '.join(_OPERATORS)}."
        elif operator in ("$in", "$nin"):
            if not isinstance(value, list) or not value or not all(map(_is_plain, value)):
                yield place, f"'{operator}' takes a list of texts, numbers or truth values."
        elif operator == "$exists":
            if not isinstance(value, bool):
                yield place, "'$exists' takes true or false."
        elif operator in _ORDERED and not _is_number(value):
            yield place, f"'{operator}' takes a number."
        elif not _is_plain(value):
            yield place, f"'{operator}' takes a text, a number, or true or false."


def matches(metadata: Mapping[str, Any], filter_: Mapping[str, Any]) -> bool:
    """Whether metadata fits a filter that has no problems."""
    return all(_fits(metadata, name, value) for name, value in filter_.items())


def _fits(metadata: Mapping[str, Any], name: str, wanted: Any) -> bool:
    if name == "$and":
        return all(matches(metadata, part) for part in wanted)
    if name == "$or":
        return any(matches(metadata, part) for part in wanted)
    tests = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    found = metadata.get(name)
    values = found if isinstance(found, list) else [] if found is None else [found]
    return all(_holds(values, operator, value) for operator, value in tests.items())


def _holds(values: list[Any], operator: str, wanted: Any) -> bool:
    match operator:
        case "$exists":
            return bool(values) is wanted
        case "$eq":
            return any(_same(value, wanted) for value in values)
        case "$ne":
            return not any(_same(value, wanted) for value in values)
        case "$in":
            return any(_same(value, one) for value in values for one in wanted)
        case "$nin":
            return not any(_same(value, one) for value in values for one in wanted)
        case _:
            return any(_is_number(value) and _ORDERED[operator](value, wanted) for value in values)


def _same(value: Any, other: Any) -> bool:
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)
