"""Equal workflows give equal bytes, in any process: a machine is found again by the hash of its definition."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "statemachines" / "examples"

_COMPILE = """
import hashlib, json, pathlib, sys
from workflow_engine.compiler import compile_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

for path in sorted(pathlib.Path(sys.argv[1]).glob("*/workflow.json")):
    compiled = compile_workflow(parse_workflow(json.loads(path.read_text()), builtin_catalogue()).workflow, builtin_catalogue())
    print(path.parent.name, hashlib.sha256((compiled.definition + json.dumps(compiled.bindings)).encode()).hexdigest())
"""


def _hashes(seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(EXAMPLES)], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_two_processes_with_different_hash_seeds_compile_to_the_same_bytes() -> None:
    first = _hashes("1")
    assert len(first.splitlines()) >= 5
    assert first == _hashes("2")
