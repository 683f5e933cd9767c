"""`workflow completion bash|zsh|fish`: a script by which a shell completes commands and options.

All words stand in the script, so that a press of the tab key starts no Python. They come from a table beside this module, which
`python -m infra.local.cli.completion` makes of the commands, and a test compares: to write the script imports none of them either,
since it is what a shell does when it starts.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any, Final

import click

from infra.local.cli.commands import COMMANDS
from infra.local.cli.output import write

TABLE: Final = Path(__file__).with_name("completion.json")

Table = Mapping[str, Mapping[str, Any]]
"""By command, as `config set` and the empty text for `workflow` itself: `help`, `commands`, `options` (each with its `help`, its
`values`, and whether it `takes_value` or a file), and `values` and `takes_file` of its arguments."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script by which SHELL completes commands and options.

    \b
    bash: eval "$(workflow completion bash)"             in ~/.bashrc
    zsh:  eval "$(workflow completion zsh)"              in ~/.zshrc, after compinit
    fish: workflow completion fish | source              in ~/.config/fish/config.fish
    """
    table: Table = json.loads(TABLE.read_text(encoding="utf-8"))
    write({"bash": bash, "zsh": zsh, "fish": fish}[shell](table))


def table_of(root: click.Group) -> Table:
    """The table of all commands below a group, which this imports."""
    return dict(_entries(root, click.Context(root, info_name="workflow", **root.context_settings), ""))


def _entries(command: click.Command, context: click.Context, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    names = command.list_commands(context) if isinstance(command, click.Group) else []
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    yield (
        path,
        {
            "help": COMMANDS[path].help if path in COMMANDS else _first_sentence(command.help or ""),
            "commands": names,
            "options": {
                name: {
                    "help": (option.help or "").split(". ")[0].rstrip("."),
                    "takes_value": not option.is_flag and not option.count,
                    **_words(option.type),
                }
                for option in options
                for name in (*option.opts, *option.secondary_opts)
            }
            | {
                name: {"help": "Say what it does", "takes_value": False, **_NO_WORDS}
                for name in context.help_option_names
            },
            **_all_words(arguments),
        },
    )
    for name in names:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        yield from _entries(found, click.Context(found, info_name=name, parent=context), f"{path} {name}".strip())


def _first_sentence(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split()).split(". ")[0]


def _words(kind: click.ParamType[Any]) -> dict[str, Any]:
    values = [str(choice) for choice in kind.choices] if isinstance(kind, click.Choice) else []
    return {"values": values, "takes_file": isinstance(kind, click.Path | click.File)}


_NO_WORDS: Final[Mapping[str, Any]] = {"values": [], "takes_file": False}


def _all_words(arguments: list[click.Argument]) -> dict[str, Any]:
    words = [_words(argument.type) for argument in arguments]
    return {
        "values": [value for word in words for value in word["values"]],
        "takes_file": any(word["takes_file"] for word in words),
    }


def bash(table: Table) -> str:
    """The script for bash, from 3.2 on, which macOS has."""
    groups = "|".join(f"'{path}'" for path, entry in table.items() if path and entry["commands"])
    cases = "\n".join(
        f"    '{path}') words='{' '.join([*entry['commands'], *entry['values'], *entry['options']])}'"
        f"; files={int(entry['takes_file'])} ;;"
        for path, entry in table.items()
    )
    values = "\n".join(
        f"    '{path} {name}') {_bash_value(option)} ;;"
        for path, entry in table.items()
        for name, option in entry["options"].items()
        if option["takes_value"]
    )
    paths = " ".join(f"'{path}'" for path in table if path)
    return f"""\
