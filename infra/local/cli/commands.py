"""The commands of `workflow`: where each one is, and its line of help. None is imported before it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Final, NamedTuple

import click

from workflow_engine.suggestions import suggest


class Command(NamedTuple):
    place: str
    """Module and object, as `infra.local.cli.run:run`."""

    help: str


COMMANDS: Final = {
    "init": Command("infra.local.cli.init:init", "Write a folder with a workflow that runs and is tested at once."),
    "run": Command("infra.local.cli.run:run", "Run a workflow and show how each step ended."),
    "validate": Command("infra.local.cli.check:validate", "Check a workflow without running it."),
    "compile": Command("infra.local.cli.check:compile_", "Print the state machine that a workflow becomes."),
    "graph": Command("infra.local.cli.graph:graph", "Draw a workflow."),
    "serve": Command("infra.local.cli.serve:serve", "Serve the HTTP API on this machine."),
    "worker": Command("infra.local.cli.worker:worker", "Do the steps of an activity with a function of yours."),
    "gc": Command("infra.local.cli.gc:gc_", "Delete runs that ended long ago."),
    "quota": Command("infra.local.cli.quota:quota", "Show what a tenant may use, or set it."),
}


class Commands(click.Group):
    """The table as a group of click's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            meant = suggest(args[0], COMMANDS) or " `workflow --help` lists them."
            ctx.fail(f"There is no command '{args[0]}'.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run JSON workflows on this machine. FILE is a workflow in JSON; - reads it from standard input."""
