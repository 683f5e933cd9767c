"""Where the values of a JSON text stand in it. Python's reader does not tell, so whoever wants to show a place goes through the
text once more.
"""

from __future__ import annotations

import json
import re
from typing import Final

from workflow_engine.documents.places import Place, Span

_TOKEN: Final = re.compile(r'[ \t\n\r]*("(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+)', re.DOTALL)


class RepeatedMemberError(ValueError):
    """An object has a member twice."""

    def __init__(self, name: str, first: Span, second: Span) -> None:
        super().__init__(name)
        self.name = name
        self.first = first
        self.second = second


def json_places(text: str) -> Place:
    """The places in a JSON text, as far as it is JSON. Raises RepeatedMemberError."""
    root = Place(0, len(text))
    open_: list[tuple[Place, bool]] = []
    key: tuple[str, Span] | None = None
    position = 0
    while token := _TOKEN.match(text, position):
        position, word = token.end(), token[1]
        start, kind = token.start(1), word[0]
        if kind in "}]":
            if not open_:
                break
            open_.pop()[0].end = position
        elif kind == '"' and open_ and open_[-1][1] and key is None:
            key = (json.loads(word, strict=False), Span(start, position))
        elif kind not in ":,":
            place = Place.of_container(start, position) if kind in "{[" else Place(start, position)
            if not open_:
                root = place
            else:
                _put(open_[-1][0], key, place)
                key = None
            if kind in "{[":
                open_.append((place, kind == "{"))
    return root


def _put(holder: Place, key: tuple[str, Span] | None, place: Place) -> None:
    if key is None:
        holder.inside[len(holder.inside)] = place
        return
    name, span = key
    if name in holder.keys:
        raise RepeatedMemberError(name, holder.keys[name], span)
    holder.keys[name] = span
    holder.inside[name] = place
