"""Files and cases, run and told: what the command and the plugin of pytest stand on."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.local.mocking.documents import Document, read_document
from infra.local.testing.checks import Context, Failure
from infra.local.testing.coverage import Coverage
from infra.local.testing.expectations import error_text, failures
from infra.local.testing.flows import Flow, FlowStep
from infra.local.testing.format import WORKFLOW_SUFFIXES, is_test_file
from infra.local.testing.model import Case, Stored, TestFile
from infra.local.testing.observed import Observed
from infra.local.testing.running import Bench, CannotRunError
from infra.local.testing.snapshots import Snapshots
from workflow_engine.lazy_dataclass import dataclass

_NEVER_LOOKED_INTO = frozenset({"node_modules", "__pycache__", "build", "dist", "cdk.out"})


def files_of_cases(paths: Iterable[Path]) -> list[Path]:
    """The files of cases among these, and in these folders at any depth, in order."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(sorted(_below(path))))
        else:
            found[path] = None
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            is_environment = (path / "pyvenv.cfg").is_file()
            if not path.name.startswith(".") and path.name not in _NEVER_LOOKED_INTO and not is_environment:
                yield from _below(path)
        elif is_test_file(path):
            yield path


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case ended: what failed, and what is worth knowing besides."""

    file: Path
    case: Case
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    skipped: str | None = None

    @property
    def id(self) -> str:
        """By which it is known from one session to the next."""
        return f"{self.file}::{self.case.name}"

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.failures and self.skipped is None


@dataclass(frozen=True, slots=True)
class Subject:
    """A workflow under test: its document, as compiled where it can be, the steps of workflows that it starts, and what the store
    holds for it.
    """

    document: Document
    flow: Flow | None
    others: Mapping[str, FlowStep]
    stored: Stored = field(default_factory=Stored)
    findings: tuple[Mapping[str, str], ...] = ()


@dataclass(slots=True)
class Session:
    """Runs cases, on one cloud while their files name one folder of steps."""

    updates: bool = False
    is_ci: bool = False
    coverage: Coverage = field(default_factory=Coverage)
    _bench: Bench | None = None
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _subjects: dict[Path, tuple[Bench, Subject]] = field(default_factory=dict)
    _snapshots: dict[Path, Snapshots] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the cloud, and write what is new of snapshots."""
        self._open.close()
        self._bench = None
        for snapshots in self._snapshots.values():
            snapshots.save()
        self._snapshots.clear()

    def bench(self, steps: Path | None) -> Bench:
        """The cloud with this folder of steps. Raises CannotRunError for a folder that cannot be used."""
        from infra.local.steps import StepsDirectoryError

        if self._bench is None or self._bench.steps != steps:
            self._open.close()
            self._bench = None
            try:
                self._bench = self._open.enter_context(Bench(steps))
            except StepsDirectoryError as error:
                raise CannotRunError(str(error)) from None
        return self._bench

    def subject(self, workflow: Path, steps: Path | None, stored: Stored) -> tuple[Bench, Subject]:
        """A workflow, ready to be run. Raises CannotRunError, WrongFileError."""
        bench = self.bench(steps)
        document = read_document(workflow)
        known = self._subjects.get(workflow)
        if known is not None and known[0] is bench and known[1].document.value == document.value:
            bench.store(known[1].stored)
            return known
        children = _children(document.value, workflow, stored)
        held = Stored(stored.agents, stored.prompts, children)
        bench.store(held)
        flow: Flow | None = None
        found: tuple[Mapping[str, str], ...] = ()
        try:
            flow = bench.flow(document.value)
        except CannotRunError as error:
            found = error.findings
        others: dict[str, FlowStep] = {}
        for child in children.values():
            others |= bench.flow(child).steps
        self._subjects[workflow] = bench, Subject(document, flow, others, held, found)
        return self._subjects[workflow]

    def run(self, file: TestFile, case: Case) -> Outcome:
        """Run a case of a file."""
        if case.skip is not None:
            return Outcome(file.path, case, skipped=case.skip)
        began = time.monotonic()
        try:
            bench, subject = self.subject(file.workflow, file.steps, file.stored)
            observed = self.observe(bench, subject, case)
        except CannotRunError as error:
            told = " ".join([str(error), *(f"{f['code']} {f['pointer']} {f['detail']}" for f in error.findings)])
            return Outcome(file.path, case, (Failure(told, case.place),), seconds=time.monotonic() - began)
        if subject.flow is not None:
            self.coverage.of(file.workflow, subject.flow, subject.document).add(observed)
        found = self.judge(file.path, subject, case, observed)
        notes = [problem.told for problem in observed.problems if not problem.is_fatal]
        if subject.flow is None:
            notes += [f"{name} in the folder of steps is no step type: {why}" for name, why in bench.ignored.items()]
        if found and observed.error and not {"status", "error"} & set(case.expect):
            notes.append(f"the run ended {observed.status}: {error_text(observed.error)}")
        return Outcome(file.path, case, tuple(found), tuple(notes), time.monotonic() - began)

    def observe(self, bench: Bench, subject: Subject, case: Case) -> Observed:
        """What a case comes to."""
        if subject.flow is None:
            return Observed(findings=subject.findings)
        wants_findings = "findings" in case.expect
        with _quiet():
            observed = bench.run(subject.document.value, case, subject.others)
            observed.findings = bench.findings(subject.document.value) if wants_findings else ()
        return observed

    def judge(self, tests: Path, subject: Subject, case: Case, observed: Observed) -> list[Failure]:
        """What is not as the case expects."""
        if tests not in self._snapshots:
            self._snapshots[tests] = Snapshots.beside(tests, updates=self.updates, is_ci=self.is_ci)
        snapshots = self._snapshots[tests]
        execution_id = observed.results.get("execution_id", "")

        def compare(path: str, value: Any) -> str | None:
            return snapshots.compare(case.name, path, value, execution_id)

        own = {} if subject.flow is None else subject.flow.steps
        return failures(Context(case, observed, {**subject.others, **own}, compare))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What steps log is in the logs of their runs, and nowhere else while the block lasts."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def _children(document: Any, workflow: Path, stored: Stored) -> dict[str, Any]:
    """The workflows that a workflow may start, at any depth, innermost first: stored by a fixture, or in files beside it."""
    from workflow_engine.language.walk import walk_steps

    found: dict[str, Any] = {}

    def look(held: Any, before: tuple[str, ...]) -> None:
        for _, step in walk_steps(held):
            config = step.get("config")
            name = (
                config.get("workflow_id")
                if step.get("step_type") == "subflow" and isinstance(config, Mapping)
                else None
            )
            if not isinstance(name, str) or name in found or name in before:
                continue
            child = stored.workflows.get(name) or _beside(workflow, name)
            if child is not None:
                look(child, (*before, name))
                found[name] = child

    look(document, ())
    return {**found, **{name: held for name, held in stored.workflows.items() if name not in found}}


def _beside(workflow: Path, name: str) -> Any:
    for suffix in WORKFLOW_SUFFIXES:
        if (path := workflow.with_name(name + suffix)).is_file():
            return read_document(path).value
    return None
