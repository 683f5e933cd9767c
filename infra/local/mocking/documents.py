"""YAML and JSON with the line of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.local.mocking.model import Place
from workflow_engine.documents.places import Lines
from workflow_engine.documents.places import Place as TextPlace
from workflow_engine.documents.yaml_text import read_yaml
from workflow_engine.errors import MalformedDocumentError, PayloadTooLargeError
from workflow_engine.lazy_dataclass import dataclass

PathInFile = tuple[str | int, ...]


class WrongFileError(Exception):
    """A file cannot be used. `findings` are places and sentences."""

    def __init__(self, *findings: tuple[Place, str]) -> None:
        super().__init__("\n".join(f"{place}: {told}" for place, told in findings))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Document:
    """The value of a file, and the line of each part by its path."""

    value: Any
    lines: Mapping[PathInFile, int]
    file: str

    def place(self, path: PathInFile) -> Place:
        """The line of a part, else of what is nearest around it."""
        for length in range(len(path), -1, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return Place(self.file, line)
        return Place(self.file, 1)


def shown_path(path: Path) -> str:
    """A file as messages name it: relative to the current folder, where it lies in it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read_document(path: Path) -> Document:
    """A YAML or JSON file. Raises WrongFileError."""
    file = shown_path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "It is not UTF-8 text."
        raise WrongFileError((Place(file, 1), f"The file cannot be read: {told}")) from None
    try:
        value, root = read_yaml(text)
    except MalformedDocumentError as error:
        raise WrongFileError((Place(file, error.place[0] if error.place else 1), error.sentence)) from None
    except PayloadTooLargeError as error:
        raise WrongFileError((Place(file, 1), error.detail)) from None
    return Document(value, dict(_lines_of(root, (), Lines(text))), file)


def _lines_of(place: TextPlace, path: PathInFile, lines: Lines) -> Iterator[tuple[PathInFile, int]]:
    if not path:
        yield path, lines.position(place.start)[0]
    for name, inner in place.inside.items():
        key = place.keys.get(name) if isinstance(name, str) else None
        yield (*path, name), lines.position(inner.start if key is None else key.start)[0]
        yield from _lines_of(inner, (*path, name), lines)
