"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

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
