"""The dependency graph of one body of steps: who waits for whom, and whose end a trigger rule looks at.

Stage 1 of the compiler. Knows steps and references, nothing of ASL. Invariant of its result: `steps` is a topological order
and every index in `predecessors[i]` is smaller than `i`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError
from workflow_engine.language.reads import all_steps, nested_steps, outside_reads
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


@dataclass(frozen=True, slots=True)
class FailureGraph:
    """The failure steps of a workflow as one graph. `undoes` has for each that undoes another step that step's id."""

    graph: StepGraph
    undoes: Mapping[str, str]


def failure_graph(main: StepGraph, on_failure: Sequence[Step], *, by_step_order: bool) -> FailureGraph:
    """What runs when the run fails: compensations, those of a step before those of the steps that it waited for, then
    `on_failure`. Between compensations there is an order, but no trigger rule: the failure of one stops no other.

    With `by_step_order` the steps stand in the order in which they run one after the other: that of `main` backwards.
    """
    undoing = _Undoing(by_step_order)
    undoing.group(on_failure, undoing.body(main, frozenset()))
    return FailureGraph(
        StepGraph(tuple(undoing.steps), tuple(undoing.predecessors), tuple(undoing.rules)), undoing.undoes
    )


@dataclass(slots=True)
class _Undoing:
    """A failure graph while it is made. What a method takes and gives are the steps that come before, and those that end it."""

    by_step_order: bool
    steps: list[Step] = field(default_factory=list)
    predecessors: list[frozenset[int]] = field(default_factory=list)
    rules: list[tuple[str, ...]] = field(default_factory=list)
    undoes: dict[str, str] = field(default_factory=dict)

    def body(self, graph: StepGraph, waits: frozenset[int]) -> frozenset[int]:
        """What undoes the steps of a body; of a container what undoes it as a whole, then what undoes the steps inside."""
        undone = [
            i for i in reversed(range(len(graph.steps))) if any(s.compensate for s in all_steps((graph.steps[i],)))
        ]
        before = _nearest_after(graph, undone)
        last: dict[int, frozenset[int]] = {}
        for vertex in undone:
            step = graph.steps[vertex]
            ends = self.group(step.compensate, _union(last[v] for v in before[vertex]) or waits)
            self.undoes.update((one.step_id, step.step_id) for one in step.compensate)
            inside = [self.body(build_graph(s, by_step_order=self.by_step_order), ends) for s in nested_steps(step)]
            last[vertex] = _union(inside) or ends
        waited = _union(before.values())
        return _union(ends for vertex, ends in last.items() if vertex not in waited) or waits

    def group(self, group: Sequence[Step], waits: frozenset[int]) -> frozenset[int]:
        """Steps that wait for each other as they say."""
        if not group:
            return waits
        graph = build_graph(group, by_step_order=self.by_step_order)
        first = len(self.steps)
        self.steps.extend(graph.steps)
        self.predecessors.extend(frozenset(first + p for p in mine) or waits for mine in graph.predecessors)
        self.rules.extend(graph.rule_dependencies)
        waited = _union(graph.predecessors)
        return frozenset(first + i for i in range(len(graph.steps)) if i not in waited)


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset[int]().union(*sets)


def _nearest_after(graph: StepGraph, vertices: Sequence[int]) -> dict[int, frozenset[int]]:
    """For each of these vertices those of them that wait for it, at whatever distance, with none of the others in between."""
    ancestors: list[int] = []
    for before in graph.predecessors:
        mine = 0
        for p in before:
            mine |= ancestors[p] | 1 << p
        ancestors.append(mine)
    nearest: dict[int, frozenset[int]] = {}
    for vertex in vertices:
        later = [v for v in vertices if ancestors[v] >> vertex & 1]
        mask = sum(1 << v for v in later)
        nearest[vertex] = frozenset(v for v in later if not ancestors[v] & mask)
    return nearest


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
