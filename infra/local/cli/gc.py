"""`workflow gc`: what runs that ended long ago have left in a folder of data."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import click

from infra.local.cli.in_process import clear_errors
from infra.local.cli.options import DATA, JSON
from infra.local.cli.output import Output


@click.command(name="gc")
@click.option("--older-than", "age", metavar="AGE", required=True, help="As 30d, 12h or 90m.")
@DATA
@JSON
def gc_(age: str, data: Path, as_json: bool) -> None:
    """Delete runs that ended that long ago, with all that only they lead to. No server may be running."""
    from datetime import UTC, datetime

    from infra.local.data import DataFolder

    before, folder = datetime.now(UTC) - _age(age), DataFolder(data)
    if not folder.is_used:
        raise click.UsageError(f"There is no data of a server in '{data}'.")
    with clear_errors():
        from infra.local.cleaning import clean

        done = clean(folder, before)
    if as_json:
        counted = {name: getattr(done, name) for name in ("runs", "histories", "workflows", "files", "bytes")}
        Output().document({"deleted": counted})
        return
    click.echo(
        f"Deleted {done.runs:,} runs, {done.histories:,} histories, {done.workflows:,} workflows that were never saved, and "
        f"{done.files:,} files ({done.bytes:,} bytes)."
    )


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([dhm])", text)
    if match is None:
        raise click.UsageError(f"'{text}' is no age. Write a number and d, h or m, such as 30d.")
    return timedelta(**{{"d": "days", "h": "hours", "m": "minutes"}[match[2]]: int(match[1])})
