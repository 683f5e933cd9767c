"""What a run will cost, before it runs: transitions, history events, run time, money, and the quotas it comes near.

Counted on the blocks that become the machine. The rules (Step Functions developer guide, "Quotas", and the pricing page): a
transition is a state entered, and each retry is one more. A run may have 25,000 history events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from workflow_engine import aws_quotas
from workflow_engine.compiler.ir import (
    ANSWERED_INVOKE,
    Block,
    FailedPassNode,
    FailNode,
    GuardNode,
    JoinNode,
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
from workflow_engine.compiler.lower.unit import Body
from workflow_engine.compiler.reports.placed import placed, seconds_of
from workflow_engine.compiler.reports.step_costs import step_costs
from workflow_engine.compiler.structure import critical_path, fold, span
from workflow_engine.language.diagnostics import Diagnostic
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.subflows import START_EXECUTION

NEAR: Final = 0.8

TASK_EVENTS: Final = 5
ANSWERED_TASK_EVENTS: Final = TASK_EVENTS + 1
"""One that waits for an answer, or for the end of a child, tells besides that it was submitted."""
"""StateEntered, TaskScheduled, TaskStarted, TaskSucceeded, StateExited."""
ATTEMPT_EVENTS: Final = 3
"""A failed attempt: TaskScheduled, TaskStarted, TaskFailed. That of a task that waits for an answer was submitted, too."""
SIMPLE_EVENTS: Final = 2
RUN_EVENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Count:
    """Bounds of entered states and events of a run that completes; the upper ones hold for any run. They are None where
    the size of a list is not known."""

    low: int = 0
    high: int | None = 0
    events_low: int = 0
    events: int | None = 0

    def then(self, other: Count) -> Count:
        return Count(
            self.low + other.low,
            _plus(self.high, other.high),
            self.events_low + other.events_low,
            _plus(self.events, other.events),
        )

    def either(self, other: Count) -> Count:
        """One of two ways."""
        return Count(
            min(self.low, other.low),
            _most(self.high, other.high),
            min(self.events_low, other.events_low),
            _most(self.events, other.events),
        )

    def times(self, least: int, most: int | None) -> Count:
        """From `least` to `most` of this."""
        return Count(least * self.low, _times(most, self.high), least * self.events_low, _times(most, self.events))


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _times(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a * b


def _most(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)


NOTHING: Final = Count()
SIMPLE: Final = Count(1, 1, SIMPLE_EVENTS, SIMPLE_EVENTS)
FAIL: Final = Count(1, 1, 1, 1)
CAUGHT_EARLY: Final = Count(1, 1, 3, 3)
"""A state that is entered, whose evaluation fails, and that is left by its Catcher."""
ITERATION: Final = Count(0, 0, 2, 2)
"""MapIterationStarted and its end."""


def count_block(block: Block) -> Count:
    """Bounds for one way through the block; a jump to its end may enter one more state, and so may failure steps follow."""
    count = _count_nodes(block.nodes, last_in_block=True)
    if block.failures is not None:
        return count.then(NOTHING.either(SIMPLE))
    if block.recovery:
        return count.then(NOTHING.either(_count_nodes(block.recovery, last_in_block=False)))
    return count


def count_element(node: MapNode) -> Count:
    """Bounds for one element of the list."""
    return ITERATION.then(count_block(node.body))


def _count_nodes(nodes: Sequence[Node], *, last_in_block: bool) -> Count:
    total = NOTHING
    for i, node in enumerate(nodes):
        total = total.then(_count(node, last=last_in_block and i == len(nodes) - 1))
    return total


def _count(node: Node, *, last: bool) -> Count:
    match node:
        case TaskNode():
            answered = node.resource in (ANSWERED_INVOKE, START_EXECUTION)
            events = ANSWERED_TASK_EVENTS if answered else TASK_EVENTS
            again = ATTEMPT_EVENTS + events - TASK_EVENTS
            one = Count(1, 1 + node.max_retries, events, events + again * node.max_retries)
            if node.check is not None:
                one = one.then(Count(1, 1, TASK_EVENTS, TASK_EVENTS))
            if node.late is not None:
                one = one.either(one.then(_count(node.late, last=last)))
            return _with_catch(node, one, last=last)
        case MapNode():
            body = count_element(node).times(node.elements.least, node.elements.most)
            return _with_catch(node, _entered_around(body), last=last)
        case ParallelNode():
            body = NOTHING
            for branch in node.branches:
                body = body.then(count_block(branch))
            return _with_catch(node, _entered_around(body), last=last)
        case GuardNode():
            body = _count_nodes(node.body, last_in_block=last)
            skip = _count(node.instead, last=last) if node.instead else (SIMPLE if last else NOTHING)
            return SIMPLE.then(body.either(skip))
        case LoopNode():
            return _count_loop(node, last=last)
        case SwitchNode():
            ways = [_count_nodes(n, last_in_block=last) for n in (*(c.nodes for c in node.cases), node.default)]
            taken = [SIMPLE if last and way == NOTHING else way for way in ways]
            return SIMPLE.then(reduce(Count.either, taken))
        case FailNode():
            return FAIL
        case JoinNode():
            return NOTHING.either(SIMPLE.then(SIMPLE)) if last else SIMPLE
        case FailedPassNode() | PassNode() | WaitNode() | OutputNode():
            return SIMPLE


def _entered_around(inner: Count) -> Count:
    """A Map or Parallel: entered, started, ended, left."""
    return Count(1, 1, 4, 4).then(inner)


def _with_catch(node: TaskNode | MapNode | ParallelNode, count: Count, *, last: bool) -> Count:
    """A Catcher may end the node early; where the block ends there, it has to jump to one more state."""
    if node.failure is None or node.failure.ends is not None:
        return count
    early = count.either(CAUGHT_EARLY)
    return early.either(early.then(SIMPLE)) if last else early


def _count_loop(node: LoopNode, *, last: bool) -> Count:
    """A start, then a Choice and the body per turn; `while` looks once more than it turns."""
    body = _count_nodes(node.body, last_in_block=False)
    least = 0 if node.before else 1
    turns = SIMPLE.then(body).times(least, node.max_iterations)
    last_look = SIMPLE if node.before else NOTHING
    end = SIMPLE if last else NOTHING.either(SIMPLE)
    return SIMPLE.then(turns).then(last_look).then(end)


@dataclass(frozen=True, slots=True)
class Plan:
    """Figures of design section 4.4. Seconds are under `estimated_seconds`, one second where nothing is known."""

    states: int
    count: Count
    definition_bytes: int
    critical_path_seconds: float
    ideal_seconds: float
    parallel_width: int
    placed: Mapping[str, Any]
    step_costs: Mapping[str, Any]

    def as_dict(self, findings: Iterable[Diagnostic]) -> dict[str, Any]:
        high = self.count.high
        return {
            "states": self.states,
            "transitions_min": self.count.low,
            "transitions_max": high,
            "history_events_min": self.count.events_low + RUN_EVENTS,
            "history_events_max": _plus(self.count.events, RUN_EVENTS),
            "definition_bytes": self.definition_bytes,
            "critical_path_seconds": round(self.critical_path_seconds, 6),
            "ideal_seconds": round(self.ideal_seconds, 6),
            "parallel_width": self.parallel_width,
            **self.placed,
            "cost_usd_per_1000_runs": {
                "transitions": None if high is None else round(1000 * aws_quotas.transitions_usd(high), 6)
            },
            "step_costs_usd": self.step_costs,
            "warnings": [d.as_dict() for d in findings if d.severity == "warning"],
        }


def make_plan(block: Block, lowered: Lowered, machine: Mapping[str, Any], definition: str) -> Plan:
    """The plan of a compiled workflow: `machine` is its ASL, `definition` the text of that."""
    body = Body(lowered.graph, lowered.tree, lowered.durations)
    seconds = seconds_of(body)
    return Plan(
        states=_states_in(machine),
        count=count_block(block),
        definition_bytes=len(definition.encode("utf-8")),
        critical_path_seconds=span(lowered.tree, seconds),
        ideal_seconds=critical_path(lowered.graph.predecessors, seconds),
        parallel_width=fold(lowered.tree, lambda _: 1, max, sum),
        placed=placed(body, lowered.bodies),
        step_costs=step_costs(block),
    )


def _states_in(machine: Mapping[str, Any]) -> int:
    """How many states a machine defines, at every depth."""
    total = 0
    stack = [machine]
    while stack:
        states = stack.pop()["States"]
        total += len(states)
        for state in states.values():
            stack.extend(state.get("Branches", ()))
            stack.extend([state["ItemProcessor"]] if "ItemProcessor" in state else ())
    return total


def plan_diagnostics(plan: Plan) -> list[Diagnostic]:
    """Errors for quotas that the run would break, warnings from 80 % of them on."""
    events = plan.count.events
    limits = [
        ("WFE-E500", "definition bytes", plan.definition_bytes, aws_quotas.DEFINITION_BYTES),
        ("WFE-E501", "history events", None if events is None else events + RUN_EVENTS, aws_quotas.HISTORY_EVENTS),
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
