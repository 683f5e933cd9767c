"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from infra.local.cli.output import Output

FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=str)
STEPS: Final = click.option(
    "--steps",
    "steps_directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with your own step functions in Python.",
)
DATA: Final = click.option(
    "--data",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),  # since a step may change the directory
    envvar="WORKFLOW_DATA",
    default=Path(".workflow"),
    show_default=True,
    help="Folder that the server keeps everything in; also WORKFLOW_DATA.",
)
PROFILE: Final = click.option("--profile", metavar="NAME", help="A profile of the settings; also WORKFLOW_PROFILE.")
JSON: Final = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document on standard output and nothing else, errors included.",
)
FIELDS: Final = click.option(
    "--fields", metavar="NAME,NAME", help="Only these fields, such as execution_id,error.type: a column each."
)


def output_of(as_json: bool, fields: str | None = None) -> Output:
    """How to print, of what --json and --fields say."""
    names = tuple(name.strip() for name in (fields or "").split(",") if name.strip())
    if fields is not None and not names:
        raise click.UsageError("--fields names no field.")
    return Output(as_json, names)
