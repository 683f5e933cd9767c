"""Machines that AWS accepted, as recorded by others, break no rule that AWS checks when a machine is created."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from workflow_engine.compiler.verify import verify

FOLDER = Path(os.environ.get("ASL_CASES", Path(__file__).parents[4] / "shared" / "asl_cases"))
ACCEPTED_AGAINST_THE_DOCUMENTATION = {
    # An inner scope assigns a variable of an outer one, which "Variable scope" forbids.
    "test_parallel_catch_error_PARALLEL_CATCH_ERROR_VARIABLE_SAMPLING_": {"ASL-NESTED-ASSIGN"},
}


def recorded_machines() -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted([*FOLDER.glob("pure/*.json"), *FOLDER.glob("lambda/*.json")]):
        case = json.loads(path.read_text())
        definition = case["definition"]
        definition = json.loads(definition) if isinstance(definition, str) else definition
        if definition.get("QueryLanguage") == "JSONata":
            found[case["name"].rpartition(".")[2]] = definition
    return found


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no recorded machines: set ASL_CASES to their folder")
def test_machines_that_aws_accepted_break_no_rule_that_aws_checks() -> None:
    machines = recorded_machines()
    assert machines
    refused = {name: {v.rule for v in verify(m) if v.rule.startswith("ASL-")} for name, m in machines.items()}
    assert {name: rules for name, rules in refused.items() if rules} == ACCEPTED_AGAINST_THE_DOCUMENTATION
