"""`workflow approve` and `workflow deny`: decide what runs wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from infra.local.cli.documents import json_option
from infra.local.cli.exits import CONFLICT, CommandError
from infra.local.cli.output import Column, line, note, plain
from infra.local.cli.remote import Remote, client_command

COLUMNS: Final = (
    Column("execution_id", "run"),
    Column("place", "step"),
    Column("workflow_name", "workflow"),
    Column("prompt"),
    Column("approver_role", "role"),
    Column("deadline"),
)
_VERBS: Final = {"approve": "approve_step", "deny": "deny_step"}

Approval = Mapping[str, Any]


def _command(verb: str) -> click.Command:
    @click.command(
        name=verb,
        help=f"{verb.capitalize()} what STEP of RUN (an id, or @last) asks.\n\nWithout STEP, the only thing that the run asks. "
        "Without RUN, list what waits for a decision.",
    )
    @click.argument("run", metavar="[RUN]", required=False)
    @click.argument("step", metavar="[STEP]", required=False)
    @click.option("--comment", help="Why; some steps ask for it.")
    @click.option("--payload", metavar="JSON|@FILE", help="What the step's output has as its payload.")
    @client_command(fields=True, changes=True)
    def decide(remote: Remote, run: str | None, step: str | None, comment: str | None, payload: str | None) -> None:
        if run is None:
            remote.output.items(_waiting(remote, None), COLUMNS)
            return
        given = None if payload is None else json_option(payload, "--payload")
        _decide(remote, verb, remote.execution_id(run), step, {"comment": comment, "payload": given})

    return decide


def _decide(remote: Remote, verb: str, execution_id: str, step: str | None, said: Mapping[str, Any]) -> None:
    place = step or _only_one(_waiting(remote, execution_id), execution_id)
    remote.changes(f"{verb} {place} of run {execution_id}")
    answer, _ = remote.api.answer(
        _VERBS[verb],
        {"execution_id": execution_id, "step": step_id_of(place)},
        query={"element": None if place == step_id_of(place) else place},
        body={name: value for name, value in said.items() if value is not None} or None,
    )
    if not answer["is_delivered"]:
        note("The decision holds; it is sent to the run again until it takes it.")
    if remote.output.as_json or remote.output.fields:
        remote.output.one(answer, ())
    elif remote.output.is_terminal:
        line(f"{answer['place']}: {remote.output.style(answer['decision'])}")
    else:
        line(f"{answer['execution_id']}\t{answer['place']}\t{answer['decision']}")


def step_id_of(place: str) -> str:
    """The id of the step that stands at a place: `inner` of `outer[3].inner[0]`."""
    return place.rpartition(".")[2].partition("[")[0]


def _waiting(remote: Remote, execution_id: str | None) -> list[Approval]:
    return list(remote.api.approvals.list(execution_id=execution_id))


def _only_one(waiting: Sequence[Approval], execution_id: str) -> str:
    if len(waiting) == 1:
        return str(waiting[0]["place"])
    if not waiting:
        raise CommandError(f"Run {execution_id} waits for no decision.", CONFLICT)
    told = "".join(f"\n  {one['place']}: {one['prompt']}" for one in waiting)
    raise CommandError(plain(f"Run {execution_id} waits for {len(waiting)} decisions. Name the step:{told}"), CONFLICT)


approve: Final = _command("approve")
deny: Final = _command("deny")
