"""What holds for every graph: no vertex lost, no order lost, nothing added where nothing is needed."""

import random
from dataclasses import dataclass
from functools import reduce

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflow_engine.compiler.structure import (
    Duration,
    Leaf,
    Parallel,
    Sequence,
    Tree,
    critical_path,
    decompose,
    fold,
    level_barriers,
    span,
)
from workflow_engine.compiler.structure.lanes import Lanes, sampled

Graph = list[set[int]]


@st.composite
def graphs(draw: st.DrawFn, max_size: int = 24) -> Graph:
    """Random DAGs of any density, vertices in topological order."""
    size = draw(st.integers(1, max_size))
    density = draw(st.sampled_from([0.05, 0.15, 0.4, 0.8]))
    rng = random.Random(draw(st.integers(0, 2**32)))
    return [{earlier for earlier in range(vertex) if rng.random() < density} for vertex in range(size)]


@dataclass(frozen=True)
class Block:
    """A piece of a series-parallel order: its first vertex, its number of vertices, and its ordered pairs."""

    start: int
    size: int
    pairs: frozenset[tuple[int, int]]


def in_series(first: Block, second: Block) -> Block:
    across = {(a, b) for a in range(first.start, first.start + first.size)
              for b in range(second.start, second.start + second.size)}  # fmt: skip
    return Block(first.start, first.size + second.size, first.pairs | second.pairs | across)


def series_parallel_order(rng: random.Random, size: int) -> Block:
    """A random order built of nothing but series and parallel composition; vertices are numbered from the left."""
    blocks = [Block(vertex, 1, frozenset()) for vertex in range(size)]
    while len(blocks) > 1:
        place = rng.randrange(len(blocks) - 1)
        first, second = blocks[place], blocks[place + 1]
        if rng.random() < 0.5:
            joined = in_series(first, second)
        else:
            joined = Block(first.start, first.size + second.size, first.pairs | second.pairs)
        blocks[place : place + 2] = [joined]
    return blocks[0]


@st.composite
def series_parallel_graphs(draw: st.DrawFn) -> Graph:
    """Graphs whose order is series-parallel: some of the implied edges left out, vertices in any topological order."""
    size = draw(st.integers(1, 30))
    rng = random.Random(draw(st.integers(0, 2**32)))
    pairs = series_parallel_order(rng, size).pairs
    implied = {(a, c) for a, b in pairs for b2, c in pairs if b == b2}
    edges = {pair for pair in pairs if pair not in implied or rng.random() < 0.5}
    order: list[int] = []
    while len(order) < size:
        ready = [v for v in range(size) if v not in order and all(a in order for a, b in pairs if b == v)]
        order.append(rng.choice(ready))
    place = {vertex: index for index, vertex in enumerate(order)}
    return [{place[a] for a, b in edges if b == vertex} for vertex in order]


@st.composite
def with_durations(draw: st.DrawFn, shapes: st.SearchStrategy[Graph]) -> tuple[Graph, list[Duration | None]]:
    graph = draw(shapes)
    seconds = st.floats(0, 1e6, allow_nan=False)
    duration = st.none() | seconds | st.lists(seconds, min_size=2, max_size=8, unique=True).map(tuple)
    return graph, draw(st.lists(duration, min_size=len(graph), max_size=len(graph)))


def closure(graph: Graph) -> set[tuple[int, int]]:
    """All ordered pairs of a graph, by following every path."""
    before: list[set[int]] = []
    for direct in graph:
        before.append(set(direct).union(*(before[earlier] for earlier in direct)))
    return {(earlier, vertex) for vertex, ancestors in enumerate(before) for earlier in ancestors}


def ordered_pairs(tree: Tree) -> set[tuple[int, int]]:
    """All ordered pairs of a tree, by comparing each part of a sequence with each later one."""
    match tree:
        case Leaf():
            return set()
        case Parallel(branches):
            return set().union(*(ordered_pairs(branch) for branch in branches))
        case Sequence(parts):
            pairs = set().union(*(ordered_pairs(part) for part in parts))
            for place, part in enumerate(parts):
                for later in parts[place + 1 :]:
                    pairs |= {(a, b) for a in leaves(part) for b in leaves(later)}
            return pairs


def leaves(tree: Tree) -> list[int]:
    """The vertices of a tree from left to right, each as often as it occurs."""

    def joined(lists: list[list[int]]) -> list[int]:
        return [vertex for each in lists for vertex in each]

    return fold(tree, lambda vertex: [vertex], joined, joined)


def nodes(tree: Tree) -> list[Tree]:
    match tree:
        case Leaf():
            return [tree]
        case Sequence(children) | Parallel(children):
            return [tree, *(node for child in children for node in nodes(child))]


