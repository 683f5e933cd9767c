"""The JSON Schema in `statemachines/` is the one that the code makes, and says what the language says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.json_strategies import full_workflow, replaced, task
from workflow_engine.language.schema import render_schema, workflow_schema

VALIDATOR = jsonschema.Draft202012Validator(workflow_schema())


def test_the_schema_file_is_up_to_date() -> None:
    written = Path(__file__).parents[3] / "statemachines" / "workflow.schema.json"
    remedy = "run: python -m workflow_engine.language.schema > statemachines/workflow.schema.json"
    assert written.read_text() == render_schema(), remedy


def test_the_schema_is_a_schema_and_takes_a_workflow_with_every_construct() -> None:
    jsonschema.Draft202012Validator.check_schema(workflow_schema())
    VALIDATOR.validate(full_workflow())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("nme",), "x"),
        (("steps", 0, "dependancies"), []),
        (("steps", 0, "step_id"), "1e5"),
        (("steps", 0, "max_retries"), "3"),
        (("steps", 0, "trigger_rule"), "sometimes"),
        (("steps", 1, "input_mapping", "t"), {"template": 1}),
        (("steps", 1, "conditions"), {"left_operand": "a", "operator": "eq"}),
        (("steps", 2, "max_concurrency"), 41),
        (("steps", 5, "config", "items"), []),
        (("steps", 5, "config", "steps", 0, "foo"), 1),
        (("steps", 6, "config", "cases", 0, "when"), 3),
        (("output", "x"), {"expression": "1"}),
    ],
)
def test_the_schema_refuses_what_the_language_refuses(place: tuple[str | int, ...], value: Any) -> None:
    assert not VALIDATOR.is_valid(replaced(full_workflow(), place, value))


def test_the_schema_leaves_a_configuration_to_its_step_type() -> None:
    VALIDATOR.validate({"name": "w", "steps": [task("a", config={"items": 3, "steps": "x"})]})
