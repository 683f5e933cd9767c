"""Patterns of `regex_match`: a literal of the regular expressions that JSONata takes (those of JavaScript, without flags).

A pattern is written into the machine as a JSONata regex literal. JSONata finds the end of such a literal by counting
brackets, also those within character classes, so `regex_literal` escapes every bracket that is meant as a character.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from workflow_engine.ecma_patterns import PatternError
from workflow_engine.language.backtracking import BacktrackingError, check_backtracking

MAX_PATTERN_CHARACTERS: Final = 1_000

# Letters that may follow a backslash. JavaScript takes any other letter for itself, so that \A or \p{L}, which other
# languages know, would silently match the letters A and p.
_ESCAPE_LETTERS: Final = frozenset("dDwWsSbBnrtfvxu")
_QUANTIFIER: Final = re.compile(r"\{[0-9]{1,4}(,[0-9]{0,4})?\}")
_GROUP: Final = re.compile(r"\(\?(?::|=|!|<=|<!)")
_HEX: Final = {"x": re.compile(r"[0-9A-Fa-f]{2}"), "u": re.compile(r"[0-9A-Fa-f]{4}")}


def regex_literal(pattern: str) -> str:
    """The JSONata source `/.../` of a pattern. Never holds `%}`, which would end an expression of Step Functions.

    Raises `ValueError` with a sentence if the pattern is not one that JSONata and JavaScript read in the same way.
    """
    if not pattern:
        raise ValueError("an empty pattern is not allowed.")
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise ValueError(f"a pattern has at most {MAX_PATTERN_CHARACTERS} characters.")
    pieces: list[str] = []
    in_class = False
    position = 0
    while position < len(pattern):
        if not in_class and pattern[position] == "[":
            in_class = True
            piece = "[^" if pattern.startswith("[^", position) else "["
            if pattern.startswith(piece + "]", position):
                raise ValueError("a character class must not be empty; write \\] for a bracket in it.")
            width = len(piece)
        elif in_class and pattern[position] == "]":
            in_class, piece, width = False, "]", 1
        else:
            piece, width = _piece(pattern, position, in_class)
        pieces.append(piece)
        position += width
    literal = "/" + "".join(pieces) + "/"
    _check_parses(literal)
    _check_time(pattern)
    return literal


@lru_cache(maxsize=256)
def _check_time(pattern: str) -> None:
    """Refuse a pattern that may backtrack for ever: a Choice cannot catch that, and the laptop's server would stand still."""
    try:
        check_backtracking(pattern)
    except BacktrackingError as error:
        raise ValueError(str(error)) from None
    except PatternError:
        raise ValueError("the pattern is not a valid regular expression of JavaScript.") from None


def _piece(pattern: str, position: int, in_class: bool) -> tuple[str, int]:
    """Source of what begins at `position`, and how many characters of the pattern it stands for."""
    character = pattern[position]
    if character == "\\":
        return _escape(pattern, position)
    if in_class:
        if pattern.startswith("[:", position):
            raise ValueError("classes such as [:alpha:] are not known here; write [A-Za-z].")
        return ("\\" + character, 1) if character in "()[{}/" else (_plain(character), 1)
    if character == "{" and (quantifier := _QUANTIFIER.match(pattern, position)):
        return quantifier.group(), len(quantifier.group())
    if pattern.startswith("(?", position):
        if group := _GROUP.match(pattern, position):
            return group.group(), len(group.group())
        raise ValueError("after '(?' only ':', '=', '!', '<=' and '<!' are allowed; there are no flags such as (?i).")
    return ("\\" + character, 1) if character in "{}]/" else (_plain(character), 1)


def _escape(pattern: str, position: int) -> tuple[str, int]:
    following = pattern[position + 1 : position + 2]
    if not following:
        raise ValueError("a pattern must not end with a single backslash.")
    if following == "\\":
        # As a code, since JSONata takes a bracket or slash after "\\" for an escaped one.
        return "\\x5c", 2
    if (
        following.isalnum()
        and following.isascii()
        and following not in _ESCAPE_LETTERS
        and following not in "123456789"
    ):
        raise ValueError(f"'\\{following}' has no meaning here; for the character itself leave the backslash out.")
    if (digits := _HEX.get(following)) and not digits.match(pattern, position + 2):
        raise ValueError(
            f"'\\{following}' must be followed by {'two' if following == 'x' else 'four'} hexadecimal digits."
        )
    if following.isprintable():
        return "\\" + following, 2
    return _plain(following), 2


def _plain(character: str) -> str:
    return character if character.isprintable() or ord(character) > 0xFFFF else f"\\u{ord(character):04x}"


def _check_parses(literal: str) -> None:
    import jlens  # here, since only workflows with patterns or expressions need it

    try:
        # Evaluated, since jlens compiles a pattern only when it is first used.
        jlens.Expression(f'$contains("", {literal})').evaluate(None)
    except jlens.JlensError:
        raise ValueError("the pattern is not a valid regular expression of JavaScript.") from None
