"""`workflow validate` and `workflow compile`: what becomes of workflow files, without running them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from infra.local.cli.documents import no_workflow, one_document, print_json, value_of, written
from infra.local.cli.exits import INVALID, CommandError
from infra.local.cli.in_process import call, opened_cloud, tell_of_own_steps
from infra.local.cli.options import FILE, STEPS
from infra.local.cli.output import note
from infra.local.cli.texts import Text, no_document

if TYPE_CHECKING:
    from infra.local.cli.reports import Checked
    from infra.local.cloud import LocalCloud

FORMATS: Final = ("text", "json", "github", "sarif")
MAX_ROUNDS: Final = 10
"""How often a file is checked again after fixes, since one may bring to light what needs the next."""


@click.command()
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to tell it.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--deny-warnings", is_flag=True, help="Let warnings fail the command, too.")
@click.option("--fix", "fixes", is_flag=True, help="Write into the files what is certain to mend them.")
@STEPS
def validate(
    paths: tuple[str, ...],
    form: str,
    as_json: bool,
    deny_warnings: bool,
    fixes: bool,
    steps_directory: Path | None,
) -> None:
    """Check the workflows of FILEs (JSON, YAML) and of all below DIRs without running them.

    Each finding has its file, line and column. `workflow explain CODE` says more about one. Of a DIR, *.test.yaml, fixtures and
    files that are no workflows are left out.
    """
    if fixes and "-" in paths:
        raise click.UsageError("--fix is for files: standard input cannot be written to.")
    texts = list(_texts(paths))
    if not texts:
        raise CommandError(f"There is no workflow in {', '.join(paths)}.", INVALID)
    form = "json" if as_json else form
    with one_document() as stdout:
        with opened_cloud(steps_directory) as cloud:
            checked = [_fixed(cloud, text) if fixes else _checked(cloud, text) for text in texts]
        _print(checked, form, stdout)
        tell_of_own_steps(cloud, (finding.as_dict() for one in checked for finding in one.findings))
    is_good = all(one.is_valid and not (deny_warnings and one.warnings) for one in checked)
    sys.exit(0 if is_good else INVALID)


@click.command(name="compile")
@click.argument("file", type=FILE)
@click.option("--plan", is_flag=True, help="Print what a run will cost and take instead.")
@click.option("--diagram", is_flag=True, help="Print the structure as a Mermaid diagram instead.")
@STEPS
def compile_(file: str, plan: bool, diagram: bool, steps_directory: Path | None) -> None:
    """Print the state machine that a workflow becomes, in Amazon States Language."""
    if plan and diagram:
        raise click.UsageError("--plan and --diagram exclude each other.")
    text = written(file)
    with one_document() as stdout:
        body = value_of(text)
        with opened_cloud(steps_directory) as cloud:
            compiled = call(cloud, "POST", "/workflows/compile", body, {"": text})
        if diagram:
            click.echo(compiled["diagram"].rstrip("\n").encode(), file=stdout)
        else:
            print_json(compiled["plan" if plan else "asl"], stdout)


def _texts(paths: Sequence[str]) -> Iterator[Text]:
    """What to check: every file that is named, and of folders what is a workflow or cannot be read."""
    from infra.local.cli.sources import files_below, is_workflow
    from workflow_engine.errors import WorkflowEngineError

    left_out = 0
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            yield written(path)
            continue
        for file in sorted(files_below(Path(path))):
            text = written(str(file))
            try:
                is_one = is_workflow(text.value())
            except WorkflowEngineError:
                is_one = True
            if is_one:
                yield text
            else:
                left_out += 1
    if left_out:
        note(f"Left out: {left_out} file{'' if left_out == 1 else 's'} without a workflow.")


def _checked(cloud: LocalCloud, text: Text) -> Checked:
    from infra.local.cli.findings import placed
    from infra.local.cli.reports import Checked
    from workflow_engine.errors import WorkflowEngineError

    try:
        value = text.value()
    except WorkflowEngineError as error:
        return Checked(text, None, placed([no_document(error)], {"": text}), [])
    if value is None:  # would be sent as no body at all
        return Checked(text, None, placed([no_workflow(value)], {"": text}), [])
    status, report = cloud.call("POST", "/workflows/validate", value)
    if status >= 500:
        raise click.ClickException(report.get("detail") or report.get("message") or f"status {status}")
    if status >= 400:
        return Checked(text, None, placed(report["errors"], {"": text}), [])
    errors, warnings = (placed(report[kind], {"": text}) for kind in ("errors", "warnings"))
    return Checked(text, report, errors, warnings)


def _fixed(cloud: LocalCloud, text: Text) -> Checked:
    """The report on a file after its fixes, which are told as they are made."""
    from infra.local.cli.fixes import fixed, write

    checked = _checked(cloud, text)
    for _ in range(MAX_ROUNDS):
        if checked.report is None:
            break
        text, done = fixed(checked.text, checked.findings)
        if not done:
            break
        try:
            write(text, checked.text)
        except OSError as error:
            raise CommandError(f"{text.name} cannot be written: {error.strerror}.", INVALID) from None
        for finding in done:
            assert finding.fix is not None
            note(f"{finding.where}: '{finding.fix['replace']}' is now '{finding.fix['replacement']}' ({finding.code}).")
        checked = _checked(cloud, text)
    return checked


def _print(checked: Sequence[Checked], form: str, stdout: IO[Any]) -> None:
    from infra.local.cli import reports

    findings = [finding for one in checked for finding in one.findings]
    match form:
        case "json":
            print_json(reports.as_json(checked), stdout)
        case "sarif":
            from importlib.metadata import version

            print_json(reports.as_sarif(findings, version("workflow-engine")), stdout)
        case "github":
            _write(reports.as_github(findings), stdout)
        case _:
            _write(_lines(checked, stdout), stdout)


def _lines(checked: Sequence[Checked], stdout: IO[Any]) -> Iterator[str]:
    from infra.local.cli.findings import has_colours, shown

    in_colour = has_colours(stdout)
    for one in checked:
        if not one.findings:
            yield f"{one.text.name}: valid, {_figures(one)}"
        yield from (shown(finding, in_colour) for finding in one.findings)
    if any(one.findings for one in checked):
        numbers = [
            ("file", len(checked)),
            *((k, sum(len(getattr(c, f"{k}s")) for c in checked)) for k in ("error", "warning")),
        ]
        yield ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for word, number in numbers)


def _figures(one: Checked) -> str:
    """What a run takes and costs, in a few words."""
    assert one.report is not None
    plan = one.report["plan"]
    transitions, most = plan["transitions_min"], plan["transitions_max"]
    span = (
        f"{transitions:,}"
        if transitions == most
        else f"{transitions:,} to {most:,}"
        if most
        else f"{transitions:,} or more"
    )
    dollars = sum(cost for cost in plan["cost_usd_per_1000_runs"].values() if cost is not None)
    noun = "transition" if most == 1 else "transitions"
    return f"{span} {noun} a run, ${dollars:,.2f} per 1,000 runs"


def _write(lines: Iterator[str] | Sequence[str], stdout: IO[Any]) -> None:
    for line in lines:
        click.echo(line.encode("utf-8", "backslashreplace"), file=stdout)
