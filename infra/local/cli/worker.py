"""`workflow worker`: does the steps of an activity with a function of one's own."""

from __future__ import annotations

import click


@click.command()
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option("--activity", required=True, help="The activity whose steps this worker does.")
@click.option("--api", "url", default="http://127.0.0.1:8006", show_default=True, help="The server, or a deployed API.")
def worker(function: str, activity: str, url: str) -> None:
    """Do the steps of an activity with a function of yours, until interrupted. It takes (event, context) as a Lambda function
    does.
    """
    import signal

    from infra.local.worker import Api, Worker, WorkerError, load

    def tell(line: str) -> None:
        click.echo(line, err=True)

    try:
        working = Worker(Api(url), activity, load(function), tell)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: working.stop.set())
        tell(f"Working on '{activity}' for {url}. Ctrl-C stops after the task at hand.")
        working.run()
    except WorkerError as error:
        raise click.ClickException(str(error)) from None
