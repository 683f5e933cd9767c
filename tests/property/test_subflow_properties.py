"""Random workflows run as subflows, in every construct that may hold one, as the reference executor says that they run alone."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.property.test_compiler_properties import ARN, CATALOGUE, RUN, SETTINGS, machines, oracle, parsed
from tests.support.embedded_machines import EmbeddedMachines
from tests.support.random_workflows import INPUT, timeless, workflows
from tests.support.run_report import RunReport, report
from workflow_engine.compiler import Compilation, child_entry, compile_workflow, execution_input
from workflow_engine.run_output import MARKER

__all__ = ["machines"]  # the fixture

SUB: dict[str, Any] = {
    "step_id": "sub",
    "step_type": "subflow",
    "config": {"workflow_id": "child"},
    "input_mapping": {name: f"input.{name}" for name in INPUT},
}
HOLDERS = {
    "alone": (SUB, "sub"),
    "tolerated": ({**SUB, "critical": False}, "sub"),
    "each": ({**SUB, "for_each": "input.one"}, "sub[0]"),
    "map": (
        {"step_id": "held", "step_type": "map", "config": {"items": "input.one", "steps": [SUB]}},
        "held[0].sub",
    ),
    "loop": (
        {"step_id": "held", "step_type": "loop", "config": {"until": "true", "max_iterations": 1, "steps": [SUB]}},
        "held[0].sub",
    ),
    "switch": (
        {
            "step_id": "held",
            "step_type": "switch",
            "config": {"cases": [{"when": "input.flag", "steps": [SUB]}], "default": []},
        },
        "held.sub",
    ),
}
TOLD = {"step_id": "told", "step_type": "data_merge", "input_mapping": {"type": "failure.error_type"}}


def run_with_child(
    machines: EmbeddedMachines, parent: Compilation, child: Compilation
) -> tuple[RunReport, list[RunReport]]:
    """The reports of a run and of the children that it has started."""
    functions = dict.fromkeys(child.bindings["functions"], ARN)
    entry = child_entry(
        child.bindings,
        machine_arn=machines.create(dict(child.machine)),
        workflow_id="child",
        workflow_version=1,
        workflow_name="Child",
        functions=functions,
    )
    value = execution_input(
        parent.bindings,
        input=INPUT,
        functions={},
        run=RUN,
        children={"child@1": entry},
        subflows=dict.fromkeys(parent.bindings["subflows"], "child@1"),
    )
    ended = machines.run(dict(parent.machine), value)
    note(f"{ended.status} {ended.error} {ended.cause}")
    arns = [json.loads(e["taskSubmittedEventDetails"]["output"])["ExecutionArn"] for e in ended.of("TaskSubmitted")]
    children = [report(machines.end_of(arn).events, child.outline) for arn in arns]
    return report(ended.events, parent.outline), children


@settings(SETTINGS, max_examples=80)
@given(document=workflows(), holder=st.sampled_from(sorted(HOLDERS)), recovers=st.booleans())
def test_a_random_workflow_runs_as_a_subflow_as_it_runs_alone(
    machines: EmbeddedMachines, document: dict[str, Any], holder: str, recovers: bool
) -> None:
    note(json.dumps(document))
    workflow = parsed(document)
    expected = oracle(workflow)
    step, key = HOLDERS[holder]
    around: dict[str, Any] = {"name": "Parent", "steps": [step], **({"on_failure": [TOLD]} if recovers else {})}
    parent = compile_workflow(parsed(around), CATALOGUE)
    found, (child,) = run_with_child(machines, parent, compile_workflow(workflow, CATALOGUE))

    assert child.status == expected.status
    sub = found.step_results[key]
    if expected.status == "completed":
        assert {k: r["status"] for k, r in child.step_results.items() if k in expected.results} == {
            k: record.status for k, record in expected.results.items()
        }
        assert (found.status, sub["status"]) == ("completed", "completed")
        output = sub["output_data"]["subflow_output"]
        left = {name: value for name, value in output.items() if value == MARKER}
        assert timeless(output) == timeless({**expected.result, **left})
        return
    assert child.error is not None
    assert (sub["status"], sub["error_type"]) == ("failed", child.error["type"])
    if holder == "tolerated":
        assert found.status == "completed"
        return
    assert found.error is not None
    assert (found.status, found.error["type"]) == ("failed", child.error["type"])
    if recovers:
        assert found.step_results["told"]["output_data"]["result"] == {"type": child.error["type"]}
