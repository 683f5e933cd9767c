"""`workflow run`: a workflow file, run on this machine and in this process."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.local.cli.documents import (
    one_document,
    print_json,
    value_of,
    workflow_of,
    written,
    written_option,
)
from infra.local.cli.exits import FAILED
from infra.local.cli.in_process import client_of, has_started, opened_cloud
from infra.local.cli.options import FILE, STEPS
from workflow_engine.statuses import has_ended

if TYPE_CHECKING:
    from infra.local.cloud import LocalCloud
    from infra.local.progress import Progress
    from workflow_engine.client import Client
    from workflow_engine.usecases.answers import Results


@click.command()
@click.argument("file", type=FILE)
@click.option("--input", "run_input", metavar="JSON|@FILE", help="The run's input, as JSON or as @ and a file's name.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON document, nothing else.")
@click.option(
    "--skip-time", "skips_time", is_flag=True, help="Do not wait: when only time has to pass, it has passed at once."
)
@STEPS
def run(file: str, run_input: str | None, as_json: bool, skips_time: bool, steps_directory: Path | None) -> None:
    """Run a workflow and show how each step ended."""
    texts = {"": written(file)}
    body = workflow_of(texts[""])
    if run_input is not None:
        texts["/input"] = written_option(run_input, "--input")
        body = {**body, "input": value_of(texts["/input"])}
    with one_document() if as_json else contextlib.nullcontext(sys.stdout) as stdout:
        with opened_cloud(steps_directory, skips_time=skips_time) as cloud, client_of(cloud, texts) as client:
            started = client.call("execute_workflow", body=body)
            has_started()
            progress = _progress(started["workflow_name"], as_json)
            results = _follow(cloud, client, started["execution_id"], progress)
        if as_json:
            print_json(results, stdout)
    sys.exit(0 if results["status"] == "completed" else FAILED)


def _follow(cloud: LocalCloud, client: Client, execution_id: str, progress: Progress) -> Results:
    """Read a run's results until it has ended, showing each reading. Links to large outputs lead nowhere once this program has
    ended, so outputs stand in their place at last.
    """
    while True:
        cloud.wait_for_an_end(progress.seconds_between_updates)
        results = client.runs.results(execution_id, linked=False)
        if has_ended(results["status"]):
            results = client.runs.results(execution_id)
            progress.finish(results)
            return results
        progress.update(results)


def _progress(title: str, as_json: bool) -> Progress:
    from infra.local import progress

    if as_json:
        return progress.SilentProgress()
    return progress.LiveProgress(title) if sys.stdout.isatty() else progress.PlainProgress(sys.stdout)
