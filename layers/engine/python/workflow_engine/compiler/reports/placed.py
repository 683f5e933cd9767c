"""When a run does what: the tree of steps with the seconds between which each is planned, the path that decides how long the run
takes, and what the tree makes wait that the graph would not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Final, Self

from workflow_engine.compiler import structure
from workflow_engine.compiler.lower.unit import Body
from workflow_engine.compiler.structure import Leaf, Parallel, Tree, mean
from workflow_engine.language.reads import nested_steps
from workflow_engine.lazy_dataclass import dataclass

UNKNOWN_SECONDS: Final = 1.0
"""Stands for a duration that nobody gave, in the figures of run time."""
MOST_PAIRS: Final = 100
_DIGITS: Final = 6


def seconds_of(body: Body) -> list[float]:
    """The duration of each step of a body."""
    return [UNKNOWN_SECONDS if known is None else mean(known) for known in body.durations]


def placed(body: Body, bodies: Mapping[str, Body]) -> dict[str, Any]:
    """`{structure, critical_path, serialised_pairs}` of a workflow's own steps; `bodies` has those of its containers, too.

    `structure` is a step `{step, start, end, after?, bodies?}`, or `{sequence | parallel: [...], start, end}`; null without steps.
    The bodies of a container, one for a map or a loop and one for each case of a switch that has steps, count from their own
    start.
    `after` are the steps that a step waits for, without those that another of these waits for anyway.
    `critical_path` are the ids, in order, of the steps that decide when the run ends. A pair `{before, after, seconds}` says
    that `after` waits so long for `before`, by no dependency; the longest of them, `MOST_PAIRS` at most.
    """
    if not body.graph.steps:
        return {"structure": None, "critical_path": [], "serialised_pairs": []}
    body_of = {step_id: each for each in bodies.values() for step_id in each.steps}
    walk = _Walk.of(body)
    drawn = walk.draw(body.tree, 0.0, None, body_of)
    return {"structure": drawn, "critical_path": walk.path(), "serialised_pairs": walk.pairs()}


@dataclass(slots=True)
class _Walk:
    """One body, walked from its start. `waited_for` is the step whose end begins each step, by vertex."""

    body: Body
    seconds: Sequence[float]
    after: Sequence[Sequence[int]]
    starts: dict[int, float] = field(default_factory=dict)
    waited_for: dict[int, int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Body) -> Self:
        """A walk that has not begun."""
        return cls(body, seconds_of(body), structure.partial_order(body.graph.predecessors).predecessors)

    def draw(self, tree: Tree, start: float, after: int | None, body_of: Mapping[str, Body]) -> dict[str, Any]:
        """The JSON of a tree that begins when the step `after` has ended. Trees are nested as deep as machines may be."""
        if isinstance(tree, Leaf):
            return self._step(tree.vertex, start, after, body_of)
        if isinstance(tree, Parallel):
            parts = [self.draw(branch, start, after, body_of) for branch in tree.branches]
            return {"parallel": parts, **_between(start, max(part["end"] for part in parts))}
        parts, now = [], start
        for part in tree.parts:
            parts.append(self.draw(part, now, after, body_of))
            now, after = parts[-1]["end"], self.last_of(part)
        return {"sequence": parts, **_between(start, now)}

    def _step(self, vertex: int, start: float, after: int | None, body_of: Mapping[str, Body]) -> dict[str, Any]:
        step = self.body.graph.steps[vertex]
        self.starts[vertex], self.waited_for[vertex] = start, after
        drawn: dict[str, Any] = {"step": step.step_id, **_between(start, start + self.seconds[vertex])}
        if self.after[vertex]:
            drawn["after"] = [self.body.graph.steps[earlier].step_id for earlier in sorted(self.after[vertex])]
        bodies = [body_of[steps[0].step_id] for steps in nested_steps(step) if steps and steps[0].step_id in body_of]
        if bodies:
            drawn["bodies"] = [_Walk.of(b).draw(b.tree, 0.0, None, body_of) for b in bodies]
        return drawn

    def last_of(self, tree: Tree) -> int:
        """The step that ends last in a tree that was drawn."""
        last: int = structure.fold(
            tree, lambda vertex: vertex, lambda parts: parts[-1], lambda ends: max(ends, key=self._end)
        )
        return last

    def _end(self, vertex: int) -> float:
        return self.starts[vertex] + self.seconds[vertex]

    def path(self) -> list[str]:
        """The steps that decide when the body ends."""
        ids: list[str] = []
        vertex: int | None = self.last_of(self.body.tree)
        while vertex is not None:
            ids.append(self.body.graph.steps[vertex].step_id)
            vertex = self.waited_for[vertex]
        return ids[::-1]

    def pairs(self) -> list[dict[str, Any]]:
        """What waits by no dependency."""
        steps = self.body.graph.steps
        found: list[dict[str, Any]] = []
        for vertex, before in self.waited_for.items():
            ready = max((self._end(p) for p in self.body.graph.predecessors[vertex]), default=0.0)
            lost = round(self.starts[vertex] - ready, _DIGITS)
            if before is not None and lost > 0:
                found.append({"before": steps[before].step_id, "after": steps[vertex].step_id, "seconds": lost})
        return sorted(found, key=lambda pair: float(pair["seconds"]), reverse=True)[:MOST_PAIRS]


def _between(start: float, end: float) -> dict[str, float]:
    return {"start": round(start, _DIGITS), "end": round(end, _DIGITS)}
