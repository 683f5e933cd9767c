"""Where a value stands in the text that it was read from: of each value the characters that it takes, of each member its key's.

Offsets count characters of the text from 0, lines and columns from 1 as editors do.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, NamedTuple

_LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")


_NO_KEYS: Final[dict[str, Span]] = {}
_NOTHING: Final[dict[str | int, Place]] = {}
"""Those of a value that holds no others, which most are."""


class Span(NamedTuple):
    """Characters of a text, `end` not included."""

    start: int
    end: int


class Place:
    """A value in its text. `keys` and `inside` are those of an object by key; of a list `inside` is by index.

    `is_shared` is true for a value that stands in the document more than once, through an anchor of YAML: to change it here
    changes it there.
    """

    __slots__ = ("end", "inside", "is_shared", "keys", "start")

    def __init__(
        self,
        start: int,
        end: int,
        keys: dict[str, Span] = _NO_KEYS,
        inside: dict[str | int, Place] = _NOTHING,
        is_shared: bool = False,
    ) -> None:
        self.start = start
        self.end = end
        self.keys = keys
        self.inside = inside
        self.is_shared = is_shared

    @classmethod
    def of_container(cls, start: int, end: int) -> Place:
        """The place of a list or object, whose parts are to be added."""
        return cls(start, end, {}, {})


class Found(NamedTuple):
    """What a JSON pointer leads to. `key` is None for the whole document and in lists. `is_exact` is false where the pointer leads
    to nothing in the text, such as a field that is missing: then it is the innermost value on the way.
    """

    key: Span | None
    value: Span
    is_exact: bool
    is_shared: bool

    @property
    def span(self) -> Span:
        """What to show of it: the value where it takes characters, else its key."""
        return self.value if self.value.end > self.value.start or self.key is None else self.key


def find(root: Place, pointer: str) -> Found:
    """The place that a JSON pointer (RFC 6901) leads to."""
    place, key, is_shared, is_exact = root, None, root.is_shared, True
    for segment in pointer.split("/")[1:]:
        name = segment.replace("~1", "/").replace("~0", "~")
        inner = place.inside.get(name) if place.keys else None
        if inner is None and not place.keys and name.isdecimal():
            inner = place.inside.get(int(name))
        if inner is None:
            is_exact = False
            break
        key = place.keys.get(name)
        place = inner
        is_shared = is_shared or place.is_shared
    return Found(key, Span(place.start, place.end), is_exact, is_shared)


class Lines:
    """The lines of a text. They end with a line feed, a carriage return, or both."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column, no further than the text goes."""
        return min(self._starts[min(line, len(self._starts)) - 1] + column - 1, len(self._text))

    def text_of(self, line: int) -> str:
        """A line without its break."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self._text)
        return self._text[start:end].rstrip("\r\n")
