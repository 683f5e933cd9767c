"""The machine of a rerun from a step: what is left of an example, as the file beside says.

After a wanted change of the compiler: `UPDATE_GOLDENS=1 pytest tests/golden/test_reruns.py`, and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workflow_engine.compiler import compile_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.statuses import StepEnd
from workflow_engine.steps import builtin_catalogue

HERE = Path(__file__).parent / "reruns"
EXAMPLES = Path(__file__).parents[2] / "statemachines" / "examples"
REUSED: dict[str, dict[str, StepEnd]] = {
    "saga": {"flight": "completed"},
    "order": {"order": "completed", "large": "skipped", "words": "failed"},
}


@pytest.mark.parametrize("name", REUSED)
def test_what_is_left_of_an_example_is_the_machine_in_the_file(name: str) -> None:
    document = json.loads((EXAMPLES / name / "workflow.json").read_text(encoding="utf-8"))
    parsed = parse_workflow(document, builtin_catalogue())
    assert parsed.workflow is not None
    made = compile_workflow(parsed.workflow, builtin_catalogue(), reused=REUSED[name])
    told = {"machine": made.machine, "reads": made.bindings["reused"], "outline": made.outline}
    golden = HERE / f"{name}.json"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert told == json.loads(golden.read_text(encoding="utf-8"))
