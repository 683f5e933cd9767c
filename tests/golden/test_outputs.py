"""What each step of the language gives for a given input: outputs/<case>.json, one for each type and way of working.

A case is a step (its config, its input_mapping or what its dependencies gave, the run's input) and its whole output. What is
pure is evaluated as JSONata, the rest by the Python of its type; each output fits the schema that the catalogue shows.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from tests.unit.steps.evaluation import ENTERED, StepCase
from workflow_engine.compiler.catalogue import TaskLowering
from workflow_engine.steps import builtin_catalogue
from workflow_engine.steps.data_merge import RESULTS as MERGED
from workflow_engine.steps.data_processing import RESULTS as PROCESSED
from workflow_engine.steps.data_processing import process

CASES: Final = sorted((Path(__file__).parent / "outputs").glob("*.json"))
WAYS: Final = {"data_processing": "processing_type", "data_merge": "merge_strategy"}


def read(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text())
    return case


def output(case: dict[str, Any]) -> Any:
    step = StepCase(
        case["step_type"],
        case.get("config", {}),
        mapping=case.get("mapping", {}),
        dependencies={name: (value,) for name, value in case.get("dependencies", {}).items()},
        run_input=case.get("run_input"),
    )
    spec = builtin_catalogue().find(step.step_type)
    assert spec is not None
    if isinstance(spec.lowering(step.config), TaskLowering):
        at = datetime.fromisoformat(ENTERED)
        assert step.step_type == "data_processing"
        return process(step.config, step.input_data(), at=at)
    return step.output()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_step_gives_its_output_and_that_fits_the_schema_of_its_type(path: Path) -> None:
    case = read(path)
    given = output(case)
    spec = builtin_catalogue().find(case["step_type"])

    assert given == case["output"]
    assert spec is not None
    assert [error.message for error in Draft202012Validator(spec.output_schema).iter_errors(given)] == []


@pytest.mark.parametrize("step_type", WAYS)
def test_there_is_a_case_for_each_way_of_working(step_type: str) -> None:
    spec = builtin_catalogue().find(step_type)
    assert spec is not None
    cases = [read(path) for path in CASES]

    ways = {case["output"][WAYS[step_type]] for case in cases if case["step_type"] == step_type}
    assert ways == set(spec.config_schema["properties"][WAYS[step_type]]["enum"])


@pytest.mark.parametrize(
    ("step_type", "way"), [*(("data_processing", n) for n in PROCESSED), *(("data_merge", n) for n in MERGED)]
)
def test_the_schema_refuses_a_result_of_another_form(step_type: str, way: str) -> None:
    spec = builtin_catalogue().find(step_type)
    case = next(c for c in map(read, CASES) if c["output"].get(WAYS[step_type]) == way)
    assert spec is not None

    assert not Draft202012Validator(spec.output_schema).is_valid({**case["output"], "result": {"other": 1}})
