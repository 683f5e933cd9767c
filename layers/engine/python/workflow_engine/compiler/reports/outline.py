"""What the reader of results must know of a workflow: which steps there are, how they are nested, whose outputs are the
run's, and what was read where an author's data or expressions can fail a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.compiler.catalogue import CompilerCatalogue, TaskLowering, WaitLowering
from workflow_engine.compiler.graph import StepGraph, build_graph
from workflow_engine.compiler.reuse import NOTHING_REUSED, Reused, never_undone
from workflow_engine.language.reads import body_steps, failure_steps, nested_steps, references_of
from workflow_engine.language.references import reference_text
from workflow_engine.language.syntax import Expression, LoopBody, MapBody, Source, Step, Workflow
from workflow_engine.statuses import StepEnd


def outline(
    workflow: Workflow, graph: StepGraph, catalogue: CompilerCatalogue, reused: Reused = NOTHING_REUSED
) -> dict[str, Any]:
    """JSON: `{"steps": [step], "sinks": [...] | null, "after_failure"?: [step]}`, a step being `{"id", "type", "each"?,
    "critical"?, "checked"?, "memory_mb"?, "body"?, "reads"?}`.

    `sinks` null says that the run's output is the machine's own; else it is the outputs of the completed sinks by id.
    `reads` has the references, as texts, of what may fail: `input_mapping` those of each entry that is an expression, or
    the time of a delay; `for_each` or `items` that of the list. Conditions and templates take any data. `critical` is told
    where failure steps follow a failure. A step that is not run, since an earlier run has done it, is
    `{"id", "type", "reused": how it ended}`. One whose output is `checked` has been done when a second state has held that
    to a schema. `memory_mb` is that of the function that does the step, where it is known.
    """
    workflow = never_undone(workflow, reused)
    sinks = set(graph.sinks())
    undoing = failure_steps(workflow)
    recovers = bool(undoing)
    after_failure = [_step(s, catalogue, recovers=recovers) for s in undoing]
    return {
        **({"after_failure": after_failure} if after_failure else {}),
        "steps": [_step(s, catalogue, recovers=recovers, end=reused.get(s.step_id)) for s in workflow.steps],
        "sinks": None if workflow.output is not None else [s.step_id for s in workflow.steps if s.step_id in sinks],
    }


def _step(step: Step, catalogue: CompilerCatalogue, *, recovers: bool, end: StepEnd | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": step.step_id, "type": step.step_type}
    if end is not None:
        return entry | {"reused": end}
    if recovers and step.critical:
        entry["critical"] = True
    if step.for_each is not None:
        entry["each"] = True
    lowering = _task_of(step, catalogue)
    if lowering is not None and lowering.checked_by is not None:
        entry["checked"] = True
    if lowering is not None and lowering.memory_mb is not None:
        entry["memory_mb"] = lowering.memory_mb
    if reads := _reads(step, catalogue):
        entry["reads"] = reads
    if step.body is not None:
        kind = {MapBody: "map", LoopBody: "loop"}.get(type(step.body), "switch")
        sinks = None
        if step.body.output is None:
            sinks = [sink for body in nested_steps(step) for sink in build_graph(body, by_step_order=False).sinks()]
        entry["body"] = {
            "kind": kind,
            "steps": [_step(s, catalogue, recovers=recovers) for s in body_steps(step)],
            "sinks": sinks,
        }
    return entry


def _task_of(step: Step, catalogue: CompilerCatalogue) -> TaskLowering | None:
    found = catalogue.find(step.step_type)
    lowering = None if found is None else found.lowering(step.config)
    return lowering if isinstance(lowering, TaskLowering) else None


def _reads(step: Step, catalogue: CompilerCatalogue) -> dict[str, Any]:
    reads: dict[str, Any] = {}
    found = catalogue.find(step.step_type)
    waits = found is not None and isinstance(found.lowering(step.config), WaitLowering)
    if entries := _entries_that_may_fail(step.input_mapping or {}, waits=waits):
        reads["input_mapping"] = entries
    if step.for_each is not None:
        reads["for_each"] = reference_text(step.for_each.items)
    if isinstance(step.body, MapBody):
        reads["items"] = reference_text(step.body.items)
    return reads


def _entries_that_may_fail(mapping: Mapping[str, Source], *, waits: bool) -> dict[str, list[str]]:
    """Each once, from left to right. Any entry of a step that waits may be its time."""
    return {
        name: list(dict.fromkeys(map(reference_text, references_of(source))))
        for name, source in mapping.items()
        if waits or isinstance(source, Expression)
    }
