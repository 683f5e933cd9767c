"""`workflow start`: a run of a stored workflow, or of a file, on the API."""

from __future__ import annotations

import sys
from typing import Any

import click

from infra.local.cli.documents import value_of, workflow_of, written, written_option
from infra.local.cli.follow import print_events
from infra.local.cli.output import line, note
from infra.local.cli.remote import Remote, client_command, exit_of_run, findings_in
from infra.local.cli.texts import SUFFIXES, Text
from infra.local.cli.waiting import WAIT, WaitingCommand, show_results, wait_for


@click.command(cls=WaitingCommand)
@click.argument("workflow", metavar="ID|FILE")
@click.option(
    "--input",
    "run_input",
    metavar="JSON|@FILE|-",
    help="The run's input: JSON, @ and a file's name, - for standard input.",
)
@click.option("--version", type=click.IntRange(1), help="A version of the stored workflow; the newest when absent.")
@click.option("--tag", "tags", multiple=True, help="Found by it later: `workflow list --tag`. May be given again.")
@click.option("--correlation-id", help="An id of yours that the run is found by.")
@click.option("--session-id", help="The session that the run belongs to.")
@click.option("--user-id", help="Whom the run is for.")
@click.option("--idempotency-key", help="The same key, workflow and input within 24 hours start one run.")
@click.option("--follow", is_flag=True, help="Show what happens until the run has ended.")
@WAIT
@client_command(changes=True)
def start(
    remote: Remote,
    workflow: str,
    run_input: str | None,
    tags: tuple[str, ...],
    follow: bool,
    wait: float | None,
    **about: Any,
) -> None:
    """Start a run of the stored workflow ID, or of the one in FILE (.json, .yaml), which is not stored. A FILE may have an `input`
    beside its steps, in place of --input.

    In a pipe it prints the id of the run and nothing else. With --wait or --follow it ends as the run does.
    """
    is_file = workflow.endswith(SUFFIXES) or workflow == "-"
    if is_file and about["version"] is not None:
        raise click.UsageError("--version is for a stored workflow, and this is a file.")
    texts: dict[str, Text] = {"/workflow": written(workflow)} if is_file else {}
    document = workflow_of(texts["/workflow"], "/workflow") if is_file else {}
    given, moved = document.pop("input", None), {"/input": "/workflow/input"}
    if run_input is not None:
        texts["/input"] = written("-") if run_input == "-" else written_option(run_input, "--input")
        given, moved = value_of(texts["/input"]), {}
    remote.changes(f"start a run of {workflow}")
    with findings_in(texts, moved):
        started = remote.api.runs.start(document if is_file else workflow, given, tags=list(tags) or None, **about)
    execution_id = started["execution_id"]
    remote.remember(execution_id)
    if not follow and wait is None:
        _tell_started(remote, started)
        return
    note(f"Started {execution_id}.")
    if follow:
        print_events(remote, execution_id, follow=True)
    else:
        wait_for(remote, execution_id, wait or 0)
    finish(remote, execution_id, is_told=follow and remote.output.as_json)


def finish(remote: Remote, execution_id: str, *, is_told: bool = False) -> None:
    """Print the results of a run that has ended, and end as it did. `is_told`: its events were the output."""
    results = remote.api.runs.results(execution_id)
    if not is_told:
        if remote.output.as_json:
            remote.output.document(results)
        else:
            show_results(remote, results)
    sys.exit(exit_of_run(results["status"]))


def _tell_started(remote: Remote, started: Any) -> None:
    execution_id = started["execution_id"]
    if remote.output.as_json:
        remote.output.document(started)
        return
    line(execution_id)
    if remote.output.is_terminal:
        note(f"Look at it by `{remote.command('status @last')}`, or `{remote.command('events @last --follow')}`.")
