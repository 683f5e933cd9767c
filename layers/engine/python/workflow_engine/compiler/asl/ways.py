"""What is asked of the ways through a machine: which states are entered at all, where an author's `fail` may end a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workflow_engine.compiler.ir import (
    FailNode,
    GuardNode,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    SwitchNode,
    TaskNode,
)


def reachable(start: str, states: Mapping[str, Any]) -> dict[str, Any]:
    """The states that are entered on some way from `start`, in their order. Nothing leads on from a step that only fails, and
    AWS refuses states that nothing leads to.
    """
    found = {start}
    waiting = [start]
    while waiting:
        for name in _following(states[waiting.pop()]):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return {name: state for name, state in states.items() if name in found}


def _following(state: Mapping[str, Any]) -> Iterator[str]:
    yield from (state[field] for field in ("Next", "Default") if field in state)
    for field in ("Choices", "Catch"):
        yield from (way["Next"] for way in state.get(field, ()))


def fails_by_author(node: TaskNode | MapNode | ParallelNode) -> bool:
    """Whether a `fail` step inside of a state may fail it: its error and message are then told by nothing but a Catcher."""
    match node:
        case MapNode():
            return _has_fail(node.body.nodes)
        case ParallelNode():
            return any(_has_fail(branch.nodes) for branch in node.branches)
    return False


def _has_fail(nodes: Iterable[Node | None]) -> bool:
    for node in nodes:
        match node:
            case FailNode(by_author=True):
                return True
            case MapNode(failure=None) | ParallelNode(failure=None) if fails_by_author(node):
                return True
            case GuardNode() | LoopNode() if _has_fail((*node.body, node.instead)):
                return True
            case SwitchNode() if _has_fail((*node.default, *(n for case in node.cases for n in case.nodes))):
                return True
    return False
