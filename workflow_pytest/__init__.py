"""Tests of workflows in pytest: each case of a `*.test.yaml` is an item, and the fixture `workflows` runs a workflow in a test.

    def test_order(workflows):
        run = workflows.run("order.yaml", input={"order": {"id": "o-1"}}, mocks={"charge": {"error": "CardDeclined"}})
        run.expect(status="failed", never=["ship"])

The wheel brings it, so every project of who has installed that loads this module: it imports nothing of the engine before a
case, or that fixture, is there. It is a package by itself since pytest loads it first: with a package `infra` around it, a project
could not import an `infra` of its own any more. Of a project that has one, the engine's modules join it when they are needed.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from infra.local.mocking.stage import Called
    from infra.local.testing.model import Case, TestFile
    from infra.local.testing.observed import Observed
    from infra.local.testing.session import Outcome, Session, Subject

_SUFFIXES = (".test.yaml", ".test.yml", ".test.json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command that are none of pytest's own."""
    group = parser.getgroup("workflows", "tests of workflows (*.test.yaml)")
    group.addoption(
        "--workflow-update", action="store_true", help="Take what is observed over into the snapshots of cases."
    )
    group.addoption(
        "--workflow-ci", action="store_true", help="Write no snapshots of cases: a missing one fails its case."
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file of cases."""
    return WorkflowFile.from_parent(parent, path=file_path) if file_path.name.endswith(_SUFFIXES) else None


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the cloud."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        session.close()


_SESSION: pytest.StashKey[Session] = pytest.StashKey()


_HOME = Path(__file__).parents[1]
"""Where the engine's packages lie."""


@cache
def _join_packages(root: Path) -> None:
    """Let the engine's modules be found beside a project's own where both have packages of one name. Fails who asks where a module
    of the project hides one that is needed.
    """
    functions = [path.parent.name for path in (_HOME / "functions").glob("*/__init__.py")]
    for package, needed in (("infra", ["local", "catalog", "function"]), ("functions", functions)):
        joined = _joined(package, root)
        for name in [f"{package}.{name}" for name in needed] if hasattr(joined, "__path__") else [package]:
            spec = importlib.util.find_spec(name)
            origin = Path(getattr(spec, "origin", None) or "")
            if not origin.is_relative_to(_HOME / package):
                pytest.fail(
                    f"Cases of workflows cannot run here: {origin} has the name '{name}', which the engine's own modules need. "
                    "Rename it, or run the cases by 'workflow test'.",
                    pytrace=False,
                )


def _joined(name: str, root: Path) -> ModuleType:
    """A package with the folders of both in its path, the project's first; its `__init__` is the project's, where that has one."""
    own, ours = root / name, _HOME / name
    is_there = own.is_dir() and not own.samefile(ours)
    before = sys.path[:]
    if is_there and (own / "__init__.py").is_file():
        sys.path.insert(0, str(root))
    try:
        package = importlib.import_module(name)
    finally:
        sys.path[:] = before
    if hasattr(package, "__path__"):
        folders = [*([str(own)] if is_there else []), *package.__path__, str(ours)]
        package.__path__ = list(dict.fromkeys(folders))
    return package


def _session(config: pytest.Config) -> Session:
    if _SESSION not in config.stash:
        _join_packages(config.rootpath)
        from infra.local.testing.session import Session

        options = {"updates": config.getoption("--workflow-update"), "is_ci": config.getoption("--workflow-ci")}
        config.stash[_SESSION] = Session(**options)
    return config.stash[_SESSION]


class WorkflowFile(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterator[pytest.Item]:
        _join_packages(self.config.rootpath)
        from infra.local.mocking.documents import WrongFileError
        from infra.local.testing.format import read_test_file

        try:
            file = read_test_file(self.path)
        except WrongFileError as error:
            raise self.CollectError(str(error)) from None
        for case in file.cases:
            yield WorkflowItem.from_parent(self, name=case.name, file=file, case=case)


class CaseFailedError(Exception):
    """A case is not as it expects."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class WorkflowItem(pytest.Item):
    """One case."""

    def __init__(self, *, file: TestFile, case: Case, **options: Any) -> None:
        super().__init__(**options)
        self._file = file
        self._case = case

    def runtest(self) -> None:
        outcome = _session(self.config).run(self._file, self._case)
        if outcome.skipped is not None:
            pytest.skip(outcome.skipped)
        for note in outcome.notes:
            self.add_report_section("call", "notes", note)
        if outcome.failures:
            raise CaseFailedError(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, CaseFailedError):
            return "\n".join(map(str, excinfo.value.outcome.failures))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._case.place.line - 1, self.name


@pytest.fixture
def workflows(request: pytest.FixtureRequest) -> Workflows:
    """Runs workflows, whose files are named from the folder of the test."""
    return Workflows(_session(request.config), request.path.parent)


class Workflows:
    """What the fixture gives."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session, self._folder = session, folder

    def run(
        self, workflow: str | Path, *, input: Any = None, mocks: Mapping[str, Any] | None = None, **case: Any
    ) -> WorkflowRun:
        """Run a workflow to its end, with mocks as a file of cases has them; `case` takes the other fields of one (now, secrets,
        unmocked, seed, actions, time_zone, user, recording), and `steps` the folder of step functions.

        Fails the test for mocks that are wrong, that nothing used, or that had no reply left.
        """
        from infra.local.mocking.documents import WrongFileError
        from infra.local.mocking.model import Place
        from infra.local.testing.format import case_of
        from infra.local.testing.model import Stored
        from infra.local.testing.running import CannotRunError

        __tracebackhide__ = True
        caller = sys._getframe(1)
        place = Place(caller.f_code.co_filename, caller.f_lineno)
        path = self._folder / workflow
        beside = path.parent / "steps"
        steps = self._folder / case.pop("steps") if "steps" in case else beside if beside.is_dir() else None
        expect = case.pop("expect", None) or {"check": "true"}
        given = {"name": str(workflow), "input": input, "mocks": dict(mocks or {}), "expect": expect, **case}
        wrong = ""
        try:
            if steps is not None and not steps.is_dir():
                raise CannotRunError(f"{place}: There is no folder '{steps}'.")
            read = case_of(given, self._folder, place)
            bench, subject = self._session.subject(path, steps, Stored())
            observed = self._session.observe(bench, subject, read)
        except (WrongFileError, CannotRunError) as error:
            found = " ".join(
                f"{f['code']} {f['pointer']} {f['detail']}"
                for f in getattr(error, "findings", ())
                if isinstance(f, Mapping)
            )
            wrong = f"{error} {found}".strip()
        if wrong:  # not where it is caught, or pytest would tell of that error, too
            pytest.fail(wrong, pytrace=False)
        made = WorkflowRun(self._session, self._folder, subject, read, observed)
        made.expect(**expect)
        return made


class WorkflowRun:
    """A run that has ended."""

    def __init__(self, session: Session, folder: Path, subject: Subject, case: Case, observed: Observed) -> None:
        self._session, self._folder, self._subject, self._case = session, folder, subject, case
        self.observed = observed

    @property
    def status(self) -> str | None:
        """completed, failed, cancelled, timed_out or waiting."""
        return self.observed.status

    @property
    def output(self) -> Any:
        """The run's output."""
        return self.observed.output

    @property
    def error(self) -> Mapping[str, Any] | None:
        """`{step_id, type, message}`."""
        return self.observed.error

    @property
    def steps(self) -> Mapping[str, Any]:
        """Results of steps by their keys: `{status, output_data, error_type, ...}`."""
        return self.observed.steps

    @property
    def duration(self) -> float:
        """Seconds of the run's own time."""
        return self.observed.duration

    def calls(self, name: str) -> list[Called]:
        """The calls of a step or an address, each with its `value` and its `at`, seconds after the start."""
        return self.observed.calls_of(name)

    def expect(self, **expected: Any) -> None:
        """Fail the test where the run is not so; the fields are those of `expect` in a file of cases."""
        from infra.local.testing.format import case_of

        __tracebackhide__ = True
        checked = case_of({"name": self._case.name, "expect": expected}, self._folder, self._case.place)
        case = replace(self._case, expect=checked.expect)
        found = self._session.judge(self._folder / "workflows", self._subject, case, self.observed)
        if found:
            pytest.fail("\n".join(map(str, found)), pytrace=False)
