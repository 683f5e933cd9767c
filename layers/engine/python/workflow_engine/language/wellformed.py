"""Checks that hold for any JSON value, before its meaning is looked at.

What passes here can be walked by recursion, printed as UTF-8 and written as JSON that JavaScript reads, which is what
Step Functions does with it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Final

from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.findings import Findings

MAX_NESTING: Final = 100
"""Levels of lists and objects in a document. AWS documents no number; a JSONata literal of this depth still evaluates."""

_BAD_KEY: Final = "A key of this object is not valid Unicode text. Remove lone surrogates (\\ud800 to \\udfff)."


def check_well_formed(document: Json, findings: Findings) -> bool:
    """Report what no JSON document of ours may hold; True if there was nothing to report.

    Reported are NaN and infinities (Python's reader takes them, JSON has none), numbers beyond a double, texts that are no
    valid Unicode (lone surrogates), and nesting deeper than `MAX_NESTING`. A finding within a key points at the object.
    """
    sound = True
    # (place, list or object, level): an explicit stack, since recursion would end at Python's limit before ours.
    stack: list[tuple[tuple[str | int, ...], Json, int]] = []

    def visit(place: tuple[str | int, ...], value: Json, level: int) -> None:
        nonlocal sound
        if isinstance(value, dict | list) and level <= MAX_NESTING:
            stack.append((place, value, level))
        elif (problem := _problem(value)) is not None:
            sound = False
            findings.add("WFE-E103", pointer(*place), problem)

    visit((), document, 1)
    while stack:
        place, node, level = stack.pop()
        if isinstance(node, dict):
            if not all(map(_is_unicode, node)):
                sound = False
                findings.add("WFE-E103", pointer(*place), _BAD_KEY)
                continue
            children: Iterable[tuple[str | int, Json]] = node.items()
        else:
            children = enumerate(node)
        for key, child in children:
            # Most values are plain text: those are passed over before anything is built for them.
            if type(child) is not str or not child.isascii():
                visit((*place, key), child, level + 1)
    return sound


def _problem(value: Json) -> str | None:
    """What is wrong with a value that is not walked into."""
    if isinstance(value, dict | list):
        return f"The document is nested deeper than {MAX_NESTING} levels. Make it flatter."
    if isinstance(value, str):
        if not _is_unicode(value):
            return "The text is not valid Unicode. Remove lone surrogates (\\ud800 to \\udfff)."
    elif isinstance(value, float):
        if not math.isfinite(value):
            return "NaN and infinities are not JSON numbers. Use null or a text instead."
    elif isinstance(value, int):
        if abs(value) > sys.float_info.max:
            return "The number is beyond the range of a double (about 1.8e308). Send it as a text."
    elif value is not None:
        return "The value is not JSON."
    return None


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
