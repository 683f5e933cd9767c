"""Commands that wait for a run: the option, the wait itself, and what is told of how the run has ended."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import inf
from shlex import quote
from typing import Any, Final

import click

from infra.local.cli.exits import INTERRUPTED, CommandError
from infra.local.cli.output import Column, line, note, plain
from infra.local.cli.remote import Remote
from infra.local.cli.times import AS_LONG_AS_IT_TAKES, SECONDS, seconds_of
from infra.local.progress import advice_lines, duration, run_error, step_error, usd

Results = Mapping[str, Any]

MAX_SHOWN: Final = 4_000
"""Characters of a failed step's input that people are shown; `--json --include inputs` has the whole of it."""

STEP_COLUMNS: Final = (
    Column("step"),
    Column("status"),
    Column("execution_time_ms", "time", duration, is_number=True),
    Column("retry_count", "retries", lambda count: str(count or ""), is_number=True),
    Column("cost_usd.total", "USD", usd, is_number=True),
    Column("error"),
)

WAIT: Final = click.option(
    "--wait",
    type=SECONDS,
    metavar="[SECONDS]",
    help="Wait for the end of the run, so long at most (5m, say); without a number as long as it takes. Exit code 3: it goes on.",
)


class WaitingCommand(click.Command):
    """A command with `WAIT`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Arguments. What follows --wait is its value only where it is a time: `--wait ID` would swallow the id."""
        said = []
        for position, word in enumerate(args):
            following = args[position + 1] if position + 1 < len(args) else ""
            is_lone = word == "--wait" and seconds_of(following) is None
            said.append(f"--wait={AS_LONG_AS_IT_TAKES}" if is_lone else word)
        return super().parse_args(ctx, said)


def wait_for(remote: Remote, execution_id: str, seconds: float) -> None:
    """Wait for the end of a run. Interrupted, it says how to go on: the run does. Raises WaitOverError."""
    try:
        remote.api.runs.wait(execution_id, None if seconds == inf else seconds)
    except KeyboardInterrupt:
        raise interrupted(remote, execution_id) from None


def interrupted(remote: Remote, execution_id: str) -> CommandError:
    """The end of a command by Ctrl-C, which does not end the run."""
    note("")
    told = (
        f"The run {execution_id} goes on. Look at it by `{remote.command(f'status {execution_id}')}`, "
        f"or stop it by `{remote.command(f'cancel {execution_id}')}`."
    )
    return CommandError(told, INTERRUPTED, {"code": "interrupted", "execution_id": execution_id})


def show_results(remote: Remote, results: Results) -> None:
    """The results of a run for people: its steps, its error and what to do about it, its output."""
    output = remote.output
    rows = [{"step": key, **step, "error": step_error(step)} for key, step in results["step_results"].items()]
    output.items(rows, STEP_COLUMNS)
    if not output.is_terminal:
        line(f"run\t{results['execution_id']}\t{results['status']}")
    else:
        line(f"\n{output.style(results['status'])}  {results['execution_id']}")
    if results.get("error"):
        tell_failure(remote, results)
    if results.get("output") is not None:
        line(plain(json.dumps(results["output"], indent=2, ensure_ascii=False)))


def tell_failure(remote: Remote, results: Results) -> None:
    """What failed first, what it had received, and the command that lets the run go on."""
    run = results["execution_id"]
    line(plain(run_error(results["error"])))
    for told in advice_lines(results["error"]):
        line(told)
    first = first_failure(results)
    if first is not None:
        line(f"The first step that failed: {first}")
        _tell_received(remote, run, first)
        line(f"Its log:         {remote.command(f'logs {run} --step {quote(first)}')}")
    line(f"Go on from it:   {remote.command(f'redrive {run}')}")
    outermost = re.split(r"[.\[]", first)[0] if first else "STEP"
    line(f"After a change:  {remote.command(f'rerun {run} --from-step {outermost}')}")


def _tell_received(remote: Remote, run: str, step: str) -> None:
    found: Mapping[str, Any] = remote.api.runs.results(run, steps=[step], include=["inputs"])["step_results"]
    for name, title in (("input_data", "Input"), ("config", "Config")):
        value = found.get(step, {}).get(name)
        if value not in (None, {}):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            cut = "" if len(text) <= MAX_SHOWN else f"\n... {len(text) - MAX_SHOWN} characters more"
            line(plain(f"{title}: {text[:MAX_SHOWN]}{cut}"))


def first_failure(results: Results) -> str | None:
    """The key of the step that failed first, of those that the run's error is of: others failed tolerably. Of a container that
    failed with its part it is the part. The step that the error names, where no result tells more.
    """
    named = (results.get("error") or {}).get("step_id")
    failed: list[tuple[str, str]] = [
        (step.get("completed_at") or "9", key)
        for key, step in results["step_results"].items()
        if step["status"] == "failed"
    ]
    of_error = [found for found in failed if named in re.split(r"[.\[\]]+", found[1])] or failed
    for moment, key in sorted(of_error):
        parts = [other for when, other in failed if when == moment and other.startswith((f"{key}[", f"{key}."))]
        return max(parts, key=len) if parts else key
    return str(named) if named else None
