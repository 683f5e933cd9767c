"""JSON text of event histories as values that can be kept. Pure.

What a step returns is checked by nobody: a function may answer JSON with half a surrogate pair (no UTF-8 form), a
number beyond a double, or a thousand levels of lists. A run that ended must be recorded whatever its steps returned,
so here every such value is read as something that can be stored as UTF-8 JSON and printed by any reader.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

MAX_NESTING: Final = 200
"""Levels of lists and objects that are kept of a value. Python's reader and writer of JSON stop at their caller's
depth plus the value's, 1,000 together; what a client sends nests no deeper than `documents.limits.MAX_DEPTH`."""

TOO_DEEP: Final = f"(nested over {MAX_NESTING} levels deep, not kept)"
"""Stands in the place of the lists and objects below `MAX_NESTING`."""

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_EXPONENT: Final = re.compile(r"[eE]\+?\d\d")
_LONG_DIGITS: Final = 200
_LONG_NUMBER: Final = re.compile(rf"\d{{{_LONG_DIGITS}}}")
_TEXT: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_NO_BRACKETS: Final = re.compile(_TEXT + r"|[^\[\]{}\"]+", re.DOTALL)
_TOKEN: Final = re.compile(_TEXT + r"|[\[\]{}]", re.DOTALL)


def parsed(text: Any) -> Any:
    """The value of a JSON text. None for one that is absent or cut off (`outputDetails.truncated`).

    NaN and infinities, which Python's writers of JSON let pass, and numbers beyond a double are None; a lone surrogate
    becomes U+FFFD; what lies deeper than `MAX_NESTING` becomes `TOO_DEEP`.
    """
    if not isinstance(text, str):
        return None
    if _is_deep(text):
        text = _pruned(text)
    try:
        value = _decode_finite(text) if _may_overflow(text) else _decode(text)
    except ValueError:
        return None
    if ("\\u" in text and _SURROGATE_ESCAPE.search(text)) or not _is_unicode(text):
        return json.loads(readable(json.dumps(value, ensure_ascii=False)))
    return value


def readable(text: str) -> str:
    """The text with U+FFFD for lone surrogates."""
    return text if text.isascii() else _SURROGATE.sub(_REPLACEMENT, text)


def _none(_constant: str) -> None:
    return None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


# Made once, because to make one takes as long as to read a short text, of which a history has thousands.
_decode: Final = json.JSONDecoder(parse_constant=_none).decode
_decode_finite: Final = json.JSONDecoder(parse_constant=_none, parse_float=_finite).decode


def _may_overflow(text: str) -> bool:
    """Whether a number may be beyond a double: it has an exponent, or so many digits that one of every 200th characters
    is among them.
    """
    if _EXPONENT.search(text):
        return True
    step = _LONG_DIGITS
    found = (at for at in range(step - 1, len(text), step) if text[at].isdecimal())
    return any(_LONG_NUMBER.search(text, max(at - step + 1, 0), at + step) for at in found)


def _is_unicode(text: str) -> bool:
    return text.isascii() or _SURROGATE.search(text) is None


def _is_deep(text: str) -> bool:
    """Whether a JSON text nests deeper than `MAX_NESTING`: each pass takes the innermost level of brackets away."""
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    brackets = _NO_BRACKETS.sub("", text)
    for _ in range(MAX_NESTING):
        shorter = brackets.replace("[]", "").replace("{}", "")
        if shorter == brackets:
            break
        brackets = shorter
    return bool(brackets)


def _pruned(text: str) -> str:
    """The text with `TOO_DEEP` in the place of each list or object on a level below `MAX_NESTING`."""
    kept: list[str] = []
    level, copied = 0, 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                level += 1
                if level == MAX_NESTING + 1:
                    kept += (text[copied : token.start()], json.dumps(TOO_DEEP))
            case "]" | "}":
                level -= 1
                if level == MAX_NESTING:
                    copied = token.end()
    return "".join((*kept, text[copied:])) if level == 0 else text[:0]
