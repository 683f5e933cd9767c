"""Workflows that parse and do not compile: each with exactly its diagnostics beside it.

The pairs stand in `tests/golden/errors/compiler/`. After a wanted change: `UPDATE_GOLDENS=1`, and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from workflow_engine.compiler import compile_workflow
from workflow_engine.language import InvalidWorkflowError, parse_workflow
from workflow_engine.steps import builtin_catalogue

PAIRS = Path(__file__).parent / "errors" / "compiler"


def filled(value: Any) -> Any:
    """`{"$repeat": n, "of": x}` stands for n times x, so that a large document is a small file."""
    if isinstance(value, dict) and "$repeat" in value:
        part = filled(value["of"])
        return part * value["$repeat"] if isinstance(part, str) else [part] * value["$repeat"]
    if isinstance(value, dict):
        return {k: filled(v) for k, v in value.items()}
    return [filled(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("workflow", sorted(PAIRS.glob("*.workflow.json")), ids=lambda path: path.name.split(".")[0])
def test_a_workflow_that_cannot_be_compiled_gets_exactly_its_diagnostics(workflow: Path) -> None:
    parsed = parse_workflow(filled(json.loads(workflow.read_text(encoding="utf-8"))), builtin_catalogue())
    assert parsed.workflow is not None, parsed.diagnostics
    try:
        found = compile_workflow(parsed.workflow, builtin_catalogue()).warnings
    except InvalidWorkflowError as error:
        found = error.diagnostics
    golden = workflow.with_name(workflow.name.replace(".workflow.", ".diagnostics."))
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(
            json.dumps([d.as_dict() for d in found], indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    assert [d.as_dict() for d in found] == json.loads(golden.read_text(encoding="utf-8"))
