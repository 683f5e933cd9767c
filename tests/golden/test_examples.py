"""Every example compiles to the machine beside it and runs to the results beside it, and every step type is in one.

After a wanted change of the compiler: `UPDATE_GOLDENS=1 pytest tests/golden/test_examples.py`, and read the diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud import LocalCloud
from tests.support.example_runs import EXAMPLES, RUNS, difference, load, name_of, results_of
from workflow_engine.compiler import compile_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.language.walk import walk_steps
from workflow_engine.steps import builtin_catalogue


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STEP_HTTP_ALLOWED_HOSTS", "127.0.0.1")
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


@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_an_example_runs_to_the_results_beside_it(run: Path, cloud: LocalCloud) -> None:
    assert difference(load(run)["expected"], results_of(run, cloud.call)) is None


def test_every_step_type_is_in_an_example_that_runs() -> None:
    catalogue = builtin_catalogue()
    documents = [load(example / "workflow.json") for example in {run.parents[1] for run in RUNS}]
    shown = {catalogue.by_name[str(step["step_type"])].name for d in documents for _, step in walk_steps(d)}
    # A subflow runs a workflow that is stored before: journeys have it.
    assert {t.name for t in catalogue.step_types() if t.available} - shown - {"subflow"} == set()


def test_a_difference_is_found_wherever_it_is() -> None:
    assert difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}], "more": 1}) is None
    assert difference({"a": {"b": 1}}, {"a": {"b": 2}}) == "/a/b: 1 is not 2"
    assert difference({"a": 1}, {}) == "/a: 1 is not None"
