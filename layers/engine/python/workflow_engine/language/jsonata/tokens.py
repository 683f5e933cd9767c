"""The tokens of JSONata 2.0.6, the version that Step Functions runs.

A slash divides or opens a regular expression depending on what stands before it, so the parser asks for one token at a
time and says which of the two it expects. The rules are those of the reference implementation (npm `jsonata@2.0.6`),
its oddities included: a name runs up to the next space or operator character, whatever is in it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class JsonataSyntaxError(Exception):
    """An expression that JSONata 2.0.6 cannot read; the message names the place as a character offset."""


class Token(NamedTuple):
    """One token. `kind` is the operator itself, or `name`, `variable`, `string`, `number`, `value`, `regex`, `end`."""

    kind: str
    value: str
    end: int


SPACE: Final = r"[ \t\n\r\v]"
_ENDS_A_NAME: Final = r" \t\n\r\v.\[\]{}(),@\#;:?+\-*/%|=<>^&!~"
NAME: Final = rf"""[^{_ENDS_A_NAME}`"'][^{_ENDS_A_NAME}]*"""
"""A whole name, or a variable with its `$`. Who looks for names in another way finds others than the parser does."""

_SPACE_OR_COMMENT: Final = re.compile(rf"(?:{SPACE}+|/\*.*?\*/)*", re.DOTALL)
_TOKEN: Final = re.compile(
    rf"""(?P<operator>\.\.|:=|!=|>=|<=|\*\*|~>|[.\[\]{{}}(),@\#;:?+\-*/%|=<>^&])
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?)
    |`(?P<quoted>[^`]*)`
    |(?P<name>{NAME})""",
    re.DOTALL | re.VERBOSE,
)
_WORD_OPERATORS: Final = frozenset({"and", "or", "in"})
_VALUES: Final = frozenset({"true", "false", "null"})


def next_token(text: str, position: int, *, after_operand: bool) -> Token:
    """The token at or after `position`. After an operand a slash divides, elsewhere it opens a regular expression.

    Raises JsonataSyntaxError for characters that start no token.
    """
    skipped = _SPACE_OR_COMMENT.match(text, position)
    start = skipped.end() if skipped else position
    if start >= len(text):
        return Token("end", "", start)
    found = _TOKEN.match(text, start)
    if found is None:
        raise JsonataSyntaxError(f"unexpected {text[start]!r} at offset {start}")
    group = found.lastgroup
    value = found[group] if group else ""
    end = found.end()
    if group == "operator":
        if value == "/" and not after_operand:
            return _regex(text, end)
        return Token(value, value, end)
    if group == "name":
        if value[0] == "$":
            return Token("variable", value[1:], end)
        if value in _WORD_OPERATORS:
            return Token(value, value, end)
        return Token("value" if value in _VALUES else "name", value, end)
    if group == "quoted":
        return Token("name", value, end)
    return Token(group or "end", value[1:-1] if group == "string" else value, end)


def _regex(text: str, start: int) -> Token:
    """The regular expression whose pattern begins at `start`: up to the first slash outside brackets, then flags."""
    depth = 0
    position = start
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 2
            continue
        if char == "/" and depth == 0:
            end = position + 1
            while end < len(text) and text[end] in "im":
                end += 1
            return Token("regex", text[start:position], end)
        depth += (char in "([{") - (char in ")]}")
        position += 1
    raise JsonataSyntaxError(f"the regular expression at offset {start - 1} does not end")
