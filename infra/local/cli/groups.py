"""Groups of commands: a mistyped one gets a suggestion, and one that has a default does that when none is named."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from workflow_engine.suggestions import suggest


class SuggestingGroup(click.Group):
    """A group that names the nearest command for one that there is not."""

    def __init__(self, *args: Any, default: str | None = None, **others: Any) -> None:
        """`default` is the command that is meant where none is named."""
        super().__init__(*args, **others)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Arguments, with the default command put in where they begin with an option of its, or are none."""
        is_command = bool(args) and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_command or self.default is None else [self.default, *args])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named. Fails, with advice, where there is none of that name."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            meant = suggest(args[0], known) or f" `{ctx.command_path} --help` lists them."
            ctx.fail(f"There is no command '{args[0]}'.{meant}")
        name, command, following = super().resolve_command(ctx, args)
        if command is not None:
            _refuse_repeated(click.Context(command, parent=ctx, info_name=name, **command.context_settings), following)
        return name, command, following


def _refuse_repeated(ctx: click.Context, args: list[str]) -> None:
    """Fail where an option that takes one value is given two: click would take the last one without a word."""
    try:
        *_, given = ctx.command.make_parser(ctx).parse_args(args=list(args))
    except click.UsageError:  # the command tells it
        return
    for option, times in Counter(given).items():
        if times > 1 and isinstance(option, click.Option) and not (option.multiple or option.is_flag or option.count):
            ctx.fail(f"{'/'.join(option.opts)} is given {times} times, and takes one value.")
