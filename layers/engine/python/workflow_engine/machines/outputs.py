"""What the steps of a run gave, held outside of memory while a history is read.

A history of 25,000 events may carry hundreds of megabytes of outputs, and the list that a map gives has all of its
elements once more. So each output that a history tells is written once, as JSON text, to a temporary file; a list or an
object put together of such outputs only refers to them. Beyond `SPOOL_BYTES` outputs go to the payload store as they pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import SEEK_END
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass

SPOOL_BYTES: Final = 192 * 1024 * 1024
"""Of outputs in the temporary file. It and one output put together of it, which is no larger, fit into the 512 MB of
/tmp that a function has (Lambda quotas, "/tmp directory storage", the least)."""

HELD_BYTES: Final = 64 * 1024 * 1024
"""Of texts that are held beside them: what tasks received, and why attempts failed. They fit, too."""

_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_TINY_BYTES: Final = 16
_dump: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Keep = Callable[[Iterable[bytes]], str]
"""Puts a JSON text, in pieces of UTF-8, into the payload store and gives its link."""


@dataclass(frozen=True, slots=True)
class Text:
    """An output in the temporary file. `size` is in bytes of JSON, here and below."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """An output in the payload store."""

    link: str
    size: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A list, or an object with `names`, of outputs. `is_whole` says that all of it is in the temporary file."""

    names: tuple[str, ...] | None
    parts: tuple[Output | None, ...]
    size: int
    is_whole: bool

    def fields(self) -> Iterator[tuple[str, Output | None]]:
        """Names and parts of an object; nothing of a list."""
        return zip(self.names or (), self.parts, strict=False)


Output = Text | Kept | Joined
"""JSON's null is None in the place of an Output."""


class Outputs:
    """The outputs of one run."""

    def __init__(self, keep: Keep, spool_bytes: int = SPOOL_BYTES) -> None:
        import tempfile

        self._keep = keep
        self._spool_bytes = spool_bytes
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # closed with the object
        self.length = 0
        """Bytes in the file."""
        self._held = 0
        self._tiny: dict[bytes, Text] = {}

    def __del__(self) -> None:
        self._file.close()

    def add(self, value: Json) -> Output | None:
        """Hold a value."""
        if value is None:
            return None
        text = _dump(value).encode()
        known = self._tiny.get(text)
        if known is not None:
            return known
        size = len(text)
        if self.length - self._held + size > self._spool_bytes:
            return Kept(self._keep((text,)), size)
        held = self._write(text)
        if size <= _TINY_BYTES:
            self._tiny[text] = held
        return held

    def hold(self, text: str) -> Text | None:
        """Hold a text that is no output, as it is. None when there is no room for more of them."""
        content = text.encode("utf-8", "replace")
        if self._held + len(content) > HELD_BYTES:
            return None
        self._held += len(content)
        return self._write(content)

    def text(self, held: Text) -> str:
        """A text that is held."""
        return b"".join(self.pieces(held)).decode()

    def _write(self, content: bytes) -> Text:
        held = Text(self.length, len(content))
        self._file.seek(0, SEEK_END)
        self._file.write(content)
        self.length += held.size
        return held

    def named(self, fields: Mapping[str, Output | None]) -> Joined:
        """An object of these outputs."""
        return _joined(tuple(fields), tuple(fields.values()))

    def listed(self, items: Iterable[Output | None]) -> Joined:
        """A list of these outputs."""
        return _joined(None, tuple(items))

    def is_whole(self, output: Output) -> bool:
        """True if an output can be read and put together from the temporary file."""
        match output:
            case Text():
                return True
            case Kept():
                return False
            case Joined():
                return output.is_whole and output.size <= self._spool_bytes

    def value(self, output: Output | None) -> Any:
        """The value of an output that is whole."""
        return None if output is None else json.loads(b"".join(self.pieces(output)))

    def link(self, output: Output, keep: Keep) -> str | None:
        """Put an output into the payload store by itself. None for one that is put together of too much."""
        if isinstance(output, Kept):
            return output.link
        return keep(self.pieces(output)) if self.is_whole(output) else None

    def pieces(self, output: Output | None) -> Iterator[bytes]:
        """The JSON text of an output that is whole."""
        match output:
            case None:
                yield b"null"
            case Text(offset, size):
                self._file.seek(offset)
                yield self._file.read(size)
            case Joined(None, parts):
                for number, part in enumerate(parts):
                    yield b"," if number else b"["
                    yield from self.pieces(part)
                yield b"]" if parts else b"[]"
            case Joined(_, parts):
                for number, (name, part) in enumerate(output.fields()):
                    yield b"," if number else b"{"
                    yield _dump(name).encode() + b":"
                    yield from self.pieces(part)
                yield b"}" if parts else b"{}"
            case Kept():
                raise ValueError("an output in the payload store is not read from here")


def _joined(names: tuple[str, ...] | None, parts: tuple[Output | None, ...]) -> Joined:
    size = 2 + max(len(parts) - 1, 0) + sum(4 if part is None else part.size for part in parts)
    if names:
        size += sum(len(_dump(name).encode()) + 1 for name in names)
    whole = not any(isinstance(part, Kept) or (isinstance(part, Joined) and not part.is_whole) for part in parts)
    return Joined(names, parts, size, whole)
