"""`workflow stats`: figures of many runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import click

from infra.local.cli.output import Column, line, moment
from infra.local.cli.remote import Remote, client_command
from infra.local.cli.times import MOMENT
from infra.local.progress import duration

BY: Final = ("hour", "day")

_FIGURES: Final = (
    Column("runs", is_number=True),
    Column("counts.completed", "completed", is_number=True),
    Column("counts.failed", "failed", is_number=True),
    Column("failure_rate", "failure rate", lambda rate: f"{rate:.1%}", is_number=True),
    Column("duration_ms.p50", "p50", duration, is_number=True),
    Column("duration_ms.p95", "p95", duration, is_number=True),
    Column("cost_usd.total", "USD", lambda usd: f"{usd:.6g}", is_number=True),
)
BUCKETS: Final = (Column("start", "from (UTC)", moment), *_FIGURES)
TOTAL: Final = (
    *_FIGURES,
    Column("redriven"),
    Column("retries"),
    Column("usage.total_tokens", "tokens"),
    Column(
        "sampled",
        None,
        lambda sampled: f"steps, retries, tokens and USD are of {sampled['runs']} of {sampled['of']} runs",
    ),
)
STEPS: Final = (
    Column("step_id", "step"),
    Column("duration_ms.count", "completed", is_number=True),
    Column("failed", is_number=True),
    Column("retries", is_number=True),
    Column("duration_ms.p50", "p50", duration, is_number=True),
    Column("duration_ms.p95", "p95", duration, is_number=True),
)


@click.command()
@click.argument("workflow", metavar="[WORKFLOW]", required=False)
@click.option(
    "--by", type=click.Choice(BY), help="A row for each hour (of the last 24 hours) or day (of the last 30 days)."
)
@click.option("--since", type=MOMENT, metavar="AGO|DATE", help="Of runs that ended from then on: 7d, or 2026-01-31.")
@click.option("--until", type=MOMENT, metavar="AGO|DATE", help="Of runs that ended before then.")
@client_command(fields=True)
def stats(remote: Remote, workflow: str | None, by: str | None, since: datetime | None, until: datetime | None) -> None:
    """Print how many runs ended how, how long they took and what they cost: of all, or of WORKFLOW and its steps.

    In a pipe a row for each hour or day: its start, runs, completed, failed, failure rate, p50 and p95 in ms, USD.
    """
    query = {"bucket": by, "from": since, "to": until}
    if workflow is None:
        found, _ = remote.api.answer("get_stats", query=query)
    else:
        found, _ = remote.api.answer("get_workflow_stats", {"workflow_id": workflow}, query=query)
    _show(remote, found)


def _show(remote: Remote, found: Mapping[str, Any]) -> None:
    output = remote.output
    if output.as_json and not output.fields:
        output.document(found)
        return
    if not output.is_terminal or output.fields:
        output.items(found["buckets"], BUCKETS)
        return
    line(f"{moment(found['since'])} to {moment(found['until'])} UTC")
    output.one(found["total"], TOTAL)
    used = [bucket for bucket in found["buckets"] if bucket["runs"]]
    for rows, columns in ((used, BUCKETS), (found.get("steps") or [], STEPS)):
        if rows:
            line("")
            output.items(rows, columns)
