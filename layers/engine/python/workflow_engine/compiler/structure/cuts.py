"""Where a prime module may be cut in two, and how promising each cut is."""

from collections.abc import Callable
from functools import lru_cache
from math import log2
from typing import NamedTuple

from workflow_engine.compiler.structure.lanes import Lanes
from workflow_engine.compiler.structure.order import PartialOrder, vertices

# What further cuts will cost is estimated as this share of a half's longest path for each doubling of its size.
_COST_PER_DOUBLING = 0.1

# In modules over this size each half must have a fair share of the vertices or of the longest path. Peeling off a vertex
# costs little at a time, but hundreds of peels cost much, and as many rounds over all the rest.
_LARGE = 48
_FAIR_SHARE = 1 / 3


class Cut(NamedTuple):
    """A module in two halves: `first` (a bitset; no vertex of it has a predecessor in the rest) runs before the rest.

    Cuts sort by how promising they are. `estimate`: weighs the run times that the halves have at least and at most. `added`:
    the number of ordered pairs that the cut adds. `bound`: no tree with this cut runs shorter (a sum over all samples).
    """

    estimate: float
    added: int
    bound: int
    first: int


class _Halves(NamedTuple):
    """What is known of the run times of the first vertex of an extension, the first two, and so on.

    `paths`: the longest path, a sum over all samples. `levels`: with a barrier a level, packed, since few are looked at.
    """

    paths: list[int]
    levels: list[int]


class CutFinder:
    """Lists the cuts of a module. It holds the order, the durations, and scratch space for the longest paths."""

    def __init__(self, order: PartialOrder, lanes: Lanes) -> None:
        self._order = order
        self._lanes = lanes
        self._finish = [0] * len(order.ancestors)
        self._remaining = [0] * len(order.ancestors)
        self._depth = [0] * len(order.ancestors)
        self._height = [0] * len(order.ancestors)

    def cuts(self, members: int) -> list[Cut]:
        """Return the candidate cuts of a module of two or more vertices (convex, as a bitset), the most promising first.

        Candidates are the prefixes of a few linear extensions: the module's vertices by earliest and latest start and
        finish in the mean, by their place between start and end, and by number of ancestors and of descendants. So all
        prefixes of one extension are scored in one pass.
        """
        module = vertices(members)
        self._measure_paths(module, members)
        found: dict[int, Cut] = {}
        for extension in dict.fromkeys(self._extensions(module, members)):
            self._score_prefixes(extension, members, found)
        return sorted(found.values())

    def _measure_paths(self, module: list[int], members: int) -> None:
        """Set, for each vertex, the longest path that ends with it and the longest that begins with it.

        Paths are measured in time and in levels (the number of vertices). A module is convex, so the edges of the
        transitive reduction inside it carry all of its order. And as the first half of a cut has all ancestors of its
        vertices, the longest path of that half is the longest that ends in it: one measurement serves all cuts.
        """
        maximum, durations = self._lanes.maximum, self._lanes.durations
        for times, levels, near, direction in (
            (self._finish, self._depth, self._order.predecessors, module),
            (self._remaining, self._height, self._order.successors, reversed(module)),
        ):
            for vertex in direction:
                time = level = 0
                for other in near[vertex]:
                    if members >> other & 1:
                        time = maximum(time, times[other])
                        level = max(level, levels[other] + 1)
                times[vertex] = time + durations[vertex]
                levels[vertex] = level

    def _extensions(self, module: list[int], members: int) -> list[tuple[int, ...]]:
        total, durations = self._lanes.total, self._lanes.durations
        ancestors, descendants = self._order.ancestors, self._order.descendants
        duration = {vertex: total(durations[vertex]) for vertex in module}
        finish = {vertex: total(self._finish[vertex]) for vertex in module}
        remaining = {vertex: total(self._remaining[vertex]) for vertex in module}
        # Each key never falls along the order, and ties keep the topological order of `module`: sorting is stable.
        keys: tuple[Callable[[int], int], ...] = (
            lambda vertex: finish[vertex],
            lambda vertex: finish[vertex] - duration[vertex],
            lambda vertex: -remaining[vertex],
            lambda vertex: duration[vertex] - remaining[vertex],
            lambda vertex: finish[vertex] - remaining[vertex],
            lambda vertex: (ancestors[vertex] & members).bit_count(),
            lambda vertex: -(descendants[vertex] & members).bit_count(),
        )
        return [tuple(sorted(module, key=key)) for key in keys]

    def _score_prefixes(self, extension: tuple[int, ...], members: int, found: dict[int, Cut]) -> None:
        """Add the fair cuts along a linear extension to `found`, which is keyed by the first half."""
        ancestors, descendants = self._order.ancestors, self._order.descendants
        total = self._lanes.total
        size = len(extension)
        firsts = self._halves(extension, self._finish, self._depth)
        seconds = self._halves(extension[::-1], self._remaining, self._height)
        weights = _path_weights(size)
        first = added = 0
        second = members
        for place in range(size - 1):
            vertex = extension[place]
            second ^= 1 << vertex
            # The cut now orders the vertex before all of `second`, and no longer after all of `first`.
            added += (second & ~descendants[vertex]).bit_count() - (first & ~ancestors[vertex]).bit_count()
            first |= 1 << vertex
            if first in found:
                continue
            behind = size - place - 2
            path_ahead, path_behind = firsts.paths[place], seconds.paths[behind]
            bound = path_ahead + path_behind
            if size > _LARGE:
                fair_size, fair_path = size * _FAIR_SHARE, bound * _FAIR_SHARE
                if (place + 1 < fair_size and path_ahead < fair_path) or (
                    size - place - 1 < fair_size and path_behind < fair_path
                ):
                    continue
            estimate = (path_ahead * weights[place] + total(firsts.levels[place])) + (
                path_behind * weights[behind] + total(seconds.levels[behind])
            )
            found[first] = Cut(estimate, added, bound, first)

    def _halves(self, extension: tuple[int, ...], paths: list[int], levels: list[int]) -> _Halves:
        """Measure the first vertex of `extension`, the first two, and so on. Levels stay what they are in the module."""
        maximum, total, durations = self._lanes.maximum, self._lanes.total, self._lanes.durations
        slowest = [0] * len(extension)
        path = path_total = levelled = 0
        halves = _Halves([], [])
        for vertex in extension:
            longer = maximum(path, paths[vertex])
            if longer != path:
                path, path_total = longer, total(longer)
            before = slowest[levels[vertex]]
            slowest[levels[vertex]] = after = maximum(before, durations[vertex])
            levelled += after - before
            halves.paths.append(path_total)
            halves.levels.append(levelled)
        return halves


@lru_cache(maxsize=64)
def _path_weights(size: int) -> list[float]:
    """What the longest path of the first vertex, the first two, ... weighs in an estimate."""
    return [1.0 + _COST_PER_DOUBLING * log2(count) for count in range(1, size + 1)]
