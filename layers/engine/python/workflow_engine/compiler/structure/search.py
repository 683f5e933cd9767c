"""Decomposition of a graph: into independent parts where it falls apart, by the best cut found where it does not."""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Generator
from functools import reduce
from math import inf, isfinite, sqrt
from typing import TypeAlias

from workflow_engine.compiler.structure.cuts import CutFinder
from workflow_engine.compiler.structure.lanes import Duration, Lanes, mean, sampled
from workflow_engine.compiler.structure.order import PartialOrder, components, partial_order
from workflow_engine.compiler.structure.tree import Leaf, Parallel, Tree, fold, in_sequence, level_barriers
from workflow_engine.lazy_dataclass import dataclass

# Graphs of up to so many vertices get all the effort below, larger ones share it.
_SMALL = 200

# Cuts tried in a prime module of m vertices: this / m. With one lane a cut costs less than with many.
_CUTS_ONE_LANE, _CUTS_MANY_LANES = 480.0, 320.0

# Sampled duration vectors for small graphs and for larger ones, and those that judge trees led by given durations.
_SAMPLES_SMALL, _SAMPLES_LARGE, _SAMPLES_JUDGING = 64, 16, 64

# A search is repeated with so many times the effort, up to the most, as long as that shortens the run time by a share that
# is worth it. The searches that follow given durations, and those that know of none, stay within a budget of work each, about
# one second of a laptop: what is expected of the next is that its work grows a little more than its effort. Work is counted,
# not timed, so that trees are reproducible.
# Graphs that are larger than this have no more to gain than their compilation would lose.
_LARGE = 400
_MORE_EFFORT, _MOST_EFFORT, _WORTH_IT, _GROWTH = 4.0, 64.0, 0.003, 5.0
_BUDGET = 1_500_000

