"""The dependency graph of one body of steps: who waits for whom, and whose end a trigger rule looks at.

Stage 1 of the compiler. Knows steps and references, nothing of ASL. Invariant of its result: `steps` is a topological order
and every index in `predecessors[i]` is smaller than `i`.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError
from workflow_engine.language.reads import outside_reads
from workflow_engine.language.syntax import Step
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class StepGraph:
    """`predecessors[i]` must have ended before `steps[i]` starts; `rule_dependencies[i]` are those its trigger rule looks at.

    The difference are steps that are read only through `.status` or `.error`: waited for in whatever way they end.
    """

    steps: tuple[Step, ...]
    predecessors: tuple[frozenset[int], ...]
    rule_dependencies: tuple[tuple[str, ...], ...]

    def sinks(self) -> tuple[str, ...]:
        """Ids of the steps that no other step of the body waits for, in topological order."""
        waited = frozenset[int]().union(*self.predecessors)
        return tuple(s.step_id for i, s in enumerate(self.steps) if i not in waited)


def build_graph(steps: Sequence[Step], *, by_step_order: bool) -> StepGraph:
    """Graph of one body.

    With `by_step_order` ties are broken by `step_order`, else by the position in the list, so that the order of the result is
    the order in which a `sequential` workflow runs. Raises InvalidWorkflowError (WFE-E205) that names a cycle.
    """
    index = {s.step_id: i for i, s in enumerate(steps)}
    waits: list[set[int]] = []
    rules: list[tuple[str, ...]] = []
    for step in steps:
        rule = dict.fromkeys(step.dependencies)
        wait = {index[d] for d in step.dependencies}
        for reference in outside_reads(step):
            if reference.step_id not in index:
                continue
            wait.add(index[reference.step_id])
            if reference.facet == "output":
                rule.setdefault(reference.step_id)
        waits.append(wait)
        rules.append(tuple(rule))
    order = _topological(steps, waits, by_step_order=by_step_order)
    place = {old: new for new, old in enumerate(order)}
    return StepGraph(
        steps=tuple(steps[i] for i in order),
        predecessors=tuple(frozenset(place[p] for p in waits[i]) for i in order),
        rule_dependencies=tuple(rules[i] for i in order),
    )


def _topological(steps: Sequence[Step], waits: list[set[int]], *, by_step_order: bool) -> list[int]:
    def rank(i: int) -> tuple[int, int]:
        given = steps[i].step_order if by_step_order else None
        return (i if given is None else given, i)

    successors: list[list[int]] = [[] for _ in steps]
    missing = [len(w) for w in waits]
    for i, wait in enumerate(waits):
        for p in wait:
            successors[p].append(i)
    ready = [(*rank(i), i) for i, n in enumerate(missing) if n == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        i = heapq.heappop(ready)[-1]
        order.append(i)
        for successor in successors[i]:
            missing[successor] -= 1
            if missing[successor] == 0:
                heapq.heappush(ready, (*rank(successor), successor))
    if len(order) < len(steps):
        raise InvalidWorkflowError([_cycle_diagnostic(steps, waits, {i for i, n in enumerate(missing) if n})])
    return order


def _cycle_diagnostic(steps: Sequence[Step], waits: list[set[int]], stuck: set[int]) -> Diagnostic:
    """Walks backwards among the steps that never become ready until one repeats: that stretch is a cycle."""
    seen: dict[int, int] = {}
    path: list[int] = []
    at = min(stuck)
    while at not in seen:
        seen[at] = len(path)
        path.append(at)
        at = min(p for p in waits[at] if p in stuck)
    cycle = [steps[i].step_id for i in reversed(path[seen[at] :])]
    start = cycle.index(min(cycle))
    names = [*cycle[start:], *cycle[:start]]
    named = next(s for s in steps if s.step_id == names[0])
    return Diagnostic(
        "WFE-E205",
        named.pointer,
        f"The dependencies form a cycle: {' -> '.join([*names, names[0]])}. Remove one of these dependencies or references.",
    )
