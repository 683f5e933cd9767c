"""The local cloud inside a command, and the end of the program where something is wrong with it."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from infra.local.cli.documents import invalid, no_workflow
from infra.local.cli.output import note

if TYPE_CHECKING:
    from infra.local.cli.texts import Text
    from infra.local.cloud import LocalCloud
    from workflow_engine.client import Client

UNKNOWN_STEP_TYPE: Final = "WFE-E400"


@contextlib.contextmanager
def opened_cloud(steps_directory: Path | None, *, skips_time: bool = False) -> Iterator[LocalCloud]:
    """A local cloud that keeps nothing."""
    with starting():
        cloud = closed_cloud(steps_directory, skips_time=skips_time)
        with clear_errors(), cloud:
            tell_found(cloud)
            yield cloud


def tell_found(cloud: LocalCloud) -> None:
    """What the folder of steps holds, and what of it is no step type."""
    for line in () if cloud.found is None else cloud.found.lines():
        click.echo(line, err=True)


def closed_cloud(steps_directory: Path | None, data: Path | None = None, *, skips_time: bool = False) -> LocalCloud:
    """The local cloud, to be opened; imported here, so that `--help` and mistakes on the command line answer at once."""
    from infra.local.cloud import LocalCloud
    from infra.local.data import DataFolder

    if steps_directory is None:
        # Ours need none, and to find them the metadata of every package that is installed is read.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    folder = None if data is None else DataFolder(data)
    return LocalCloud(steps_directory=steps_directory, data=folder, skips_time=skips_time)


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Collects no garbage until `has_started`."""
    gc.disable()
    try:
        yield
    finally:
        has_started()


def has_started() -> None:
    """What was made so far lives to the end. To look through it for garbage, while it is made, ever after and once more at the
    exit, would be a fifth of the time of a short command.
    """
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """What is wrong with a folder ends the program with a sentence."""
    from infra.local.data import DataFolderError
    from infra.local.stepfunctions.journal import JournalError
    from infra.local.steps import StepsDirectoryError
    from workflow_engine.errors import MisconfiguredError
    from workflow_engine.store.tables.sqlite_database import UnreadableDataError

    try:
        yield
    except StepsDirectoryError as error:
        raise click.UsageError(str(error)) from None
    except (DataFolderError, JournalError, MisconfiguredError, UnreadableDataError) as error:
        raise click.ClickException(str(error)) from None


def call(cloud: LocalCloud, method: str, path: str, body: Any = None, texts: Mapping[str, Text] | None = None) -> Any:
    """The JSON answer of a route. A problem that is the client's ends the program with its findings on stderr; `texts` has what the
    body was read from, by the pointer that it stands at.
    """
    if body is None and texts:  # would be sent as no body at all
        invalid([no_workflow(body)], texts)
    status, answer = cloud.call(method, path, body)
    if status >= 500:
        raise click.ClickException(answer.get("detail") or answer.get("message") or f"status {status}")
    if status >= 400:
        _refused(cloud, answer["errors"], texts)
    return answer


def _refused(cloud: LocalCloud, findings: Sequence[Mapping[str, Any]], texts: Mapping[str, Text] | None) -> NoReturn:
    """End the program with findings."""
    try:
        invalid(findings, texts)
    finally:
        tell_of_own_steps(cloud, findings)


def tell_of_own_steps(cloud: LocalCloud, findings: Iterable[Mapping[str, Any]]) -> None:
    """How a step type of one's own becomes known, where one is not, is hardly misspelt, and no folder of steps was named."""
    if cloud.found is None and any(f["code"] == UNKNOWN_STEP_TYPE and f.get("fix") is None for f in findings):
        note("Is it a step type of your own? Name the folder that its function is in: --steps DIR.")


@contextlib.contextmanager
def client_of(cloud: LocalCloud, texts: Mapping[str, Text]) -> Iterator[Client]:
    """A client of the cloud in this process: what it may do is what one over HTTP may. A problem ends the program as in `call`."""
    from infra.local.client_transport import GatewayTransport
    from workflow_engine.client import ApiProblem, Client

    try:
        with Client(GatewayTransport(cloud)) as client:
            yield client
    except ApiProblem as problem:
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise click.ClickException(problem.detail) from None
        _refused(cloud, [dict(finding) for finding in problem.errors], texts)
