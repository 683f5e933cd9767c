"""Which outputs a state of a machine holds together, and so may have 256 KiB together ("Quotas related to state executions")."""

from __future__ import annotations

from workflow_engine.compiler.ir import Block, ParallelNode, all_nodes


def carried_together(block: Block) -> frozenset[frozenset[str]]:
    """For each Parallel of the machine's block the ids of the steps whose outputs leave it. What only the run's own output reads
    is not among them: that is guarded by its size.
    """
    return frozenset(
        frozenset(r.step_id for branch in node.branches for r in branch.returns if r.keeps_output and not r.share)
        for node in all_nodes((*block.nodes, *block.recovery))
        if isinstance(node, ParallelNode)
    )