# Completion of `workflow` for bash.
_workflow() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" path='' words='' files=0 i known
  for ((i = 1; i < COMP_CWORD; i++)); do
    for known in {paths}; do
      if [ "$known" = "${{path:+$path }}${{COMP_WORDS[i]}}" ]; then path="$known"; break; fi
    done
    case "$path" in ''|{groups or "' '"}) ;; *) break ;; esac
  done
  COMPREPLY=()
  case "$path $previous" in
{values}
  esac
  case "$path" in
{cases}
  esac
  case "$word" in
    -*) files=0 ;;
    *) if [ "$files" = 1 ]; then compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); fi ;;
  esac
  COMPREPLY+=($(compgen -W "$words" -- "$word"))
}}
complete -F _workflow workflow
"""


def _bash_value(option: Mapping[str, Any]) -> str:
    if option["values"]:
        return f"COMPREPLY=($(compgen -W '{' '.join(option['values'])}' -- \"$word\")); return"
    if option["takes_file"]:
        return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return'
    return "return"


def zsh(table: Table) -> str:
    """The script for zsh."""
    cases = "\n".join(_zsh_case(path, entry) for path, entry in table.items())
    values = "\n".join(
        f"    {quote(f'{path} {name}')}) {_zsh_value(option)}; return ;;"
        for path, entry in table.items()
        for name, option in entry["options"].items()
        if option["takes_value"]
    )
    paths = " ".join(quote(path) for path in table if path)
    groups = "|".join(quote(path) for path, entry in table.items() if path and entry["commands"])
    return f"""\
#compdef workflow
# Completion of `workflow` for zsh.
_workflow() {{
  local -a known commands options
  local position='' next i
  known=({paths})
  for ((i = 2; i < CURRENT; i++)); do
    next="${{position:+$position }}${{words[i]}}"
    if (( ${{known[(Ie)$next]}} )); then position="$next"; fi
    case "$position" in ''|{groups or "' '"}) ;; *) break ;; esac
  done
  case "$position ${{words[CURRENT-1]}}" in
{values}
  esac
  case "$position" in
{cases}
  esac
}}
compdef _workflow workflow
"""


def _zsh_case(path: str, entry: Mapping[str, Any]) -> str:
    said = []
    if entry["commands"]:
        said.append("commands=(" + " ".join(entry["commands"]) + "); compadd -a commands")
    if entry["values"]:
        said.append("compadd -- " + " ".join(entry["values"]))
    options = " ".join(quote(f"{name}:{option['help'].replace(':', '.')}") for name, option in entry["options"].items())
    said.append(f"if [[ ${{words[CURRENT]}} == -* ]]; then options=({options}); _describe option options; fi")
    if entry["takes_file"]:
        said.append("[[ ${words[CURRENT]} == -* ]] || _files")
    return f"    {quote(path)}) {'; '.join(said)} ;;"


def _zsh_value(option: Mapping[str, Any]) -> str:
    if option["values"]:
        return "compadd -- " + " ".join(option["values"])
    return "_files" if option["takes_file"] else "true"


def fish(table: Table) -> str:
    """The script for fish."""
    lines = [
        "# Completion of `workflow` for fish.",
        "function __workflow_at",
        "  set -l position",
        "  for word in (commandline -opc)[2..]",
        '    set -l next (string trim -- "$position $word")',
        f"    if contains -- $next {' '.join(_fish_quoted(path) for path in table if path)}",
        "      set position $next",
        "    end",
        "  end",
        '  test "$position" = "$argv[1]"',
        "end",
        "complete -c workflow -f",
    ]
    for path, entry in table.items():
        condition = f'__workflow_at "{path}"'
        at = f"complete -c workflow -n {_fish_quoted(condition)}"
        for name in entry["commands"]:
            told = table[f"{path} {name}".strip()]["help"]
            lines.append(f"{at} -a {name} -d {_fish_quoted(told)}")
        if entry["values"]:
            lines.append(f"{at} -a {_fish_quoted(' '.join(entry['values']))}")
        if entry["takes_file"]:
            lines.append(f"{at} -F")
        for name, option in entry["options"].items():
            flag = f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
            wants = ""
            if option["takes_value"]:
                wants = " -r -F" if option["takes_file"] else f" -x -a {_fish_quoted(' '.join(option['values']))}"
            lines.append(f"{at} {flag}{wants} -d {_fish_quoted(option['help'])}")
    return "\n".join(lines) + "\n"


def _fish_quoted(text: str) -> str:
    """A text in single quotes, in which fish knows two escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    from infra.local.cli.commands import main

    json.dump(table_of(main), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
