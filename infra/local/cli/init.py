"""`workflow init`: a folder with a workflow that runs and is tested at once.

The templates are files below `templates`, a folder each, which is copied as it is. What every folder gets besides is made here.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

TEMPLATES: Final = Path(__file__).with_name("templates")

ABOUT: Final = {
    "etl": "reads a file, sums it, and loads the sums",
    "approval": "a person decides, or another one when nobody does",
    "agent": "a language model with a tool, and a person for what it is unsure of",
    "saga": "an order that is undone when it fails",
    "rag": "answers from a text",
    "own-step": "a step type of your own in Python",
}

_EXTRAS: Final[Mapping[str, Mapping[str, str]]] = {
    "agent": {"llm": "genai_prices"},
    "rag": {"files": "sentencex", "llm": "genai_prices"},
}
"""Extras of the wheel that a template's steps need, each with a module by which one sees whether it is installed."""

_STAGE: Final = ".workflow-init-"
_SURELY_OVER_SECONDS: Final = 3600

SCHEMA: Final = "workflow.schema.json"
TEST_SCHEMA: Final = "workflow.test.schema.json"

_SETTINGS: Final = """\
# Which API `workflow deploy`, `start`, `status` and the like speak to. Address and profile can also be said by --api and --profile,
# or by WORKFLOW_API_URL and WORKFLOW_PROFILE. No secret belongs here.
profile = "laptop"

[profiles.laptop]
url = "http://127.0.0.1:8006"    # where `workflow serve` is

# [profiles.prod]
# url = "https://abc123.execute-api.eu-west-1.amazonaws.com"
# auth = "iam"                   # signed with the AWS credentials at hand
# confirm = true                 # ask before anything is changed
"""

_IGNORED: Final = """\
# What `workflow serve` keeps.
.workflow/
__pycache__/
.env
"""


# Of yaml.schemas a pattern that begins with ! takes files out again.
_EDITOR: Final = {"yaml.schemas": {f"./{SCHEMA}": ["/*.yaml", "!/*.test.yaml"], f"./{TEST_SCHEMA}": ["/*.test.yaml"]}}


def _schema(folder: Path) -> str:
    """The language's schema, which knows the folder's own step types as well."""
    from infra.local.cli.schema import schema_of_folder
    from workflow_engine.language.schema import render_schema

    return render_schema(schema_of_folder(folder / "steps"))


def _test_schema(_folder: Path) -> str:
    from infra.local.mocking.reading import SCHEMA_FILE

    return SCHEMA_FILE.read_text(encoding="utf-8")


_COMMON: Final[Mapping[str, Callable[[Path], str]]] = {
    ".workflow.toml": lambda _folder: _SETTINGS,
    ".gitignore": lambda _folder: _IGNORED,
    ".vscode/settings.json": lambda _folder: json.dumps(_EDITOR, indent=2) + "\n",
    SCHEMA: _schema,
    TEST_SCHEMA: _test_schema,
}
"""Files that every folder has, and what makes their text. Schemas are those of this version, so they are made, not kept."""


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--template",
    type=click.Choice([*ABOUT]),
    default="own-step",
    show_default=True,
    help=" ".join(f"{name}: {about}." for name, about in ABOUT.items()),
)
def init(directory: Path | None, template: str) -> None:
    """Write a folder with a workflow, its tests, and what editors need: DIR, by default one that is named after the template.

    Nothing that is there is overwritten, and an init that is interrupted leaves nothing.
    """
    target = (directory or Path(template)).absolute()
    try:
        _write(target, template)
    except FileExistsError as error:
        raise click.UsageError(
            f"{error.filename} is there already, and nothing is overwritten. Name a folder that is new or empty."
        ) from None
    except OSError as error:
        raise click.UsageError(f"{error.filename or target} cannot be written: {error.strerror}.") from None
    _tell(target, template)


def _write(target: Path, template: str) -> None:
    """Make all of it beside the folder, then move it there: at once where there is no folder yet, else entry by entry, and back
    again when that is interrupted. Raises FileExistsError where one would be overwritten.
    """
    entries = {path.name for path in (TEMPLATES / template).iterdir()} | {Path(name).parts[0] for name in _COMMON}
    for entry in sorted(entries):
        _refuse_to_overwrite(target / entry)
    existing = target.exists()
    home = target if existing else target.parent
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=home))
    try:
        new = stage / "new"
        shutil.copytree(TEMPLATES / template, new, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text_of in _COMMON.items():
            file = new / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text_of(new), encoding="utf-8")
        for compiled in [*new.rglob("__pycache__")]:  # of own steps, which the schema has asked
            shutil.rmtree(compiled)
        if existing:
            _move(new, target)
        else:
            new.rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _sweep(home: Path) -> None:
    """Remove what an init left that was killed at once, so long ago that it is surely over."""
    for left in home.glob(f"{_STAGE}*"):
        if time.time() - left.stat().st_mtime > _SURELY_OVER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _refuse_to_overwrite(place: Path) -> None:
    if os.path.lexists(place):
        raise FileExistsError(0, "", str(place))


def _move(new: Path, target: Path) -> None:
    moved: list[Path] = []
    try:
        for entry in sorted(new.iterdir()):
            place = target / entry.name
            _refuse_to_overwrite(place)  # it may have come since
            moved.append(place)
            entry.rename(place)
    except BaseException:
        for place in moved:
            if not os.path.lexists(new / place.name):
                place.rename(new / place.name)
        raise


def _tell(target: Path, template: str) -> None:
    """What there is, what is missing, and what to do next: the commands of the folder's README."""
    shown = min(os.path.relpath(target), str(target), key=len)
    files = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    click.echo(f"{shown} has {', '.join(name for name in files if not name.startswith('.'))}.", err=True)
    if missing := [extra for extra, module in _EXTRAS.get(template, {}).items() if find_spec(module) is None]:
        click.echo(f"Install what its steps need: pip install 'workflow-engine[{','.join(missing)}]'", err=True)
    readme = (target / "README.md").read_text(encoding="utf-8")
    commands = [line.removeprefix("$ ") for line in readme.splitlines() if line.startswith("$ ")]
    click.echo("\n".join([f"cd {shown}", *commands]))
