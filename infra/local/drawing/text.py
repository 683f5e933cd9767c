"""Lines of text in a picture: how long they may be, and about how wide they are, without looking at a font."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST_LINE: Final = 44
_WIDE: Final = "WF"
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of those after them: a label is to say what the file says."""


def shown(text: str) -> str:
    """A text as one line that XML can hold, cut where it is too long. Other control characters than tabs and line ends are none
    of XML's (https://www.w3.org/TR/xml/#charsets), and half a surrogate pair is no character.
    """
    line = " ".join(whole(text).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def whole(text: str) -> str:
    """A text without what XML cannot hold, and what would turn it around."""
    return "".join(c if _is_xml(c) and c not in _TURNS else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_xml(character: str) -> bool:
    return character in "\t\n\r" or (
        unicodedata.category(character) not in {"Cc", "Cs"} and character not in "\ufffe\uffff"
    )


def width(text: str, size: int) -> int:
    """Pixels that a line needs in most sans-serif fonts of this size; characters of East Asia need twice as much."""
    columns = sum(2 if unicodedata.east_asian_width(c) in _WIDE else 1 for c in text)
    return round(columns * size * 0.6)
