"""Compiled modules for what is deployed. Lambda mounts assets read-only, so what is not compiled here is compiled anew at
every cold start, which takes as long again as everything else that an import does.

The files are reproducible: they say where the source lies in Lambda, not where it lay here, they carry its hash instead
of a date, and one process compiles them in one order with one hash seed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FUNCTION_ROOT: Final = "/var/task"
LAYER_ROOT: Final = "/opt"
"""Where Lambda puts a function and its layers ("Working with layers for Python Lambda functions")."""

_ANSWER_WITHIN_SECONDS: Final = 20

_WHO_ARE_YOU: Final = (
    "import importlib.util, sys; v = sys.version_info; print('%d.%d' % v[:2], v.releaselevel, "
    "sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex(), sys.executable, sep='\\n')"
)

_HASHED_AND_NOT_CHECKED: Final = (1).to_bytes(4, "little")
"""The flags of such a file (PEP 552). Python takes it as it is, without reading the source to compare."""


class BytecodeError(RuntimeError):
    """An interpreter did not write the files it was asked for."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that has been run and has said what it is."""

    path: str
    cache_tag: str
    """Part of the names of its compiled modules: `cpython-313`."""
    magic: bytes
    """What its compiled modules begin with."""


def compile_modules(root: Path, shown_root: str, interpreter: Interpreter) -> None:
    """Write the compiled module of each module below `root` beside it, as Python looks for them.

    Tracebacks name modules below `shown_root`, the place in Lambda. A module that does not parse, as templates in a
    third-party package may not, stays as it is. Raises `BytecodeError` when nothing else explains a missing file.
    """
    # Not -I, which would ignore the hash seed; the environment has nothing else.
    command = [interpreter.path, "-s", "-S", "-P", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    done = subprocess.run(  # noqa: S603  # no shell, and an interpreter that find_interpreter looked at
        [*command, "-s", str(root), "-p", shown_root, str(root)],
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "0"},
        check=False,
    )
    missing = [
        source
        for source in root.rglob("*.py")
        if not _is_compiled(source.parent / "__pycache__" / f"{source.stem}.{interpreter.cache_tag}.pyc", interpreter)
    ]
    if missing and (done.returncode == 0 or not all(str(source) in done.stdout for source in missing)):
        raise BytecodeError(
            f"{interpreter.path} did not compile {missing[0].relative_to(root)} "
            f"and {len(missing) - 1} more: {(done.stderr or done.stdout).strip()[-500:]}"
        )


def _is_compiled(file: Path, interpreter: Interpreter) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(8) == interpreter.magic + _HASHED_AND_NOT_CHECKED


@cache
def lambdas_interpreter(version: str) -> Interpreter | None:
    """An interpreter of Lambda's version on this machine. When there is none that is said, once, on stderr."""
    found = find_interpreter(version, candidates(version))
    if found is None:
        print(
            f"No Python {version} was found by uv or on the PATH, so the assets hold no bytecode: each cold start compiles "
            f"what it imports and takes about twice as long. `uv python install {version}` installs one.",
            file=sys.stderr,
        )
    return found


def find_interpreter(version: str, paths: Iterable[str]) -> Interpreter | None:
    """The first of these that runs and says that it is a released CPython `version` ("3.13"); None if none does.

    What a file is called proves nothing: the `python3.13` of a version manager may fail, or start another version.
    """
    return next((found for path in paths if (found := _asked(path, version)) is not None), None)


@cache
def this_interpreter() -> Interpreter:
    """The one that runs this, whatever its version."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = _asked(sys.executable, version)
    if found is None:
        raise BytecodeError(f"{sys.executable} does not say what it is")
    return found


def _asked(path: str, version: str) -> Interpreter | None:
    answer = _output([path, "-I", "-S", "-c", _WHO_ARE_YOU])
    match answer.splitlines():
        case [said, "final", tag, magic, executable] if (
            said == version and tag == f"cpython-{version.replace('.', '')}"
        ):
            # The file itself, not what stood before it: a shim needs an environment.
            return Interpreter(executable or path, tag, bytes.fromhex(magic))
        case _:
            return None


def candidates(version: str) -> Iterator[str]:
    """Interpreters that may be of this version, the likeliest first: this one, uv's choice, what the PATH has."""
    yield sys.executable
    import uv

    # uv knows its own and those of the PATH; it must not download one, nor prefer a project's environment.
    command = [uv.find_uv_bin(), "python", "find", "--quiet", "--no-project", "--no-python-downloads", version]
    yield from _output(command).splitlines()[:1]
    for folder in os.get_exec_path():
        if (path := Path(folder) / f"python{version}").is_file():
            yield str(path)


def _output(command: list[str]) -> str:
    """What a command prints; nothing if it cannot be run, fails, or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  # no shell; uv, or an interpreter of the user's own PATH
            command,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_ANSWER_WITHIN_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout
