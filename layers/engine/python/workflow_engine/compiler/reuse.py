"""Steps that are not run, because an earlier run of the same workflow has done them: how they ended is known when the machine is
made, what they gave travels in the execution input, under `reused`.

So machines are shared by all reruns that leave out the same steps, ended alike, whatever those gave.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from workflow_engine.compiler.catalogue import CompilerCatalogue, TaskLowering
from workflow_engine.compiler.graph import StepGraph, build_graph
from workflow_engine.compiler.jsonata.fragments import Text
from workflow_engine.compiler.jsonata.states import from_input
from workflow_engine.compiler.retries import is_tried_again, policy_of
from workflow_engine.language.reads import all_steps
from workflow_engine.language.syntax import Step, Workflow
from workflow_engine.statuses import StepEnd

Reused = Mapping[str, StepEnd]
"""How each step ended that is not run, by id; none of them waits for one that is."""

NOTHING_REUSED: Final[Reused] = MappingProxyType({})

REUSED: Final = "reused"
"""Key of the execution input: `{step_id: {"output": ...} | {"error": {type, message}}}`."""

Facet = Literal["output", "error"]
FACETS: Final[tuple[Facet, ...]] = ("output", "error")
FACET_OF: Final[Mapping[StepEnd, Facet]] = {"completed": "output", "failed": "error"}
"""What there is to read of a step that ended so; of one that was skipped there is nothing."""


def from_reused(step_id: str, facet: Facet) -> Text:
    """What such a step gave."""
    return from_input(REUSED, step_id, facet)


def read_in(definition: str, reused: Reused) -> list[list[str]]:
    """`[step_id, facet]` of all that a machine reads of them."""
    known = ((step_id, FACET_OF[end]) for step_id, end in reused.items() if end in FACET_OF)
    return [[step_id, facet] for step_id, facet in known if _in_json(from_reused(step_id, facet).code) in definition]


def without(graph: StepGraph, reused: Reused) -> StepGraph:
    """The graph of the others. What their rules look at stays as it is."""
    left = [i for i, step in enumerate(graph.steps) if step.step_id not in reused]
    place = {old: new for new, old in enumerate(left)}
    kept = set(left)
    return StepGraph(
        steps=tuple(graph.steps[i] for i in left),
        predecessors=tuple(frozenset(place[p] for p in graph.predecessors[i] & kept) for i in left),
        rule_dependencies=tuple(graph.rule_dependencies[i] for i in left),
    )


def descendants(graph: StepGraph, step_ids: Iterable[str]) -> frozenset[str]:
    """These steps, and all that wait for one of them, at whatever distance."""
    found = set(step_ids)
    for step, before in zip(graph.steps, graph.predecessors, strict=True):  # each stands behind those that it waits for
        if any(graph.steps[p].step_id in found for p in before):
            found.add(step.step_id)
    return frozenset(found)


def reusable(
    workflow: Workflow, catalogue: CompilerCatalogue, results: Mapping[str, Mapping[str, Any]], from_step: str
) -> dict[str, StepEnd]:
    """The steps of a workflow that need not run again from one of them on, and how they ended, given the results of a run
    that has ended: `{status, retry_count, error_type}` by step id, also those of steps that undo others.

    All but that step and its descendants; what did not complete, was not skipped and did not fail tolerably; what was undone
    since; and the descendants of these.
    """
    graph = build_graph(workflow.steps, by_step_order=workflow.pattern == "sequential")
    statuses = {step_id: str(result["status"]) for step_id, result in results.items()}
    ends: dict[str, StepEnd] = {}
    for step in graph.steps:
        status = statuses.get(step.step_id, "pending")
        if status in ("completed", "skipped"):
            ends[step.step_id] = cast("StepEnd", status)
        elif status == "pending" and step.body is None and _is_passed(graph, step, statuses):
            ends[step.step_id] = "skipped"
        elif (
            status == "failed"
            and not step.critical
            and (_is_final(step, catalogue, results[step.step_id]) or _is_passed(graph, step, statuses))
        ):
            ends[step.step_id] = "failed"
    again = [s.step_id for s in graph.steps if s.step_id == from_step or s.step_id not in ends or _undone(s, statuses)]
    for step_id in descendants(graph, again):
        ends.pop(step_id, None)
    return ends


def _is_passed(graph: StepGraph, step: Step, statuses: Mapping[str, str]) -> bool:
    """Whether a run came past a step that it shows no trace of. In one that did not complete, a step that was skipped looks as
    one that it has not come to; only a loop or switch may also have completed without a trace.
    """
    after = descendants(graph, [step.step_id]) - {step.step_id}
    return any(statuses.get(step_id, "pending") != "pending" for step_id in after)


def _is_final(step: Step, catalogue: CompilerCatalogue, result: Mapping[str, Any]) -> bool:
    """Whether a step that failed would not have been tried again, had its run not ended meanwhile."""
    found = catalogue.find(step.step_type)
    lowering = found.lowering(step.config) if found is not None else None
    if step.for_each is not None or not isinstance(lowering, TaskLowering):
        return True  # its elements are tried again, each before the step has failed
    return not is_tried_again(
        lowering, policy_of(step, lowering), str(result["error_type"]), int(result["retry_count"])
    )


def _undone(step: Step, statuses: Mapping[str, str]) -> bool:
    """Whether what undoes a step, or one inside of it, has begun."""
    undoing = (one.step_id for inner in all_steps((step,)) for one in inner.compensate)
    return any(statuses.get(step_id, "pending") not in ("pending", "skipped") for step_id in undoing)


def never_undone(workflow: Workflow, reused: Reused) -> Workflow:
    """The workflow whose reused steps are not undone when the run fails: the run has not done them."""
    return replace(workflow, steps=tuple(_done(s) if s.step_id in reused else s for s in workflow.steps))


def _done(step: Step) -> Step:
    return replace(step, compensate=(), body=None)


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