N_GRAPH: Graph = [set(), set(), {0}, {0, 1}]


@settings(max_examples=60, deadline=None)
@given(with_durations(graphs()))
@example((N_GRAPH, [None, 1.0, 0.0, 1e6]))
def test_every_vertex_occurs_once_and_no_order_is_lost(case: tuple[Graph, list[Duration | None]]) -> None:
    graph, durations = case
    decomposition = decompose(graph, durations)
    assert sorted(leaves(decomposition.tree)) == list(range(len(graph)))
    wanted, given_order = closure(graph), ordered_pairs(decomposition.tree)
    assert wanted <= given_order
    assert decomposition.added_order == len(given_order - wanted)
    assert decomposition.exact == (given_order == wanted)


@settings(max_examples=200, deadline=None)
@given(with_durations(series_parallel_graphs()))
def test_a_series_parallel_order_comes_out_exact(case: tuple[Graph, list[Duration | None]]) -> None:
    graph, durations = case
    decomposition = decompose(graph, durations)
    assert decomposition.exact
    assert decomposition.added_order == 0
    assert ordered_pairs(decomposition.tree) == closure(graph)


@settings(max_examples=60, deadline=None)
@given(with_durations(graphs()))
def test_sequences_and_parallels_alternate_and_have_an_order_of_their_own(
    case: tuple[Graph, list[Duration | None]],
) -> None:
    for node in nodes(decompose(*case).tree):
        match node:
            case Sequence(parts):
                assert len(parts) >= 2
                assert not any(isinstance(part, Sequence) for part in parts)
            case Parallel(branches):
                assert len(branches) >= 2
                assert not any(isinstance(branch, Parallel) for branch in branches)
                smallest = [min(leaves(branch)) for branch in branches]
                assert smallest == sorted(smallest)


@settings(max_examples=30, deadline=None)
@given(with_durations(graphs()), st.randoms(use_true_random=False))
def test_the_iteration_order_of_sets_does_not_matter(
    case: tuple[Graph, list[Duration | None]], rng: random.Random
) -> None:
    graph, durations = case
    # Equal sets iterate differently when they were filled in another order, and after growing and shrinking.
    rebuilt: Graph = []
    for direct in graph:
        shuffled = rng.sample(sorted(direct), len(direct))
        other = set(range(1000))
        other.intersection_update(())
        for earlier in shuffled:
            other.add(earlier)
        rebuilt.append(other)
    assert decompose(rebuilt, durations) == decompose(graph, durations)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_run_time_lies_between_the_critical_path_and_the_sum(graph: Graph, rng: random.Random) -> None:
    durations = [float(rng.randrange(100)) for _ in graph]
    for hints in (durations, [None] * len(graph)):
        run_time = span(decompose(graph, hints).tree, durations)
        assert critical_path(graph, durations) <= run_time <= sum(durations)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(0, 2**32))
def test_known_durations_never_give_a_slower_tree_than_barriers_do(graph: Graph, seed: int) -> None:
    rng = random.Random(seed)
    durations = [rng.lognormvariate(0, 1.5) for _ in graph]
    run_time = span(decompose(graph, durations).tree, durations)
    # Durations are compared in fixed point, to about a ten-millionth of the longest.
    rounding = max(durations) * len(graph) * 1e-7
    assert run_time <= span(level_barriers(graph), durations) + rounding


LED_ASTRAY: Graph = [set(), set(), {0}, set(), {0}, {2, 3}, {1, 2}]


@settings(max_examples=50, deadline=None)
@given(with_durations(graphs()))
@example((LED_ASTRAY, [2.0, 10.0, 10.0, 0.0, 30.0, 10.0, 0.0]))
def test_durations_never_give_a_slower_tree_to_those_near_them_than_unknown_ones_do(
    case: tuple[Graph, list[Duration | None]],
) -> None:
    graph, durations = case
    led = decompose(graph, durations).tree
    blind = decompose(graph, [None if duration else duration for duration in durations]).tree
    judging, given_ones = (sampled(durations, 64, inexact=near) for near in (True, False))
    if mean_span(blind, given_ones) <= mean_span(level_barriers(graph), given_ones):
        assert mean_span(led, judging) <= mean_span(blind, judging)


def mean_span(tree: Tree, lanes: Lanes) -> int:
    def after_another(spans: list[int]) -> int:
        return sum(spans)

    def at_once(spans: list[int]) -> int:
        return reduce(lanes.maximum, spans)

    return lanes.total(fold(tree, lanes.durations.__getitem__, after_another, at_once))
