"""Steps whose type is registered with an HTTP endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine import endpoint_errors
from workflow_engine.compiler import Compilation, compile_workflow, execution_input
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

ENDPOINT: dict[str, Any] = {
    "url": "https://a.example/",
    "method": "POST",
    "headers": {},
    "auth": None,
    "timeout_seconds": 30,
}


def compiled(registration: dict[str, Any], **fields: Any) -> Compilation:
    step = {"step_id": "one", "step_type": "score", **fields}
    catalogue = builtin_catalogue().with_registered([{"step_type": "score", **registration}])
    parsed = parse_workflow({"name": "W", "steps": [step]}, catalogue)
    assert parsed.workflow is not None, parsed.diagnostics
    return compile_workflow(parsed.workflow, catalogue)


def http(seconds: int = 30, **fields: Any) -> dict[str, Any]:
    return {"execution_type": "http", "endpoint_config": {**ENDPOINT, "timeout_seconds": seconds}, **fields}


def test_the_endpoint_is_not_in_the_machine_so_another_makes_no_new_one() -> None:
    first, second = compiled(http()), compiled(http(60))
    assert first.definition == second.definition
    assert "a.example" not in first.definition


def test_the_endpoint_travels_in_the_input_beside_the_functions() -> None:
    made = compiled(http())
    run = dict.fromkeys(("execution_id", "workflow_id", "workflow_version"), "x")
    given = execution_input(made.bindings, input={}, functions={"score": "arn"}, run=run, endpoints={"score": ENDPOINT})
    assert made.bindings["endpoints"] == ["score"]
    assert given["endpoints"] == {"score": ENDPOINT}


def test_a_lambda_step_has_no_endpoint() -> None:
    made = compiled({"execution_type": "lambda"})
    assert "endpoints" not in made.bindings
    assert "endpoint" not in made.definition


def test_a_step_has_a_little_more_time_than_its_endpoint_unless_it_says_how_much() -> None:
    assert compiled(http(30)).bindings["timeouts"] == {"one": 35}
    assert compiled(http(30, timeout_seconds=120)).bindings["timeouts"] == {"one": 120}
    assert compiled(http(30, timeout_seconds=120), timeout_seconds=9).bindings["timeouts"] == {"one": 9}


def retriers(made: Compilation) -> list[tuple[list[str], int]]:
    return [(r["ErrorEquals"], r["MaxAttempts"]) for r in made.machine["States"]["one"]["Retry"]][1:]


def test_what_passes_is_tried_again_and_what_stays_never_is() -> None:
    transient, final = list(endpoint_errors.TRANSIENT_ERRORS), list(endpoint_errors.FINAL_ERRORS)
    assert retriers(compiled(http())) == [(transient, 2)]
    assert retriers(compiled(http(), max_retries=4)) == [
        ([*final, "States.DataLimitExceeded"], 0),
        (["States.ALL"], 4),
    ]
    checked = compiled(http(validate_output=True, output_schema={"type": "object"}), max_retries=4)
    assert retriers(checked)[0] == ([*final, "StepOutputError", "States.DataLimitExceeded"], 0)


def test_every_failure_of_a_call_is_either_transient_or_final() -> None:
    named = {*endpoint_errors.TRANSIENT_ERRORS, *endpoint_errors.FINAL_ERRORS}
    classes = {
        name
        for name, kind in vars(endpoint_errors).items()
        if isinstance(kind, type) and issubclass(kind, WorkflowEngineError) and kind is not WorkflowEngineError
    }
    assert named == classes
    assert not set(endpoint_errors.TRANSIENT_ERRORS) & set(endpoint_errors.FINAL_ERRORS)


@pytest.mark.parametrize(("timeout", "told"), [(61, 60), (60, None), (30, None)])
def test_a_worker_is_taken_for_lost_before_its_step_is_late_or_not_at_all(timeout: int, told: int | None) -> None:
    arn = "arn:aws:states:eu-west-1:123456789012:activity:a"
    worker = {"execution_type": "activity", "activity_arn": arn, "heartbeat_seconds": 60}
    task = compiled(worker, timeout_seconds=timeout).machine["States"]["one"]
    assert task["Resource"] == arn
    assert task.get("HeartbeatSeconds") == told
