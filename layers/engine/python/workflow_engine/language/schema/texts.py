"""Patterns of the texts of the language: what surely is no reference, template, condition or expression.

A pattern takes every text that the parser takes, and refuses mistakes that can be seen without knowing any name: a single `=`,
`&&`, braces around a reference, a bracket that is not closed. Without a lookahead, which validators in linear time do not have,
and without two ways to read one text, which those that backtrack would try out.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.language.condition_text import OTHER_NAMES
from workflow_engine.language.diagnostics import Json

_PUNCTUATION: Final = r"!-,./:-@\[-^`{-~"
"""ASCII without letters, digits, `_` and `-`; inside of a class."""
_CURLY_QUOTES: Final = "\u2018\u2019\u201c\u201d\u00ab\u00bb"
_LETTER: Final = rf"[^\s\-{_PUNCTUATION}{_CURLY_QUOTES}]"
_MORE: Final = rf"[^\s{_PUNCTUATION}{_CURLY_QUOTES}]"
_QUOTED: Final = r"""(?:"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')"""
_NAME: Final = rf"(?:[$@]|{_LETTER})(?:[$@]|{_MORE})*"
_BRACKETS: Final = rf"\[\s*(?:-?[0-9]+|\*|{_QUOTED})\s*\]"

REFERENCE: Final = rf"^\s*{_LETTER}{_MORE}*(?:\.{_NAME}|{_BRACKETS})*\s*$"

# A condition is words with something in between: operators, parentheses, literals in quotes, short brackets. What follows a
# bracket with a comma, a brace or another bracket in it is a list that a pattern cannot read, and passes.
_WORD: Final = rf"(?:[.\-]|{_LETTER})(?:[.$@+]|{_MORE})*"
_BETWEEN: Final = rf"""(?:[\s()]|==|!=|[<>]=?|{_QUOTED}|\[[^\[\]{{}},'"]*\]|\[\s*{_QUOTED}\s*\])"""
CONDITION: Final = rf"^(?:{_BETWEEN}*(?:{_WORD}(?:{_BETWEEN}+{_WORD})*{_BETWEEN}*)?|[\s\S]*\[[\s\S]*[\[{{,][\s\S]*)$"
_OPERATORS: Final = "and|or|not|in|not_in|contains|not_contains|starts_with|ends_with|regex_match"
UNFINISHED_CONDITION: Final = rf"""(?:[=<>]|(?:^|[\s)'"\]])(?:{_OPERATORS}))\s*$"""
"""A condition that ends where an operand is expected."""

_FOREIGN: Final = "|".join(sorted(name for name in OTHER_NAMES if name.isidentifier()))
_SURELY_OPERAND: Final = rf"(?:{_LETTER}{_MORE}*\.(?:[.$@+]|{_MORE})+|-?[0-9](?:[.+]|{_MORE})*)"
FOREIGN_OPERATOR: Final = rf"""^{_BETWEEN}*(?:{_WORD}{_BETWEEN}+)*{_SURELY_OPERAND}\s+(?:{_FOREIGN})(?:[\s('"\[]|$)"""
"""An operator of another language behind what is surely an operand: a path or a number."""

TEMPLATE: Final = r"^(?:[\s\S]*\}\})?(?:[^{]|\{[^{])*\{?$"
"""After the last `}}` there is no `{{`."""

_PLAIN: Final = r"""(?:[^()\[\]{}'"`/]|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')*"""
_BRACKET: Final = r"[()\[\]{}]"
EXPRESSION: Final = rf"^(?:{_PLAIN}(?:{_BRACKET}{_PLAIN}{_BRACKET}{_PLAIN})*|[\s\S]*[`/][\s\S]*)$"
"""An even number of brackets outside of texts. With a slash or a backtick it passes: comments and patterns may hold anything."""

NAME_AND_DOT: Final = r"^\s*[A-Za-z_][A-Za-z0-9_]*\s*\."
LITERAL_AND_DOT: Final = r"^\s*(?:true|false|null|and|or|in)\s*\."
"""Two patterns for one thing: an expression that begins with a bare name, and those of them that begin with something else."""


def of_element(text: str = r"item|index") -> str:
    """The pattern of references that begin with one of these words."""
    return rf"^\s*(?:{text})\s*(?:[.\[][\s\S]*)?$"


def text_schema(pattern: str, message: str, **rules: Json) -> dict[str, Json]:
    """A text that a pattern takes. `message` is what editors say of one that it does not take."""
    return {"type": "string", **rules, "pattern": pattern, "patternErrorMessage": message}
