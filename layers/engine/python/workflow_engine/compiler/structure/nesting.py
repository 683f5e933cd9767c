"""A bound on how deep a tree nests. A definition is nested JSON, and everything that reads one stops at some depth."""

from __future__ import annotations

from collections import abc

from workflow_engine.compiler.structure.tree import (
    Leaf,
    Parallel,
    Sequence,
    Tree,
    fold,
    in_sequence,
    level_barriers,
)


def limit_nesting(tree: Tree, predecessors: abc.Sequence[abc.Set[int]], most: int) -> Tree:
    """The tree with at most `most` Parallels around any other one; deeper parts wait level by level, which adds order.

    `predecessors` are those of the graph that the tree is of. Parts of a tree are convex in it (whatever lies between two
    vertices of a part is in the part), so the edges within a part say all about its order.
    """
    if isinstance(tree, Leaf):
        return tree
    if isinstance(tree, Sequence):
        return in_sequence([limit_nesting(part, predecessors, most) for part in tree.parts])
    if most > 0:
        return Parallel(tuple(limit_nesting(branch, predecessors, most - 1) for branch in tree.branches))
    return _by_levels(tree, predecessors) if nesting_depth(tree) > 1 else tree


def nesting_depth(tree: Tree) -> int:
    """How many Parallels stand inside one another at the deepest place."""
    depth: int = fold(tree, lambda _: 0, max, lambda depths: 1 + max(depths))
    return depth


def _by_levels(tree: Tree, predecessors: abc.Sequence[abc.Set[int]]) -> Tree:
    found: list[int] = fold(tree, lambda v: [v], _joined, _joined)
    vertices = sorted(found)
    place = {vertex: i for i, vertex in enumerate(vertices)}
    levels = level_barriers([{place[p] for p in predecessors[v] if p in place} for v in vertices])

    def leaf(i: int) -> Tree:
        return Leaf(vertices[i])

    def sequence(parts: list[Tree]) -> Tree:
        return Sequence(tuple(parts))

    def parallel(branches: list[Tree]) -> Tree:
        return Parallel(tuple(branches))

    return fold(levels, leaf, sequence, parallel)


def _joined(parts: list[list[int]]) -> list[int]:
    return [vertex for part in parts for vertex in part]
