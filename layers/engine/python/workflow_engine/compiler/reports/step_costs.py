"""What each step is planned to cost: the states that are entered for it, counted on the blocks that become the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workflow_engine.aws_quotas import transitions_usd
from workflow_engine.compiler.ir import (
    Block,
    GuardNode,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    SwitchNode,
    TaskNode,
)
from workflow_engine.state_names import owner_of

_DIGITS: Final = 10

Place = tuple[str, int]
"""A step, and how far inside of it: 1 in an element of its list or a turn of its loop, 2 in a turn of an element that loops."""


def step_costs(block: Block) -> dict[str, Any]:
    """By step id `{usd, most_usd, each?}`, steps inside of others included, each without its parts and for the once that it runs.

    `usd` is what AWS takes when the step is not skipped and each attempt succeeds; `most_usd` with all retries, and what handles
    a failure. `each` is the same once more for each element of its list or turn of its loop. What models and functions take is in
    neither, nor are the states that fork and join what runs beside each other, which belong to no step.
    """
    counts: dict[Place, list[int]] = {}
    _count_nodes((*block.nodes, *block.recovery), None, counts)
    return {step_id: _told(counts, step_id, 0) for step_id in dict.fromkeys(step_id for step_id, _ in counts)}


def _told(counts: Mapping[Place, list[int]], step_id: str, depth: int) -> dict[str, Any]:
    planned, most = counts.get((step_id, depth), (0, 0))
    told: dict[str, Any] = {
        "usd": round(transitions_usd(planned), _DIGITS),
        "most_usd": round(transitions_usd(most), _DIGITS),
    }
    if any((step_id, depth + further) in counts for further in (1, 2)):
        told["each"] = _told(counts, step_id, depth + 1)
    return told


def _count_nodes(nodes: Sequence[Node], around: Place | None, counts: dict[Place, list[int]]) -> None:
    """Count the states of nodes for the steps that they are entered for. `around` is the innermost element or turn around them."""
    for node in nodes:
        _count(node, around, counts)


def _count(node: Node, around: Place | None, counts: dict[Place, list[int]]) -> None:
    here = _place(node.name, around)
    match node:
        case TaskNode():
            checked = 0 if node.check is None else 1
            late = 0 if node.late is None else 1
            _add(counts, here, 1 + checked, 1 + checked + node.max_retries + late)
        case MapNode():
            _add(counts, here, 1, 1)
            _count_nodes(node.body.nodes, (node.step_id, _depth_in(node.step_id, around) + 1), counts)
        case ParallelNode():
            _add(counts, here, 1, 1)
            for branch in node.branches:
                _count_nodes(branch.nodes, around, counts)
        case GuardNode():
            _add(counts, here, 1, 1 if node.instead is None else 2)
            _count_nodes(node.body, around, counts)
        case LoopNode():
            looks = 2 if node.before else 1  # where it starts, and the look after the last turn
            _add(counts, here, looks, looks + 1)
            turn = (node.step_id, _depth_in(node.step_id, around) + 1)
            _add(counts, turn, 1, 1)
            _count_nodes(node.body, turn, counts)
        case SwitchNode():
            _add(counts, here, 1, 1)
            inside = (node.step_id, _depth_in(node.step_id, around))
            for nodes in (*(case.nodes for case in node.cases), node.default):
                _count_nodes(nodes, inside, counts)
        case _:
            _add(counts, here, 1, 1)


def _place(name: str, around: Place | None) -> Place | None:
    """What a state is entered for: its step, or what is around it where it belongs to none."""
    step_id = owner_of(name)
    return around if step_id is None else (step_id, _depth_in(step_id, around))


def _depth_in(step_id: str, around: Place | None) -> int:
    return around[1] if around is not None and around[0] == step_id else 0


def _add(counts: dict[Place, list[int]], place: Place | None, planned: int, most: int) -> None:
    if place is not None:
        count = counts.setdefault(place, [0, 0])
        count[0] += planned
        count[1] += most
