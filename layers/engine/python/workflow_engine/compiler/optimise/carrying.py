"""Which sinks of a run come out of its Parallels.

The result of a Parallel is what all of its branches give together, and Step Functions carries 262,144 bytes of it. Sinks have
shares that fit into that, whatever they give; but a branch may give something else of any size, and no branch knows what the
others give. The outputs of sinks must never fail a run that would complete without them. So beside an output that a later step
reads they stay where they are, and the run's output has the marker for them. The record of a Pass with which a branch ends, which
the reader of results needs, is put apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from workflow_engine.compiler.ir import (
    Block,
    FailedPassNode,
    GuardNode,
    LoopNode,
    Node,
    ParallelNode,
    PassNode,
    Return,
    SwitchNode,
    TaskNode,
    WaitNode,
    ends_in_pass,
)
from workflow_engine.compiler.jsonata.fragments import Fragment

LIGHT_BYTES: Final = 256
"""What a branch may give beside sinks without being counted."""

Nodes = tuple[Node, ...]


def carry_sinks(block: Block) -> Block:
    """The machine without carrying those sinks out of a Parallel beside which something may be of any size."""
    result = block.result
    if result is None or not result.sinks:
        return block
    carrying = _Carrying(result.only)
    nodes = carrying.nodes(block.nodes)
    sinks = tuple(
        replace(sink, is_sure=True, carried=False) if sink.step_id in carrying.left else sink for sink in result.sinks
    )
    return replace(block, nodes=nodes, result=replace(result, sinks=sinks))


class _Carrying:
    """One pass over a machine. `only` are the sinks that nothing but the run's output reads, `left` those left behind."""

    def __init__(self, only: frozenset[str]) -> None:
        self.only = only
        self.left: set[str] = set()

    def nodes(self, nodes: Nodes) -> Nodes:
        return tuple([self._node(node) for node in nodes])

    def _node(self, node: Node) -> Node:
        match node:
            case ParallelNode():
                return self._parallel(node)
            case GuardNode():
                return replace(node, body=self.nodes(node.body))
            case _:  # no sink of the workflow is inside of a container
                return node

    def _parallel(self, node: ParallelNode) -> ParallelNode:
        branches = [replace(b, nodes=self.nodes(b.nodes)) for b in node.branches]
        read = any(r.keeps_output and r.step_id not in self.only for b in branches for r in b.returns)
        branches = [replace(b, returns=tuple([self._returned(r, read=read) for r in b.returns])) for b in branches]
        if any(self._is_beside(r, b) for b in branches for r in b.returns):
            branches = [replace(b, apart=_may_end_heavily(b.nodes)) for b in branches]
        return replace(node, branches=tuple(branches))

    def _returned(self, back: Return, *, read: bool) -> Return:
        if not self._is_sink(back) or not (read or back.step_id in self.left):
            return back
        self.left.add(back.step_id)
        return replace(back, keeps_output=False)

    def _is_sink(self, back: Return) -> bool:
        return back.keeps_output and back.step_id in self.only

    def _is_beside(self, back: Return, branch: Block) -> bool:
        """Whether a sink comes out of a branch beside the record of its last state, which would have it anyway."""
        return self._is_sink(back) and True not in ends_in_pass(branch.nodes, back.step_id)


def _may_end_heavily(nodes: Nodes) -> bool:
    """Whether the state that a branch ends with may give something large for the reader of results."""
    return any(_is_heavy(node) for node in _ends(nodes))


def _ends(nodes: Nodes) -> Iterator[Node]:
    """The nodes that may be the last of their block, behind guards and switches."""
    match nodes[-1] if nodes else None:
        case None:
            return
        case GuardNode(body=body, instead=instead):
            yield from _ends(body)
            if instead is not None:
                yield instead
        case SwitchNode(cases=cases, default=default):
            for way in (default, *(case.nodes for case in cases)):
                yield from _ends(way)
        case LoopNode(instead=instead):
            yield instead
        case TaskNode(late=late) as node:
            yield node
            if late is not None:
                yield late
        case node:
            yield node


def _is_heavy(node: Node) -> bool:
    match node:
        case PassNode(values=values):
            return any(v.size_bound is None for v in values) or sum(v.size_bound or 0 for v in values) > LIGHT_BYTES
        case FailedPassNode(cause=cause):
            return isinstance(cause, Fragment) or len(cause) > LIGHT_BYTES
        case WaitNode():
            return True  # what it received
        case _:
            return False
