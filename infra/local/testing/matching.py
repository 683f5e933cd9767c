"""Values against what is expected of them: objects have at least these fields, lists all elements in order, and an object whose
only keys are matchers (`{$contains: Two years}`) is what those say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import suggest


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()
"""Stands for a field or element that is not there."""

_MAX_SHOWN: Final = 300
_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda v: isinstance(v, str),
    "number": lambda v: is_number(v),
    "integer": lambda v: is_number(v) and v == int(v),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "null": lambda v: v is None,
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where a value is not what was expected: the path of both, and a sentence with both."""

    path: tuple[str | int, ...]
    told: str

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.told}" if self.path else self.told


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What matchers look at beside the value: the case's secrets by name, and for `$same` the values at each path so far."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    same: dict[tuple[str | int, ...], Any] = field(default_factory=dict)


class UnknownMatcherError(ValueError):
    """A `$word` that is no matcher, or one with a value that it does not take."""

    def __init__(self, path: tuple[str | int, ...], told: str) -> None:
        super().__init__(told)
        self.path = path


def path_text(path: Sequence[str | int]) -> str:
    """A path as references write it: `items[0].name`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text


def shown(value: Any) -> str:
    """A value as JSON, cut when long."""
    if isinstance(value, _Missing):
        return repr(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def is_number(value: Any) -> bool:
    """Whether a value is a number of JSON, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(one: Any, other: Any) -> bool:
    """Equality of JSON: 1 is 1.0 and not true, and the order of keys is none."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if is_number(one) and is_number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def mismatches(
    expected: Any, actual: Any, around: Surroundings | None = None, path: tuple[str | int, ...] = ()
) -> Iterator[Mismatch]:
    """Each place where a value is not as expected, outermost first."""
    around = around or Surroundings()
    if is_matcher(expected):
        for name, wanted in expected.items():
            yield from _MATCHERS[name](wanted, actual, around, path)
    elif isinstance(actual, _Missing):
        yield Mismatch(path, f"is missing, expected {shown(expected)}")
    elif isinstance(expected, Mapping):
        if not isinstance(actual, dict):
            yield Mismatch(
                path, f"is {shown(actual)}, expected an object with {', '.join(map(str, expected)) or 'any field'}"
            )
            return
        for name, wanted in expected.items():
            yield from mismatches(wanted, actual.get(name, MISSING), around, (*path, name))
    elif isinstance(expected, list):
        if not isinstance(actual, list):
            yield Mismatch(path, f"is {shown(actual)}, expected a list of {len(expected)}")
            return
        if len(actual) != len(expected):
            yield Mismatch(path, f"has {len(actual)} elements, expected {len(expected)}: {shown(actual)}")
        for index, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
            yield from mismatches(wanted, got, around, (*path, index))
    elif not equal(expected, actual):
        yield Mismatch(path, f"is {shown(actual)}, expected {shown(expected)}")


def is_matcher(expected: Any) -> bool:
    """Whether an expected value is matchers, and no value itself."""
    return isinstance(expected, Mapping) and bool(expected) and all(str(name).startswith("$") for name in expected)


def check_matchers(expected: Any, path: tuple[str | int, ...] = ()) -> None:
    """Raises UnknownMatcherError for matchers that could never hold, wherever they stand."""
    if isinstance(expected, list):
        for index, part in enumerate(expected):
            check_matchers(part, (*path, index))
        return
    if not isinstance(expected, Mapping):
        return
    words = [name for name in expected if str(name).startswith("$")]
    for word in words:
        if word not in _MATCHERS:
            raise UnknownMatcherError(path, f"There is no matcher '{word}'.{suggest(word, _MATCHERS)}")
    if words and len(words) < len(expected):
        raise UnknownMatcherError(
            path, f"'{words[0]}' is a matcher, and stands among fields of an object. Put it into one of them."
        )
    if "$exact" in expected:
        return
    for name, part in expected.items():
        if problem := _PROBLEMS.get(name, lambda _value: None)(part):
            raise UnknownMatcherError(path, f"{name} {problem}, not {shown(part)}.")
        if name in ("$contains", "$not", "$length") or name not in _MATCHERS:
            check_matchers(part, (*path, name))


def _pattern_problem(value: Any) -> str | None:
    try:
        re.compile(value)
    except (TypeError, re.error) as error:
        return f"takes a regular expression ({error})"
    return None


def _bound_problem(value: Any) -> str | None:
    return None if is_number(value) or isinstance(value, str) else "takes a number or a text"


_PROBLEMS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "$any": lambda value: None if isinstance(value, bool) else "is true or false",
    "$same": lambda value: None if value is True else "is true",
    "$type": lambda value: None if value in _TYPES else f"is one of {', '.join(_TYPES)}",
    "$match": _pattern_problem,
    "$min": _bound_problem,
    "$max": _bound_problem,
    "$secret": lambda value: None if isinstance(value, str) else "takes the name of a secret",
}

Path = tuple[str | int, ...]


def _any(wanted: Any, actual: Any, _around: Surroundings, path: Path) -> Iterator[Mismatch]:
    is_there = not isinstance(actual, _Missing)
    if is_there is not wanted:
        yield Mismatch(
            path, "is missing, expected any value" if wanted else f"is {shown(actual)}, expected nothing there"
        )


def _type(wanted: Any, actual: Any, _around: Surroundings, path: Path) -> Iterator[Mismatch]:
    if not _TYPES[wanted](actual):
        yield Mismatch(path, f"is {shown(actual)}, expected one of type {wanted}")


def _match(wanted: Any, actual: Any, _around: Surroundings, path: Path) -> Iterator[Mismatch]:
    if not isinstance(actual, str) or not re.search(wanted, actual):
        yield Mismatch(path, f"is {shown(actual)}, expected a text that matches {wanted}")


def _contains(wanted: Any, actual: Any, around: Surroundings, path: Path) -> Iterator[Mismatch]:
    if isinstance(actual, str):
        holds = isinstance(wanted, str) and wanted in actual
    elif isinstance(actual, list):
        holds = any(not any(mismatches(wanted, element, around)) for element in actual)
    else:
        holds = isinstance(actual, dict) and isinstance(wanted, str) and wanted in actual
    if not holds:
        yield Mismatch(path, f"is {shown(actual)}, expected one that contains {shown(wanted)}")


def _length(wanted: Any, actual: Any, around: Surroundings, path: Path) -> Iterator[Mismatch]:
    if not isinstance(actual, str | list | dict):
        yield Mismatch(path, f"is {shown(actual)}, which has no length; expected {shown(wanted)}")
    elif any(mismatches(wanted, len(actual), around)):
        yield Mismatch(path, f"has a length of {len(actual)}, expected {shown(wanted)}: {shown(actual)}")


def _bound(name: str, holds: Callable[[Any, Any], bool]) -> Callable[..., Iterator[Mismatch]]:
    def check(wanted: Any, actual: Any, _around: Surroundings, path: Path) -> Iterator[Mismatch]:
        comparable = (is_number(actual) and is_number(wanted)) or (isinstance(actual, str) and isinstance(wanted, str))
        if not comparable or not holds(actual, wanted):
            yield Mismatch(path, f"is {shown(actual)}, expected at {name} {shown(wanted)}")

    return check


def _not(wanted: Any, actual: Any, around: Surroundings, path: Path) -> Iterator[Mismatch]:
    if not any(mismatches(wanted, actual, around)):
        yield Mismatch(path, f"is {shown(actual)}, expected anything but {shown(wanted)}")


def _exact(wanted: Any, actual: Any, _around: Surroundings, path: Path) -> Iterator[Mismatch]:
    if isinstance(actual, _Missing) or not equal(wanted, actual):
        yield Mismatch(path, f"is {shown(actual)}, expected exactly {shown(wanted)}")


def _same(_wanted: Any, actual: Any, around: Surroundings, path: Path) -> Iterator[Mismatch]:
    if isinstance(actual, _Missing):
        yield Mismatch(path, "is missing, expected the same value each time")
        return
    first = around.same.setdefault(path, actual)
    if not equal(first, actual):
        yield Mismatch(path, f"is {shown(actual)}, expected the same as the first time: {shown(first)}")


def _secret(wanted: Any, actual: Any, around: Surroundings, path: Path) -> Iterator[Mismatch]:
    value = around.secrets.get(wanted)
    if value is None:
        yield Mismatch(path, f"cannot be compared: the case has no secret '{wanted}'.{suggest(wanted, around.secrets)}")
    elif not isinstance(actual, str) or not re.search(rf"(?<!\w){re.escape(value)}(?!\w)", actual):
        yield Mismatch(path, f"is {shown(actual)}, expected the secret {wanted}")


_MATCHERS: Final[Mapping[str, Callable[[Any, Any, Surroundings, Path], Iterator[Mismatch]]]] = {
    "$any": _any,
    "$type": _type,
    "$match": _match,
    "$contains": _contains,
    "$length": _length,
    "$min": _bound("least", lambda actual, wanted: actual >= wanted),
    "$max": _bound("most", lambda actual, wanted: actual <= wanted),
    "$not": _not,
    "$exact": _exact,
    "$same": _same,
    "$secret": _secret,
}
MATCHERS: Final = tuple(_MATCHERS)
