"""Runs that ended in the midst of what they were at: what they tell as completed is what the undisturbed run tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.property.test_compiler_properties import ARN, CATALOGUE, SETTINGS, parsed, run, run_probe
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines
from tests.support.random_workflows import workflows
from tests.support.run_report import report
from workflow_engine.compiler import compile_workflow
from workflow_engine.machines.outlines import step_in
from workflow_engine.machines.run_events import RunEvents


@pytest.fixture(scope="module")
def machines() -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: run_probe}) as made:
        yield made


def cut(events: list[dict[str, Any]], last: int) -> list[dict[str, Any]]:
    """The history of the same run that has failed after its first `last` events for a reason outside of all that ran."""
    end = {
        "id": last + 1,
        "previousEventId": events[0]["id"],
        "timestamp": events[last - 1]["timestamp"],
        "type": "ExecutionFailed",
        "executionFailedEventDetails": {"error": "Beside", "cause": "it"},
    }
    return [*events[:last], end]


@settings(SETTINGS, max_examples=60)
@given(document=workflows(), chance=st.data())
def test_what_a_run_that_was_cut_off_tells_as_completed_was_completed(
    machines: EmbeddedMachines, document: dict[str, Any], chance: st.DataObject
) -> None:
    note(json.dumps(document))
    compiled = compile_workflow(parsed(document), CATALOGUE)
    ended, whole = run(machines, compiled)
    kinds = [event["type"] for event in ended.events]
    # After a failure the end would be taken for its consequence. What a state led to is told by what is entered after it.
    before = next((at for at, kind in enumerate(kinds) if kind.endswith("Failed")), len(kinds) - 1)
    moments = [at for at in range(1, before + 1) if not kinds[at - 1].endswith("StateExited")]
    last = chance.draw(st.sampled_from(moments))
    for event in ended.events[:last]:
        note(f"{event['id']} {event['type']} {(event.get('stateEnteredEventDetails') or {}).get('name')}")
    told = report(cut(ended.events, last), compiled.outline).step_results
    for key, result in told.items():
        if result["status"] in ("completed", "skipped"):
            assert result["status"] == whole.step_results[key]["status"], key
        if result["status"] == "completed":
            assert result["output_data"] == whole.step_results[key]["output_data"], key


def held(kind: str, step_id: str, step: dict[str, Any]) -> dict[str, Any]:
    """A step inside of a container."""
    if kind == "switch":
        config: dict[str, Any] = {"cases": [{"when": "input.count >= 0", "steps": [step]}]}
    elif kind == "loop":
        config = {"until": "index >= 1", "max_iterations": 2, "steps": [step]}
    else:
        config = {"items": "input.items", "steps": [step]}
    return {"step_id": step_id, "step_type": kind, "config": config}


@pytest.mark.parametrize("inner", ["switch", "loop", "map"])
@pytest.mark.parametrize("middle", ["switch", "loop", "map"])
@pytest.mark.parametrize("outer", ["switch", "loop", "map"])
def test_what_holds_a_step_that_fails_the_run_has_failed_however_deep_that_is(
    machines: EmbeddedMachines, outer: str, middle: str, inner: str
) -> None:
    step: dict[str, Any] = {"step_id": "x", "step_type": "probe", "config": {"fail": True}}
    for kind, step_id in ((inner, "i"), (middle, "m"), (outer, "o")):
        step = held(kind, step_id, step)
    document = {"name": "deep", "execution_pattern": "sequential", "steps": [step]}
    compiled = compile_workflow(parsed(document), CATALOGUE)
    ended, results = run(machines, compiled)
    reader = RunEvents(compiled.outline)
    told = {e.step for each in ended.events for e in reader.read(each) if e.type == "step.failed"}
    # Elements beside the first that failed were aborted.
    failed = {key for key, result in results.step_results.items() if result["status"] == "failed"}
    assert {step_in(key) for key in failed} == {"o", "m", "i", "x"}
    assert failed <= told
