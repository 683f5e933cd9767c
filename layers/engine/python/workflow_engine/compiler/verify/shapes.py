"""Shapes: expressions that differ only in the names and texts in them have one shape, and are read once.

A compiled machine has thousands of expressions and few shapes. What is found for a shape holds for the expression, with
the variables named back, as long as nothing is wrong with it; the caller reads anything else for itself.
"""

from __future__ import annotations

import re
from typing import Final

_KEPT_STEPS: Final = frozenset({"and", "or", "in", "true", "false", "null", "function"})
_PART: Final = re.compile(
    r"""(?P<variable>\$[A-Za-z][\w$]*)
    |(?<!\.)\.(?P<step>[A-Za-z_]\w*)(?!\s*\()
    |(?<![\w'"`.])(?P<text>"[^"\\\ud800-\udfff]*"|'[^'\\\ud800-\udfff]*')(?!\s*\.)
    |(?<![\w'"`])`(?P<quoted>[^`\ud800-\udfff]*)`
    |(?P<unsafe>[/"'`\ud800-\udfff])""",
    re.VERBOSE,
)


def shape_of(text: str, kept: frozenset[str]) -> tuple[str, dict[str, str]] | None:
    """The shape, and for each variable of the shape the name it stands for; None where it takes a parser to tell.

    `kept` are the names of variables that mean something by themselves. A slash may open a regular expression, or a
    comment, in which quotes are no quotes: such an expression has no shape, nor has one with an escape in a text.
    """
    names: dict[str, str] = {}
    unsafe = False
    after_states = False

    def replace(found: re.Match[str]) -> str:
        nonlocal unsafe, after_states
        kind, part = found.lastgroup, found[0]
        first_step, after_states = after_states, part == "$states"
        match kind:
            case "variable":
                name = part[1:]
                return part if name in kept else "$v" + names.setdefault(name, str(len(names)))
            case "step":
                return part if first_step or found["step"] in _KEPT_STEPS else ".n"
            case "text":
                return '""'
            case "quoted":
                return part if first_step else "`n`"
        unsafe = True
        return part

    shape = _PART.sub(replace, text)
    return None if unsafe else (shape, {"v" + number: name for name, number in names.items()})
