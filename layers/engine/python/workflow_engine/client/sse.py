"""Server-sent events, read as they come (HTML, "Server-sent events", Parsing an event stream)."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple


class Message(NamedTuple):
    """An event of a stream. `place` is the id that the client sends to go on after it."""

    place: str
    data: str


class EventReader:
    """Reads one stream; what begins an event that the connection cuts off is forgotten with it.

    `place` is the last id that was told, `retry_seconds` after how long to come back, None where that was not told.
    """

    def __init__(self, place: str = "") -> None:
        self.place = place
        self.retry_seconds: float | None = None
        self._id = place
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._data: list[str] = []

    def read(self, piece: bytes) -> Iterator[Message]:
        """The events that are whole with this piece."""
        text = self._rest + self._text.decode(piece)
        # A carriage return at the end may be the first half of a line's end.
        kept = "\r" if text.endswith("\r") else ""
        *lines, rest = text.removesuffix(kept).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = rest + kept
        for line in lines:
            if line:
                self._field(line)
                continue
            data, self._data, self.place = self._data, [], self._id
            if data:
                yield Message(self.place, "\n".join(data))

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry_seconds = int(value) / 1000
