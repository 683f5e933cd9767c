"""Expressions of JSONata 2.0.6 in the dialect of jlens: the same text, with calls where the two would differ.

`$string(a)` and the operands of `&` become calls that write numbers with 15 digits. The rest stays as it is, spaces and
comments included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from workflow_engine.language.jsonata.tokens import JsonataSyntaxError, next_token

TEXT: Final = "__text"

_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_OPERANDS: Final = frozenset({"name", "variable", "string", "number", "value", "regex"})
# At the beginning of an operand these are wildcards and the parent operator, elsewhere arithmetic.
_OPERANDS_OR_OPERATORS: Final = frozenset({"*", "**", "%"})
# What binds less than `&`, and so ends its operands.
_LOOSER: Final = frozenset(
    {",", ";", ":", ":=", "?", "=", "!=", "<", "<=", ">", ">=", "~>", "in", "and", "or", "|", ".."}
)
_SUMS: Final = frozenset({"+", "-", "&"})


class _Part(NamedTuple):
    """A token with the space before it, or a whole pair of brackets with its `inside`."""

    kind: str
    text: str
    inside: Sequence[_Part] = ()
    brackets: tuple[str, str] = ("", "")


def in_jlens_dialect(source: str) -> str:
    """The expression as jlens is to evaluate it. Raises JsonataSyntaxError for what has no matching brackets."""
    if "&" not in source and "$string" not in source:
        return source
    parts, end, _ = _read(source, 0, "end")
    return _rendered(parts) + end


def _read(source: str, position: int, closing: str) -> tuple[list[_Part], str, int]:
    """The parts up to a closing bracket, that bracket's text, and where it ends."""
    parts: list[_Part] = []
    after_operand = False
    while True:
        token = next_token(source, position, after_operand=after_operand)
        text, position = source[position : token.end], token.end
        if token.kind == closing:
            return parts, text, position
        if token.kind == "end":
            raise JsonataSyntaxError(f"expected {closing!r} at the end")
        if token.kind in _CLOSING:
            inside, end, position = _read(source, position, _CLOSING[token.kind])
            parts.append(_Part("group" + token.kind, "", inside, (text, end)))
            after_operand = True
            continue
        is_operand = token.kind in _OPERANDS or (token.kind in _OPERANDS_OR_OPERATORS and not after_operand)
        kind = "operand" if is_operand and token.kind not in ("string", "variable") else token.kind
        parts.append(_Part("sign" if kind == "-" and not after_operand else kind, text))
        after_operand = is_operand


def _rendered(parts: Sequence[_Part]) -> str:
    """The text of parts between two brackets."""
    return "".join(
        segment if separator is None else segment + separator.text
        for segment, separator in ((_sum(segment), separator) for segment, separator in _split(parts, _LOOSER))
    )


def _split(parts: Sequence[_Part], kinds: frozenset[str]) -> Iterator[tuple[list[_Part], _Part | None]]:
    """The parts between those of some kinds, each with the one that follows."""
    segment: list[_Part] = []
    for part in parts:
        if part.kind in kinds:
            yield segment, part
            segment = []
        else:
            segment.append(part)
    yield segment, None


def _sum(parts: Sequence[_Part]) -> str:
    """Operands joined by `+`, `-` and `&`, which bind alike and to the left."""
    text, left = "", list[_Part]()
    is_text = before_is_and = False
    for operand, operator in _split(parts, _SUMS):
        piece = _operands(operand)
        text += _as_text(operand, piece) if before_is_and else piece
        left += operand
        if operator is None:
            break
        before_is_and = operator.kind == "&"
        if before_is_and and not is_text:
            # All to the left is one operand; from here on it is text.
            text, is_text = _as_text(left, text), True
        text += operator.text
        left.append(operator)
    return text


def _as_text(operand: Sequence[_Part], text: str) -> str:
    return text if len(operand) == 1 and operand[0].kind == "string" else f'${TEXT}({{"value":{text}}})'


def _operands(parts: Sequence[_Part]) -> str:
    text = ""
    for index, part in enumerate(parts):
        following = parts[index + 1] if index + 1 < len(parts) else None
        if part.kind.startswith("group"):
            text += _group(part, called=parts[index - 1] if index else None)
        elif _is_call_of_string(part, following):
            text += part.text.replace("$string", "$" + TEXT)
        else:
            text += part.text
    return text


def _is_call_of_string(part: _Part, following: _Part | None) -> bool:
    """Whether this is `$string` before its one argument; without one it takes the context, with two it indents."""
    if part.kind != "variable" or part.text.strip() != "$string" or following is None or following.kind != "group(":
        return False
    inside = following.inside
    return bool(inside) and all(p.kind not in (",", "?") for p in inside)


def _group(part: _Part, called: _Part | None) -> str:
    opening, closing = part.brackets
    if part.kind == "group(" and called is not None and _is_call_of_string(called, part):
        return f'{opening}{{"value":{_rendered(part.inside)}}}{closing}'
    return opening + _rendered(part.inside) + closing
