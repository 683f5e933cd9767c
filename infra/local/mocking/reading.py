"""Mocks of a document, with the line of each, or what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.mocking.documents import Document, PathInFile, WrongFileError, read_document
from infra.local.mocking.durations import seconds_of
from infra.local.mocking.model import KINDS, Mock, Place, Reply
from workflow_engine.json_schema import surplus_fields
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.suggestions import suggest

if TYPE_CHECKING:
    from workflow_engine.json_schema import Misfit

SCHEMA_FILE: Final = Path(__file__).with_name("workflow.test.schema.json")
"""The format, published as statemachines/workflow.test.schema.json."""

_BESIDE: Final[Mapping[str, str]] = {
    "message": "error",
    "retry_after": "error",
    "by": "decision",
    "comment": "decision",
    "payload": "decision",
    "headers": "status",
    "json": "status",
    "body": "status",
}
"""Fields of a reply that belong to one kind."""
_OF_ALL: Final = frozenset({"when", "after", "times", "usage"})


@dataclass(frozen=True, slots=True)
class Part:
    """A value with where it stands: the document that it is of, and its path there."""

    value: Any
    document: Document
    path: PathInFile

    def at(self, name: str | int) -> Part:
        """A field or element."""
        return Part(self.value[name], self.document, (*self.path, name))

    def get(self, name: str) -> Part | None:
        """A field, None where there is none."""
        return self.at(name) if isinstance(self.value, Mapping) and name in self.value else None

    def items(self) -> Iterator[tuple[str, Part]]:
        """The fields of an object."""
        for name in self.value if isinstance(self.value, Mapping) else ():
            yield name, self.at(name)

    @property
    def place(self) -> Place:
        """Its line."""
        return self.document.place(self.path)

    def places(self) -> dict[PathInFile, Place]:
        """The lines of all within it, by their paths from here."""
        depth = len(self.path)
        return {
            path[depth:]: Place(self.document.file, line)
            for path, line in self.document.lines.items()
            if path[:depth] == self.path
        }


@dataclass(slots=True)
class Reader:
    """Makes mocks of parts that fit the format; files that they name lie in `folder`. What is wrong is kept in `findings`."""

    folder: Path
    findings: list[tuple[Place, str]] = field(default_factory=list)

    def read(self, name: Any, part: Part) -> Document | None:
        """A file beside this one."""
        if not isinstance(name, str):
            return None
        path = self.folder / name
        if not path.is_file():
            self.findings.append((part.place, f"There is no file '{name}' beside this one."))
            return None
        return read_document(path)

    def mock(self, address: str, entry: Part, *, is_own: bool = True) -> Mock:
        """The mock of an address."""
        is_list = isinstance(entry.value, list)
        parts = [entry.at(i) for i in range(len(entry.value))] if is_list else [entry]
        return Mock(address, [self._reply(part) for part in parts], is_list, entry.place, is_own)

    def _reply(self, part: Part) -> Reply:
        kind = next(kind for kind in KINDS if kind in part.value)
        value = part.value[kind]
        if kind == "output_from":
            document = self.read(value, part.at(kind))
            value = None if document is None else document.value
        more = {name: v for name, v in part.value.items() if name not in (kind, "when", "after", "times")}
        after = self.seconds(part.get("after"))
        return Reply(kind, value, part.place, more, part.value.get("when"), after, part.value.get("times"))

    def seconds(self, part: Part | None) -> float:
        """A duration; 0 for none."""
        try:
            return 0.0 if part is None else seconds_of(part.value)
        except ValueError as error:
            self.findings.append((part.place if part else Place("", 1), str(error)))
            return 0.0


def mocks_of_body(body: Any) -> dict[str, Mock]:
    """The `mocks` of a request's body. Raises InvalidRequestError with pointers into it."""
    from workflow_engine.errors import InvalidRequestError
    from workflow_engine.language.diagnostics import pointer

    lines = {path: number for number, path in enumerate(_paths(body), 1)}
    document = Document({"mocks": body}, lines, "the body")
    part = Part({"mocks": body}, document, ())
    paths = list(lines)

    def located(place: Place) -> str:
        return pointer(*paths[place.line - 1]) if 0 < place.line <= len(paths) else "/mocks"

    found = list(mock_problems(part))
    if not found:
        misfits = _validator_of_mocks().misfits({"mocks": body}, 20)
        found = [(document.place(path), sentence) for misfit in misfits for path, sentence in told(misfit)]
    reading = Reader(Path())
    mocks: dict[str, Mock] = {}
    if not found:
        try:
            mocks = {address: reading.mock(address, entry) for address, entry in part.at("mocks").items()}
        except WrongFileError as error:
            found += error.findings
        found += reading.findings
    if found:
        errors = [{"code": "invalid_mocks", "pointer": located(place), "detail": told} for place, told in found]
        raise InvalidRequestError(
            "The mocks are not in the format of tests of workflows; `errors` tells where.", errors=errors
        )
    return mocks


