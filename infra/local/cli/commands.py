"""The commands of `workflow`: where each one is, and its line of help. None is imported before it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any, Final, NamedTuple, NoReturn

import click

from infra.local.cli import exits
from infra.local.cli.exits import json_errors, quiet_when_nobody_reads
from infra.local.cli.groups import SuggestingGroup


class Command(NamedTuple):
    place: str
    """Module and object, as `infra.local.cli.run:run`."""

    help: str


COMMANDS: Final = {
    "init": Command("infra.local.cli.init:init", "Write a folder with a workflow that runs and is tested at once."),
    "run": Command("infra.local.cli.run:run", "Run a workflow and show how each step ended."),
    "validate": Command("infra.local.cli.check:validate", "Check workflows without running them."),
    "test": Command("infra.local.cli.test:test", "Run the tests of workflows, with mocks."),
    "compile": Command("infra.local.cli.check:compile_", "Print the state machine that a workflow becomes."),
    "explain": Command("infra.local.cli.explain:explain", "Explain the code of a finding, such as WFE-E204."),
    "schema": Command("infra.local.cli.schema:schema", "Print the JSON Schema of workflows, for an editor."),
    "graph": Command("infra.local.cli.graph:graph", "Draw a workflow."),
    "serve": Command("infra.local.cli.serve:serve", "Serve the HTTP API on this machine."),
    "console": Command("infra.local.cli.console:console", "Serve the console of a deployed API on this machine."),
    "deploy": Command("infra.local.cli.deploy:deploy", "Save workflows on the API, showing what changes."),
    "start": Command("infra.local.cli.start:start", "Start a run on the API."),
    "status": Command("infra.local.cli.status:status", "Print how a run goes."),
    "results": Command("infra.local.cli.status:results", "Print what a run gave, and why it failed."),
    "events": Command("infra.local.cli.follow:events", "Print what happens in a run."),
    "logs": Command("infra.local.cli.follow:logs", "Print what the steps of a run printed and logged."),
    "list": Command("infra.local.cli.listing:list_", "List runs."),
    "stats": Command("infra.local.cli.stats:stats", "Print figures of many runs."),
    "cancel": Command("infra.local.cli.control:cancel", "Cancel a run."),
    "redrive": Command("infra.local.cli.control:redrive", "Let a run go on from the step that failed."),
    "rerun": Command("infra.local.cli.control:rerun", "Run again, all of it or from a step on."),
    "approve": Command("infra.local.cli.decide:approve", "Approve what a run asks, or list what waits."),
    "deny": Command("infra.local.cli.decide:deny", "Deny what a run asks."),
    "steps": Command("infra.local.cli.registry:steps", "List, show, register and delete step types."),
    "agents": Command("infra.local.cli.registry:agents", "List, show, register and delete agents."),
    "prompts": Command("infra.local.cli.registry:prompts", "List, show, register and delete prompts."),
    "worker": Command("infra.local.cli.worker:worker", "Do the steps of an activity with a function of yours."),
    "gc": Command("infra.local.cli.gc:gc_", "Delete runs that ended long ago."),
    "quota": Command("infra.local.cli.quota:quota", "Show what a tenant may use, or set it."),
    "config": Command("infra.local.cli.config:config", "Show or set which API the commands speak to."),
    "completion": Command("infra.local.cli.completion:completion", "Print the completion script of a shell."),
}


class Commands(SuggestingGroup):
    """The table as a group of click's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def main(self, args: Sequence[str] | None = None, *others: Any, **more: Any) -> NoReturn:
        """Run a command and end the process with its exit code. An error is told on stderr; with --json on stdout too, as the one
        document that a program waits for.
        """
        given = sys.argv[1:] if args is None else list(args)
        more["standalone_mode"] = False
        with json_errors(_wants_json(given)) as tell:
            try:
                code = super().main(given, *others, **more)
            except click.ClickException as error:
                tell(error)
                code = error.exit_code
            except (click.Abort, KeyboardInterrupt):
                code = exits.INTERRUPTED
                tell(exits.CommandError("Interrupted.", code, {"code": "interrupted"}))
        sys.exit(code or exits.DONE)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Read the command line, and print what `--help` asks for."""
        with quiet_when_nobody_reads():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> None:
        """Call the command."""
        with quiet_when_nobody_reads():
            super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether standard output is for a program: told by the words alone, since they may be what is wrong."""
    return any(word in ("--json", "--format=json") for word in arguments) or ("--format", "json") in pairwise(arguments)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run, check and test workflows on this machine, and use a server or a deployed API. FILE is a workflow in JSON or YAML; -
    reads it from standard input.
    """
