"""Every example compiles to the machine beside it and runs to the results beside it.

After a wanted change of the compiler: `UPDATE_GOLDENS=1 pytest tests/golden/test_examples.py`, and read the diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from workflow_engine.compiler import compile_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

EXAMPLES = sorted((Path(__file__).parents[2] / "statemachines" / "examples").iterdir())
RUNS = [run for example in EXAMPLES for run in sorted(example.glob("runs/*.json"))]


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as running:
        yield running


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_compiles_to_the_machine_beside_it(example: Path) -> None:
    parsed = parse_workflow(load(example / "workflow.json"), builtin_catalogue())
    assert parsed.workflow is not None, parsed.diagnostics
    machine = compile_workflow(parsed.workflow, builtin_catalogue()).machine
    golden = example / "machine.asl.json"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(json.dumps(machine, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert machine == load(golden)


@pytest.mark.parametrize("run", RUNS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_an_example_runs_to_the_results_beside_it(run: Path, cloud: LocalCloud) -> None:
    expected = load(run)["expected"]
    body = {"workflow": load(run.parents[1] / "workflow.json"), "input": load(run)["input"]}
    status, started = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert status == 200, started
    assert difference(expected, started) is None


def difference(expected: Any, actual: Any, place: str = "") -> str | None:
    """Where `actual` does not have what is expected of it; objects may have more keys. None if it has all."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = (difference(v, actual.get(k), f"{place}/{k}") for k, v in expected.items())
        return next((f for f in found if f), None)
    return None if expected == actual else f"{place}: {expected!r} is not {actual!r}"


def test_a_difference_is_found_wherever_it_is() -> None:
    assert difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}], "more": 1}) is None
    assert difference({"a": {"b": 1}}, {"a": {"b": 2}}) == "/a/b: 1 is not 2"
    assert difference({"a": 1}, {}) == "/a: 1 is not None"
