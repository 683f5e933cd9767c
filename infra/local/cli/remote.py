"""What every command that is a client has: the options that say which API, the client, and how errors end the program."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import click

from infra.local.cli import exits
from infra.local.cli.documents import invalid
from infra.local.cli.exits import CommandError
from infra.local.cli.options import FIELDS, JSON, PROFILE, output_of
from infra.local.cli.output import Output, note, plain
from infra.local.cli.settings import TOKEN_VARIABLE, Connection, SettingsError, Value, connection, is_here

if TYPE_CHECKING:
    from infra.local.cli.api import Api
    from infra.local.cli.texts import Text
    from workflow_engine.client.authentication import Auth
    from workflow_engine.client.errors import ApiProblem

LAST: Final = "@last"
TOKEN_SECONDS: Final = 60
"""How long a command that prints a token may take; a person may have to confirm it."""

_EXIT_OF_STATUS: Final[Mapping[int, int]] = {
    400: exits.INVALID,
    401: exits.REFUSED,
    403: exits.REFUSED,
    409: exits.CONFLICT,
    412: exits.CONFLICT,
    413: exits.INVALID,
    415: exits.INVALID,
    422: exits.INVALID,
    429: exits.UNREACHABLE,
    502: exits.UNREACHABLE,
    503: exits.UNREACHABLE,
    504: exits.UNREACHABLE,
}
"""Exit codes of problems; of all others `FAILED`. The last four have been tried several times."""

_COMMANDS_OF_ROUTES: Final = (
    (r"POST /executions/([\w-]+)/rerun", r"`workflow rerun \1`"),
    ("`from_step`", "from a step on, by `--from-step`"),
    (r"GET /approvals\b(?!/)", "`workflow approve`"),
    (r"GET /steps\?kind=registered\b", "`workflow steps --kind registered`"),
    (r"GET /steps\b(?![/?])", "`workflow steps`"),
    (r"POST /steps/register\b", "`workflow steps register`"),
)
"""Routes that problems advise, as the commands that ask them."""

_RUN_EXITS: Final[Mapping[str, int]] = {
    "failed": exits.FAILED,
    "cancelled": exits.FAILED,
    "timed_out": exits.FAILED,
}


class Remote:
    """The API that a command speaks to, and how the command prints."""

    def __init__(self, connection: Connection, output: Output, *, is_confirmed: bool = False) -> None:
        self.connection = connection
        self.output = output
        self._is_confirmed = is_confirmed
        self._is_told = False

    @cached_property
    def api(self) -> Api:
        """The client. Raises SettingsError, CommandError for credentials that cannot be had."""
        from infra.local.cli.api import Api
        from workflow_engine.client.http import HttpTransport
        from workflow_engine.client.retries import Retries

        address = self.connection.url.value
        # A server of this machine that is not there will hardly come while somebody waits for it.
        retries = Retries(first_pause=0.1) if is_here(address) else Retries()
        return Api(HttpTransport(address, auth_of(self.connection)), retries=retries)

    def changes(self, what: str, *, asks: bool = False) -> None:
        """Say where something is about to be changed, on stderr, and ask where the profile wants it (or `asks`). `what` is
        the sentence's middle: `cancel run 4711`.
        """
        if not self._is_told:
            note(self.connection.label)
        self._is_told = True
        if (asks or self.connection.get("confirm")) and not self._is_confirmed:
            confirm(f"{what[0].upper()}{what[1:]}?")

    def execution_id(self, given: str) -> str:
        """An id of a run; that of the last one for `@last`."""
        if given != LAST:
            return given
        from infra.local.cli.last_runs import last_run

        found = last_run(self.connection)
        if found is None:
            raise CommandError(f"{LAST}: No run was started from here yet for {self.connection.label}.", exits.INVALID)
        return found

    def remember(self, execution_id: str) -> None:
        """Let `@last` be this run."""
        from infra.local.cli.last_runs import remember

        remember(self.connection, execution_id)

    def command(self, line: str) -> str:
        """A command to type next, for the same API."""
        chosen, url = self.connection.chosen, self.connection.url
        profile = f" --profile {chosen.value}" if chosen is not None and chosen.source == "--profile" else ""
        api = f" --api {url.value}" if url.source == "--api" else ""
        return f"workflow {line}{profile}{api}"

    def close(self) -> None:
        """End the connections of the client, if it was needed."""
        if "api" in self.__dict__:
            self.api.close()


API: Final = click.option(
    "--api", metavar="URL", help="The server of this machine or a deployed API; also WORKFLOW_API_URL."
)
YES: Final = click.option("--yes", "-y", "is_confirmed", is_flag=True, help="Do not ask.")
SHARED_OPTIONS: Final = (API, PROFILE, JSON, FIELDS, YES)


def exit_of_run(status: str) -> int:
    """The exit code that tells how a run ended; 0 while it goes on."""
    return _RUN_EXITS.get(status, exits.DONE)


def confirm(question: str) -> None:
    """Ask; the answer is no unless somebody says yes. Where nobody can be asked nothing is done without --yes."""
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Say --yes: there is nobody here to be asked.", exits.INVALID)
    if not click.confirm(plain(question), err=True):
        raise CommandError("Nothing was changed.", exits.FAILED)


def client_command(
    *, fields: bool = False, changes: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Options of a command that speaks to the API, which gets a `Remote` as its first argument: `--api`, `--profile` and `--json`,
    `--fields` where it prints rows, and `--yes` where it changes something.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(
            api: str | None,
            profile: str | None,
            as_json: bool,
            fields: str | None = None,
            is_confirmed: bool = False,
            **arguments: Any,
        ) -> None:
            _refuse_empty(arguments)
            remote = Remote(connection(api, profile), output_of(as_json, fields), is_confirmed=is_confirmed)
            from workflow_engine.client.errors import ClientError

            try:
                function(remote, **arguments)
            except ClientError as error:
                raise as_command_error(error, remote) from None
            finally:
                remote.close()

        for option in (JSON, *((FIELDS,) if fields else ()), *((YES,) if changes else ()), PROFILE, API):
            command = option(command)
        return command

    return decorate


def _refuse_empty(arguments: Mapping[str, Any]) -> None:
    """An argument that is empty is a variable of a script that is not set."""
    for parameter in click.get_current_context().command.params:
        if isinstance(parameter, click.Argument) and arguments.get(str(parameter.name)) == "":
            raise click.UsageError(f"{parameter.make_metavar(click.get_current_context())} is empty.")


def as_command_error(error: Exception, remote: Remote) -> CommandError:
    """The end of a command for what its client raises."""
    from workflow_engine.client import errors

    if isinstance(error, errors.ApiProblem):
        return _of_problem(error, remote)
    if isinstance(error, errors.NoCredentialsError):
        return CommandError(f"{remote.connection.label}: {error}", exits.REFUSED, {"code": "no_credentials"})
    if isinstance(error, errors.WaitOverError):
        problem = {"code": "wait_is_over", "execution_id": error.execution_id}
        return CommandError(str(error), exits.WAIT_IS_OVER, problem)
    if isinstance(error, errors.ConnectionFailedError):
        where = remote.connection.url
        advice = (
            " Start it by `workflow serve`, or say which API by --api or a profile."
            if where.source == "default"
            else ""
        )
        return CommandError(f"{error}{advice}", exits.UNREACHABLE, {"code": "unreachable"})
    return CommandError(str(error), exits.FAILED, {"code": "unexpected_answer"})


@contextlib.contextmanager
def findings_in(texts: Mapping[str, Text], moved: Mapping[str, str] | None = None) -> Iterator[None]:
    """What the API finds in what was read from files is told where it stands there. `texts` are by the pointer at which they
    stand in the body that is sent. `moved` has pointers into that of what was taken out of a text, by which that is found there.
    """
    from workflow_engine.client.errors import ApiProblem

    try:
        yield
    except ApiProblem as problem:
        errors: list[dict[str, Any]] = [
            {**error, "pointer": _moved(error["pointer"], moved or {})} for error in problem.errors
        ]
        is_told = any(error["pointer"].startswith(place) for error in errors for place in texts)
        if _EXIT_OF_STATUS.get(problem.status) == exits.INVALID and is_told:
            invalid(errors, texts)
        raise


def _moved(pointer: str, moved: Mapping[str, str]) -> str:
    """A pointer, by where what it leads to has stood before it was moved."""
    for place, before in moved.items():
        if pointer == place or pointer.startswith(f"{place}/"):
            return before + pointer.removeprefix(place)
    return pointer


def _by_command(detail: str) -> str:
    """A sentence of the API about its routes, for somebody who has commands."""
    for route, command in _COMMANDS_OF_ROUTES:
        detail = re.sub(route, command, detail)
    return detail


def _of_problem(error: ApiProblem, remote: Remote) -> CommandError:
    told = [_by_command(error.detail)] + [
        f"  {e.get('pointer') or '/'}: {_by_command(e['detail'])}" for e in error.errors if e["detail"] != error.detail
    ]
    code = _EXIT_OF_STATUS.get(error.status, exits.FAILED)
    if code == exits.REFUSED:
        auth = remote.connection.auth
        told.append(f"  Asked with auth '{auth.value}' ({auth.source}) at {remote.connection.label}.")
    problem = {"code": error.code, "status": error.status, "detail": error.detail, "errors": error.errors}
    return CommandError(plain("\n".join(told)), code, problem)


def auth_of(settings: Connection) -> Auth | None:
    """In whose name requests are sent. Raises SettingsError, and CommandError for a token that cannot be had."""
    from workflow_engine.client.authentication import BearerToken, SigV4

    if settings.auth.value == "iam":
        return SigV4(profile=settings.get("aws_profile"), region=settings.get("region"))
    if settings.auth.value == "none":
        return None
    if not settings.url.value.startswith("https:") and not is_here(settings.url.value):
        raise SettingsError(
            f"{settings.url.value} ({settings.url.source}) is not encrypted: a token is sent to https addresses only."
        )
    return BearerToken(_token(settings))


def _token(settings: Connection) -> str:
    """The bearer token, of a command or a variable. It is never told."""
    command = settings.values.get("token_command")
    if command is not None:
        return _printed_by(command)
    variable = settings.get("token_env") or TOKEN_VARIABLE
    token = os.environ.get(variable, "").strip()
    if not token:
        problem = {"code": "no_credentials"}
        raise CommandError(f"{settings.label}: {variable} holds no token.", exits.REFUSED, problem)
    if not token.isascii() or not token.isprintable():
        raise CommandError(f"{variable} holds characters that no token has.", exits.REFUSED)
    return token


def _printed_by(command: Value) -> str:
    """What the command prints. Neither that nor the command itself, which may hold a secret, is told when it fails."""
    import shlex
    import subprocess

    problem = {"code": "no_credentials"}
    told = f"token_command ({command.source})"
    try:
        done = subprocess.run(  # noqa: S603 - the user's own file says it
            shlex.split(command.value), stdout=subprocess.PIPE, timeout=TOKEN_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{told} took longer than {TOKEN_SECONDS} s.", exits.REFUSED, problem) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"{told} could not be run: {reason}.", exits.REFUSED, problem) from None
    token = done.stdout.decode("ascii", "replace").strip()
    if done.returncode != 0:
        raise CommandError(f"{told} ended with {done.returncode}.", exits.REFUSED, problem)
    if not token.isprintable() or not token.isascii() or len(token.split()) != 1:
        raise CommandError(f"{told} did not print one token.", exits.REFUSED, problem)
    return token
