"""npm jsonata 2.0.6, the JSONata that Step Functions runs, as a judge of generated expressions.

It is installed from the `package-lock.json` in `tests/support/node` into `node_modules` beside it when it is first needed.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import npm

NODE_FOLDER: Final = Path(__file__).parent / "node"
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
        [npm.node(), "evaluate_jsonata.js"],
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
    failure = npm.install(NODE_FOLDER)
    if failure is not None:
        pytest.skip(f"npm jsonata cannot be installed (npm ci in {NODE_FOLDER}): {failure}")
