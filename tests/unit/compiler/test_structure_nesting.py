"""How deep a tree may nest."""

from __future__ import annotations

from workflow_engine.compiler.structure import (
    Leaf,
    Parallel,
    Sequence,
    Tree,
    decompose,
    fold,
    limit_nesting,
    nesting_depth,
)


def ladder(rungs: int) -> list[set[int]]:
    """a0 -> {b0, a1 -> {b1, ...} -> c1} -> c0: each rung nests inside the one before."""
    predecessors: list[set[int]] = []
    for i in range(rungs):
        predecessors.append({2 * (i - 1)} if i else set())
        predecessors.append({2 * i})
    for i in reversed(range(rungs)):
        below = {len(predecessors) - 1} if i < rungs - 1 else set()
        predecessors.append({2 * i + 1} | below)
    return predecessors


def order(tree: Tree) -> list[int]:
    def joined(parts: list[list[int]]) -> list[int]:
        return [vertex for part in parts for vertex in part]

    found: list[int] = fold(tree, lambda v: [v], joined, joined)
    return found


def test_a_tree_that_is_shallow_enough_stays_as_it_is() -> None:
    tree = decompose(ladder(5), [1.0] * 15).tree
    assert limit_nesting(tree, ladder(5), 10) == tree


def test_a_deep_tree_is_cut_at_the_limit_and_loses_no_vertex_and_no_order() -> None:
    predecessors = ladder(100)
    tree = decompose(predecessors, [1.0] * 300).tree
    assert nesting_depth(tree) > 90
    limited = limit_nesting(tree, predecessors, 10)
    assert nesting_depth(limited) <= 11
    at = {vertex: i for i, vertex in enumerate(order(limited))}
    assert sorted(at) == list(range(300))
    assert all(at[p] < at[v] for v, before in enumerate(predecessors) for p in before)


def test_one_parallel_inside_another_is_levelled_when_none_may_nest() -> None:
    predecessors: list[set[int]] = [set(), set(), {1}, {1}]
    tree = Parallel((Leaf(0), Sequence((Leaf(1), Parallel((Leaf(2), Leaf(3)))))))
    levelled = limit_nesting(tree, predecessors, 0)
    assert levelled == Sequence((Parallel((Leaf(0), Leaf(1))), Parallel((Leaf(2), Leaf(3)))))
