"""A partial order as bitsets: a set of vertices is an int, bit v stands for vertex v."""

import collections.abc as abc

from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class PartialOrder:
    """The transitive closure and the transitive reduction of a graph. Every field has one entry a vertex.

    `related` are the vertices before or after it, `unrelated` all others but itself (bitsets, like `ancestors` and
    `descendants`); `predecessors` and `successors` are those reached by an edge of the transitive reduction.
    """

    ancestors: tuple[int, ...]
    descendants: tuple[int, ...]
    related: tuple[int, ...]
    unrelated: tuple[int, ...]
    predecessors: tuple[tuple[int, ...], ...]
    successors: tuple[tuple[int, ...], ...]

    @property
    def everything(self) -> int:
        """All vertices, as a bitset."""
        return (1 << len(self.ancestors)) - 1

    @property
    def pairs(self) -> int:
        """The number of ordered pairs of vertices."""
        return sum(ancestors.bit_count() for ancestors in self.ancestors)


def partial_order(predecessors: abc.Sequence[abc.Set[int]]) -> PartialOrder:
    """Build the partial order of a graph whose vertices 0..n-1 are in topological order.

    Raises:
        ValueError: a vertex has a predecessor that is not an earlier vertex.
    """
    count = len(predecessors)
    ancestors: list[int] = []
    reduced: list[tuple[int, ...]] = []
    for vertex, before in enumerate(predecessors):
        covered = 0
        kept = []
        # Latest first: a predecessor that is an ancestor of another comes after that one, and is already covered.
        for earlier in sorted(before, reverse=True):
            if not 0 <= earlier < vertex:
                raise ValueError(f"vertices are not in topological order: {vertex} has the predecessor {earlier}")
            if not covered >> earlier & 1:
                covered |= ancestors[earlier] | 1 << earlier
                kept.append(earlier)
        ancestors.append(covered)
        reduced.append(tuple(kept))

    descendants = [0] * count
    successors: list[list[int]] = [[] for _ in range(count)]
    for vertex in reversed(range(count)):
        reached = descendants[vertex] | 1 << vertex
        for earlier in reduced[vertex]:
            descendants[earlier] |= reached
            successors[earlier].append(vertex)

    everything = (1 << count) - 1
    related = tuple(above | below for above, below in zip(ancestors, descendants, strict=True))
    return PartialOrder(
        ancestors=tuple(ancestors),
        descendants=tuple(descendants),
        related=related,
        unrelated=tuple(everything & ~(near | 1 << vertex) for vertex, near in enumerate(related)),
        predecessors=tuple(reduced),
        successors=tuple(tuple(after) for after in successors),
    )


def vertices(members: int) -> list[int]:
    """Return the vertices of a bitset, smallest first."""
    found = []
    while members:
        lowest = members & -members
        found.append(lowest.bit_length() - 1)
        members ^= lowest
    return found


def components(members: int, neighbours: abc.Sequence[int]) -> list[int]:
    """Return the connected components of the graph `neighbours` restricted to `members`, by their smallest vertex.

    Each vertex is visited at most once, and the visit takes in all its new neighbours at once. With the neighbours of a
    transitive closure the first few visits mostly reach everything, and the walk ends there.
    """
    found = []
    rest = members
    while rest:
        component = frontier = rest & -rest
        rest ^= component
        while frontier and rest:
            lowest = frontier & -frontier
            reached = neighbours[lowest.bit_length() - 1] & rest
            component |= reached
            frontier = (frontier ^ lowest) | reached
            rest ^= reached
        found.append(component)
    return found
