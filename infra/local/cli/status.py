"""`workflow status` and `workflow results`: how a run goes, and what it gave."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from infra.local.cli.output import Column, note
from infra.local.cli.remote import Remote, client_command, exit_of_run
from infra.local.cli.waiting import WAIT, WaitingCommand, show_results, wait_for
from infra.local.progress import run_error

COLUMNS: Final = (
    Column("execution_id", "run"),
    Column("workflow_id", "workflow"),
    Column("workflow_version", "version"),
    Column("status"),
    Column("current_step", "now at"),
    Column("step_counts", "steps", lambda counts: ", ".join(f"{count} {status}" for status, count in counts.items())),
    Column("error", None, lambda error: run_error(error)),
    Column("started_at", "started"),
    Column("completed_at", "ended"),
    Column("rerun_of", "rerun of"),
    Column("parent_execution_id", "part of"),
    Column("cancel_cause", "cancelled because"),
)


@click.command(cls=WaitingCommand)
@click.argument("run", metavar="RUN")
@WAIT
@client_command(fields=True)
def status(remote: Remote, run: str, wait: float | None) -> None:
    """Print how RUN (an id, or @last) goes. Exit code 1 when it failed, was cancelled or timed out."""
    execution_id = remote.execution_id(run)
    if wait is not None:
        wait_for(remote, execution_id, wait)
    found: Mapping[str, Any] = remote.api.runs.get(execution_id)
    remote.output.one(found, COLUMNS)
    if found["error"] and not remote.output.as_json:
        note(f"Why: {remote.command(f'results {execution_id}')}")
    sys.exit(exit_of_run(found["status"]))


@click.command(cls=WaitingCommand)
@click.argument("run", metavar="RUN")
@click.option("--step", "steps", multiple=True, help="Only of this step and its parts. May be given again.")
@click.option("--failed", "only_failed", is_flag=True, help="Only of steps that failed.")
@click.option(
    "--include",
    type=click.Choice(["inputs", "attempts"]),
    multiple=True,
    help="With --json: what each step received, or each of its attempts. May be given again.",
)
@WAIT
@client_command(fields=True)
def results(
    remote: Remote,
    run: str,
    steps: tuple[str, ...],
    only_failed: bool,
    include: tuple[str, ...],
    wait: float | None,
) -> None:
    """Print the results of RUN (an id, or @last); of one that failed the first failure, its input, and the command to redrive.

    Exit code 1 when it failed, was cancelled or timed out. With --fields, fields of the run: output.total, say.
    """
    execution_id = remote.execution_id(run)
    if wait is not None:
        wait_for(remote, execution_id, wait)
    found: dict[str, Any] = dict(remote.api.runs.results(execution_id, steps=steps, include=include))
    if only_failed:
        found["step_results"] = {k: s for k, s in found["step_results"].items() if s["status"] == "failed"}
    if remote.output.as_json or remote.output.fields:
        remote.output.one(found, ())
    else:
        show_results(remote, found)
    sys.exit(exit_of_run(found["status"]))
