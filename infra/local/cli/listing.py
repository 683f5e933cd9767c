"""`workflow list`: runs by all that they are found by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import click

from infra.local.cli.output import Column, moment, note
from infra.local.cli.remote import Remote, client_command
from infra.local.cli.times import MOMENT
from infra.local.progress import run_error
from workflow_engine.statuses import RUN_STATUSES

DEFAULT_LIMIT: Final = 50
PAGE: Final = 100

COLUMNS: Final = (
    Column("execution_id", "run"),
    Column("workflow_id", "workflow"),
    Column("status"),
    Column("started_at", "started", moment),
    Column("completed_at", "ended", moment),
    Column("error", None, lambda error: run_error(error)),
)
_STATUS_FIRST: Final = (COLUMNS[0], COLUMNS[2], COLUMNS[1], *COLUMNS[3:])
"""For people: of a narrow terminal the last columns are left out, and what they look for is the status."""


@click.command(name="list")
@click.option("--workflow", "workflow_id", metavar="ID", help="Of this workflow.")
@click.option("--status", type=click.Choice(RUN_STATUSES), help="In this status.")
@click.option(
    "--failed/--not-failed", "has_failures", default=None, help="That failed, or in which a step did; or the others."
)
@click.option("--error", metavar="TEXT", help="With this text in the type or the message of the error.")
@click.option(
    "--since", "started_after", type=MOMENT, metavar="AGO|DATE", help="Started from then on: 2h, or 2026-01-31."
)
@click.option("--until", "started_before", type=MOMENT, metavar="AGO|DATE", help="Started before then.")
@click.option("--tag", help="With this tag: a word, or key:value.")
@click.option("--user-id", help="For this user.")
@click.option("--session-id", help="Of this session.")
@click.option("--correlation-id", help="With this correlation id.")
@click.option("--parent", "parent_id", metavar="RUN", help="That this run has started.")
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help="So many at most.")
@click.option("--all", "takes_all", is_flag=True, help="All of them.")
@client_command(fields=True)
def list_(remote: Remote, limit: int, takes_all: bool, parent_id: str | None, **filters: Any) -> None:
    """List runs, newest first. In a pipe: id, workflow, status, start, end and error, apart by tabs."""
    filters["parent_id"] = None if parent_id is None else remote.execution_id(parent_id)
    rows, cursor = found_runs(remote, filters, None if takes_all else limit)
    remote.output.items(rows, _STATUS_FIRST if remote.output.is_terminal else COLUMNS, cursor)
    if cursor is not None:
        note(f"There may be more: these are the newest {len(rows)}. See --limit, --all and --since.")


def found_runs(
    remote: Remote, filters: Mapping[str, str | bool | datetime | None], limit: int | None
) -> tuple[list[Mapping[str, Any]], str | None]:
    """So many runs that pass the filters, all where `limit` is None; and where the next ones are, None after the last. Pages that
    the filters have left empty are passed over.
    """
    rows: list[Mapping[str, Any]] = []
    cursor: str | None = None
    while True:
        size = PAGE if limit is None else min(PAGE, limit - len(rows))
        items, cursor = remote.api.page("list_executions", {**filters, "limit": size, "cursor": cursor})
        rows += items
        if cursor is None or (limit is not None and len(rows) >= limit):
            return rows, cursor