# What a vertex of a module to be cut costs besides its lanes, in lanes.
_WORK_OF_A_VERTEX = 26


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The tree of a graph. `added_order`: the ordered pairs of vertices that the tree has and the graph has not.

    `exact` is true if there are none: the tree's order is the graph's own.
    """

    tree: Tree
    exact: bool
    added_order: int


@dataclass(frozen=True, slots=True)
class _Solution:
    """The best tree found for a set of vertices, and its packed run time."""

    tree: Tree
    span: int


# A solver yields the sets it wants solved, each with the number of cuts that may be tried on it, and is sent the solutions.
_Solver: TypeAlias = Generator[tuple[int, float], _Solution, _Solution]


def decompose(predecessors: abc.Sequence[abc.Set[int]], durations: abc.Sequence[Duration | None]) -> Decomposition:
    """Turn a graph into a tree that keeps all its order, adds little, and runs nearly as fast.

    Args:
        predecessors: for each vertex 0..n-1, in topological order, the vertices it waits for.
        durations: how long each vertex takes, in any one unit: a number, or values that are equally likely; None where that is
            unknown.

    The same graph gives the same tree always, whatever the order of iteration of the sets. If the graph's partial order
    is series-parallel, the tree has exactly that order. In the mean over the sampled durations (in truth, if all are
    known) the tree runs no longer than one with a barrier after each level; and in the mean over durations near those
    given, no longer than the tree that is built without them, if that one runs no longer than those barriers either.

    Raises:
        ValueError: no vertices, not in topological order, another number of durations than vertices, or a duration that
            is negative or not finite, or has no values.
    """
    if not predecessors or len(durations) != len(predecessors):
        raise ValueError(f"{len(predecessors)} vertices and {len(durations)} durations; both must be equal and not 0")
    durations = [_checked(duration) for duration in durations]
    order = partial_order(predecessors)
    samples = _SAMPLES_SMALL if len(durations) <= _SMALL else _SAMPLES_LARGE
    lanes = sampled(durations, samples)
    search = _Search(order, lanes)
    tree = search.run()
    if _ordered_pairs(tree) > order.pairs:
        levels = level_barriers(predecessors)
        trees, judging = [*_deepened(search, tree), levels], lanes
        if any(durations):
            # Durations that are given are seldom quite true. What they lead to must be the better tree for those near
            # them, too; else the tree that knows nothing of them is taken, found with as much effort as without them. What
            # takes no time is no estimate.
            others = [[None if duration else duration for duration in durations]]
            if any(isinstance(duration, tuple) for duration in durations):
                # Of means alone, in one lane, more cuts are tried.
                others.append([None if duration is None else mean(duration) for duration in durations])
            for known in others:
                other = _Search(order, sampled(known, samples))
                trees += _deepened(other, other.run())
            judging = sampled(durations, _SAMPLES_JUDGING, inexact=True)
        longest = _mean_run_time(levels, lanes)
        trees = [each for each in trees if _mean_run_time(each, lanes) <= longest]
        tree = min(trees, key=lambda each: _mean_run_time(each, judging))
    added = _ordered_pairs(tree) - order.pairs
    return Decomposition(tree, exact=added == 0, added_order=added)


def _checked(duration: Duration | None) -> Duration | None:
    """The duration, as a number where all its values are equal. Raises ValueError."""
    values = duration if isinstance(duration, tuple) else () if duration is None else (duration,)
    if duration == () or not all(isfinite(value) and value >= 0 for value in values):
        raise ValueError("durations must be finite and not negative")
    return values[0] if values and min(values) == max(values) else duration


def _deepened(search: _Search, tree: Tree) -> list[Tree]:
    """The tree that a search found, and those that it finds with more and more effort, the best ones first."""
    trees = [tree]
    best, done = _mean_run_time(tree, search.lanes), search.work
    may_deepen = len(search.lanes.durations) <= _LARGE
    while may_deepen and search.left_out and search.effort < _MOST_EFFORT and done + search.work * _GROWTH <= _BUDGET:
        last, search = search.work, search.with_more_effort()
        tree = search.run()
        done += search.work
        found = _mean_run_time(tree, search.lanes)
        if found < best:
            trees.insert(0, tree)
        if found > best * (1 - _WORTH_IT) and search.work > 2 * last:
            break
        best = min(best, found)
    return trees


class _Search:
    """One decomposition: the order and durations of the graph, and the solutions found so far."""

    def __init__(self, order: PartialOrder, lanes: Lanes, effort: float = 1.0) -> None:
        """`effort` 1 is the least. `work` is what was done so far, in vertices times what the lanes make of each; `left_out`
        says that there were cuts which more effort would try.
        """
        self.lanes = lanes
        self.effort = effort
        self.work = 0
        self.left_out = False
        self._order = order
        self._finder = CutFinder(order, lanes)
        cuts = _CUTS_ONE_LANE if lanes.count == 1 else _CUTS_MANY_LANES
        self._cuts = effort * cuts * min(1.0, _SMALL / len(lanes.durations))
        self._weight = _WORK_OF_A_VERTEX + lanes.count
        self._solved: dict[int, _Solution] = {}

    def with_more_effort(self) -> _Search:
        return _Search(self._order, self.lanes, self.effort * _MORE_EFFORT)

    def run(self) -> Tree:
        """Return the best tree found for the whole graph. Solvers wait on a stack of their own: trees may be deep."""
        everything = self._order.everything
        waiting = [(everything, self._solve(everything, inf))]
        answer: _Solution | None = None
        while True:
            members, solver = waiting[-1]
            try:
                wanted, limit = next(solver) if answer is None else solver.send(answer)
            except StopIteration as done:
                answer = self._solved[members] = done.value
                waiting.pop()
                if not waiting:
                    return answer.tree
                continue
            answer = self._solved.get(wanted)
            if answer is None:
                waiting.append((wanted, self._solve(wanted, limit)))

    def _solve(self, members: int, limit: float) -> _Solver:
        """Solve a convex set of vertices; in prime modules no more than `limit` cuts are tried."""
        if members & (members - 1) == 0:
            vertex = members.bit_length() - 1
            return _Solution(Leaf(vertex), self.lanes.durations[vertex])
        trees = []
        span = 0
        parts = components(members, self._order.related)
        if len(parts) > 1:
            for part in parts:
                solution = yield part, limit
                trees.append(solution.tree)
                span = self.lanes.maximum(span, solution.span)
            return _Solution(Parallel(tuple(trees)), span)
        # Of two parts all vertices of one come before all of the other, so by smallest vertex is in execution order.
        parts = components(members, self._order.unrelated)
        if len(parts) > 1:
            for part in parts:
                solution = yield part, limit
                trees.append(solution.tree)
                span += solution.span
            return _Solution(in_sequence(trees), span)
        return (yield from self._cut(members, limit))

    def _cut(self, members: int, limit: float) -> _Solver:
        """Solve a prime module: solve both halves of the most promising cuts, keep the shortest in the mean."""
        tries = max(1, int(min(limit, self._cuts / members.bit_count())))
        if tries > 1:
            # Halved every second level, so that the number of modules visited stays bounded.
            limit = tries / sqrt(2)
        self.work += members.bit_count() * self._weight
        total = self.lanes.total
        best: _Solution | None = None
        cuts = self._finder.cuts(members)
        self.left_out = self.left_out or len(cuts) > tries
        for cut in cuts[:tries]:
            if best is not None and cut.bound >= total(best.span):
                continue
            first = yield cut.first, limit
            second = yield members ^ cut.first, limit
            span = first.span + second.span
            if best is None or total(span) < total(best.span):
                best = _Solution(in_sequence((first.tree, second.tree)), span)
        assert best is not None, "a module of two or more vertices has a cut"
        return best


def _mean_run_time(tree: Tree, lanes: Lanes) -> int:
    """Return the run time of `tree` as a sum over the samples."""

    def slowest(branches: list[int]) -> int:
        return reduce(lanes.maximum, branches)

    def in_turn(parts: list[int]) -> int:
        return sum(parts)

    return lanes.total(fold(tree, lambda vertex: lanes.durations[vertex], in_turn, slowest))


def _ordered_pairs(tree: Tree) -> int:
    """Return how many ordered pairs of vertices `tree` has."""
    # Value of a node: its number of vertices, and of ordered pairs among them.
    _, pairs = fold(tree, lambda vertex: (1, 0), _pairs_in_sequence, _pairs_in_parallel)
    return pairs


def _pairs_in_sequence(parts: list[tuple[int, int]]) -> tuple[int, int]:
    size = pairs = 0
    for part_size, part_pairs in parts:
        pairs += part_pairs + size * part_size
        size += part_size
    return size, pairs


def _pairs_in_parallel(branches: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(size for size, _ in branches), sum(pairs for _, pairs in branches)
