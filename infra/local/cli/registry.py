"""`workflow steps`, `agents` and `prompts`: what is registered on the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click

from infra.local.cli.documents import value_of, written
from infra.local.cli.exits import INVALID, CommandError
from infra.local.cli.groups import SuggestingGroup
from infra.local.cli.options import FILE
from infra.local.cli.output import Column, note
from infra.local.cli.remote import Remote, client_command, findings_in


class Noun(NamedTuple):
    """What is registered: its word, its path variable and its columns in lists."""

    name: str
    key: str
    columns: tuple[Column, ...]


STEP: Final = Noun(
    "step",
    "step_type",
    (
        Column("step_type", "step"),
        Column("kind"),
        Column("execution_type", "runs as"),
        Column("version"),
        Column("description"),
    ),
)
AGENT: Final = Noun(
    "agent",
    "agent_id",
    (Column("agent_id", "agent"), Column("version"), Column("agent_name", "name"), Column("description")),
)
PROMPT: Final = Noun(
    "prompt", "prompt_id", (Column("prompt_id", "prompt"), Column("version"), Column("name"), Column("description"))
)


def _group(noun: Noun) -> click.Group:
    """The commands of a noun: list (the default), show, register, delete."""

    @click.group(
        name=f"{noun.name}s",
        cls=SuggestingGroup,
        default="list",
        help=f"List, show, register and delete {_plural(noun)}.",
    )
    def group() -> None:
        pass

    group.add_command(_list(noun))
    group.add_command(_show(noun))
    group.add_command(_register(noun))
    group.add_command(_delete(noun))
    return group


def _plural(noun: Noun) -> str:
    return "step types" if noun is STEP else f"{noun.name}s"


def _singular(noun: Noun) -> str:
    return "step type" if noun is STEP else noun.name


def _list(noun: Noun) -> click.Command:
    def listed(remote: Remote, **filters: Any) -> None:
        methods: Any = getattr(remote.api, f"{noun.name}s")
        remote.output.items(list(methods.list(**filters)), noun.columns)

    command = client_command(fields=True)(listed)
    if noun is STEP:
        for option in (
            click.option("--tag", help="Registered with this tag."),
            click.option("--kind", type=click.Choice(["builtin", "registered"]), help="Only these."),
        ):
            command = option(command)
    return click.command(name="list", help=f"List {_plural(noun)}.")(command)


def _show(noun: Noun) -> click.Command:
    @click.command(name="show", help=f"Print the {_singular(noun)} NAME as JSON.")
    @click.argument("name")
    @click.option("--version", type=click.IntRange(1), help="A version; the one in use when absent.")
    @client_command(fields=True)
    def show(remote: Remote, name: str, version: int | None) -> None:
        found, _ = remote.api.answer(f"get_{noun.name}", {noun.key: name}, query={"version": version})
        if remote.output.fields:
            remote.output.one(found, ())
        else:
            remote.output.document(found)

    return show


def _register(noun: Noun) -> click.Command:
    @click.command(name="register", help=f"Register the {_singular(noun)} in FILE, or a new version of it.")
    @click.argument("file", type=FILE)
    @client_command(fields=True, changes=True)
    def register(remote: Remote, file: str) -> None:
        text = written(file)
        body = value_of(text)
        if not isinstance(body, dict):
            raise CommandError(f"{file} holds no {_singular(noun)}: it is no object.", INVALID)
        remote.changes(f"register {file}")
        with findings_in({"": text}):
            answer = _registered(remote, noun, body)
        if remote.output.as_json or remote.output.fields:
            remote.output.one(answer, ())
        else:
            remote.output.items([answer], [Column(noun.key, noun.name), Column("version")])
        for warning in answer.get("warnings") or ():
            note(f"warning: {warning['detail'] if isinstance(warning, Mapping) else warning}")

    return register


def _registered(remote: Remote, noun: Noun, body: Mapping[str, Any]) -> Any:
    """The answer to a registration: that of a new thing, or of a new version where there is one of that id."""
    if noun is STEP:
        return remote.api.answer("register_step", body=body)[0]
    given = body.get(noun.key)
    if isinstance(given, str) and given and _is_there(remote, noun, given):
        return remote.api.answer(f"update_{noun.name}", {noun.key: given}, body=body)[0]
    return remote.api.answer(f"create_{noun.name}", body=body)[0]


def _is_there(remote: Remote, noun: Noun, name: str) -> bool:
    from workflow_engine.client.errors import ApiProblem

    try:
        remote.api.answer(f"get_{noun.name}", {noun.key: name})
    except ApiProblem as problem:
        if problem.status == 404:
            return False
        raise
    return True


def _delete(noun: Noun) -> click.Command:
    @click.command(name="delete", help=f"Delete the {_singular(noun)} NAME. Asks first.")
    @click.argument("name")
    @client_command(changes=True)
    def delete(remote: Remote, name: str) -> None:
        remote.changes(f"delete the {_singular(noun)} {name}", asks=True)
        remote.api.answer(f"delete_{noun.name}", {noun.key: name})
        if remote.output.as_json:
            remote.output.document({noun.key: name, "status": "deleted"})
        else:
            note(f"Deleted {name}.")

    return delete


steps: Final = _group(STEP)
agents: Final = _group(AGENT)
prompts: Final = _group(PROMPT)
