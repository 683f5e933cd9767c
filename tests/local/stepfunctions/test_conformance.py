"""The embedded engine against what AWS itself answered."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from infra.local.stepfunctions.validation import diagnostics
from tests.local.stepfunctions.support import EndedRun, create, ended, engine, in_skipping_time
from tests.support.asl_cases import AslCase, cases_folder, load_cases

# Recordings of machines that have fields of JSONPath, which the embedded engine refuses.
NEED_JSONPATH: Final = frozenset(
    {
        "test_base_cases_BASE_EXPR_",
        "test_base_cases_BASE_LAMBDA_EXPRESSION_",
        "test_base_lambda_BASE_LAMBDA_",
        "test_catch_error_variable_sampling_TASK_CATCH_ERROR_VARIABLE_SAMPLING_TO_JSONPATH_",
        "test_lambda_task_resource_data_flow_TASK_LAMBDA_LEGACY_RESOURC_f2e79c5e",
        "test_lambda_task_resource_data_flow_TASK_LAMBDA_SDK_RESOURCE_JSONPATH_TO_JSONATA_",
        "test_output_to_state_JSONPATH_OUTPUT_TO_JSONATA_",
        "test_task_dataflow_to_state",
        "test_variable_sampling_JSONATA_ASSIGN_JSONPATH_REF_",
    }
)

needs_recordings: Final = pytest.mark.skipif(
    cases_folder() is None, reason="no AWS recordings: set ASL_CASES to their folder"
)


def handlers_of(case: AslCase) -> dict[str, Any]:
    """The functions whose code a recording holds."""
    handlers = {}
    for name, code in case.functions.items():
        namespace: dict[str, Any] = {}
        exec(compile(code, "/var/task/handler.py", "exec"), namespace)  # recorded functions, run as AWS ran them
        handlers[name] = namespace["handler"]
    return handlers


def run_of(case: AslCase) -> EndedRun:
    async def work() -> EndedRun:
        on = engine(None, handlers_of(case), account="111111111111")
        machine = create(on, {"QueryLanguage": "JSONPath", **case.definition})
        return await ended(on, on.start(machine, json.dumps(case.input)).arn)

    return in_skipping_time(work)


def differences(case: AslCase) -> list[str]:
    run = run_of(case)
    end = case.difference(run.status, run.output, run.error)
    found = case.history_differences(run.events) if end is None else [end]
    if case.cause is not None and not case.equal(case.cause, run.cause or ""):
        found.append(f"cause {run.cause!r}, AWS: {case.cause!r}")
    return found


def all_cases() -> list[AslCase]:
    return [] if cases_folder() is None else [*load_cases("pure"), *load_cases("lambda")]


@needs_recordings
def test_exactly_the_machines_with_jsonpath_fields_are_refused() -> None:
    refused = {case.name for case in all_cases() if diagnostics(json.dumps(case.definition))}
    assert refused == NEED_JSONPATH


@pytest.mark.parametrize("case", [c for c in all_cases() if c.name not in NEED_JSONPATH], ids=lambda case: case.name)
def test_a_recorded_machine_ends_and_is_recorded_as_on_aws(case: AslCase) -> None:
    assert differences(case) == []


@needs_recordings
def test_the_recordings_are_there() -> None:
    assert Counter(case.name in NEED_JSONPATH for case in all_cases()) == {False: 137, True: 9}


def validations() -> list[Path]:
    folder = cases_folder()
    return [] if folder is None else sorted((folder / "validate").glob("*.json"))


@pytest.mark.parametrize("path", validations(), ids=lambda path: path.stem.rpartition(".test_")[2])
def test_a_definition_is_validated_as_on_aws(path: Path) -> None:
    recorded = json.loads(path.read_text())
    expected = recorded["expected"]["diagnostics"]
    found = diagnostics(recorded["definition_text"], recorded["type"])
    assert bool(found) == bool(expected)
    assert {d["code"] for d in expected} <= {d["code"] for d in found}


def test_the_comparison_with_recordings_sees_what_differs() -> None:
    case = AslCase(
        name="x",
        definition={},
        input=None,
        functions={},
        status="SUCCEEDED",
        output={"id": "<uuid:1>", "at": "date", "n": [1, {"Payload": 2}]},
        error=None,
        cause=None,
        history=[],
        masks=(("fn-[0-9]+", "<name>"),),
    )
    same = {"id": "abc", "at": "2026-01-01T00:00:00Z", "n": [1, {"Payload": 2}]}
    assert case.difference("SUCCEEDED", same, None) is None
    assert case.difference("SUCCEEDED", json.dumps(same), None) is None
    assert case.difference("FAILED", None, "E") is not None
    assert case.difference("SUCCEEDED", {**same, "n": [1, {"Payload": 3}]}, None) is not None
    assert case.difference("SUCCEEDED", {**same, "more": 1}, None) is not None
    assert case.difference("SUCCEEDED", {**same, "n": [True, {"Payload": 2}]}, None) is not None
    assert case.equal("call <name>", "call fn-12")
