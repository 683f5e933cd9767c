"""Steps whose output is held to the schema of their registration: two states that are told as one."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.compiler import Compilation, child_entry, compile_workflow, execution_input
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue
from workflow_engine.steps.registered import compiled_of

SCHEMA: dict[str, Any] = {"type": "object", "required": ["score"]}
RUN = dict.fromkeys(("execution_id", "workflow_id", "workflow_version"), "x")


def registration(**fields: Any) -> dict[str, Any]:
    return {"step_type": "score", "output_schema": SCHEMA, "validate_output": True, **fields}


def compiled(registered: dict[str, Any] | None = None, **fields: Any) -> Compilation:
    steps = [
        {"step_id": "one", "step_type": "score", **fields},
        {"step_id": "two", "step_type": "data_input", "config": {"data": 1}, "dependencies": ["one"]},
    ]
    catalogue = builtin_catalogue().with_registered([registered or registration()])
    parsed = parse_workflow({"name": "W", "steps": steps}, catalogue)
    assert parsed.workflow is not None, parsed.diagnostics
    return compile_workflow(parsed.workflow, catalogue)


def test_the_second_state_gets_what_the_first_gave_and_records_it() -> None:
    states = compiled().machine["States"]
    assert list(states) == ["one", "one.held", "two"]
    assert (states["one"]["Next"], states["one.held"]["Next"]) == ("one.held", "two")
    assert states["one"]["Output"] == {"given": "{% $states.result.Payload %}"}
    assert '"output":$states.input.given' in states["one.held"]["Arguments"]["Payload"]
    assert states["one.held"]["Arguments"]["FunctionName"].endswith(".functions.step_data %}")
    assert "Assign" not in states["one"]
    assert states["one.held"]["Output"] == {}


def test_both_states_fail_to_the_same_place() -> None:
    states = compiled(critical=False).machine["States"]
    assert states["one"]["Catch"] == states["one.held"]["Catch"]
    assert [c["Next"] for c in states["one"]["Catch"]] == ["two.guard", "two.guard"]


def test_retries_of_the_step_are_the_functions_alone() -> None:
    states = compiled(max_retries=4).machine["States"]
    assert [r["ErrorEquals"] for r in states["one"]["Retry"]][-1] == ["States.ALL"]
    assert [r["ErrorEquals"][0] for r in states["one.held"]["Retry"]] == ["Lambda.ClientExecutionTimeoutException"]


@pytest.mark.parametrize("more", [{}, {"critical": False}])
def test_what_an_element_gave_goes_no_further_than_to_its_check(more: dict[str, Any]) -> None:
    inner = [{"step_id": "one", "step_type": "score", **more}]
    config = {"items": "input.list", "output": {"last": "item"}, "steps": inner}
    catalogue = builtin_catalogue().with_registered([registration()])
    parsed = parse_workflow({"name": "W", "steps": [{"step_id": "m", "step_type": "map", "config": config}]}, catalogue)
    assert parsed.workflow is not None, parsed.diagnostics
    states = compile_workflow(parsed.workflow, catalogue).machine["States"]["m"]["ItemProcessor"]["States"]
    carried = {"item": "{% $states.input.item %}", "index": "{% $states.input.index %}"}
    assert states["one"]["Output"] == {"given": "{% $states.result.Payload %}", **carried}
    assert states["one.held"]["Output"] == carried
    caught = [catcher["Output"] for catcher in states["one.held"].get("Catch", ())]
    assert len(caught) == (2 if more else 0)
    assert all(output.items() >= carried.items() and "given" not in output for output in caught)


def test_another_schema_makes_no_new_machine_and_travels_in_the_input() -> None:
    first, second = compiled(), compiled(registration(output_schema={"type": "array"}))
    assert first.definition == second.definition
    assert first.bindings["output_schemas"] == ["score"]
    functions = {"score": "arn:a", "step_data": "arn:b"}
    given = execution_input(first.bindings, input={}, functions=functions, run=RUN, output_schemas={"score": SCHEMA})
    child = child_entry(
        first.bindings,
        machine_arn="arn:m",
        workflow_id="w",
        workflow_version=1,
        workflow_name="W",
        functions=functions,
        output_schemas={"score": SCHEMA},
    )
    assert given["output_schemas"] == child["start"]["output_schemas"] == {"score": SCHEMA}
    assert given["functions"] == functions


def test_the_plan_counts_one_state_more() -> None:
    plain, checked = (compiled(registration(validate_output=on)).plan for on in (False, True))
    names = ("states", "transitions_min", "transitions_max", "history_events_min", "history_events_max")
    assert [checked[name] - plain[name] for name in names] == [1, 1, 1, 5, 5]


def test_the_outline_says_which_steps_are_checked() -> None:
    assert [step.get("checked") for step in compiled().outline["steps"]] == [True, None]


@pytest.mark.parametrize(
    "where",
    [
        {"execution_type": "http", "endpoint_config": {"timeout_seconds": 1}},
        {"execution_type": "activity", "activity_arn": "arn:aws:states:eu-west-1:123456789012:activity:a"},
        {"validate_output": False},
    ],
)
def test_what_passes_our_own_code_or_is_not_to_be_checked_has_no_second_state(where: dict[str, Any]) -> None:
    made = compiled(registration(**where))
    assert list(made.machine["States"]) == ["one", "two"]
    assert "output_schemas" not in made.bindings


def test_whether_outputs_are_checked_decides_what_a_workflow_is_compiled_to() -> None:
    on, off = (compiled_of(registration(execution_type="lambda", validate_output=v)) for v in (True, False))
    assert on != off
