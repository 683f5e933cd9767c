"""Runs the commands of a document as its reader would: one shell, an empty folder that has the repository's files, and a server
where the document starts one.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.fences import REPOSITORY, Command

_STAYS: Final = re.compile(r"^((?:[A-Z_]+=\S* )*)(?:(?:\.venv/bin/)?workflow (serve|worker)|make (serve))\b(.*)$")
"""Commands that a reader leaves running in another terminal."""
_PORT: Final = "8006"
_KEPT: Final = ("LANG", "LC_ALL", "TMPDIR", "TZ")
_SHOWN: Final = ("README.md", "docs", "statemachines", "cdk.json")

_WORKFLOW: Final = """\
# A project's own settings say where its server is: here it is at another port.
if [ -f .workflow.toml ]; then sed -i "s/:8006/:$PORT/" .workflow.toml; unset WORKFLOW_API_URL; fi
exec {} "$@"
"""

_PRELUDE: Final = r"""
exec 3>&1
stays() {  # words that say that it is ready, and the command
  local words="$1" log; shift; log="$LOG.$RANDOM"
  "$@" >"$log" 2>&1 & LEFT="$LEFT $!"; NEWEST=$!
  for _ in $(seq 300); do
    grep -q "$words" "$log" 2>/dev/null && return 0
    kill -0 "$NEWEST" 2>/dev/null || break
    sleep 0.1
  done
  cat "$log"; return 1
}
serve() {
  [ -z "$SERVER" ] || { kill "$SERVER"; wait "$SERVER" 2>/dev/null; }
  stays "^Listening" workflow serve --port "$PORT" "$@" && SERVER=$NEWEST
}
worker() { stays "^Working on" workflow worker "$@"; }
trap 'kill $LEFT 2>/dev/null' EXIT
shopt -s expand_aliases
"""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that was run: its exit code and all that it wrote, on both streams."""

    command: Command
    status: int
    output: str


def run(all_commands: Sequence[Command], home: Path) -> list[Done]:
    """Run commands one after the other in one shell. The folder has copies of the repository's documents and examples; `workflow`,
    `make run` and `python` are this project's.
    """
    work, outputs = home / "work", home / "outputs"
    for folder in (work, outputs, home / "bin", home / "home"):
        folder.mkdir()
    for name in _SHOWN:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, work / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, work / name)
    _programs(home / "bin", work)
    port = _free_port()
    script = [_PRELUDE]
    for i, command in enumerate(all_commands):
        script.append(
            f"{{ {_runnable(command.text, port)}\n}} >{outputs}/{i} 2>&1 </dev/null; echo $? >{outputs}/{i}.status"
        )
    environment = {k: v for k, v in os.environ.items() if k in _KEPT} | {
        "HOME": str(home / "home"),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "LOG": str(home / "server.log"),
        "PORT": str(port),
        "API": f"http://127.0.0.1:{port}",
        "WORKFLOW_API_URL": f"http://127.0.0.1:{port}",
        "COLUMNS": "120",
    }
    file = home / "commands.sh"
    file.write_text("\n".join(script), encoding="utf-8")
    subprocess.run(["bash", str(file)], cwd=work, env=environment, timeout=600, check=False, stdout=subprocess.DEVNULL)
    return [_done(command, outputs / str(i), port) for i, command in enumerate(all_commands)]


def _done(command: Command, file: Path, port: int) -> Done:
    status = file.with_name(f"{file.name}.status")
    if not status.exists():
        return Done(command, -1, "It was not reached, or did not end.")
    text = file.read_text(encoding="utf-8", errors="replace").replace(f"127.0.0.1:{port}", f"127.0.0.1:{_PORT}")
    return Done(command, int(status.read_text()), text)


def _runnable(text: str, port: int) -> str:
    """A command for the runner's port; a server stays behind, and the next command begins when it listens."""
    staying = _STAYS.match(text)
    if staying is not None:
        environment, command = staying[1], staying[2] or staying[3]
        options = staying[4].partition(" #")[0].removesuffix("&").rstrip()
        address = f" --api http://127.0.0.1:{port}" if command == "worker" else ""
        return f"{environment}{command}{options}{address}"
    return text.replace(f"127.0.0.1:{_PORT}", f"127.0.0.1:{port}").replace(f"localhost:{_PORT}", f"127.0.0.1:{port}")


def _programs(folder: Path, work: Path) -> None:
    """`workflow`, `python` and `make` of this checkout, and a curl that fails where the server refuses."""
    python = shlex.quote(sys.executable)
    made = {
        "workflow": _WORKFLOW.format(shlex.quote(str(Path(sys.executable).with_name("workflow")))),
        "python": f'exec {python} "$@"',
        "pytest": f'exec {python} -m pytest -p no:cacheprovider "$@"',
        # What is installed is not installed anew: the tests run in it.
        "make": f'exec {shutil.which("make")} --no-print-directory -C {shlex.quote(str(REPOSITORY))} -o .venv/.installed "$@"',
        "openapi-python-client": f'exec {python} -m openapi_python_client "$@"',
        "curl": f'exec {shutil.which("curl")} --fail-with-body "$@"',
    }
    for name, body in made.items():
        _executable(folder / name, body)
    venv = work / ".venv" / "bin"
    venv.mkdir(parents=True)
    for name in ("workflow", "python"):
        _executable(venv / name, made[name])


def _executable(file: Path, body: str) -> None:
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


_VARYING: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\[[0-9a-f]{8} "), "[ID "),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s)\b"), "DURATION"),
    (re.compile(r"\b(completed|failed|aborted)\t\d+"), r"\1\tDURATION"),
    (re.compile(r'"(duration_ms|execution_time_ms)": \d+'), r'"\1": DURATION'),
    (re.compile(r"\b\d+ passed, \d+ skipped in .*"), "PASSED"),
)


def differences(shown: Iterable[str], output: str) -> list[str]:
    """Lines that a document shows and a command did not write, in this order; lines of a log, which begin with their moment, may
    change places, as what happens in one millisecond does. Ids, times and durations may be others; a line of three dots, or the
    end of one, stands for anything.
    """
    written = [_steady(line) for line in output.splitlines()]
    missing, at = [], 0
    logged = [line for line in written if line.startswith("TIME ")]
    for line in shown:
        wanted = _steady(line)
        if wanted in ("", "...", "…"):
            continue
        if wanted.startswith("TIME ") and not wanted.endswith(("...", "…")):
            if wanted in logged:
                logged.remove(wanted)
            else:
                missing.append(line)
            continue
        begins = wanted.removesuffix("...").removesuffix("…") if wanted.endswith(("...", "…")) else None
        for i in range(at, len(written)):
            if written[i] == wanted or (begins is not None and written[i].startswith(begins)):
                at = i + 1
                break
        else:
            missing.append(line)
    return missing


def steady(text: str) -> list[str]:
    """The lines of a text without what is another each time."""
    return [_steady(line) for line in text.splitlines()]


def _steady(line: str) -> str:
    for pattern, name in _VARYING:
        line = pattern.sub(name, line)
    return " ".join(line.split())
