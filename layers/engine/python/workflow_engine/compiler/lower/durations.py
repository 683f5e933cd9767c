"""How long a step is expected to take: decides which parts of a graph wait for each other where some must."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workflow_engine.compiler.catalogue import FailLowering, PureLowering, TaskLowering, WaitLowering
from workflow_engine.compiler.graph import build_graph
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.structure import Duration, critical_path, mean
from workflow_engine.language.reads import nested_steps
from workflow_engine.language.syntax import Step

PURE_SECONDS: Final = 0.0


def duration(unit: Unit, step: Step) -> Duration | None:
    """Seconds that the step takes, as a number or as values that are equally likely; None where nothing tells.

    The author's estimate wins over what was measured, that over what follows from the step itself: a delay takes its seconds, a
    step of a registered type what its registration says, a container as long as the critical path of its longest body (one
    element, one turn). A pure step takes no time, whatever was measured.
    """
    if step.estimated_seconds is not None:
        return step.estimated_seconds
    expected = _expected(unit, step)
    is_pure = expected == PURE_SECONDS and step.body is None
    return expected if is_pure else unit.hints.durations.get(step.step_id, expected)


def _expected(unit: Unit, step: Step) -> float | None:
    """What follows from the step itself."""
    if step.body is not None:
        bodies = [_body_seconds(unit, body) for body in nested_steps(step)]
        known = [seconds for seconds in bodies if seconds is not None]
        return max(known) if len(known) == len(bodies) else None
    match unit.lowering(step):
        case PureLowering() if step.for_each is None:
            return PURE_SECONDS
        case FailLowering():
            return PURE_SECONDS
        case WaitLowering(expected_seconds=seconds) | TaskLowering(expected_seconds=seconds):
            return seconds
        case _:
            return None


def _body_seconds(unit: Unit, steps: Sequence[Step]) -> float | None:
    durations = [duration(unit, s) for s in steps]
    by_id = {s.step_id: mean(d) for s, d in zip(steps, durations, strict=True) if d is not None}
    if len(by_id) < len(steps):
        return None
    if unit.sequential:
        return sum(by_id.values())
    graph = build_graph(steps, by_step_order=False)
    return critical_path(graph.predecessors, [by_id[s.step_id] for s in graph.steps])
