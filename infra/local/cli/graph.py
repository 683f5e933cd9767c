"""`workflow graph`: a picture of a workflow file, as it is written or as the machine that it becomes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from infra.local.cli.documents import invalid, value_of, writing, written
from infra.local.cli.options import FILE, PROFILE, STEPS
from infra.local.cli.remote import API

if TYPE_CHECKING:
    from infra.local.cli.texts import Text
    from workflow_engine.compiler.reports.drawing import Drawing

FORMATS: Final = ("svg", "png", "mermaid")
_SUFFIXES: Final = {".svg": "svg", ".png": "png", ".mmd": "mermaid", ".mermaid": "mermaid"}

_MATTERS: Final = ("failed", "aborted", "running", "waiting", "completed", "skipped", "pending")
"""Statuses of the parts of a step, the one first that a picture of all of them has."""


@click.command()
@click.argument("file", type=FILE, required=False)
@click.option("--svg", "formats", flag_value="svg", multiple=True, help="An SVG for light and dark pages.")
@click.option("--png", "formats", flag_value="png", multiple=True, help="A PNG.")
@click.option("--mermaid", "formats", flag_value="mermaid", multiple=True, help="Mermaid text; the default.")
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; its suffix tells the format. Standard output without it.",
)
@click.option("--compiled", is_flag=True, help="Draw the state machine that the workflow becomes.")
@click.option(
    "--run",
    "run",
    metavar="RUN",
    help="Draw how the steps of a run (an id, or @last) went; without FILE its own workflow.",
)
@STEPS
@API
@PROFILE
def graph(
    file: str | None,
    formats: tuple[str, ...],
    output: Path | None,
    compiled: bool,
    run: str | None,
    steps_directory: Path | None,
    api: str | None,
    profile: str | None,
) -> None:
    """Draw a workflow: steps, what they wait for, and what containers hold. Step types that are not known here are drawn, too."""
    chosen = _format(formats, output)
    if chosen == "png" and output is None and sys.stdout.isatty():
        raise click.UsageError("A PNG is not for a terminal. Name a file: -o workflow.png.")
    if compiled and run is not None:
        raise click.UsageError("--compiled and --run exclude each other: a run has steps.")
    if file is None and run is None:  # so that one of both is there below
        raise click.UsageError("Name a FILE, or a run by --run.")
    of_run = None if run is None else _of_run(run, api, profile)
    texts = {} if file is None else {"": written(file)}
    body = value_of(texts[""]) if texts else of_run.workflow if of_run is not None else None
    title, drawing = _compiled(body, texts, steps_directory) if compiled else _written(body, texts)
    picture = _picture(chosen, drawing, title, {} if of_run is None else of_run.statuses)
    if output is None:
        click.echo(picture, nl=False)
    else:
        with writing(output):
            output.write_bytes(picture)


class _Run(NamedTuple):
    workflow: Any
    statuses: Mapping[str, str]


def _of_run(run: str, api: str | None, profile: str | None) -> _Run:
    """The workflow of a run, and how each of its steps went."""
    from infra.local.cli.options import output_of
    from infra.local.cli.remote import Remote, as_command_error
    from infra.local.cli.settings import connection
    from workflow_engine.client.errors import ClientError

    remote = Remote(connection(api, profile), output_of(False))
    try:
        execution_id = remote.execution_id(run)
        executed, _ = remote.api.answer("get_executed_workflow", {"execution_id": execution_id})
        results = remote.api.runs.results(execution_id, linked=False)["step_results"]
    except ClientError as error:
        raise as_command_error(error, remote) from None
    return _Run(executed["workflow"], statuses_of(results))


def statuses_of(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """By step id, of results by places such as `rows[3].charge`: a step's own, else what matters most of its parts."""
    parts: dict[str, set[str]] = {}
    for place, result in results.items():
        parts.setdefault(place.rpartition(".")[2].partition("[")[0], set()).add(result["status"])
    of_parts = {step: next(status for status in _MATTERS if status in told) for step, told in parts.items()}
    return of_parts | {place: result["status"] for place, result in results.items() if place in parts}


def _format(formats: tuple[str, ...], output: Path | None) -> str:
    told = dict.fromkeys(formats)
    if len(told) > 1:
        raise click.UsageError(f"{' and '.join(f'--{name}' for name in told)} exclude each other.")
    if told:
        return next(iter(told))
    if output is None:
        return "mermaid"
    if output.suffix.lower() not in _SUFFIXES:
        raise click.UsageError(
            f"The name {output} tells no format. End it with .svg, .png or .mmd, or say --svg or --png."
        )
    return _SUFFIXES[output.suffix.lower()]


def _written(body: Any, texts: Mapping[str, Text]) -> tuple[str, Drawing]:
    """The workflow of a file as it is written. Ends the program with findings where it cannot be read."""
    from workflow_engine.compiler.reports.drawing import drawing_of_workflow
    from workflow_engine.errors import InvalidRequestError
    from workflow_engine.language import parse_workflow
    from workflow_engine.language.diagnostics import InvalidWorkflowError
    from workflow_engine.usecases.bodies.workflow import posted_workflow

    try:
        posted = posted_workflow(body)
        parsed = parse_workflow(posted.document, _open_catalogue(posted.document))
        if parsed.workflow is None:
            raise InvalidWorkflowError(parsed.diagnostics)
        return parsed.workflow.name, drawing_of_workflow(parsed.workflow)
    except InvalidRequestError as error:
        invalid(error.errors, texts)
    except InvalidWorkflowError as error:
        invalid([d.as_dict() for d in posted.placed(error.diagnostics)], texts)


def _open_catalogue(document: Any) -> Any:
    """The built-in step types, and every other that the document names: a picture needs no more of a type than its name."""
    from workflow_engine.language.findings import Findings
    from workflow_engine.language.walk import walk_steps
    from workflow_engine.language.wellformed import check_well_formed
    from workflow_engine.steps import builtin_catalogue

    catalogue = builtin_catalogue()
    if not isinstance(document, dict) or not check_well_formed(document, Findings()):
        return catalogue
    named = (step.get("step_type") for _, step in walk_steps(document))
    unknown = {name for name in named if isinstance(name, str) and name and catalogue.find(name) is None}
    return catalogue.with_registered({"step_type": name} for name in sorted(unknown))


def _compiled(body: Any, texts: Mapping[str, Text], steps_directory: Path | None) -> tuple[str, Drawing]:
    from infra.local.cli.in_process import call, opened_cloud
    from workflow_engine.compiler.reports.drawing import drawing_of_machine
    from workflow_engine.usecases.bodies.workflow import posted_workflow

    with opened_cloud(steps_directory) as cloud:
        compiled = call(cloud, "POST", "/workflows/compile", body, texts)
    # What could be compiled has a workflow in it, perhaps one without a name.
    return str(posted_workflow(body).document.get("name", "")), drawing_of_machine(compiled["asl"])


def _picture(chosen: str, drawing: Drawing, title: str, statuses: Mapping[str, str]) -> bytes:
    from infra.local.drawing.layout import NoLayoutError
    from infra.local.drawing.png import NoPngError, png
    from infra.local.drawing.svg import svg, with_statuses
    from workflow_engine.compiler.reports.diagram import mermaid

    try:
        match chosen:
            case "mermaid":
                return mermaid(with_statuses(drawing, statuses)).encode("utf-8", "backslashreplace")
            case "svg":
                return svg(drawing, title, statuses).encode()
            case _:
                return png(svg(drawing, title, statuses, is_dark_too=False))
    except (NoLayoutError, NoPngError) as error:
        raise click.ClickException(str(error)) from None
