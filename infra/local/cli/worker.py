"""`workflow worker`: does the steps of an activity with a function of one's own."""

from __future__ import annotations

import click

from infra.local.cli.exits import FAILED, INVALID, REFUSED, CommandError
from infra.local.cli.options import PROFILE
from infra.local.cli.remote import API, auth_of
from infra.local.cli.settings import connection


@click.command()
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option("--activity", required=True, help="The activity whose steps this worker does.")
@PROFILE
@API
def worker(function: str, activity: str, api: str | None, profile: str | None) -> None:
    """Do the steps of an activity with a function of yours, until interrupted. It takes (event, context) as a Lambda function
    does.
    """
    import signal

    from infra.local.worker import Api, Worker, WorkerError, WorkerRefusedError, load

    found = connection(api, profile)

    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        handler = load(function)
    except WorkerError as error:
        raise CommandError(str(error), INVALID) from None
    try:
        working = Worker(Api(found.url.value, auth_of(found)), activity, handler, tell)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: working.stop.set())
        tell(f"Working on '{activity}' for {found.url.value}. Ctrl-C stops after the task at hand.")
        working.run()
    except WorkerError as error:
        code = REFUSED if isinstance(error, WorkerRefusedError) else FAILED
        raise CommandError(str(error), code) from None
