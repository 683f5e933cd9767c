"""Texts that are filled once: `{name}` in what an author wrote, never in what was brought in.

A text is kept in pieces, so that data with braces in it (code, a stranger's message) is never taken for a text with
names. The compiler hands over texts of a step in which names may stand as `[{"text": ...}, {"data": ...}, ...]`, all other
texts of a step complete; what is filled in here becomes data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflow_engine.agents.placeholders import as_text, places_in


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `is_data` was brought in."""

    text: str
    is_data: bool = False


@dataclass(frozen=True, slots=True)
class FillableText:
    """A text of a definition. With `doubled`, `{{ name }}` is a place too, as in stored prompts."""

    pieces: tuple[Piece, ...]
    doubled: bool = False

    @classmethod
    def of_definition(cls, text: str) -> FillableText:
        """A text of a stored or inline agent or of a stored prompt, which no reference has brought anything into."""
        return cls((Piece(text),), doubled=True)

    @classmethod
    def of_step(cls, value: Any) -> FillableText:
        """A text of a step's configuration, complete or in pieces."""
        if isinstance(value, str):
            return cls((Piece(value, is_data=True),))
        pieces = [value] if isinstance(value, Mapping) else value
        return cls(tuple(Piece(p["data"], is_data=True) if "data" in p else Piece(p["text"]) for p in pieces))

    def __str__(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def names(self) -> Collection[str]:
        """The names that have not been filled in, each once, in order."""
        own = (piece.text for piece in self.pieces if not piece.is_data)
        return dict.fromkeys(name for text in own for name, _, _ in places_in(text, doubled=self.doubled))

    def filled(self, values: Mapping[str, Any]) -> FillableText:
        """The text with the values in the places of their names; names without a value stay."""
        return FillableText(tuple(self._filled(values)), self.doubled)

    def as_pieces(self) -> list[dict[str, str]]:
        """As a step's output shows it, places with one brace on each side."""
        return [{"data": piece.text} if piece.is_data else {"text": self._singled(piece.text)} for piece in self.pieces]

    def _singled(self, text: str) -> str:
        done, written = 0, ""
        for name, start, end in places_in(text) if self.doubled else ():
            written += f"{text[done:start]}{{{name}}}"
            done = end
        return written + text[done:]

    def _filled(self, values: Mapping[str, Any]) -> Iterator[Piece]:
        for piece in self.pieces:
            done = 0
            for name, start, end in () if piece.is_data else places_in(piece.text, doubled=self.doubled):
                if name in values:
                    yield Piece(piece.text[done:start])
                    yield Piece(as_text(values[name]), is_data=True)
                    done = end
            yield Piece(piece.text[done:], piece.is_data)
