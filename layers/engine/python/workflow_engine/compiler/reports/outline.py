"""What the reader of results must know of a workflow: which steps there are, how they are nested, whose outputs are the run's."""

from __future__ import annotations

from typing import Any

from workflow_engine.compiler.graph import StepGraph, build_graph
from workflow_engine.language.reads import body_steps, nested_steps
from workflow_engine.language.syntax import LoopBody, MapBody, Step, Workflow


def outline(workflow: Workflow, graph: StepGraph) -> dict[str, Any]:
    """JSON: `{"steps": [{"id", "type", "each"?, "body"?}], "sinks": [...] | null}`.

    `sinks` null says that the run's output is the machine's own; else it is the outputs of the completed sinks by id.
    """
    sinks = set(graph.sinks())
    return {
        "steps": [_step(s) for s in workflow.steps],
        "sinks": None if workflow.output is not None else [s.step_id for s in workflow.steps if s.step_id in sinks],
    }


def _step(step: Step) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": step.step_id, "type": step.step_type}
    if step.for_each is not None:
        entry["each"] = True
    if step.body is not None:
        kind = {MapBody: "map", LoopBody: "loop"}.get(type(step.body), "switch")
        sinks = None
        if step.body.output is None:
            sinks = [sink for body in nested_steps(step) for sink in build_graph(body, by_step_order=False).sinks()]
        entry["body"] = {"kind": kind, "steps": [_step(s) for s in body_steps(step)], "sinks": sinks}
    return entry