def _paths(value: Any, path: PathInFile = ("mocks",)) -> Iterator[PathInFile]:
    yield path
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _paths(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _paths(part, (*path, index))


def mock_problems(part: Part) -> Iterator[tuple[Place, str]]:
    """What is wrong with replies, in better words than a schema's."""
    for mocks in _all_mocks(part):
        for address, entry in mocks.items():
            replies = [entry.at(i) for i in range(len(entry.value))] if isinstance(entry.value, list) else [entry]
            if not replies:
                yield entry.place, f"The list of '{address}' is empty. Give a reply, or leave the mock out."
            for reply in replies:
                yield from _reply_problems(address, reply)


def _all_mocks(part: Part) -> Iterator[Part]:
    if (mocks := part.get("mocks")) is not None:
        yield mocks
    if (defaults := part.get("defaults")) is not None and (mocks := defaults.get("mocks")) is not None:
        yield mocks
    actions = part.get("actions")
    for index in range(len(actions.value) if actions is not None and isinstance(actions.value, list) else 0):
        assert actions is not None
        redrive = actions.at(index).get("redrive")
        if redrive is not None and (mocks := redrive.get("mocks")) is not None:
            yield mocks


def _reply_problems(address: str, reply: Part) -> Iterator[tuple[Place, str]]:
    if not isinstance(reply.value, Mapping):
        yield reply.place, f"A reply of '{address}' is an object such as {{output: ...}} or {{error: Name}}."
        return
    kinds = [kind for kind in KINDS if kind in reply.value]
    unknown = [name for name in reply.value if name not in KINDS and name not in _OF_ALL and name not in _BESIDE]
    if len(kinds) != 1 and not (unknown and not kinds):
        told = f"has {' and '.join(kinds)}" if kinds else "has none of them"
        yield reply.place, f"A reply is just one of {', '.join(KINDS)}; this one of '{address}' {told}."
    for name, part in reply.items():
        if name in KINDS or name in _OF_ALL:
            continue
        if name not in _BESIDE:
            yield part.place, f"A reply has no field '{name}'.{suggest(name, [*KINDS, *_BESIDE, *_OF_ALL])}"
        elif kinds and _BESIDE[name] not in kinds:
            yield part.place, f"'{name}' stands beside '{_BESIDE[name]}' only, and this reply has '{kinds[0]}'."


def told(misfit: Misfit, whole: str = "the file") -> Iterator[tuple[PathInFile, str]]:
    """A misfit of the format's schema in plain words, each with the path that it is about; `whole` is what has no path."""
    where = ".".join(str(part) for part in misfit.path) or whole
    match misfit.keyword:
        case "additionalProperties" if isinstance(misfit.value, Mapping):
            known = misfit.schema.get("properties", {})
            for name in surplus_fields(misfit.value, misfit.schema):
                yield (*misfit.path, name), f"{where}: There is no field '{name}'.{suggest(name, known)}"
        case "required" if isinstance(misfit.value, Mapping):
            missing = next(name for name in misfit.rule if name not in misfit.value)
            yield misfit.path, f"{where}: '{missing}' is missing."
        case "enum":
            known_words = [str(word) for word in misfit.rule]
            near = suggest(str(misfit.value), known_words)
            yield misfit.path, f"{where}: It is one of {', '.join(known_words)}, not {misfit.value!r}.{near}"
        case _:
            yield misfit.path, f"{where}: {misfit.message}."


@cache
def schema() -> dict[str, Any]:
    """The format as a JSON Schema."""
    whole: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return whole


@cache
def _validator_of_mocks() -> Any:
    from workflow_engine.json_schema import SchemaValidator

    return SchemaValidator(
        {"$defs": schema()["$defs"], "type": "object", "properties": {"mocks": {"$ref": "#/$defs/Mocks"}}}
    )
