"""What a run will cost, before it runs: transitions, history events, run time, money, and the quotas it comes near.

Counted on the blocks that become the machine. The rules (Step Functions developer guide, "Quotas", and the pricing page): a
transition is a state entered, and each retry is one more. A run may have 25,000 history events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.compiler import quotas
from workflow_engine.compiler.ir import (
    Block,
    FailedPassNode,
    FailNode,
    GuardNode,
    LoopNode,
    MapNode,
    Node,
    OutputNode,
    ParallelNode,
    PassNode,
    SwitchNode,
    TaskNode,
    WaitNode,
)
from workflow_engine.compiler.lower import Lowered
from workflow_engine.compiler.structure import Leaf, Tree, critical_path, span
from workflow_engine.compiler.structure import Parallel as ParallelTree
from workflow_engine.language.diagnostics import Diagnostic

UNKNOWN_SECONDS: Final = 1.0
"""Stands for a duration that nobody gave, in the figures of run time."""
NEAR: Final = 0.8

TASK_EVENTS: Final = 5
"""StateEntered, TaskScheduled, TaskStarted, TaskSucceeded, StateExited."""
ATTEMPT_EVENTS: Final = 3
"""A failed attempt: TaskScheduled, TaskStarted, TaskFailed."""
SIMPLE_EVENTS: Final = 2
RUN_EVENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Count:
    """Bounds of entered states and events. A maximum is None where the size of a list is not known."""

    states: int = 0
    low: int = 0
    high: int | None = 0
    events_low: int = 0
    events: int | None = 0

    def then(self, other: Count) -> Count:
        return Count(
            self.states + other.states,
            self.low + other.low,
            _plus(self.high, other.high),
            self.events_low + other.events_low,
            _plus(self.events, other.events),
        )

    def either(self, other: Count) -> Count:
        """One of two ways."""
        return Count(
            self.states + other.states,
            min(self.low, other.low),
            _most(self.high, other.high),
            min(self.events_low, other.events_low),
            _most(self.events, other.events),
        )


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _most(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)


def _simple(events: int = SIMPLE_EVENTS) -> Count:
    return Count(1, 1, 1, events, events)


def count_block(block: Block) -> Count:
    """Bounds for one way through the block; a jump to its end may enter one more state."""
    return _count_nodes(block.nodes, last_in_block=True)


def _count_nodes(nodes: Sequence[Node], *, last_in_block: bool) -> Count:
    total = Count()
    for i, node in enumerate(nodes):
        total = total.then(_count(node, last=last_in_block and i == len(nodes) - 1))
    return total


def _count(node: Node, *, last: bool) -> Count:
    match node:
        case TaskNode():
            tries = node.max_retries
            highest = TASK_EVENTS + ATTEMPT_EVENTS * tries
            one = Count(1, 1, 1 + tries, TASK_EVENTS, highest)
            return _with_catch(one, node.failure is not None and last)
        case MapNode():
            return _with_catch(_count_map(node), node.failure is not None and last)
        case ParallelNode():
            total = Count(1, 1, 1, 4, 4)
            for branch in node.branches:
                total = total.then(count_block(branch))
            return _with_catch(total, node.failure is not None and last)
        case GuardNode():
            body = _count_nodes(node.body, last_in_block=last)
            skip = _count(node.instead, last=last) if node.instead else (_simple() if last else Count())
            return _simple().then(body.either(skip))
        case LoopNode():
            return _count_loop(node, last=last)
        case SwitchNode():
            ways = [_count_nodes(n, last_in_block=last) for n in (*(c.nodes for c in node.cases), node.default)]
            if last:
                ways = [way if way.states else _simple() for way in ways]
            taken = ways[0]
            for way in ways[1:]:
                taken = taken.either(way)
            return _simple().then(taken)
        case FailNode():
            return _simple(1)
        case FailedPassNode() | PassNode() | WaitNode() | OutputNode():
            return _simple()


def _with_catch(count: Count, jumps_to_end: bool) -> Count:
    return count.either(count.then(_simple())) if jumps_to_end else count


def _count_map(node: MapNode) -> Count:
    body = count_block(node.body)
    most = node.known_size if node.known_size is not None else node.max_items
    least = node.known_size or 0
    return Count(
        1 + body.states,
        1 + least * body.low,
        None if most is None or body.high is None else 1 + most * body.high,
        4 + least * (2 + body.events_low),
        None if most is None or body.events is None else 4 + most * (2 + body.events),
    )


def _count_loop(node: LoopNode, *, last: bool) -> Count:
    """A start, then a Choice and the body per turn; `while` looks once more than it turns."""
    body = _count_nodes(node.body, last_in_block=False)
    turns_low, most = (0, node.max_iterations) if node.before else (1, node.max_iterations)
    looks_low, looks = (turns_low + 1, most + 1) if node.before else (turns_low, most)
    end = _simple() if last else Count()
    return Count(
        2 + body.states,
        1 + looks_low + turns_low * body.low,
        None if body.high is None else 1 + looks + most * body.high + 1 + (end.high or 0),
        SIMPLE_EVENTS * (1 + looks_low) + turns_low * body.events_low,
        None if body.events is None else SIMPLE_EVENTS * (3 + looks) + most * body.events,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """Figures of design section 4.4. Seconds are under `estimated_seconds`, one second where nothing is known."""

    count: Count
    definition_bytes: int
    critical_path_seconds: float
    ideal_seconds: float
    parallel_width: int

    def as_dict(self, findings: Iterable[Diagnostic]) -> dict[str, Any]:
        high = self.count.high
        return {
            "states": self.count.states,
            "transitions_min": self.count.low,
            "transitions_max": high,
            "history_events_min": self.count.events_low + RUN_EVENTS,
            "history_events_max": _plus(self.count.events, RUN_EVENTS),
            "definition_bytes": self.definition_bytes,
            "critical_path_seconds": round(self.critical_path_seconds, 6),
            "ideal_seconds": round(self.ideal_seconds, 6),
            "parallel_width": self.parallel_width,
            "cost_usd_per_1000_runs": {
                "transitions": None if high is None else round(high * quotas.USD_PER_MILLION_TRANSITIONS / 1000, 6)
            },
            "warnings": [d.as_dict() for d in findings if d.severity == "warning"],
        }


def make_plan(block: Block, lowered: Lowered, definition: str) -> Plan:
    """The plan of a compiled workflow."""
    seconds = [UNKNOWN_SECONDS if d is None else d for d in lowered.durations]
    return Plan(
        count=count_block(block),
        definition_bytes=len(definition.encode("utf-8")),
        critical_path_seconds=span(lowered.tree, seconds),
        ideal_seconds=critical_path(lowered.graph.predecessors, seconds),
        parallel_width=_width(lowered.tree),
    )


def _width(tree: Tree) -> int:
    """How many steps may run at once. Trees may be deep, so no recursion: children are finished before their parents."""
    stack: list[tuple[Tree, bool]] = [(tree, False)]
    widths: list[int] = []
    while stack:
        node, done = stack.pop()
        if isinstance(node, Leaf):
            widths.append(1)
            continue
        children = node.branches if isinstance(node, ParallelTree) else node.parts
        if not done:
            stack.append((node, True))
            stack.extend((child, False) for child in children)
            continue
        mine = [widths.pop() for _ in children]
        widths.append(sum(mine) if isinstance(node, ParallelTree) else max(mine))
    return widths.pop()


def plan_diagnostics(plan: Plan) -> list[Diagnostic]:
    """Errors for quotas that the run would break, warnings from 80 % of them on."""
    events = plan.count.events
    limits = [
        ("WFE-E500", "definition bytes", plan.definition_bytes, quotas.DEFINITION_BYTES),
        ("WFE-E501", "history events", None if events is None else events + RUN_EVENTS, quotas.HISTORY_EVENTS),
    ]
    found = []
    for code, what, value, limit in limits:
        if value is None or value < NEAR * limit:
            continue
        over = value > limit
        advice = "Split it with a subflow, or give a smaller max_items." if over else "It may stop fitting as it grows."
        found.append(
            Diagnostic(code if over else "WFE-W510", "", f"{value:,} {what}; Step Functions allows {limit:,}. {advice}")
        )
    return found
