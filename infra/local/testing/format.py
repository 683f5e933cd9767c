"""A file of cases, read and checked: defaults and fixtures under each case, its parameters filled in, each part with its line.

What is wrong with a file is told all at once, by file and line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.local.mocking.documents import Document, WrongFileError, read_document
from infra.local.mocking.model import Mock, Place
from infra.local.mocking.reading import Part, Reader, mock_problems, schema, told
from infra.local.testing.matching import UnknownMatcherError, check_matchers
from infra.local.testing.model import Action, Case, Stored, TestFile

if TYPE_CHECKING:
    pass

SUFFIXES: Final = (".test.yaml", ".test.yml", ".test.json")
WORKFLOW_SUFFIXES: Final = (".yaml", ".yml", ".json")

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


def case_of(values: Mapping[str, Any], folder: Path, place: Place) -> Case:
    """A case that a program gives, in the form of one in a file; files that it names lie in `folder`. Raises WrongFileError."""
    document = Document({"cases": [values]}, {(): place.line}, place.file)
    return _Reading(folder / "case", document).cases()[0]


class _Reading:
    """One file while it is read."""

    def __init__(self, path: Path, document: Document) -> None:
        self.path = path
        self.document = document
        self._reader = Reader(path.parent)
        self.findings = self._reader.findings

    def file(self) -> TestFile:
        root = Part(self.document.value, self.document, ())
        if not isinstance(root.value, Mapping):
            raise WrongFileError((root.place, "A file of tests is an object with 'cases'."))
        cases = self.cases()
        workflow = self._workflow(root)
        steps = self._steps(root, workflow)
        stored = self._stored(self._fixtures(root))
        self._raise_findings()
        read_document(workflow)
        return TestFile(self.path, workflow, cases, steps, stored)

    def cases(self) -> list[Case]:
        root = Part(self.document.value, self.document, ())
        fixtures = self._fixtures(root)
        expanded = list(self._expanded(root))
        self._check_schema(root, expanded)
        self._raise_findings()
        defaults = [part for part in (root.get("defaults"), *fixtures) if part is not None]
        found = [self._case(part, defaults) for part in expanded]
        names = [case.name for case in found]
        for case in found:
            if names.count(case.name) > 1:
                told = f"Two cases are called '{case.name}'. Give each a name of its own, with {{a parameter}} in those of 'with'."
                self.findings.append((case.place, told))
        self._raise_findings()
        return found

    def _raise_findings(self) -> None:
        if self.findings:
            raise WrongFileError(*self.findings)

    def _fixtures(self, root: Part) -> list[Part]:
        named = root.get("fixtures")
        found = []
        for index in range(len(named.value) if named is not None and isinstance(named.value, list) else 0):
            assert named is not None
            part = named.at(index)
            document = self._reader.read(part.value, part)
            if document is not None:
                found.append(Part(document.value, document, ()))
        return list(reversed(found))  # of two the later wins

    def _stored(self, fixtures: list[Part]) -> Stored:
        found: dict[str, dict[str, Any]] = {"agents": {}, "prompts": {}, "workflows": {}}
        for fixture in reversed(fixtures):
            for kind, documents in found.items():
                part = fixture.get(kind)
                for name, entry in part.items() if part is not None else ():
                    value = entry.value
                    if isinstance(value, str) and (document := self._reader.read(value, entry)) is not None:
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
        of_mocks = list(mock_problems(checked))
        found = [*of_mocks, *_matcher_problems(checked)]
        found += [
            (part.document.place((*part.path, *path)), sentence)
            for misfit in validator.misfits(value, 20)
            if not of_mocks or "mocks" not in misfit.path
            for path, sentence in told(misfit, "the case" if part.path else "the file")
        ]
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
        document = None if named is None else self._reader.read(named.value, named)
        return None if document is None else Part(document.value, document, ())

    def _mocks(self, layers: list[Part]) -> dict[str, Mock]:
        """Those of the case first, so that its patterns of addresses of servers come before others."""
        found: dict[str, Mock] = {}
        for number, layer in enumerate(layers):
            mocks = layer.get("mocks")
            for address, entry in mocks.items() if mocks is not None else ():
                if address not in found:
                    found[address] = self._reader.mock(address, entry, is_own=number == 0)
        return found

    def _action(self, part: Part) -> Action:
        kinds = [name for name in ("decide", "cancel", "redrive") if name in part.value]
        if len(kinds) != 1:
            self.findings.append((part.place, "An action is just one of decide, cancel and redrive."))
            return Action(0.0, "cancel", "", part.place)
        value = part.value[kinds[0]]
        redrive = part.get("redrive")
        mocks = redrive.get("mocks") if redrive is not None else None
        found = (
            {address: self._reader.mock(address, entry) for address, entry in mocks.items()}
            if mocks is not None
            else {}
        )
        return Action(
            self._reader.seconds(part.get("at")), kinds[0], value, part.place, found, part.value.get("expect_error")
        )

    def _input(self, layers: list[Part]) -> Any:
        for layer in layers:
            if (given := layer.get("input")) is not None:
                return given.value
            if (named := layer.get("input_from")) is not None:
                document = self._reader.read(named.value, named)
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
                self.findings.append(
                    (part.place, f"'now' is no timestamp such as 2026-03-02T09:00:00Z: {part.value!r}.")
                )
                return None
            except ZoneInfoNotFoundError:
                self.findings.append((part.place, f"There is no time zone '{zone}'. Name one such as Europe/Berlin."))
                return None
            return moment.timestamp()
        return None


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


@cache
def _validators() -> tuple[Any, Any]:
    from workflow_engine.json_schema import SchemaValidator

    whole = schema()
    return SchemaValidator(whole), SchemaValidator({"$defs": whole["$defs"], "$ref": "#/$defs/Case"})
