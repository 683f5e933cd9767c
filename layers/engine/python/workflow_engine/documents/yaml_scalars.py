"""What a scalar without quotes is in YAML 1.2, by its core schema ("YAML 1.2.2", section 10.3.2): null, a truth value, a number, or
else a text. Other readers know older rules, so that texts became truth values, dates, and numbers of base 8 and 60.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from workflow_engine.documents.limits import MAX_DIGITS_SHOWN, TOO_LARGE_A_NUMBER

_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST_OF_NUMBERS: Final = frozenset("+-.0123456789")
_WHOLE: Final = re.compile(r"[-+]?[0-9]+")
_BASES: Final = ((re.compile(r"0o[0-7]+"), 8), (re.compile(r"0x[0-9a-fA-F]+"), 16))
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class ScalarError(ValueError):
    """A scalar that is no JSON value, or that readers of YAML take for different ones."""


def plain_value(text: str) -> Any:
    """The JSON value of a scalar without quotes. Raises ScalarError.

    Infinities and NaN are not JSON. A number with a leading zero is refused: 0755 is 755 in YAML 1.2, 493 in YAML 1.1, not JSON,
    and most often a text, such as a postal code, that would lose its zero.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBERS:
        return text
    if _FLOAT.fullmatch(text):
        return _number(text)
    for shape, base in _BASES:
        if shape.fullmatch(text):
            return _whole(int(text[2:], base), text)
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f'{text} is not a JSON number. Use null, or write a text: "{text}".')
    return text


def _number(text: str) -> int | float:
    if _LEADING_ZERO.match(text):
        sign, bare = ("-" if text[0] == "-" else ""), text.lstrip("+-").lstrip("0")
        number = sign + (bare if bare[:1].isdigit() else f"0{bare}")
        octal = f", 0o{bare} for a number of base 8" if _BASES[0][0].fullmatch(f"0o{bare}") and not sign else ""
        raise ScalarError(
            f'{_cut(text)} begins with a zero, which to some readers of YAML is a number of base 8. Write "{_cut(text)}" for a '
            f"text, {_cut(number)} for a number{octal}."
        )
    value = float(text)
    if math.isinf(value):
        raise _too_large(text)
    return int(text) if _WHOLE.fullmatch(text) else value


def _whole(number: int, text: str) -> int:
    try:
        float(number)
    except OverflowError:
        raise _too_large(text) from None
    return number


def _too_large(text: str) -> ScalarError:
    return ScalarError(TOO_LARGE_A_NUMBER.format(text[:MAX_DIGITS_SHOWN]))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DIGITS_SHOWN else text[:MAX_DIGITS_SHOWN] + "…"
