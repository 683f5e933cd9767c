"""`workflow events` and `workflow logs`: what happens in a run, as it happens."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from infra.local.cli.exits import FAILED, CommandError
from infra.local.cli.output import line, note, plain
from infra.local.cli.remote import Remote, client_command, exit_of_run
from infra.local.cli.times import MOMENT
from infra.local.cli.waiting import interrupted
from infra.local.progress import advice_lines, duration

_FOLLOW = click.option(
    "--follow", "-f", is_flag=True, help="Go on until the run has ended, through broken connections."
)
_STEP = click.option(
    "--step", help="Only of this step and its parts, by its id, or its key in the results: rows[3].load."
)
_INDEX: Final = re.compile(r"\[\d+\]")
_SINCE = click.option("--since", type=MOMENT, metavar="AGO|DATE", help="Only from then on: 10m, or 2026-01-31T08:00Z.")


@click.command()
@click.argument("run", metavar="RUN")
@_FOLLOW
@_STEP
@_SINCE
@client_command()
def events(remote: Remote, run: str, follow: bool, step: str | None, since: datetime | None) -> None:
    """Print what happens in RUN (an id, or @last), a line an event; with --json a JSON object a line. Ends as the run did."""
    execution_id = remote.execution_id(run)
    _check_step(remote, execution_id, step)
    print_events(remote, execution_id, follow=follow, step=step, since=since)
    _end_as(remote, execution_id)


@click.command()
@click.argument("run", metavar="RUN")
@_FOLLOW
@_STEP
@_SINCE
@client_command()
def logs(remote: Remote, run: str, follow: bool, step: str | None, since: datetime | None) -> None:
    """Print what the steps of RUN (an id, or @last) printed and logged; with --json a JSON object a line. Ends as the run did."""
    execution_id = remote.execution_id(run)
    _check_step(remote, execution_id, step)
    try:
        for logged in _since(remote.api.runs.logs(execution_id, step=step, follow=follow), since):
            _print_log(remote, logged)
    except KeyboardInterrupt:
        raise interrupted(remote, execution_id) from None
    _end_as(remote, execution_id)


def print_events(
    remote: Remote, execution_id: str, *, follow: bool, step: str | None = None, since: datetime | None = None
) -> None:
    """Print the events of a run, those of a step and from a moment on."""
    try:
        for event in _since(remote.api.runs.events(execution_id, follow=follow), since):
            if step is None or _is_part(event["step"], step):
                _print_event(remote, event)
    except KeyboardInterrupt:
        raise interrupted(remote, execution_id) from None


def _end_as(remote: Remote, execution_id: str) -> None:
    run = remote.api.runs.get(execution_id)
    if run["error"] and not remote.output.as_json:
        for told in advice_lines(run["error"]):
            note(told)
    sys.exit(exit_of_run(run["status"]))


def _since(told: Iterator[Any], since: datetime | None) -> Iterator[Any]:
    for item in told:
        if since is None or datetime.fromisoformat(item["timestamp"]) >= since:
            yield item


def _check_step(remote: Remote, execution_id: str, step: str | None) -> None:
    """Raises CommandError for a step that the run's workflow does not have: nothing would ever be told of it."""
    if step is None:
        return
    from workflow_engine.client.errors import ApiProblem
    from workflow_engine.language.step_ids import with_step_ids
    from workflow_engine.language.walk import walk_steps
    from workflow_engine.suggestions import suggest

    try:
        workflow = remote.api.runs.workflow(execution_id)["workflow"]
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        return  # it has been deleted, or there is no such run, which is told by whoever reads that
    known = [str(found["step_id"]) for _, found in walk_steps(with_step_ids(workflow))]
    wanted = _ids(step)[-1]
    if wanted not in known:
        raise CommandError(f"The run has no step '{plain(step)}'.{suggest(wanted, known)}", FAILED)


def _ids(place: str) -> list[str]:
    """The ids of a key of step_results, outermost first: `rows` and `load` of `rows[3].load`."""
    return _INDEX.sub("", place).split(".")


def _is_part(place: str | None, step: str) -> bool:
    """Whether a key of step_results is that of a step or of one of its parts: `a.b` and `a[3].b` are parts of `b`'s container `a`.
    `step` is such a key, or the id of a step wherever it is.
    """
    if place is None:
        return False
    return place == step or place.startswith((f"{step}[", f"{step}.")) or step in _ids(place)


_COSTS: Final = frozenset({"cost_usd", "step_costs_usd"})


def _print_event(remote: Remote, event: Mapping[str, Any]) -> None:
    output = remote.output
    if output.as_json:
        output.json_line(event)
        return
    # What happens is read here; what it has cost so far, with the results.
    details = {name: value for name, value in event["details"].items() if name not in _COSTS}
    if output.is_terminal:
        status = event["type"].rpartition(".")[2]
        kind = output.style(event["type"].ljust(19), status)
        line(f"{output.style(_clock(event['timestamp']), 'dim')} {kind} {plain(event['step'] or '')}{_told(details)}")
    else:
        attempt = "" if event["attempt"] is None else event["attempt"]
        told = json.dumps(details, ensure_ascii=False) if details else ""
        line(f"{event['timestamp']}\t{event['type']}\t{event['step'] or ''}\t{attempt}\t{plain(told)}")


def _told(details: dict[str, Any]) -> str:
    """Details for people: a time, an error, a message; the rest as it is."""
    told = []
    if (took := details.pop("duration_ms", None)) is not None:
        told.append(f"({duration(took)})")
    error = details.pop("error", None)
    if isinstance(error, Mapping):
        told.append(": ".join(str(error[name]) for name in ("type", "message") if error.get(name)))
    elif error is not None:
        told.append(str(error))
    if (message := details.pop("message", None)) is not None:
        told.append(str(message))
    told += [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in details.items() if value is not None]
    return plain(" " + " ".join(told)).replace("\n", "\\n") if told else ""


def _print_log(remote: Remote, logged: Mapping[str, Any]) -> None:
    output = remote.output
    if output.as_json:
        output.json_line(logged)
        return
    message = plain(logged["message"].rstrip("\n"))
    level = logged["level"] or logged["stream"]
    if output.is_terminal:
        colour = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow", "stderr": "yellow"}.get(level, "dim")
        where = output.style(f"{_clock(logged['timestamp'])} {level:<7} {logged['step']}", colour)
        line(f"{where} {message}")
    else:
        told = message.replace("\t", "\\t").replace("\n", "\\n")
        line(f"{logged['timestamp']}\t{logged['step']}\t{level}\t{told}")


def _clock(timestamp: str) -> str:
    """The time of day, UTC."""
    return timestamp[11:23]
