"""Completion in the shells that this machine has, from a table that is what the commands are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.cli.commands import COMMANDS, main
from infra.local.cli.completion import TABLE, bash, fish, table_of, zsh

BASH = """
{script}
COMP_WORDS=({line}) COMP_CWORD={last} COMPREPLY=()
_workflow
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "{script}\ncomplete -C '{line}'\n"
ZSH = """
autoload -Uz compinit && compinit -u -D
_describe() {{ local -a said; said=(${{(P)2}}); print -l -- ${{said%%:*}} }}
compadd() {{
  local -a said
  while [[ $1 == -* ]]; do if [[ $1 == -a ]]; then said=(${{(P)2}}); shift; elif [[ $1 == -- ]]; then shift; break; fi; shift; done
  print -l -- $said "$@"
}}
_files() {{ print -l -- ${{words[CURRENT]}}*(N) }}
{script}
words=({line}) CURRENT={last}+1
_workflow | grep -- "^${{words[CURRENT]}}"
"""

LINES = [
    ("workflow co", {"compile", "config", "completion", "console"}),
    ("workflow steps re", {"register"}),
    ("workflow config set aw", {"aws_profile"}),
    ("workflow list --sta", {"--status"}),
    ("workflow list --not", {"--not-failed"}),
    ("workflow list --status can", {"cancelled"}),
    ("workflow list --tag x --status tim", {"timed_out"}),
    ("workflow completion z", {"zsh"}),
    ("workflow deploy flo", {"flow.json"}),
    ("workflow rerun abc --from", {"--from-step"}),
    ("workflow start --tag lis", set()),
]


def test_the_table_is_that_of_the_commands() -> None:
    assert json.loads(TABLE.read_text(encoding="utf-8")) == table_of(main), "Run make generate."


def test_it_has_every_command_and_option() -> None:
    table = table_of(main)
    assert table[""]["commands"] == list(COMMANDS)
    assert table["agents"]["commands"] == ["delete", "list", "register", "show"]
    assert set(table["status"]["options"]) == {"--wait", "--json", "--fields", "--api", "--profile", "--help", "-h"}
    assert table["run"]["takes_file"]


def completed(shell: str, line: str) -> set[str]:
    """What a shell offers for the last word of a line."""
    words = line.split()
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    made = {"bash": bash, "zsh": zsh, "fish": fish}[shell](table)
    template = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell]
    script = template.format(script=made, line=line, last=len(words) - 1)
    command = {"bash": ["bash", "--norc"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config"]}[shell]
    done = subprocess.run(
        command,
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"TERM": "dumb"},
    )
    assert done.stderr == "", done.stderr
    return {said.partition("\t")[0] for said in done.stdout.splitlines()} - {""}


@pytest.mark.parametrize(("line", "offered"), LINES, ids=[line for line, _ in LINES])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(shell: str, line: str, offered: set[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"There is no {shell} on this machine.")
    Path("flow.json").touch()
    assert completed(shell, line) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_without_importing_the_commands(shell: str) -> None:
    code = (
        "import sys\nfrom infra.local.cli.commands import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "loaded = [name for name in sys.modules if name.startswith('infra.local.')]\n"
        "print(sorted(loaded), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, "completion", shell], capture_output=True, text=True, check=True)
    assert "workflow" in done.stdout
    assert "infra.local.cli.deploy" not in done.stderr
    assert "infra.local.cli.run" not in done.stderr
