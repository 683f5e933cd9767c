"""What the command reads and prints: JSON documents, findings, and one document on standard output."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import click

from infra.local.cli.exits import CommandError

STDOUT: Final = 1
STDERR: Final = 2

EXIT_FAILED: Final = 1
EXIT_INVALID: Final = 2


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


def document(file: str) -> Any:
    """The JSON of a file, of standard input for `-`. Ends the program where it is none."""
    if file == "-":
        return _parse(sys.stdin.buffer.read(), "standard input")
    return _parse(_read(file), file)


def json_option(value: str, option: str) -> Any:
    """The JSON of an option, or of the file that is named after an @."""
    if value.startswith("@"):
        return _parse(_read(value[1:]), value[1:])
    return _parse(value.encode("utf-8", "surrogateescape"), option)


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}.") from None


def _parse(content: bytes, source: str) -> Any:
    """JSON as strictly as the API reads it."""
    from workflow_engine.documents.json_text import parse_json
    from workflow_engine.documents.yaml_text import parse_yaml
    from workflow_engine.errors import MalformedJsonError

    try:
        if source.endswith((".yaml", ".yml")):
            return parse_yaml(content.decode("utf-8"))
        return parse_json(content.decode("utf-8"))
    except UnicodeDecodeError:
        return _malformed(f"{source}: Not UTF-8 text.")
    except MalformedJsonError as error:
        return _malformed(f"{source}: {error.detail}")


def _malformed(detail: str) -> NoReturn:
    invalid([{"code": "malformed_json", "pointer": "", "detail": detail}])


def invalid(findings: Iterable[Mapping[str, str]]) -> NoReturn:
    """End the program with findings."""
    raise InvalidError(list(findings))


class InvalidError(CommandError):
    """A document is wrong: its findings are told, a line each."""

    def __init__(self, findings: Sequence[Mapping[str, str]]) -> None:
        detail = findings[0]["detail"] if findings else "The document is invalid."
        super().__init__(detail, EXIT_INVALID, {"code": "invalid", "errors": findings})
        self.findings = findings

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the findings on stderr."""
        print_findings(self.findings)


def print_findings(findings: Iterable[Mapping[str, str]]) -> None:
    """One finding a line: code, JSON pointer ("/" stands for the whole document), what to do."""
    for finding in findings:
        click.echo(f"{finding['code']} {finding['pointer'] or '/'} {finding['detail']}", err=True)


def print_json(document: Any, stdout: IO[Any]) -> None:
    """UTF-8 whatever the terminal says; half a surrogate pair, which JSON allows and UTF-8 does not, is escaped."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace"), file=stdout)
