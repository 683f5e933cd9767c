"""The tree that a graph becomes, and how long it runs. No function here recurses, so trees may be thousands deep."""

import collections.abc as abc
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from workflow_engine.lazy_dataclass import dataclass

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One vertex of the graph."""

    vertex: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """Two or more parts, each started when the one before it has ended. No part is itself a `Sequence`."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Parallel:
    """Two or more branches, started together; it ends with the slowest. No branch is itself a `Parallel`."""

    branches: tuple["Tree", ...]


Tree: TypeAlias = Leaf | Sequence | Parallel


def in_sequence(trees: abc.Iterable[Tree]) -> Tree:
    """Run `trees` one after the other, with nested sequences flattened. One tree alone is returned as it is."""
    parts: list[Tree] = []
    for tree in trees:
        if isinstance(tree, Sequence):
            parts.extend(tree.parts)
        else:
            parts.append(tree)
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def chain(order: abc.Iterable[int]) -> Tree:
    """Return the tree that runs the vertices of `order` one at a time.

    Raises:
        ValueError: `order` is empty; a tree has at least one vertex.
    """
    leaves = [Leaf(vertex) for vertex in order]
    if not leaves:
        raise ValueError("a tree has at least one vertex")
    return in_sequence(leaves)


def level_barriers(predecessors: abc.Sequence[abc.Set[int]]) -> Tree:
    """Return the plain way to nest a graph: a `Parallel` for each level, the number of vertices on the longest path to it.

    Vertices are 0..n-1 in topological order, and there is at least one.
    """
    levels: list[list[Tree]] = []
    level_of: list[int] = []
    for vertex, before in enumerate(predecessors):
        level = 1 + max((level_of[earlier] for earlier in before), default=-1)
        level_of.append(level)
        if level == len(levels):
            levels.append([])
        levels[level].append(Leaf(vertex))
    return in_sequence(level[0] if len(level) == 1 else Parallel(tuple(level)) for level in levels)


def fold(
    tree: Tree,
    leaf: Callable[[int], _Value],
    sequence: Callable[[list[_Value]], _Value],
    parallel: Callable[[list[_Value]], _Value],
) -> _Value:
    """Compute a value bottom-up: `leaf` of each vertex, then `sequence` or `parallel` of the values of the children."""
    # Children come off the stack before their parent is met the second time, its values then lie at the end of `values`.
    values: list[_Value] = []
    stack: list[tuple[Tree, bool]] = [(tree, False)]
    while stack:
        node, children_done = stack.pop()
        if isinstance(node, Leaf):
            values.append(leaf(node.vertex))
            continue
        children = node.parts if isinstance(node, Sequence) else node.branches
        if children_done:
            combine = sequence if isinstance(node, Sequence) else parallel
            folded = values[-len(children) :]
            del values[-len(children) :]
            values.append(combine(folded))
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children))
    return values[0]


def span(tree: Tree, durations: abc.Sequence[float]) -> float:
    """Return the run time of `tree`: parts add up, of branches the slowest counts. Unit: that of `durations`."""
    run_time: float = fold(tree, durations.__getitem__, sum, max)
    return run_time


def critical_path(predecessors: abc.Sequence[abc.Set[int]], durations: abc.Sequence[float]) -> float:
    """Return the run time of the graph if each vertex starts as soon as its predecessors have ended.

    Vertices are 0..n-1 in topological order. No tree of the graph runs shorter. Unit: that of `durations`.
    """
    finish: list[float] = []
    for vertex, before in enumerate(predecessors):
        finish.append(max((finish[earlier] for earlier in before), default=0.0) + durations[vertex])
    return max(finish, default=0.0)
