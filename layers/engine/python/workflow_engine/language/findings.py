"""The collector of diagnostics, and how a value of the client is shown in one.

All findings of a document are collected, within bounds: a hostile document must cost neither minutes of looking for
similar names nor an answer of a hundred megabytes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final, Literal

from workflow_engine.language.diagnostics import Diagnostic, Json, has_errors
from workflow_engine.suggestions import advised, fix_of, fix_to, nearest

MAX_DIAGNOSTICS: Final = 1_000
MAX_SHOWN_CHARACTERS: Final = 60

# Looking for the nearest of n names compares n texts, about 10 microseconds each; this bounds all suggestions of a
# document.
SUGGESTION_BUDGET: Final = 20_000
MAX_SUGGESTION_LENGTH: Final = 64


def shown(value: Json) -> str:
    """A JSON value as it may stand in a sentence: short, on one line; lists and objects only by their kind."""
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value)


def quoted(text: str) -> str:
    """A text of the client within single quotes, control characters escaped, cut when long."""
    cut = text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"
    return "'" + "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in cut) + "'"


class Findings:
    """What has been found so far in one document."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self._left_out = 0
        self._budget = SUGGESTION_BUDGET

    def add(self, code: str, pointer: str, detail: str) -> None:
        """Record one finding, with the fix that its detail carries; past `MAX_DIAGNOSTICS` only their number."""
        if len(self._found) >= MAX_DIAGNOSTICS:
            self._left_out += 1
        else:
            self._found.append(Diagnostic(code, pointer, str(detail), fix_of(detail)))

    def nearest(self, word: str, known: Collection[str]) -> str | None:
        """The nearest known word, or None when none is near or the budget is spent."""
        if len(word) > MAX_SUGGESTION_LENGTH or len(known) > self._budget:
            return None
        self._budget -= len(known)
        return nearest(word, known)

    def suggest(self, word: str, known: Collection[str], target: Literal["key", "value"] = "value") -> str:
        """` Did you mean 'x'?`, with its fix; the empty string when nothing is near or the budget is spent."""
        near = self.nearest(word, known)
        return "" if near is None else advised(f" Did you mean '{near}'?", fix_to(word, near, known, target))

    @property
    def has_errors(self) -> bool:
        """True if a workflow may not be made of the document."""
        return has_errors(self._found)

    def in_document_order(self, document: Json) -> tuple[Diagnostic, ...]:
        """All findings: errors first, then warnings, each in the order in which their places stand in the document."""
        ordered = sorted(self._found, key=lambda d: (d.severity == "warning", _order(d.pointer, document)))
        if self._left_out:
            last = ordered[-1]
            ordered[-1] = Diagnostic(
                last.code, last.pointer, f"{last.detail} {self._left_out} further findings are not listed.", last.fix
            )
        return tuple(ordered)


def _order(pointer: str, document: Json) -> tuple[int, ...]:
    """Position of each segment of a pointer within its parent."""
    positions: list[int] = []
    node = document
    for segment in pointer.split("/")[1:]:
        key = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            positions.append(_key_position(node, key))
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            positions.append(int(key))
            node = node[int(key)]
        else:
            break
    return tuple(positions)


def _key_position(node: dict[str, Json], key: str) -> int:
    """Position of a key, counted up to a bound only: past it the order of findings is of no use to a reader."""
    for position, name in enumerate(node):
        if name == key or position >= 1_000:
            return position
    return len(node)
