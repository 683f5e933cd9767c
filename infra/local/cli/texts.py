"""Documents as they are written, in JSON or YAML, so that what is found in their values can be shown where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from workflow_engine.documents.places import Lines, Place, Span
    from workflow_engine.errors import WorkflowEngineError

YAML_SUFFIXES: Final = (".yaml", ".yml")
SUFFIXES: Final = (".json", *YAML_SUFFIXES)


class Text:
    """A document as it is written. `name` is what people call it: its file, `standard input`, an option."""

    def __init__(self, name: str, text: str, *, is_yaml: bool, broken_at: int | None = None) -> None:
        """`broken_at` is the offset of what is no UTF-8."""
        self.name = name
        self.text = text
        self.is_yaml = is_yaml
        self.hidden: list[Span] = []
        """What is not to be shown of it, since it is a secret."""
        self._broken_at = broken_at
        self._lines: Lines | None = None
        self._root: Place | None = None

    def value(self) -> Any:
        """The value. Raises MalformedDocumentError, and PayloadTooLargeError."""
        if self._broken_at is not None:
            raise self._broken(self._broken_at)
        if self.is_yaml:
            from workflow_engine.documents.yaml_text import read_yaml

            value, self._root = read_yaml(self.text)
            return value
        from workflow_engine.documents.json_text import parse_json

        return parse_json(self.text)

    @property
    def lines(self) -> Lines:
        """Its lines."""
        if self._lines is None:
            from workflow_engine.documents.places import Lines

            self._lines = Lines(self.text)
        return self._lines

    @property
    def root(self) -> Place:
        """The places of its values, for one that has a value."""
        if self._root is None:
            from workflow_engine.documents.json_places import json_places
            from workflow_engine.documents.yaml_text import read_yaml

            self._root = read_yaml(self.text)[1] if self.is_yaml else json_places(self.text)
        return self._root

    def _broken(self, offset: int) -> WorkflowEngineError:
        from workflow_engine.errors import MalformedJsonError, MalformedYamlError

        kind = MalformedYamlError if self.is_yaml else MalformedJsonError
        return kind("Not UTF-8 text.", place=self.lines.position(offset))


def text_of(name: str, content: bytes, *, is_yaml: bool | None = None) -> Text:
    """The text of bytes. Whether it is YAML is told by the name's ending, else by whether it begins as JSON does."""
    broken_at = None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = content.decode("utf-8", "replace")
        broken_at = len(content[: error.start].decode("utf-8"))
    if is_yaml is None:
        suffix = Path(name).suffix.lower()
        is_yaml = suffix in YAML_SUFFIXES or (suffix != ".json" and not text.lstrip().startswith(("{", "[")))
    return Text(name, text, is_yaml=is_yaml, broken_at=broken_at)


def no_document(error: WorkflowEngineError) -> Mapping[str, Any]:
    """The finding that a text has no value. `place` is where, if that is known."""
    sentence = getattr(error, "sentence", error.detail)
    return {"code": error.code, "pointer": "", "detail": sentence, "place": getattr(error, "place", None)}
