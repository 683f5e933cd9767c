"""How a command ends: its exit codes, and the error that carries one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final

import click

STDOUT: Final = 1

DONE: Final = 0
FAILED: Final = 1
"""The run failed, was cancelled or timed out; or the command itself failed in a way that has no code of its own."""
INVALID: Final = 2
"""The command line, a file or the workflow in it is wrong."""
WAIT_IS_OVER: Final = 3
"""The run goes on longer than one wanted to wait."""
REFUSED: Final = 4
"""Credentials are missing, wrong, or do not allow it."""
NONE_FOUND: Final = 5
CONFLICT: Final = 6
"""Somebody else's change, or the state of what was to be changed, stands against it."""
UNREACHABLE: Final = 7
"""No answer, or, after several attempts, none but "come back later"."""
INTERRUPTED: Final = 130
READER_GONE: Final = 141
"""What reads standard output has closed it (`| head`): the code by which shells tell SIGPIPE."""

EXIT_CODES: Final[Mapping[int, str]] = {
    DONE: "Done. Of `run`, `start --wait`, `status`, `results`, `events` and `logs`: the run has completed, or goes on.",
    FAILED: "The run failed, was cancelled or timed out; or the request failed, because there is no such run, say.",
    INVALID: "The command line, a setting, a file or the workflow in it is wrong.",
    WAIT_IS_OVER: "The run goes on longer than `--wait` says.",
    REFUSED: "The API refuses the credentials, or they are missing.",
    NONE_FOUND: "`test` found no tests.",
    CONFLICT: "A conflict: another version stands there, or the run or step is not in a state that allows it.",
    UNREACHABLE: "The API does not answer, or is too busy (429, 503) after several attempts. Try again later.",
    INTERRUPTED: "Interrupted by Ctrl-C. What was started goes on.",
    READER_GONE: "Standard output was closed by what reads it, as `| head` does.",
}


class CommandError(click.ClickException):
    """Ends the command with a sentence and an exit code. `problem` is what `--json` prints beside them."""

    def __init__(self, detail: str, exit_code: int = FAILED, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.exit_code = exit_code  # type: ignore[misc] # click declares it of the class, and reads it of the error
        self.problem = dict(problem or {})


@contextlib.contextmanager
def json_errors(as_json: bool) -> Iterator[Callable[[click.ClickException], None]]:
    """Gives what tells an error: in a sentence on stderr, and, where a program reads standard output, as one JSON document there.

    That document finds its way also when a command has turned standard output to stderr, since steps print.
    """
    with contextlib.ExitStack() as open_files:
        own: IO[bytes] | None = None
        if as_json and sys.stdout is sys.__stdout__:
            with contextlib.suppress(OSError):  # the process has no standard output
                own = open_files.enter_context(os.fdopen(os.dup(STDOUT), "wb", buffering=0))

        def tell(error: click.ClickException) -> None:
            error.show()
            if as_json:
                with contextlib.suppress(OSError):  # that it cannot be written to may be what is told
                    click.echo(_as_json(error), file=own or sys.stdout)

        yield tell


def _as_json(error: click.ClickException) -> bytes:
    import json

    problem = error.problem if isinstance(error, CommandError) else {}
    code = "invalid_usage" if isinstance(error, click.UsageError) else "failed"
    told = {"code": code, "detail": error.format_message(), **problem, "exit_code": error.exit_code}
    return json.dumps({"error": told}, ensure_ascii=False).encode("utf-8", "backslashreplace")


@contextlib.contextmanager
def quiet_when_nobody_reads() -> Iterator[None]:
    """That what reads standard output has gone is no error of ours: the process ends without a traceback. What is left to be
    printed goes nowhere, or Python would try again at the exit.
    """
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        sys.exit(READER_GONE)
