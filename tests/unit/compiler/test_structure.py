"""Graphs become trees of sequences and parallels."""

import random
import subprocess
import sys

import pytest

from workflow_engine.compiler.structure import (
    Leaf,
    Parallel,
    Sequence,
    Tree,
    chain,
    critical_path,
    decompose,
    fold,
    level_barriers,
    span,
)
from workflow_engine.compiler.structure.lanes import Lanes, sampled

A, B, C, D = (Leaf(vertex) for vertex in range(4))


def unknown(count: int) -> list[None]:
    return [None] * count


def test_one_vertex_is_a_leaf() -> None:
    decomposition = decompose([set()], [None])
    assert decomposition.tree == A
    assert decomposition.exact
    assert decomposition.added_order == 0


def test_a_chain_is_one_sequence() -> None:
    assert decompose([set(), {0}, {1}], unknown(3)).tree == Sequence((A, B, C))


def test_vertices_without_order_are_one_parallel() -> None:
    assert decompose([set(), set(), set()], unknown(3)).tree == Parallel((A, B, C))


def test_a_diamond_is_a_parallel_within_a_sequence() -> None:
    assert decompose([set(), {0}, {0}, {1, 2}], unknown(4)).tree == Sequence((A, Parallel((B, C)), D))


def test_an_edge_that_a_path_implies_changes_nothing() -> None:
    assert decompose([set(), {0}, {0, 1}], unknown(3)).tree == Sequence((A, B, C))


def test_branches_stand_by_their_smallest_vertex() -> None:
    assert decompose([set(), set(), {1}, {0}], unknown(4)).tree == Parallel((Sequence((A, D)), Sequence((B, C))))


def test_two_stages_joined_all_to_all_need_no_added_order() -> None:
    decomposition = decompose([set(), set(), {0, 1}, {0, 1}], unknown(4))
    assert decomposition.tree == Sequence((Parallel((A, B)), Parallel((C, D))))
    assert decomposition.exact


# a -> c, a -> d, b -> d: the smallest graph that is no tree of sequences and parallels.
N_GRAPH = [set(), set(), {0}, {0, 1}]


def test_the_n_graph_gets_one_ordered_pair_more() -> None:
    decomposition = decompose(N_GRAPH, unknown(4))
    assert decomposition.added_order == 1
    assert not decomposition.exact


def test_durations_decide_where_the_n_graph_is_cut() -> None:
    # With a slow c, it must not wait for b; with a slow b, c must not delay d, which waits for b.
    slow_c = [1.0, 1.0, 9.0, 1.0]
    slow_b = [1.0, 5.0, 4.0, 1.0]
    assert decompose(N_GRAPH, slow_c).tree == Sequence((Parallel((A, B)), Parallel((C, D))))
    assert decompose(N_GRAPH, slow_b).tree == Sequence((Parallel((Sequence((A, C)), B)), D))
    assert span(decompose(N_GRAPH, slow_c).tree, slow_c) == critical_path(N_GRAPH, slow_c) == 10
    assert span(decompose(N_GRAPH, slow_b).tree, slow_b) == critical_path(N_GRAPH, slow_b) == 6


def test_a_module_inside_a_prime_graph_stays_whole() -> None:
    # The N graph with its vertex c replaced by two independent vertices that share all neighbours.
    tree = decompose([set(), set(), {0}, {0}, {0, 1}], [1.0, 1.0, 9.0, 9.0, 1.0]).tree
    assert tree == Sequence((Parallel((A, B)), Parallel((C, D, Leaf(4)))))


def test_mixed_known_and_unknown_durations_are_accepted() -> None:
    assert decompose(N_GRAPH, [1.0, None, 900.0, None]).added_order == 1


def test_durations_that_are_all_zero_are_accepted() -> None:
    assert span(decompose(N_GRAPH, [0.0] * 4).tree, [0.0] * 4) == 0


@pytest.mark.parametrize("wrong", [[{0}], [{1}, set()], [set(), {-1}]])
def test_an_order_that_is_not_topological_is_refused(wrong: list[set[int]]) -> None:
    with pytest.raises(ValueError, match="topological"):
        decompose(wrong, unknown(len(wrong)))


def test_a_graph_without_vertices_is_refused() -> None:
    with pytest.raises(ValueError, match="0 vertices"):
        decompose([], [])


