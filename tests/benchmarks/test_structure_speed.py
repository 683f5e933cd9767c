"""Seconds to turn a graph into a tree, by size and by shape. Printed, not asserted: machines differ."""

import random
from time import perf_counter

import pytest

from workflow_engine.compiler.structure import decompose

pytestmark = pytest.mark.benchmark


def random_graph(size: int) -> list[set[int]]:
    """Each vertex has 0 to 3 random predecessors among the earlier ones."""
    rng = random.Random(size)
    return [set(rng.sample(range(vertex), min(vertex, rng.randint(0, 3)))) for vertex in range(size)]


def grid(side: int) -> list[set[int]]:
    """Each cell waits for its upper and its left neighbour: one large prime module."""
    return [
        ({cell - side} if cell >= side else set()) | ({cell - 1} if cell % side else set())
        for cell in range(side * side)
    ]


SHAPES = {
    "random, 10": random_graph(10),
    "random, 100": random_graph(100),
    "random, 1,000": random_graph(1000),
    "random, 2,000": random_graph(2000),
    "chain, 2,000": [{vertex - 1} if vertex else set() for vertex in range(2000)],
    "fan, 2,000": [{0} if vertex else set() for vertex in range(2000)],
    "40 layers of 50, all to all": [
        set(range(vertex // 50 * 50 - 50, vertex // 50 * 50)) if vertex >= 50 else set() for vertex in range(2000)
    ],
    "grid, 45 x 45": grid(45),
}


def seconds(predecessors: list[set[int]], durations: list[float] | list[None]) -> float:
    start = perf_counter()
    decompose(predecessors, durations)
    return perf_counter() - start


def test_decomposition_is_fast() -> None:
    print(f"\n\n{'seconds to decompose':<34}{'unknown':>9}{'known':>9}")
    for name, graph in SHAPES.items():
        rng = random.Random(1)
        durations = [rng.uniform(1, 10) for _ in graph]
        print(f"{name:<34}{seconds(graph, [None] * len(graph)):>9.3f}{seconds(graph, durations):>9.3f}", flush=True)
