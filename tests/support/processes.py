"""Programs of ours in processes of their own, which end with the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]


@contextmanager
def command(
    *arguments: str | Path,
    cwd: Path = REPOSITORY,
    environment: Mapping[str, str] | None = None,
    python: str | Path = sys.executable,
) -> Iterator[subprocess.Popen[str]]:
    """The command `workflow` with these arguments; what it writes on stderr can be read. It is killed at the end."""
    process = subprocess.Popen(
        [str(python), "-m", "infra.local.cli", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment,
    )
    assert process.stderr is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)
        process.stderr.close()


def address_of(process: subprocess.Popen[str]) -> str:
    """Where a server listens, once it says so. AssertionError with what it said where it ends before."""
    assert process.stderr is not None
    said = [""]
    for line in process.stderr:
        said.append(line)
        if line.startswith("Listening on "):
            break
    assert said[-1].startswith("Listening on "), "".join(said)
    return said[-1].split()[2]