def test_another_number_of_durations_is_refused() -> None:
    with pytest.raises(ValueError, match="2 vertices and 1 durations"):
        decompose([set(), set()], [1.0])


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_an_impossible_duration_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        decompose([set()], [wrong])


def test_parts_add_up_and_of_branches_the_slowest_counts() -> None:
    assert span(Sequence((A, Parallel((B, Sequence((C, D)))))), [1.0, 5.0, 2.0, 4.0]) == 7


def test_the_critical_path_is_the_longest() -> None:
    assert critical_path([set(), {0}, {0}, {1, 2}], [1.0, 5.0, 2.0, 4.0]) == 10
    assert critical_path([], []) == 0


def test_a_sequential_order_becomes_a_chain() -> None:
    assert chain([2, 0, 1]) == Sequence((C, A, B))
    assert chain([3]) == D
    with pytest.raises(ValueError, match="at least one vertex"):
        chain([])


def test_level_barriers_group_vertices_by_their_longest_path() -> None:
    assert level_barriers([set(), set(), {0}, {1, 2}]) == Sequence((Parallel((A, B)), C, D))


def test_folding_meets_children_in_order() -> None:
    tree = Sequence((A, Parallel((B, Sequence((C, D))))))
    assert fold(tree, str, "".join, "|".join) == "01|23"


def depth(tree: Tree) -> int:
    return fold(tree, lambda vertex: 1, lambda parts: 1 + max(parts), lambda branches: 1 + max(branches))


def test_a_graph_nested_a_thousand_deep_does_not_overflow() -> None:
    # Each even vertex continues beside the next odd one: ... parallel(v, sequence(v + 1, parallel(v + 2, ...)))
    nested = [({vertex - 1 if vertex % 2 == 0 else vertex - 2} if vertex > 1 else set()) for vertex in range(2000)]
    decomposition = decompose(nested, unknown(2000))
    assert decomposition.exact
    assert depth(decomposition.tree) > 1000
    assert span(decomposition.tree, [1.0] * 2000) == critical_path(nested, [1.0] * 2000)


LARGE_EXACT = {
    "chain": [{vertex - 1} if vertex else set() for vertex in range(2000)],
    "fan out": [{0} if vertex else set() for vertex in range(2000)],
    "fan in": [*(set() for _ in range(1999)), set(range(1999))],
    "layers, all to all": [set(range(vertex // 50 * 50 - 50, vertex // 50 * 50)) if vertex >= 50 else set()
                           for vertex in range(2000)],
}  # fmt: skip


@pytest.mark.parametrize("predecessors", LARGE_EXACT.values(), ids=LARGE_EXACT.keys())
def test_large_regular_graphs_come_out_exact(predecessors: list[set[int]]) -> None:
    decomposition = decompose(predecessors, unknown(2000))
    assert decomposition.exact
    ones = [1.0] * 2000
    assert span(decomposition.tree, ones) == critical_path(predecessors, ones)


def test_another_process_with_another_hash_seed_gives_the_same_tree() -> None:
    program = (
        "import random; from workflow_engine.compiler.structure import decompose\n"
        "rng = random.Random(5)\n"
        "graph = [set(rng.sample(range(v), min(v, rng.randint(0, 3)))) for v in range(40)]\n"
        "print(decompose(graph, [None] * 40))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(answers) == 1


def test_lanes_compare_and_sum_each_sample_by_itself() -> None:
    rng = random.Random(3)
    vectors = [[float(rng.randrange(256)) for _ in range(6)] for _ in range(9)]
    vectors[0][0] = 255.0
    lanes = Lanes(vectors)
    unit = ((1 << 24) - 1) // 255
    for first in range(6):
        for second in range(6):
            larger = lanes.maximum(lanes.durations[first], lanes.durations[second])
            assert lanes.total(larger) == unit * sum(max(vector[first], vector[second]) for vector in vectors)
            together = lanes.durations[first] + lanes.durations[second]
            assert lanes.total(together) == unit * sum(vector[first] + vector[second] for vector in vectors)


def test_unknown_durations_are_sampled_around_the_known_ones() -> None:
    lanes = sampled([300.0, None], samples=64)
    known, unknown_total = (lanes.total(duration) for duration in lanes.durations)
    assert 0.8 < unknown_total / known < 1.2
