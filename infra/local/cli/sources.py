"""Which files `workflow deploy` takes, and under which ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.local.cli.documents import value_of, workflow_of, written
from infra.local.cli.exits import INVALID, CommandError
from infra.local.cli.output import note
from infra.local.cli.texts import SUFFIXES, Text
from workflow_engine.language.workflow_ids import RESERVED_WORKFLOW_IDS, WORKFLOW_ID_PATTERN

LEFT_OUT: Final = ("fixtures", "mocks", "snapshots", "node_modules", "__pycache__")
"""Folders of files that are no workflows, beside hidden ones."""
_IS_A_WORKFLOW: Final = ("steps", "execution_pattern")
"""Fields that a workflow has and other files have not."""


class Source(NamedTuple):
    """A workflow to be deployed."""

    file: str
    workflow_id: str
    document: dict[str, Any]
    text: Text
    """What the document was read from."""


def sources(paths: Sequence[str]) -> list[Source]:
    """The workflows of files, and of folders all that is found below them. A file that is named must be a workflow; of a folder,
    what is none is told on stderr and left out.

    Raises CommandError where two have one id, where there is none, and UsageError for what cannot be read.
    """
    found: list[Source] = []
    for path in paths:
        if path != "-" and Path(path).is_dir():
            found += _below(Path(path))
        else:
            text = written(path)
            found.append(_source(path, workflow_of(text), text))
    if not found:
        raise CommandError(f"There is no workflow in {', '.join(paths)}.", INVALID)
    _check_ids(found)
    return found


def _below(folder: Path) -> Iterator[Source]:
    for file in sorted(files_below(folder)):
        text = written(str(file))
        content = value_of(text)
        if is_workflow(content):
            yield _source(str(file), content, text)
        else:
            note(f"{file} is left out: it is no workflow.")


def is_workflow(content: Any) -> bool:
    """Whether the value of a file is meant to be a workflow."""
    return isinstance(content, dict) and any(name in content for name in _IS_A_WORKFLOW)


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder that may hold a workflow."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():  # a link may lead back up
            if path.name not in LEFT_OUT:
                yield from files_below(path)
        elif path.suffix in SUFFIXES and not path.stem.endswith(".test"):
            yield path


def _source(file: str, content: dict[str, Any], text: Text) -> Source:
    chosen = content.get("workflow_id")
    if chosen is None and file == "-":
        raise CommandError(
            "A workflow from standard input needs a workflow_id: there is no file to name it after.", INVALID
        )
    return Source(file, str(Path(file).stem if chosen is None else chosen), content, text)


def _check_ids(found: Sequence[Source]) -> None:
    """Before anything is sent: an id that the API refuses would stop a deployment half-way."""
    for source in found:
        if re.match(WORKFLOW_ID_PATTERN, source.workflow_id) is None or source.workflow_id in RESERVED_WORKFLOW_IDS:
            raise CommandError(
                f"{source.file}: '{source.workflow_id}' is not a valid workflow id: use letters, digits, - and _, up to 64 "
                f"characters, and none of {', '.join(RESERVED_WORKFLOW_IDS)}. Give it a workflow_id, or rename the file.",
                INVALID,
            )
    by_id: dict[str, list[str]] = {}
    for source in found:
        by_id.setdefault(source.workflow_id, []).append(source.file)
    for workflow_id, files in by_id.items():
        if len(files) > 1:
            raise CommandError(
                f"{' and '.join(files)} would all be workflow '{workflow_id}'. Give each a workflow_id of its own.",
                INVALID,
            )
