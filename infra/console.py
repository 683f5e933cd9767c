"""Builds the console: `python -m infra.console [--if-missing | --test]`. `make console` calls it.

The packages are those of the lock, by the Node of a Python package; the types of the API are made of its OpenAPI document. Of what
is built each file is kept as gzip packs it: an HTTP API compresses nothing, and a function has no time for it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.node import node, npm

WEB: Final = Path(__file__).parents[1] / "functions" / "api_console" / "web"
DIST: Final = WEB / "dist"
OPENAPI: Final = Path(__file__).with_name("openapi.json")

_INSTALLED: Final = WEB / "node_modules" / ".installed"
_SECONDS: Final = 600


def install() -> None:
    """Install what the lock names, unless that is there."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if _INSTALLED.is_file() and _INSTALLED.read_text(encoding="utf-8") == lock:
        return
    _run(*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    _INSTALLED.write_text(lock, encoding="utf-8")


def build() -> None:
    """Build the console into `DIST`."""
    check()
    _script("vite/bin/vite.js", "build", "--logLevel", "warn")
    pack(DIST)


def check() -> None:
    """Make the types of the API, and hold the console to them."""
    install()
    types = WEB / "src" / "api" / "openapi.d.ts"
    _script("openapi-typescript/bin/cli.js", str(OPENAPI), "-o", str(types), quietly=True)
    _script("typescript/bin/tsc", "--noEmit")


def test() -> None:
    """Run the console's own tests."""
    check()
    _script("vitest/vitest.mjs", "run")


def pack(folder: Path) -> None:
    """Put each file of a folder as gzip packs it in the place of the file. Equal files give equal bytes."""
    for file in sorted(folder.iterdir()):
        if file.suffix != ".gz":
            packed = gzip.compress(file.read_bytes(), compresslevel=9, mtime=0)
            file.with_name(f"{file.name}.gz").write_bytes(packed)
            file.unlink()


def _script(name: str, *arguments: str, quietly: bool = False) -> None:
    _run(node(), str(WEB / "node_modules" / name), *arguments, quietly=quietly)


def _run(*command: str, quietly: bool = False) -> None:
    done = subprocess.run(  # noqa: S603  # no shell, and every argument is ours
        command, cwd=WEB, timeout=_SECONDS, check=False, capture_output=quietly, text=True
    )
    if done.returncode:
        sys.exit(f"{Path(command[1]).name} failed.\n{done.stdout or ''}{done.stderr or ''}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.console", description="Build the console.")
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument("--if-missing", action="store_true", help="only where it was not built yet")
    wish.add_argument("--test", action="store_true", help="run its tests instead")
    given = parser.parse_args(arguments)
    if given.test:
        test()
        return
    if given.if_missing and any(DIST.glob("index.html.gz")):
        return
    if given.if_missing:
        print("The console is built, which takes a minute once: `make console` builds it anew.", file=sys.stderr)
    shutil.rmtree(DIST, ignore_errors=True)
    build()


if __name__ == "__main__":
    main()
