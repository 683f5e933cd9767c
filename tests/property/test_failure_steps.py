"""Random workflows with failure steps: what runs, in which order and on what, when a critical step fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.local.stepfunctions.crashes import DyingJournal, may_be_given_up
from tests.property.test_compiler_properties import (
    ARN,
    CATALOGUE,
    RUN,
    SETTINGS,
    check_bounds,
    check_order,
    cost,
    parsed,
    reference,
    run_probe,
)
from tests.property.test_recovery_properties import ended
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines
from tests.support.random_workflows import INPUT, PROBE, sagas, timeless
from tests.support.reference_executor import Record, has_failure_steps, waits_for
from tests.support.run_report import RunReport, report
from workflow_engine.compiler import Compilation, compile_workflow, execution_input
from workflow_engine.language.reads import all_steps, body_steps, failure_steps
from workflow_engine.language.syntax import Step, SwitchBody, Workflow

WITNESS = "witness"


class Seen:
    """What the last step of a run was given."""

    def __init__(self) -> None:
        self.input: dict[str, Any] = {}

    def __call__(self, event: dict[str, Any], context: object) -> Any:
        if event["step_config"]["step_id"] == WITNESS:
            self.input = event["input_data"]
        return run_probe(event, context)


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def machines(seen: Seen) -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: seen}) as made:
        yield made


def run(machines: EmbeddedMachines, compiled: Compilation) -> RunReport:
    arns = dict.fromkeys(compiled.bindings["functions"], ARN)
    ended = machines.run(
        dict(compiled.machine), execution_input(compiled.bindings, input=INPUT, functions=arns, run=RUN)
    )
    note(json.dumps(dict(compiled.machine)))
    note(f"{ended.status} {ended.error} {ended.cause}")
    told = report(ended.events, compiled.outline)
    check_bounds(compiled.plan, cost(ended), completed=told.status == "completed")
    return told


def with_witness(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a last failure step that is given how each step of the workflow itself has ended."""
    ids = [step["step_id"] for step in document["steps"]]
    mapping = {f"{i}.{facet}": f"{i}.{facet}" for i in ids for facet in ("status", "output")}
    mapping["failure"] = "failure.step_id"
    witness = {"step_id": WITNESS, "step_type": PROBE, "input_mapping": mapping}
    before = [step["step_id"] for step in document["on_failure"]]
    changed = copy.deepcopy(document)
    changed["on_failure"].append({**witness, "dependencies": before, "trigger_rule": "all_done"})
    return changed


@settings(SETTINGS, max_examples=60)
@given(document=sagas())
def test_failure_steps_run_as_the_reference_executor_says(
    machines: EmbeddedMachines, seen: Seen, document: dict[str, Any]
) -> None:
    check_saga(machines, seen, document)


def check_saga(machines: EmbeddedMachines, seen: Seen, document: dict[str, Any]) -> None:
    """Run a document, and compare what its failure steps come to with what the reference executor says."""
    note(json.dumps(document))
    workflow = parsed(document)
    expected = reference(workflow)
    ends = expected.go_on()
    told = run(machines, compile_workflow(workflow, CATALOGUE))
    if not has_failure_steps(workflow) or expected.failure is None:
        assert told.status == ("completed" if expected.failure is None else "failed")
        return
    assert told.status == "failed"
    assert told.error is not None
    assert (told.error["step_id"], told.error["type"]) == (expected.failure["step_id"], expected.failure["error_type"])

    left = seen_by_witness(machines, seen, document, workflow)
    check_left(workflow, left, ends, told)
    left |= left_inside(workflow.steps, told)
    for step_id, record in expected.recover(left).items():
        result = told.step_results[step_id]
        assert result["status"] == record.status, step_id
        if record.status == "completed":
            assert timeless(result["output_data"]) == timeless(record.output), step_id
    check_order(workflow, told.step_results)
    check_order_of_failure_steps(workflow, told.step_results)


