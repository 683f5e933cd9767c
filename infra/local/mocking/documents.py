"""YAML and JSON with the line of each value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.local.mocking.model import Place

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
    value, lines = _composed(text, file)
    return Document(value, lines, file)


# Until the project's own reader of YAML stands here: composed by libyaml, scalars as YAML 1.2 has them.


def _composed(text: str, file: str) -> tuple[Any, dict[PathInFile, int]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    lines: dict[PathInFile, int] = {}
    try:
        node = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        raise WrongFileError(
            (Place(file, line), f"This is no YAML: {getattr(error, 'problem', None) or error}.")
        ) from None
    return (None if node is None else _value(node, (), lines, file)), lines


def _value(node: Any, path: PathInFile, lines: dict[PathInFile, int], file: str) -> Any:
    import yaml

    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key, value in node.value:
            if key.value in made:
                raise WrongFileError(
                    (Place(file, key.start_mark.line + 1), f"The key '{key.value}' stands twice here.")
                )
            made[key.value] = _value(value, (*path, key.value), lines, file)
            lines[(*path, key.value)] = key.start_mark.line + 1
        return made
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines, file) for index, item in enumerate(node.value)]
    return node.value if node.style else _scalar(node.value)


_WORDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def _scalar(text: str) -> Any:
    import re

    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text
