"""What the command reads and prints: documents in JSON and YAML, findings, and one document on standard output."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import click

from infra.local.cli.exits import INVALID, CommandError
from infra.local.cli.texts import Text, no_document, text_of

STDOUT: Final = 1
STDERR: Final = 2


@contextlib.contextmanager
def one_document() -> Iterator[IO[Any]]:
    """Gives standard output for the one document that is asked for; whatever else is printed goes to stderr.

    Steps are a developer's own code: they print, their modules do when imported, and so do processes that they start,
    which know only the file descriptor. It stays turned to the end of the process, because threads that were given up
    and exit handlers may print later still. A caller in this process has put its own stream in place; that is given back.
    """
    if sys.stdout is not sys.__stdout__ or sys.__stdout__ is None:
        own = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):
            yield own
        return
    sys.__stdout__.flush()
    with os.fdopen(os.dup(STDOUT), "wb") as own_file:
        os.dup2(STDERR, STDOUT)
        yield own_file


def json_option(value: str, option: str) -> Any:
    """The JSON of an option, or the value of the file that is named after an @."""
    return value_of(written_option(value, option))


def written(file: str) -> Text:
    """A file as it is written, standard input for `-`. Raises UsageError for one that cannot be read."""
    if file == "-":
        return text_of("standard input", sys.stdin.buffer.read())
    try:
        return text_of(file, Path(file).read_bytes())
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}.") from None


def written_option(value: str, option: str) -> Text:
    """The text of an option, which is JSON, or of the file that is named after an @."""
    if value.startswith("@"):
        return written(value[1:])
    return text_of(option, value.encode("utf-8", "surrogateescape"), is_yaml=False)


@contextlib.contextmanager
def writing(file: Path) -> Iterator[None]:
    """A block that writes a file. Raises UsageError where it cannot be written."""
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}.") from None


def value_of(text: Text) -> Any:
    """The value of a text. Ends the program where it is none."""
    from workflow_engine.errors import WorkflowEngineError

    try:
        return text.value()
    except WorkflowEngineError as error:
        invalid([no_document(error)], {"": text})


def workflow_of(text: Text, at: str = "") -> dict[str, Any]:
    """The workflow of a text, which is sent as what pointer `at` leads to. Ends the program where it is no object."""
    value = value_of(text)
    if not isinstance(value, dict):
        invalid([{**no_workflow(value), "pointer": at}], {at: text})
    return value


def no_workflow(value: Any) -> Mapping[str, Any]:
    """The finding that a value is no object, as the language tells it."""
    from workflow_engine.language import parse_workflow
    from workflow_engine.steps import builtin_catalogue

    found, *_ = parse_workflow(value, builtin_catalogue()).diagnostics
    return found.as_dict()


def invalid(findings: Iterable[Mapping[str, Any]], texts: Mapping[str, Text] | None = None) -> NoReturn:
    """End the program with findings."""
    raise InvalidDocumentError(print_findings(findings, texts))


class InvalidDocumentError(CommandError):
    """What was given is not valid. Its findings have been shown; with `--json` they are in the document, too."""

    def __init__(self, findings: Sequence[Mapping[str, Any]]) -> None:
        detail = findings[0]["detail"] if len(findings) == 1 else f"There are {len(findings)} findings."
        super().__init__(detail, INVALID, {"code": "invalid", "errors": findings})

    def show(self, file: IO[Any] | None = None) -> None:
        """Nothing: the findings are shown where they stand."""


def print_findings(
    findings: Iterable[Mapping[str, Any]], texts: Mapping[str, Text] | None = None
) -> list[dict[str, Any]]:
    """Findings on stderr: where, what to do, and the line; gives them as a program reads them. `texts` has what was sent, by the
    pointer that it stands at.
    """
    from infra.local.cli.findings import has_colours, placed, shown

    found = placed(findings, texts or {})
    for finding in found:
        click.echo(shown(finding, has_colours(sys.stderr)).encode("utf-8", "backslashreplace"), err=True)
    return [finding.as_dict() for finding in found]


def print_json(document: Any, stdout: IO[Any]) -> None:
    """UTF-8 whatever the terminal says; half a surrogate pair, which JSON allows and UTF-8 does not, is escaped."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace"), file=stdout)
