"""A text as JSON of RFC 8259 with unique member names."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from workflow_engine.documents.json_advice import json_advice
from workflow_engine.documents.limits import MAX_DEPTH, MAX_DIGITS_SHOWN, TOO_DEEP, TOO_LARGE_A_NUMBER
from workflow_engine.errors import MalformedJsonError

_MANY_DIGITS: Final = re.compile(r"\d{309}")
"""As many as the largest double has. Only a text with so many is worth a look at each whole number."""


def parse_json(text: str) -> Any:
    """The JSON value of a text. Raises `MalformedJsonError`, with line and column where there is one."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_members,
            parse_constant=_no_constant,
            parse_float=_finite_number,
            parse_int=_finite_whole_number if _MANY_DIGITS.search(text) else None,
        )
    except json.JSONDecodeError as error:
        where, advice = f" at line {error.lineno}, column {error.colno}", json_advice(error)
        raise MalformedJsonError(
            f"Not JSON: {error.msg}{where}.{advice}",
            place=(error.lineno, error.colno),
            sentence=f"Not JSON: {error.msg}.{advice}",
        ) from None
    except _RepeatedError as error:
        raise _repeated(text, str(error)) from None
    except RecursionError:
        raise _too_deep() from None
    _refuse_deep_nesting(text, value)
    _refuse_lone_surrogates(text, value)
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in members if names.count(name) > 1)
        raise _RepeatedError(twice)
    return members


class _RepeatedError(ValueError):
    """An object has a member twice."""


def _repeated(text: str, name: str) -> MalformedJsonError:
    from workflow_engine.documents.json_places import RepeatedMemberError, json_places
    from workflow_engine.documents.places import Lines

    try:
        json_places(text)
    except RepeatedMemberError as error:
        lines = Lines(text)
        (line, column), second = lines.position(error.first.start), lines.position(error.second.start)
        twice = f"An object has the member {json.dumps(error.name)} twice: at line {line}, column {column}, and"
        return MalformedJsonError(
            f"{twice} at line {second[0]}, column {second[1]}. Remove one.",
            place=second,
            sentence=f"{twice} here. Remove one.",
        )
    return MalformedJsonError(f"An object has the member {json.dumps(name)} twice. Remove one.")


def _no_constant(name: str) -> None:
    raise MalformedJsonError(f"{name} is not JSON. Use null or a string.")


def _finite_number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise MalformedJsonError(TOO_LARGE_A_NUMBER.format(digits[:MAX_DIGITS_SHOWN]))
    return number


def _finite_whole_number(digits: str) -> int:
    _finite_number(digits)
    return int(digits)


def _refuse_deep_nesting(text: str, value: Any) -> None:
    """Level by level, as recursion is what must be spared. Most texts have too few brackets to need a look."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    level, depth = [value], 0
    while level := [v for v in level if isinstance(v, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        level = [inner for v in level for inner in (v.values() if isinstance(v, dict) else v)]


def _too_deep() -> MalformedJsonError:
    return MalformedJsonError(TOO_DEEP)


def _refuse_lone_surrogates(text: str, value: Any) -> None:
    r"""A string such as "\ud800" is valid JSON grammar, but is no Unicode text and has no UTF-8 form."""
    if "\\ud" not in text and "\\uD" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedJsonError("A string holds half of a surrogate pair, which is not a valid character.") from None
