"""Rewrites of the intermediate representation that save entered states. Each pass is a pure function, block to block.

Stage 4. What costs nothing at lowering is done there (one guard for a run of steps, records that nobody reads are not kept);
here is what looks at neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from operator import is_
from typing import Final

from workflow_engine.aws_quotas import ASSIGN_BYTES, KIB
from workflow_engine.compiler.ir import (
    Block,
    GuardNode,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    PassNode,
    SwitchNode,
    Value,
)
from workflow_engine.compiler.optimise.carrying import carry_sinks
from workflow_engine.compiler.optimise.liveness import drop_dead_records

FUSED_KNOWN_BYTES: Final = ASSIGN_BYTES - 56 * KIB
"""Values of known size that one fused state may hold in all: Assign and output each stop at 256 KiB."""
FUSED_BESIDE_UNKNOWN_BYTES: Final = 16 * KIB
"""What may stand beside one value of unknown or greater size, which may itself come near the limit."""

Nodes = tuple[Node, ...]


def fuse_pure_states(block: Block) -> Block:
    """Merge each run of adjacent `Pass` states into as few as the 256 KiB of one state's output allow.

    Every entered state is billed, so a chain of n pure steps should cost one transition, not n.
    """
    nodes, recovery = _fused(block.nodes), _fused(block.recovery)
    unchanged = nodes is block.nodes and recovery is block.recovery
    return block if unchanged else replace(block, nodes=nodes, recovery=recovery)


def _fused(nodes: Nodes) -> Nodes:
    """The nodes with those fused that may be: the same tuple where there are none."""
    fused: list[Node] = []
    for node in map(_fused_inside, nodes):
        last = fused[-1] if fused else None
        if isinstance(node, PassNode) and isinstance(last, PassNode) and _may_follow(last, node):
            fused[-1] = PassNode(last.name, (*last.values, *node.values))
        else:
            fused.append(node)
    return nodes if len(fused) == len(nodes) and all(map(is_, fused, nodes)) else tuple(fused)


def _fused_inside(node: Node) -> Node:
    match node:
        case GuardNode() | LoopNode():
            return replace(node, body=_fused(node.body))
        case ParallelNode():
            branches = tuple([fuse_pure_states(b) for b in node.branches])
            return node if all(map(is_, branches, node.branches)) else replace(node, branches=branches)
        case MapNode():
            return replace(node, body=fuse_pure_states(node.body))
        case SwitchNode():
            cases = tuple(replace(case, nodes=_fused(case.nodes)) for case in node.cases)
            return replace(node, cases=cases, default=_fused(node.default))
        case _:
            return node


def _may_follow(first: PassNode, second: PassNode) -> bool:
    """Whether the values of both can be computed in one state, which has the name of the first."""
    return not any(v.may_raise for v in second.values) and _fits((*first.values, *second.values))


def _fits(values: Iterable[Value]) -> bool:
    known = 0
    unknown = 0
    for value in values:
        if value.size_bound is None or value.size_bound > FUSED_KNOWN_BYTES:
            unknown += 1
        else:
            known += value.size_bound
    if unknown == 0:
        return known <= FUSED_KNOWN_BYTES
    return unknown == 1 and known <= FUSED_BESIDE_UNKNOWN_BYTES


PASSES: Final[tuple[Callable[[Block], Block], ...]] = (fuse_pure_states, carry_sinks, drop_dead_records)


def optimise(block: Block) -> Block:
    """All passes, one after the other, over the block and the blocks inside it."""
    return reduce(lambda rewritten, rewrite: rewrite(rewritten), PASSES, block)
