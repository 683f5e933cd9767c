"""Shapes: expressions that differ only in the names and texts in them have one shape, and are read once.

A compiled machine has thousands of expressions and few shapes. What is found for a shape holds for the expression, with
the variables named back, as long as nothing is wrong with it; the caller reads anything else for itself.
"""

from __future__ import annotations

import re
from typing import Final

from workflow_engine.language.jsonata.tokens import NAME, SPACE

_KEPT_NAMES: Final = frozenset({"and", "or", "in", "true", "false", "null", "function", "λ"})
_PART: Final = re.compile(
    rf"""(?<!\.)\.(?P<step>{NAME})
    |(?P<name>{NAME})
    |(?P<text>"[^"\\\ud800-\udfff]*"|'[^'\\\ud800-\udfff]*')
    |`(?P<quoted>[^`\ud800-\udfff]*)`
    |(?P<unsafe>[/"'`])""",
    re.VERBOSE,
)
_PLAIN: Final = re.compile(r"\$?[A-Za-z_][A-Za-z0-9_]*")
_STRANGE: Final = re.compile(r"""["'`\ud800-\udfff]""")
_NOT_SIMPLE: Final = re.compile(r"""[^ -~\t\n\r]|[\\'`/<]|\w\$|\$(?!\w)""", re.ASCII)
"""What needs a look at each token: escapes, other quotes, regular expressions and comments, signatures, odd names."""
_QUOTE_IN_NAME: Final = re.compile(r'\w"', re.ASCII)
"""Once texts are empty: a quote right behind a name is part of that, and where the next text begins is another matter."""
_TEXT: Final = re.compile(r'"[^"]*"')
_LATER_STEP: Final = re.compile(
    rf"(?<!\$states)(?<!\.)\.(?!(?:{'|'.join(sorted(_KEPT_NAMES - {'λ'}))})\b)[A-Za-z_]\w*", re.ASCII
)
_VARIABLE: Final = re.compile(r"\$(\w+)", re.ASCII)
_SIGNATURE: Final = re.compile(rf"(?:function|λ)`?{SPACE}*\([^()]*\){SPACE}*<")


def shape_of(text: str, kept: frozenset[str]) -> tuple[str, dict[str, str]] | None:
    """The shape, and for each variable of the shape the name it stands for; None where it takes a parser to tell.

    `kept` are the names of variables that mean something by themselves. Names are told apart as the parser does it, each
    up to its end, and whatever is not a plain name stays as it is: `$$$a` is one variable, named `$$a`. A slash may open
    a regular expression, or a comment, in which quotes are no quotes: such an expression has no shape, nor has one with
    an escape in a text or a quote in a name, or the signature of a function, which is in a language of its own.
    """
    if _NOT_SIMPLE.search(text) is None:
        return _shape_of_simple(text, kept)
    names: dict[str, str] = {}
    unsafe = _SIGNATURE.search(text) is not None
    after_states = False

    def replace(found: re.Match[str]) -> str:
        nonlocal unsafe, after_states
        kind, part = found.lastgroup, found[0]
        first_step, after_states = after_states, part == "$states"
        match kind:
            case "text":
                return '""'
            case "quoted":
                return part if first_step or found["quoted"] in _KEPT_NAMES else "`n`"
            case "name" | "step":
                name = found[kind]
                if _PLAIN.fullmatch(name) is None:
                    unsafe = unsafe or _STRANGE.search(name) is not None
                elif name[0] == "$":
                    if name[1:] not in kept:
                        return part[: -len(name)] + "$v" + names.setdefault(name[1:], str(len(names)))
                elif kind == "step" and not first_step and name not in _KEPT_NAMES:
                    return ".n"
                return part
        unsafe = True
        return part

    shape = _PART.sub(replace, text)
    return None if unsafe else (shape, {"v" + number: name for name, number in names.items()})


def _shape_of_simple(text: str, kept: frozenset[str]) -> tuple[str, dict[str, str]] | None:
    """`shape_of` for what the compiler itself writes mostly: no call a token, but a few a variable."""
    shape = _TEXT.sub('""', text)
    if shape.count('"') != 2 * shape.count('""') or _QUOTE_IN_NAME.search(shape):
        return None
    shape = _LATER_STEP.sub(".n", shape)
    names: dict[str, str] = {}

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        return found[0] if name in kept else "$v" + names.setdefault(name, str(len(names)))

    shape = _VARIABLE.sub(replace, shape)
    return shape, {"v" + number: name for name, number in names.items()}