def seen_by_witness(
    machines: EmbeddedMachines, seen: Seen, document: dict[str, Any], workflow: Workflow
) -> dict[str, Record]:
    """How the workflow's own steps have ended, as failure steps see it."""
    run(machines, compile_workflow(parsed(with_witness(document)), CATALOGUE))
    return {
        s.step_id: Record(seen.input[f"{s.step_id}.status"], seen.input[f"{s.step_id}.output"]) for s in workflow.steps
    }


def left_inside(steps: Sequence[Step], told: RunReport, prefix: str = "") -> dict[str, Record]:
    """How the steps inside of switches have ended, as the results have it: nothing else reads them but what undoes them."""
    found: dict[str, Record] = {}
    for step in steps:
        if isinstance(step.body, SwitchBody):
            place = f"{prefix}{step.step_id}."
            for one in body_steps(step):
                result = told.step_results[place + one.step_id]
                found[one.step_id] = Record(result["status"], result["output_data"])
            found |= left_inside(body_steps(step), told, place)
    return found


def check_left(workflow: Workflow, left: dict[str, Record], ends: dict[str, Record], told: RunReport) -> None:
    """What failed, and all that it waited for, has ended; nothing that waits for it has begun; the rest did either."""
    ids = set(left)
    for step in workflow.steps:
        record, end = left[step.step_id], ends[step.step_id]
        # A step that can never run is skipped from the beginning.
        assert record.status in (end.status, "pending") or (record.status, end.status) == ("skipped", "pending"), (
            step.step_id
        )
        if record.status == "completed":
            assert timeless(record.output) == timeless(end.output), step.step_id
        else:
            assert record.output is None
        # What was passed by leaves no trace in a run that ended early.
        in_results = told.step_results[step.step_id]["status"]
        assert passed_by(in_results) == passed_by(record.status), step.step_id
        if passed_by(record.status) != "pending" or (step.critical and end.status == "failed"):
            assert record.status != "pending", step.step_id
            assert all(left[before].status != "pending" for before in waits_for(step, ids)), step.step_id


def passed_by(status: str) -> str:
    return "pending" if status == "skipped" else status


def check_order_of_failure_steps(workflow: Workflow, results: dict[str, dict[str, Any]]) -> None:
    """Compensations come after all that ran before, those of a step before those of what it waited for; on_failure last."""
    ids = {s.step_id for s in workflow.steps}
    undo = {s.step_id: [one.step_id for inner in all_steps((s,)) for one in inner.compensate] for s in workflow.steps}
    last = [one.step_id for one in workflow.on_failure]
    pairs = [(u, f) for ones in undo.values() for u in ones for f in last]
    pairs += [(s, u) for s in ids for ones in (*undo.values(), last) for u in ones]
    for step in workflow.steps:
        pairs += [(u, v) for b in waits_for(step, ids) for u in undo[step.step_id] for v in undo[b]]
    for first, second in pairs:
        ended, started = results[first]["completed_at"], results[second]["started_at"]
        if ended is not None and started is not None:
            assert ended <= started, (first, second)


@settings(SETTINGS, max_examples=25)
@given(document=sagas(), lives=st.lists(st.integers(1, 25), min_size=1, max_size=20))
def test_failure_steps_go_on_where_a_server_that_died_left_them(document: dict[str, Any], lives: list[int]) -> None:
    workflow = parsed(document)
    compiled = compile_workflow(workflow, CATALOGUE)
    ids = {step.step_id for step in (*workflow.steps, *failure_steps(workflow))}
    undisturbed, end = ended(compiled, [])
    journal, head = ended(compiled, lives)
    if may_be_given_up(journal, head.arn):
        return
    assert (head.status, head.error) == (end.status, end.error)
    assert tasks_begun(journal, head.arn) & ids == tasks_begun(undisturbed, end.arn) & ids


def tasks_begun(journal: DyingJournal, execution: str) -> set[str]:
    return {entry.fields["name"] for entry in journal.entries(execution) if entry.type == "TaskStateEntered"}
