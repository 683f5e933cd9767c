"""Which outputs a state of a machine holds together, and so may have 256 KiB together ("Quotas related to state executions")."""

from __future__ import annotations

from collections.abc import Iterator

from workflow_engine.compiler.ir import Block, GuardNode, LoopNode, MapNode, Node, ParallelNode, SwitchNode


def carried_together(block: Block) -> frozenset[frozenset[str]]:
    """For each Parallel of the machine's block the ids of the steps whose outputs leave it. What only the run's own output reads
    is not among them: that is guarded by its size.
    """
    return frozenset(
        frozenset(r.step_id for branch in node.branches for r in branch.returns if r.keeps_output and not r.share)
        for node in _parallels((*block.nodes, *block.recovery))
    )


def _parallels(nodes: tuple[Node, ...]) -> Iterator[ParallelNode]:
    """All Parallels, at every depth."""
    for node in nodes:
        match node:
            case ParallelNode():
                yield node
                for branch in node.branches:
                    yield from _parallels(branch.nodes)
            case MapNode():
                yield from _parallels(node.body.nodes)
            case GuardNode() | LoopNode():
                yield from _parallels(node.body)
            case SwitchNode():
                for case in node.cases:
                    yield from _parallels(case.nodes)
                yield from _parallels(node.default)
