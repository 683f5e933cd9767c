"""`workflow cancel`, `redrive` and `rerun`: steer a run."""

from __future__ import annotations

from typing import Any, Final

import click

from infra.local.cli.documents import value_of, written_option
from infra.local.cli.output import Column, line, note
from infra.local.cli.remote import Remote, client_command, findings_in
from infra.local.cli.start import finish
from infra.local.cli.waiting import WAIT, WaitingCommand, wait_for

_RUN: Final = click.argument("run", metavar="RUN")
COLUMNS: Final = (Column("execution_id", "run"), Column("status"))


@click.command()
@_RUN
@click.option("--comment", help="Why; it is kept with the run.")
@client_command(changes=True)
def cancel(remote: Remote, run: str, comment: str | None) -> None:
    """Cancel RUN (an id, or @last) and the runs that it has started. Prints its id and its new status."""
    execution_id = remote.execution_id(run)
    remote.changes(f"cancel run {execution_id}")
    _tell(remote, remote.api.runs.cancel(execution_id, comment))


@click.command(cls=WaitingCommand)
@_RUN
@click.option("--idempotency-key", help="The same key within 24 hours redrives once.")
@WAIT
@client_command(changes=True)
def redrive(remote: Remote, run: str, idempotency_key: str | None, wait: float | None) -> None:
    """Let RUN (an id, or @last) go on from the step that failed, as it was started. Prints its id and its new status."""
    execution_id = remote.execution_id(run)
    remote.changes(f"redrive run {execution_id}")
    _tell_or_wait(remote, remote.api.runs.redrive(execution_id, idempotency_key=idempotency_key), wait)


@click.command(cls=WaitingCommand)
@_RUN
@click.option(
    "--from-step", metavar="STEP", help="Run only this step and what follows; take over what the others gave."
)
@click.option("--input", "run_input", metavar="JSON|@FILE", help="Another input than it had.")
@click.option("--idempotency-key", help="The same key within 24 hours starts one run.")
@WAIT
@client_command(changes=True)
def rerun(
    remote: Remote,
    run: str,
    from_step: str | None,
    run_input: str | None,
    idempotency_key: str | None,
    wait: float | None,
) -> None:
    """Run what RUN (an id, or @last) ran again, as a new run, all of it or from a step on. Prints the new id and its status."""
    execution_id = remote.execution_id(run)
    texts = {} if run_input is None else {"/input": written_option(run_input, "--input")}
    given = value_of(texts["/input"]) if texts else None
    remote.changes(f"rerun {execution_id}")
    with findings_in(texts):
        started = remote.api.runs.rerun(execution_id, from_step=from_step, input=given, idempotency_key=idempotency_key)
    remote.remember(started["execution_id"])
    _tell_or_wait(remote, started, wait)


def _tell_or_wait(remote: Remote, run: Any, wait: float | None) -> None:
    if wait is None:
        _tell(remote, run)
        return
    note(f"{run['execution_id']}: {run['status']}.")
    wait_for(remote, run["execution_id"], wait)
    finish(remote, run["execution_id"])


def _tell(remote: Remote, run: Any) -> None:
    if remote.output.as_json:
        remote.output.document(run)
    elif remote.output.is_terminal:
        line(f"{run['execution_id']}: {remote.output.style(run['status'])}")
    else:
        line(f"{run['execution_id']}\t{run['status']}")
