"""A file of cases, read and checked: defaults and fixtures under each case, its parameters filled in, each part with its line.

What is wrong with a file is told all at once, by file and line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.local.testing.documents import Document, PathInFile, WrongFileError, read_document
from infra.local.testing.durations import seconds_of
from infra.local.testing.matching import UnknownMatcherError, check_matchers
from infra.local.testing.model import KINDS, Action, Case, Mock, Place, Reply, Stored, TestFile
from workflow_engine.suggestions import suggest

if TYPE_CHECKING:
    from workflow_engine.json_schema import Misfit

SUFFIXES: Final = (".test.yaml", ".test.yml", ".test.json")
SCHEMA_FILE: Final = Path(__file__).with_name("workflow.test.schema.json")
"""Published as statemachines/workflow.test.schema.json."""
WORKFLOW_SUFFIXES: Final = (".yaml", ".yml", ".json")

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
_PARAMETER: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
_FIXTURE_FIELDS: Final = frozenset({"agents", "prompts", "workflows"})
_MATCHED: Final = ("output", "error")


def is_test_file(path: Path) -> bool:
    """Whether a file holds cases, by its name."""
    return path.name.endswith(SUFFIXES)


def read_test_file(path: Path) -> TestFile:
    """The cases of a file. Raises WrongFileError with all that is wrong."""
    document = read_document(path)
    return _Reading(path, document).file()


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


class _Reading:
    """One file while it is read."""

    def __init__(self, path: Path, document: Document) -> None:
        self.path = path
        self.document = document
        self.findings: list[tuple[Place, str]] = []

    def file(self) -> TestFile:
        root = Part(self.document.value, self.document, ())
        if not isinstance(root.value, Mapping):
            raise WrongFileError((root.place, "A file of tests is an object with 'cases'."))
        fixtures = self._fixtures(root)
        expanded = list(self._expanded(root))
        self._check_schema(root, expanded)
        if self.findings:
            raise WrongFileError(*self.findings)
        defaults = [part for part in (root.get("defaults"), *fixtures) if part is not None]
        cases = [self._case(part, defaults) for part in expanded]
        workflow = self._workflow(root)
        steps = self._steps(root, workflow)
        if self.findings:
            raise WrongFileError(*self.findings)
        return TestFile(self.path, workflow, cases, steps, self._stored(fixtures))

    def _fixtures(self, root: Part) -> list[Part]:
        named = root.get("fixtures")
        found = []
        for index in range(len(named.value) if named is not None and isinstance(named.value, list) else 0):
            assert named is not None
            part = named.at(index)
            document = self._read(part.value, part)
            if document is not None:
                found.append(Part(document.value, document, ()))
        return list(reversed(found))  # of two the later wins

    def _read(self, name: Any, part: Part) -> Document | None:
        """A file beside this one."""
        if not isinstance(name, str):
            return None
        path = self.path.parent / name
        if not path.is_file():
            self.findings.append((part.place, f"There is no file '{name}' beside this one."))
            return None
        return read_document(path)

    def _stored(self, fixtures: list[Part]) -> Stored:
        found: dict[str, dict[str, Any]] = {"agents": {}, "prompts": {}, "workflows": {}}
        for fixture in reversed(fixtures):
            for kind, documents in found.items():
                part = fixture.get(kind)
                for name, entry in part.items() if part is not None else ():
                    value = entry.value
                    if isinstance(value, str) and (document := self._read(value, entry)) is not None:
                        value = document.value
                    documents[name] = value
        return Stored(**found)

    def _workflow(self, root: Part) -> Path:
        named = root.get("workflow")
        if named is not None:
            path = self.path.parent / str(named.value)
            if not path.is_file():
                self.findings.append((named.place, f"There is no workflow '{named.value}' beside this file."))
            return path
        stem = next(self.path.name.removesuffix(s) for s in SUFFIXES if self.path.name.endswith(s))
        for suffix in WORKFLOW_SUFFIXES:
            if (path := self.path.with_name(stem + suffix)).is_file():
                return path
        told = f"There is no workflow '{stem}.yaml', '{stem}.yml' or '{stem}.json' beside this file. Name it with 'workflow'."
        self.findings.append((root.place, told))
        return self.path

    def _steps(self, root: Part, workflow: Path) -> Path | None:
        named = root.get("steps")
        if named is None:
            beside = workflow.parent / "steps"
            return beside if beside.is_dir() else None
        path = self.path.parent / str(named.value)
        if not path.is_dir():
            self.findings.append((named.place, f"There is no folder '{named.value}' beside this file."))
        return path

    def _expanded(self, root: Part) -> Iterator[Part]:
        """Each case, once for each of its parameters, with these filled in."""
        cases = root.get("cases")
        for index in range(len(cases.value) if cases is not None and isinstance(cases.value, list) else 0):
            assert cases is not None
            case = cases.at(index)
            given = case.get("with")
            if given is None or not isinstance(given.value, list):
                yield case
                continue
            for number, parameters in enumerate(given.value):
                if isinstance(parameters, Mapping):
                    bare = {name: value for name, value in case.value.items() if name != "with"}
                    filled = _filled(bare, parameters)
                    if filled.get("name") == bare.get("name"):
                        filled["name"] = f"{bare.get('name')} [{number + 1}]"
                    yield Part(filled, case.document, case.path)

    def _check_schema(self, root: Part, expanded: list[Part]) -> None:
        validator, of_case = _validators()
        bare = dict(root.value)
        if isinstance(bare.get("cases"), list) and bare["cases"]:
            bare["cases"] = [{"name": "", "expect": {"status": "completed"}}]
        self._add_misfits(validator, bare, root)
        for case in expanded:
            self._add_misfits(of_case, case.value, case)

    def _add_misfits(self, validator: Any, value: Any, part: Part) -> None:
        checked = Part(value, part.document, part.path)
        of_mocks = list(_mock_problems(checked))
        found = [*of_mocks, *_matcher_problems(checked)]
        for misfit in validator.misfits(value, 20):
            if not of_mocks or "mocks" not in misfit.path:
                found.append((part.document.place((*part.path, *misfit.path)), _told(misfit)))
        self.findings += [finding for finding in found if finding not in self.findings]

    def _case(self, part: Part, defaults: list[Part]) -> Case:
        recording = self._recording(part)
        layers = [layer for layer in (part, recording, *defaults) if layer is not None]
        expect = part.at("expect")
        actions = part.get("actions")
        return Case(
            name=part.value["name"],
            place=part.place,
            mocks=self._mocks(layers),
            expect=expect.value,
            places=expect.places(),
            input=self._input(layers),
            now=self._now(layers),
            time_zone=_first(layers, "time_zone"),
            secrets=_merged(layers, "secrets"),
            user=_merged(layers, "user"),
            unmocked=_first(layers, "unmocked") or "fail",
            seed=_first(layers, "seed") or 0,
            actions=[self._action(actions.at(i)) for i in range(len(actions.value))] if actions is not None else [],
            skip=part.value.get("skip"),
        )

    def _recording(self, part: Part) -> Part | None:
        named = part.get("recording")
        document = None if named is None else self._read(named.value, named)
        return None if document is None else Part(document.value, document, ())

    def _mocks(self, layers: list[Part]) -> dict[str, Mock]:
        """Those of the case first, so that its patterns of addresses of servers come before others."""
        found: dict[str, Mock] = {}
        for number, layer in enumerate(layers):
            mocks = layer.get("mocks")
            for address, entry in mocks.items() if mocks is not None else ():
                if address not in found:
                    found[address] = self.mock(address, entry, is_own=number == 0)
        return found

    def mock(self, address: str, entry: Part, *, is_own: bool = True) -> Mock:
        is_list = isinstance(entry.value, list)
        parts = [entry.at(i) for i in range(len(entry.value))] if is_list else [entry]
        return Mock(address, [self._reply(part) for part in parts], is_list, entry.place, is_own)

    def _reply(self, part: Part) -> Reply:
        kind = next(kind for kind in KINDS if kind in part.value)
        value = part.value[kind]
        if kind == "output_from":
            document = self._read(value, part.at(kind))
            value = None if document is None else document.value
        more = {name: v for name, v in part.value.items() if name not in (kind, "when", "after", "times")}
        after = self._seconds(part.get("after"))
        return Reply(kind, value, part.place, more, part.value.get("when"), after, part.value.get("times"))

    def _seconds(self, part: Part | None) -> float:
        try:
            return 0.0 if part is None else seconds_of(part.value)
        except ValueError as error:
            self.findings.append((part.place if part else Place("", 1), str(error)))
            return 0.0

    def _action(self, part: Part) -> Action:
        kinds = [name for name in ("decide", "cancel", "redrive") if name in part.value]
        if len(kinds) != 1:
            self.findings.append((part.place, "An action is just one of decide, cancel and redrive."))
            return Action(0.0, "cancel", "", part.place)
        value = part.value[kinds[0]]
        redrive = part.get("redrive")
        mocks = redrive.get("mocks") if redrive is not None else None
        found = {address: self.mock(address, entry) for address, entry in mocks.items()} if mocks is not None else {}
        return Action(self._seconds(part.get("at")), kinds[0], value, part.place, found, part.value.get("expect_error"))

    def _input(self, layers: list[Part]) -> Any:
        for layer in layers:
            if (given := layer.get("input")) is not None:
                return given.value
            if (named := layer.get("input_from")) is not None:
                document = self._read(named.value, named)
                return None if document is None else document.value
        return None

    def _now(self, layers: list[Part]) -> float | None:
        for layer in layers:
            part = layer.get("now")
            if part is None:
                continue
            zone = _first(layers, "time_zone")
            try:
                moment = datetime.fromisoformat(part.value)
                if moment.tzinfo is None:
                    moment = moment.replace(tzinfo=ZoneInfo(zone or "UTC"))
            except (ValueError, TypeError):
                self.findings.append((part.place, f"'now' is no timestamp such as 2026-03-02T09:00:00Z: {part.value!r}."))
                return None
            except ZoneInfoNotFoundError:
                self.findings.append((part.place, f"There is no time zone '{zone}'. Name one such as Europe/Berlin."))
                return None
            return moment.timestamp()
        return None


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

    found = list(_mock_problems(part))
    if not found:
        found = [(document.place(m.path), _told(m)) for m in _validator_of_mocks().misfits({"mocks": body}, 20)]
    reading = _Reading(Path(), document)
    mocks: dict[str, Mock] = {}
    if not found:
        try:
            mocks = {address: reading.mock(address, entry) for address, entry in part.at("mocks").items()}
        except WrongFileError as error:
            found += error.findings
        found += reading.findings
    if found:
        errors = [{"code": "invalid_mocks", "pointer": located(place), "detail": told} for place, told in found]
        raise InvalidRequestError("The mocks are not in the format of tests of workflows; `errors` tells where.", errors=errors)
    return mocks


def _paths(value: Any, path: PathInFile = ("mocks",)) -> Iterator[PathInFile]:
    yield path
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _paths(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _paths(part, (*path, index))


def _first(layers: list[Part], name: str) -> Any:
    return next((part.value for layer in layers if (part := layer.get(name)) is not None), None)


def _merged(layers: list[Part], name: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for layer in reversed(layers):
        part = layer.get(name)
        made |= part.value if part is not None else {}
    return made


def _filled(value: Any, parameters: Mapping[str, Any]) -> Any:
    """A value with `{name}` replaced; a text that is nothing else becomes the parameter itself."""
    if isinstance(value, str):
        whole = _PARAMETER.fullmatch(value)
        if whole and whole[1] in parameters:
            return parameters[whole[1]]
        return _PARAMETER.sub(lambda m: _as_text(parameters[m[1]]) if m[1] in parameters else m[0], value)
    if isinstance(value, Mapping):
        return {_filled_key(name, parameters): _filled(part, parameters) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, parameters) for part in value]
    return value


def _filled_key(name: str, parameters: Mapping[str, Any]) -> str:
    return _PARAMETER.sub(lambda m: _as_text(parameters[m[1]]) if m[1] in parameters else m[0], name)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _mock_problems(part: Part) -> Iterator[tuple[Place, str]]:
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
    if len(kinds) != 1:
        told = f"has {' and '.join(kinds)}" if kinds else "has none of them"
        yield reply.place, f"A reply is just one of {', '.join(KINDS)}; this one of '{address}' {told}."
    for name, field in reply.items():
        if name in KINDS or name in _OF_ALL:
            continue
        if name not in _BESIDE:
            yield field.place, f"A reply has no field '{name}'.{suggest(name, [*KINDS, *_BESIDE, *_OF_ALL])}"
        elif kinds and _BESIDE[name] not in kinds:
            yield field.place, f"'{name}' stands beside '{_BESIDE[name]}' only, and this reply has '{kinds[0]}'."


def _matcher_problems(part: Part) -> Iterator[tuple[Place, str]]:
    expect = part.get("expect")
    if expect is None:
        return
    for field in _matched_parts(expect):
        try:
            check_matchers(field.value)
        except UnknownMatcherError as error:
            yield field.document.place((*field.path, *error.path)), str(error)


def _matched_parts(expect: Part) -> Iterator[Part]:
    for name in _MATCHED:
        if (field := expect.get(name)) is not None:
            yield field
    for name, inner in (("steps", ("output", "error", "input")), ("calls", ("inputs", "each"))):
        of_steps = expect.get(name)
        for _, step in of_steps.items() if of_steps is not None else ():
            yield from (field for key in inner if (field := step.get(key)) is not None)


def _told(misfit: Misfit) -> str:
    """A misfit of the format's schema in plain words."""
    where = ".".join(str(part) for part in misfit.path) or "the file"
    known = misfit.schema.get("properties", {}) if isinstance(misfit.schema, Mapping) else {}
    match misfit.keyword:
        case "additionalProperties" if isinstance(misfit.value, Mapping):
            surplus = [name for name in misfit.value if name not in known]
            return f"{where}: There is no field '{surplus[0]}'.{suggest(surplus[0], known)}" if surplus else misfit.message
        case "required" if isinstance(misfit.value, Mapping):
            return f"{where}: '{next(n for n in misfit.rule if n not in misfit.value)}' is missing."
        case "enum":
            return f"{where}: It is one of {', '.join(map(str, misfit.rule))}, not {misfit.value!r}.{suggest(str(misfit.value), map(str, misfit.rule))}"
        case "propertyNames" | "pattern":
            return f"{where}: {misfit.message}."
    return f"{where}: {misfit.message}."


@cache
def _schema() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return whole


@cache
def _validators() -> tuple[Any, Any]:
    from workflow_engine.json_schema import SchemaValidator

    whole = _schema()
    return SchemaValidator(whole), SchemaValidator({"$defs": whole["$defs"], "$ref": "#/$defs/Case"})


@cache
def _validator_of_mocks() -> Any:
    from workflow_engine.json_schema import SchemaValidator

    return SchemaValidator(
        {"$defs": _schema()["$defs"], "type": "object", "properties": {"mocks": {"$ref": "#/$defs/Mocks"}}}
    )


