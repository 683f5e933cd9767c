"""A run that failed, rerun from any step after mending, gives what the undisturbed run gives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import currently_in_test_context, given, note, settings
from hypothesis import strategies as st

from tests.property.test_compiler_properties import ARN, CATALOGUE, RUN, SETTINGS, oracle, parsed, run_probe
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines
from tests.support.random_workflows import INPUT, PROBE, ProbeFailedError, timeless, workflows
from tests.support.run_report import RunReport, report
from workflow_engine.compiler import Compilation, compile_workflow, execution_input
from workflow_engine.compiler.reuse import reusable

_broken: set[str] = set()
_ran: list[str] = []


def disturbed_probe(event: dict[str, Any], context: object) -> Any:
    """A probe that fails while its step is broken."""
    step_id = event["step_config"]["step_id"]
    _ran.append(step_id)
    if step_id in _broken:
        raise ProbeFailedError("out of order")
    return run_probe(event, context)


@pytest.fixture(scope="module")
def machines() -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: disturbed_probe}) as made:
        yield made


def run(
    machines: EmbeddedMachines, compiled: Compilation, earlier: Mapping[str, Mapping[str, Any]] | None = None
) -> RunReport:
    read = {
        step_id: {"output": earlier[step_id]["output_data"]}
        if facet == "output"
        else {"error": {"type": earlier[step_id]["error_type"], "message": earlier[step_id]["error_message"]}}
        for step_id, facet in compiled.bindings.get("reused", ())
        if earlier is not None
    }
    arns = dict.fromkeys(compiled.bindings["functions"], ARN)
    value = execution_input(compiled.bindings, input=INPUT, functions=arns, run=RUN, reused=read)
    ended = machines.run(dict(compiled.machine), value)
    if currently_in_test_context():
        note(f"{ended.status} {ended.error} {ended.cause}")
    return report(ended.events, compiled.outline, earlier)


@settings(SETTINGS, max_examples=80)
@given(document=workflows(), chance=st.data())
def test_a_rerun_from_any_step_gives_what_the_undisturbed_run_gives(
    machines: EmbeddedMachines, document: dict[str, Any], chance: st.DataObject
) -> None:
    note(json.dumps(document))
    workflow = parsed(document)
    expected = oracle(workflow)
    tops = [s.step_id for s in workflow.steps]
    breakable = [s.step_id for s in workflow.steps if s.step_type == PROBE and s.critical and s.for_each is None]
    _broken.clear()
    _broken.update(chance.draw(st.lists(st.sampled_from(breakable), max_size=2)) if breakable else ())
    note(f"broken: {sorted(_broken)}")
    first = run(machines, compile_workflow(workflow, CATALOGUE))
    _broken.clear()
    from_step = chance.draw(st.sampled_from(tops))
    reused = reusable(workflow, CATALOGUE, first.step_results, from_step)
    note(f"from {from_step}, reused {reused}")
    variant = compile_workflow(workflow, CATALOGUE, reused=reused)
    _ran.clear()
    second = run(machines, variant, first.step_results)
    assert not reused.keys() & set(_ran)
    assert second.status == expected.status
    if expected.status != "completed":
        return
    assert timeless(second.output) == timeless(expected.result)
    for step_id in tops:
        record, told = expected.results[step_id], second.step_results[step_id]
        assert told["status"] == record.status, step_id
        if record.status == "completed":
            assert timeless(told["output_data"]) == timeless(record.output), step_id


def test_a_step_that_a_failed_run_has_passed_over_is_skipped_in_its_rerun(machines: EmbeddedMachines) -> None:
    steps: list[dict[str, Any]] = [
        {"step_id": "a", "step_type": "data_input", "config": {"data": {"v": 0}}},
        {"step_id": "b", "step_type": PROBE, "config": {}, "conditions": "a.data.v > 1"},
        {"step_id": "c", "step_type": PROBE, "config": {}, "dependencies": ["a", "b"]},
    ]
    workflow = parsed({"name": "passed", "execution_pattern": "sequential", "steps": steps})
    _broken.clear()
    _broken.add("c")
    first = run(machines, compile_workflow(workflow, CATALOGUE))
    _broken.clear()
    assert (first.status, first.step_results["b"]["status"]) == ("failed", "pending")
    reused = reusable(workflow, CATALOGUE, first.step_results, "c")
    second = run(machines, compile_workflow(workflow, CATALOGUE, reused=reused), first.step_results)
    assert (second.status, second.step_results["b"]["status"]) == ("completed", "skipped")


@pytest.mark.parametrize("critical", [True, False])
def test_a_loop_that_a_failure_beside_it_cut_off_is_not_told_as_completed(
    machines: EmbeddedMachines, critical: bool
) -> None:
    body: list[dict[str, Any]] = [{"step_id": "turn", "step_type": PROBE, "config": {}}]
    config = {"until": "index >= 1", "max_iterations": 2, "steps": body}
    loop = {"step_id": "again", "step_type": "loop", "critical": critical, "config": config}
    compiled = compile_workflow(parsed({"name": "cut", "execution_pattern": "parallel", "steps": [loop]}), CATALOGUE)
    arns = dict.fromkeys(compiled.bindings["functions"], ARN)
    value = execution_input(compiled.bindings, input=INPUT, functions=arns, run=RUN, reused={})
    events = machines.run(dict(compiled.machine), value).events
    assert report(events, compiled.outline).step_results["again"]["status"] == "completed"
    looks = [e["id"] for e in events if e["type"] == "ChoiceStateEntered"]
    told = []
    # What a look at the condition came to is told by what is entered after it.
    for last in (at for at in range(2, looks[-1] + 1) if events[at - 1]["type"] != "ChoiceStateExited"):
        failed = {
            "id": last + 1,
            "previousEventId": events[0]["id"],
            "timestamp": events[last]["timestamp"],
            "type": "ExecutionFailed",
            "executionFailedEventDetails": {"error": "Beside", "cause": "it"},
        }
        told.append(report([*events[:last], failed], compiled.outline).step_results["again"]["status"])
    assert set(told) == {"aborted"}
