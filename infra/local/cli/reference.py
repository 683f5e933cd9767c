"""The reference of the command line, made of the commands' own help: `python -m infra.local.cli.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

import click

from infra.local.cli.commands import COMMANDS, main
from infra.local.cli.exits import EXIT_CODES
from infra.local.cli.remote import SHARED_OPTIONS
from infra.local.cli.settings import DEFAULT_URL, KEYS, PROFILE_VARIABLE, PROJECT_FILE, TOKEN_VARIABLE, URL_VARIABLE

_HEAD: Final = f"""\
# The command line

`workflow` runs, checks and compiles workflows in its own process, and is a client of the API: of the server of this machine
(`workflow serve`), or of a deployed one. `workflow COMMAND --help` says what this page says.

## What is printed

- **On a terminal** a table and colours (none with `NO_COLOR`). Cells that are too long are folded, never cut.
- **In a pipe** one row a line, cells apart by tabs, no heading, nothing cut; tabs and line breaks in a value are `\\t` and `\\n`.
  `workflow start` prints the id of the run alone: `run=$(workflow start orders)`.
- **With `--json`** one JSON document on standard output and nothing else, errors and mistakes on the command line included:
  `{{"error": {{"code", "detail", "exit_code", ...}}}}`. `events` and `logs` print a JSON object a line.
- `--fields execution_id,error.type` chooses fields: columns, or keys of the JSON. A field that there is not is a mistake.
- What is for people (which API, what to do next, that there is more) goes to standard error.

`@last` in the place of a run's id is the run that was started last from here, by profile and address.

## Which API

What is said by a flag goes before the environment, that before `{PROJECT_FILE}` of the project (in the current folder or above it,
up to the root of the repository), and that before your own file (`~/.config/workflow/config.toml`, or where `XDG_CONFIG_HOME`
says). Without any it is `{DEFAULT_URL}`. `workflow config` shows what is in force, and where each setting is said.

| flag | environment | |
|---|---|---|
| `--api URL` | `{URL_VARIABLE}` | the address; the files' default profile, and its credentials, then do not count |
| `--profile NAME` | `{PROFILE_VARIABLE}` | a profile of the files |
| | `{TOKEN_VARIABLE}` | a bearer token, for an address that is given and for `auth = "token"` |

```toml
profile = "dev"                     # the default

[profiles.dev]
url = "http://127.0.0.1:8006"

[profiles.prod]
url = "https://abc.execute-api.eu-west-1.amazonaws.com"
auth = "iam"
confirm = true
```

"""

_SAFETY: Final = """
Before anything is changed the profile and the address are told on standard error. A project's file may come from somebody else, so
it neither names a command to run nor a variable that does not begin with `WORKFLOW_`, and credentials of your own file go to the
address that stands beside them only. A file that another user has put into a folder that anybody may write to does not count.
Tokens are sent to `https` addresses and to this machine, and never printed.

"""

_COMPLETION: Final = """
## Completion

```console
$ eval "$(workflow completion bash)"           # in ~/.bashrc
```

```console not-run="needs zsh or fish"
$ eval "$(workflow completion zsh)"            # in ~/.zshrc, after compinit
$ workflow completion fish | source            # in ~/.config/fish/config.fish
```

All words are in the script: a press of the tab key starts no Python.
"""

_CLIENTS: Final = """
## Commands

Clients of the API take these options, `--yes` where they change something, `--fields` where they print rows:

"""


def page() -> str:
    """The page in Markdown."""
    settings = [f"| `{name}` | {key.help} |" for name, key in KEYS.items()]
    exit_codes = [f"| {code} | {meaning} |".replace("`| head`", "`\\| head`") for code, meaning in EXIT_CODES.items()]
    context = click.Context(main, info_name="workflow")
    commands = [part for name in COMMANDS for part in _command(name, context)]
    return "".join(
        [
            _HEAD,
            "| setting of a profile | |\n|---|---|\n",
            *(f"{line}\n" for line in settings),
            _SAFETY,
            "## Exit codes\n\n| code | |\n|---|---|\n",
            *(f"{line}\n" for line in exit_codes),
            _COMPLETION,
            _CLIENTS,
            "| option | |\n|---|---|\n",
            *(_row(*(option.get_help_record(context) or ("", ""))) for option in _shared_options()),
            *commands,
        ]
    )


def _command(name: str, parent: click.Context) -> Iterator[str]:
    assert isinstance(parent.command, click.Group)
    command = parent.command.get_command(parent, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=parent)
    level = "###" if parent.parent is None else "####"
    yield f"\n{level} workflow {context.command_path.removeprefix('workflow ')}\n\n"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n\n{_prose(command.help or '')}\n"
    options = list(_options(command, context))
    if options:
        yield "\n| option | |\n|---|---|\n" + "".join(options)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _command(inner, context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """The rows of what the command alone has; those that all clients have are told once."""
    shared = {option.help for option in _shared_options()}
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[1] and getattr(parameter, "help", None) not in shared:
            yield _row(*record)


def _row(flags: str, told: str) -> str:
    flags, told = (re.sub(r"\s+", " ", text).replace("|", "\\|") for text in (flags, told))
    return f"| `{flags}` | {told} |\n"


def _shared_options() -> list[click.Option]:
    """What all clients have."""

    @click.command()
    def any_client() -> None:
        pass

    for option in reversed(SHARED_OPTIONS):
        option(any_client)
    return [parameter for parameter in any_client.params if isinstance(parameter, click.Option)]


def _prose(text: str) -> str:
    """A docstring as paragraphs; one that click is told to leave as it is, as a block."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    blocks = [
        "```text\n" + part.removeprefix("\b\n") + "\n```" if part.startswith("\b") else part.replace("\n", " ")
        for part in paragraphs
    ]
    return "\n\n".join(blocks)


if __name__ == "__main__":
    print(page(), end="")
