"""`workflow test`: the cases of workflows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from infra.local.cli.documents import one_document, print_json, writing
from infra.local.cli.exits import DONE, FAILED, INVALID, NONE_FOUND, CommandError
from infra.local.cli.options import PROFILE
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from infra.local.testing.model import Case, TestFile
    from infra.local.testing.session import Outcome, Session

CACHE: Final = Path(".workflow_test_cache")
_COLOURS: Final = {"passed": "green", "failed": "red", "skipped": "yellow", "note": "yellow"}
_POLL_SECONDS: Final = 0.5


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-k", "keyword", metavar="TEXT", help="Run the cases whose file or name contains TEXT.")
@click.option("--last-failed", is_flag=True, help="Run the cases that failed the last time; all, where none did.")
@click.option("--update", is_flag=True, help="Take what is observed over into the snapshots.")
@click.option("--ci", is_flag=True, help="Write no snapshots: one that is missing fails its case.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write JUnit's XML.")
@click.option("--coverage", is_flag=True, help="Tell which steps and branches no case went through.")
@click.option("--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail below this coverage.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as one JSON document, nothing else.")
@click.option(
    "--record", metavar="RUN_ID", help="Write what the steps of a run answered to PATHS, a file, to be replayed."
)
@click.option("--api", metavar="URL", help="With --record: the API that knows the run; also WORKFLOW_API_URL.")
@PROFILE
def test(
    paths: tuple[Path, ...],
    keyword: str | None,
    last_failed: bool,
    update: bool,
    ci: bool,
    junit: Path | None,
    coverage: bool,
    fail_under: float | None,
    watch: bool,
    as_json: bool,
    record: str | None,
    api: str | None,
    profile: str | None,
) -> None:
    """Run the cases in *.test.yaml, below the current folder by default: in this process, with mocks, in no time."""
    if update and ci:
        raise click.UsageError("--update writes snapshots and --ci writes none. Give one of them.")
    if record is not None:
        _record(record, paths, api, profile)
        return
    for path in paths:
        _check_path(path)
    run = _Run(paths or (Path(),), keyword, last_failed, update, ci, junit, coverage, fail_under, as_json)
    if watch:
        run.watch()
    sys.exit(run.once())


def _check_path(path: Path) -> None:
    """Raises UsageError for what holds no cases; of a workflow it names the file that does."""
    from infra.local.testing.format import SUFFIXES, is_test_file

    if not path.exists():
        raise click.UsageError(f"There is no file or folder '{path}'.")
    if path.is_dir() or is_test_file(path):
        return
    cases = (path.with_name(path.stem + suffix) for suffix in SUFFIXES)
    beside = next((str(file) for file in cases if file.is_file()), None)
    advice = f"Its cases stand in {beside}: name that." if beside else "They stand in files named like order.test.yaml."
    raise click.UsageError(f"{path} holds no cases. {advice}")


def _record(execution_id: str, paths: Sequence[Path], api: str | None, profile: str | None) -> None:
    """Write a recording, and say how a case names it."""
    from infra.local.cli.output import Output
    from infra.local.cli.remote import Remote, as_command_error
    from infra.local.cli.settings import connection
    from infra.local.testing.recording import recorded, recording_text
    from infra.local.testing.running import Bench, CannotRunError
    from workflow_engine.client.errors import ClientError

    if len(paths) > 1:
        raise click.UsageError("--record writes one file. Name one.")
    remote = Remote(connection(api, profile), Output())
    path = _recording_file(paths[0] if paths else None, remote.execution_id(execution_id))
    near = (folder / "steps" for folder in path.resolve().parents[:2])
    try:
        run = recorded(remote.api, remote.execution_id(execution_id))
        with Bench(next((folder for folder in near if folder.is_dir()), None)) as bench:
            text = recording_text(run, bench.flow)
    except ClientError as error:
        raise as_command_error(error, remote) from None
    except CannotRunError as error:
        told = " ".join([str(error), *(f"{f['code']} {f['pointer']} {f['detail']}" for f in error.findings)])
        advice = f"Steps of your own come from a folder 'steps' beside {path}, or beside its folder."
        raise CommandError(f"The workflow of the run cannot be compiled here: {told} {advice}", INVALID) from None
    except ValueError as error:
        raise CommandError(str(error), FAILED) from None
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    click.echo(f"Written to {path}. A case replays it:", err=True)
    click.echo(
        f"  - {{name: as it was, recording: {path}, expect: {{status: {run.results['status']}, snapshot: [output]}}}}"
    )


def _recording_file(given: Path | None, execution_id: str) -> Path:
    """Where a recording goes. Raises UsageError where something else would be overwritten: a workflow, the file of its cases."""
    from infra.local.cli.documents import written
    from infra.local.testing.recording import FIRST_WORDS

    name = f"{execution_id[:8]}.yaml"
    path = Path("recordings", name) if given is None else given / name if given.is_dir() else given
    if path.exists() and not written(str(path)).text.startswith(FIRST_WORDS):
        raise click.UsageError(f"{path} is there already, and is no recording. Name another file.")
    return path


@dataclass(frozen=True)
class _Run:
    """What the command was asked."""

    _paths: Sequence[Path]
    _keyword: str | None
    _last_failed: bool
    _update: bool
    _ci: bool
    _junit: Path | None
    _coverage: bool
    _fail_under: float | None
    _as_json: bool

    def once(self) -> int:
        """Run all once; gives the status that the command ends with. Raises CommandError where no case can be run."""
        began = time.monotonic()
        files, wrong = self._files()
        chosen = self._chosen(files)
        if not chosen and wrong:
            raise CommandError(f"No case can be run: {wrong[0]}", INVALID, {"files": wrong})
        if files and not chosen and self._keyword is not None:
            raise CommandError(f"No case has '{self._keyword}' in its file or its name.", NONE_FOUND)
        if not chosen:
            raise CommandError("No cases were found. They stand in files named like order.test.yaml.", NONE_FOUND)
        if not self._as_json:
            return self._run(chosen, wrong, began, None)
        with one_document() as stdout:
            return self._run(chosen, wrong, began, stdout)

    def _run(self, chosen: Sequence[tuple[TestFile, Case]], wrong: Sequence[str], began: float, stdout: Any) -> int:
        from infra.local.testing.session import Session

        outcomes: list[Outcome] = []
        with Session(updates=self._update, is_ci=self._ci) as session:
            for file, case in chosen:
                outcomes.append(session.run(file, case))
                if stdout is None:
                    _tell(outcomes[-1])
            passes = self._told_coverage(session, quiet=stdout is not None)
        _remember(outcomes)
        self._report(outcomes, session, time.monotonic() - began, wrong, stdout)
        failed = any(outcome.failures for outcome in outcomes) or not passes
        return INVALID if wrong else FAILED if failed else DONE

    def _files(self) -> tuple[list[TestFile], list[str]]:
        """The files that can be read, and what is wrong with the others."""
        from infra.local.mocking.documents import WrongFileError
        from infra.local.testing.format import read_test_file
        from infra.local.testing.session import files_of_cases

        read: list[TestFile] = []
        wrong: list[str] = []
        for path in files_of_cases(self._paths):
            try:
                read.append(read_test_file(path))
            except WrongFileError as error:
                wrong += [f"{place}: {told}" for place, told in error.findings]
                click.echo(str(error), err=True)
        return read, wrong

    def _chosen(self, files: Iterable[TestFile]) -> list[tuple[TestFile, Case]]:
        cases = [(file, case) for file in files for case in file.cases]
        if self._keyword is not None:
            wanted = self._keyword.lower()
            cases = [(f, c) for f, c in cases if wanted in c.name.lower() or wanted in str(f.path).lower()]
        if self._last_failed:
            failed = _remembered()
            cases = [(f, c) for f, c in cases if _id(f.path, c.name) in failed] or cases
        # Those of one folder of steps beside each other: another folder needs another cloud.
        folders = list(dict.fromkeys(file.steps for file, _ in cases))
        return sorted(cases, key=lambda each: folders.index(each[0].steps))

    def _told_coverage(self, session: Session, *, quiet: bool) -> bool:
        """Tell the coverage where it was asked for; gives whether it is as high as it has to be."""
        if (self._coverage or self._fail_under is not None) and not quiet:
            for line in session.coverage.lines():
                click.echo(line)
        if self._fail_under is None or session.coverage.percent >= self._fail_under:
            return True
        click.echo(
            f"coverage is {session.coverage.percent:.1f} %, and --fail-under asks for {self._fail_under:g} %", err=True
        )
        return False

    def _report(
        self, outcomes: Sequence[Outcome], session: Session, seconds: float, wrong: Sequence[str], stdout: Any
    ) -> None:
        from infra.local.testing.reports import as_json, last_line, write_junit

        if self._junit is not None:
            with writing(self._junit):
                write_junit(self._junit, outcomes)
        if stdout is not None:
            covered = {"coverage": session.coverage.as_json()} if self._coverage else {}
            told = {"cases": as_json(outcomes), "wrong_files": wrong, **covered, "seconds": round(seconds, 3)}
            print_json(told, stdout)
            return
        click.echo(last_line(outcomes, seconds))

    def watch(self) -> None:
        """Run, and again whenever a file beside the cases has changed, until it is interrupted."""
        seen: dict[Path, float] = {}
        while True:
            now = _changed_at(self._paths)
            if now != seen:
                if seen:
                    click.clear()
                seen = now
                try:
                    self.once()
                except CommandError as error:
                    error.show()
                click.echo("Waiting for changes. End with Ctrl-C.", err=True)
            time.sleep(_POLL_SECONDS)


def _tell(outcome: Outcome) -> None:
    from infra.local.testing.reports import lines_of

    for kind, line in lines_of(outcome):
        click.secho(line, fg=_COLOURS.get(kind))


def _id(file: Path, name: str) -> str:
    return f"{file.resolve()}::{name}"


def _remember(outcomes: Sequence[Outcome]) -> None:
    """Keep which cases failed, those aside that did not run now."""
    ran = {_id(outcome.file, outcome.case.name) for outcome in outcomes}
    failed = {_id(outcome.file, outcome.case.name) for outcome in outcomes if outcome.failures}
    kept = sorted((_remembered() - ran) | failed)
    if not kept and not CACHE.exists():
        return
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    (CACHE / "failed.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")


def _remembered() -> set[str]:
    try:
        return set(json.loads((CACHE / "failed.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return set()


def _changed_at(paths: Sequence[Path]) -> dict[Path, float]:
    """The files that cases may depend on, and when each was changed."""
    folders = {path if path.is_dir() else path.parent for path in paths}
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            is_ours = path.suffix in (".yaml", ".yml", ".json", ".py") and not path.name.endswith(".snapshots.json")
            if is_ours and not any(part.startswith(".") for part in path.relative_to(folder).parts):
                try:
                    found[path] = path.stat().st_mtime
                except OSError:
                    continue  # it is gone again
    return found
