"""Run time of the tree that a graph becomes, relative to true dataflow: the critical path of the graph.

The random graphs: each vertex has 0 to 3 random predecessors among the earlier ones. "Unknown" trees are built without
durations and timed with the actual ones; "known" trees are built with them. Peer: a barrier after each level.
"""

import importlib
import importlib.util
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby
from statistics import fmean
from typing import Any

import pytest

from workflow_engine.compiler.structure import Duration, critical_path, decompose, level_barriers, span

pytestmark = pytest.mark.benchmark

GRAPHS = 300
RECIPES = ("Montage", "Epigenomics", "Cycles", "Seismology", "Soykb", "Srasearch", "Blast", "Bwa", "Genome")
RECIPE_SIZES = (110, 500)
RECIPE_SEEDS = range(3)


@dataclass(frozen=True)
class Case:
    predecessors: list[set[int]]
    durations: list[float]


@dataclass(frozen=True)
class Ratios:
    """Run time over the critical path."""

    levels: float
    unknown: float
    known: float


def uniform(rng: random.Random) -> float:
    return rng.uniform(1, 10)


def lognormal(rng: random.Random) -> float:
    return rng.lognormvariate(0, 1.5)


def pareto(rng: random.Random) -> float:
    return rng.paretovariate(1.5)


def random_case(rng: random.Random, size: int, duration: Callable[[random.Random], float]) -> Case:
    graph = [set(rng.sample(range(vertex), min(vertex, rng.randint(0, 3)))) for vertex in range(size)]
    return Case(graph, [duration(rng) for _ in graph])


def series_parallel_case(rng: random.Random, size: int, duration: Callable[[random.Random], float]) -> Case:
    """A random series-parallel order, grown by joining neighbouring blocks in series or in parallel."""
    graph: list[set[int]] = [set() for _ in range(size)]
    blocks = [[vertex] for vertex in range(size)]
    while len(blocks) > 1:
        place = rng.randrange(len(blocks) - 1)
        first, second = blocks[place], blocks[place + 1]
        if rng.random() < 0.5:
            for vertex in second:
                graph[vertex].update(first)
        blocks[place : place + 2] = [first + second]
    return Case(graph, [duration(rng) for _ in graph])


def measured(case: Case) -> Ratios:
    ideal = critical_path(case.predecessors, case.durations)

    def ratio(hints: list[float] | list[None]) -> float:
        return span(decompose(case.predecessors, hints).tree, case.durations) / ideal

    return Ratios(
        levels=span(level_barriers(case.predecessors), case.durations) / ideal,
        unknown=ratio([None] * len(case.durations)),
        known=ratio(case.durations),
    )


def mean(rows: list[Ratios]) -> Ratios:
    count = len(rows)
    return Ratios(
        sum(row.levels for row in rows) / count,
        sum(row.unknown for row in rows) / count,
        sum(row.known for row in rows) / count,
    )


def show(name: str, row: Ratios) -> None:
    print(f"{name:<34}{row.levels:>9.3f}{row.unknown:>9.3f}{row.known:>9.3f}", flush=True)


def show_header(title: str) -> None:
    print(f"\n\nrun time / critical path{'levels':>19}{'unknown':>9}{'known':>9}\n{title}")


# Mean ratios to reach with uniform durations: (unknown, known).
FIGURES = {20: (1.06, 1.01), 40: (1.10, 1.02)}


def test_random_graphs_run_nearly_as_fast_as_true_dataflow() -> None:
    show_header(f"{GRAPHS} random graphs each, mean")
    for duration in (uniform, lognormal, pareto):
        for size in (10, 20, 40):
            rng = random.Random(size)
            row = mean([measured(random_case(rng, size, duration)) for _ in range(GRAPHS)])
            show(f"n = {size}, {duration.__name__}", row)
            if duration is uniform and size in FIGURES:
                unknown, known = FIGURES[size]
                assert row.unknown <= unknown
                assert row.known <= known


@dataclass(frozen=True)
class Spread:
    """Run time over the critical path, in the mean over runs whose durations spread about a median."""

    unknown: float
    means: float
    values: float


def spread(case: Case, sigma: float, rng: random.Random) -> Spread:
    """Trees that know nothing, the means, and the values of 60 runs, on as many other runs."""

    def runs() -> list[list[float]]:
        return [[d * rng.lognormvariate(0, sigma) for d in case.durations] for _ in range(60)]

    values = [tuple(of_step) for of_step in zip(*runs(), strict=True)]
    means = [fmean(of_step) for of_step in values]
    others = runs()
    ideal = sum(critical_path(case.predecessors, durations) for durations in others)

    def ratio(hints: Sequence[Duration | None]) -> float:
        tree = decompose(case.predecessors, hints).tree
        return sum(span(tree, durations) for durations in others) / ideal

    return Spread(ratio([None] * len(means)), ratio(means), ratio(values))


def test_measured_values_lead_better_than_their_means() -> None:
    print(f"\n\nrun time / critical path{'unknown':>19}{'means':>9}{'values':>9}\n20 random graphs each, mean")
    for size in (20, 40):
        for sigma in (0.3, 0.8, 1.2):
            rng = random.Random(size)
            rows = [spread(random_case(rng, size, lognormal), sigma, rng) for _ in range(20)]
            row = [fmean(of_rows) for of_rows in zip(*map(astuple, rows), strict=True)]
            print(f"{f'n = {size}, sigma = {sigma}':<34}" + "".join(f"{ratio:>9.3f}" for ratio in row), flush=True)
            assert row[2] <= min(row[:2])


def test_series_parallel_graphs_run_exactly_as_fast_as_true_dataflow() -> None:
    show_header("100 random series-parallel graphs each, mean")
    for size in (10, 20, 40):
        rng = random.Random(size)
        row = mean([measured(series_parallel_case(rng, size, uniform)) for _ in range(100)])
        show(f"n = {size}, series-parallel", row)
        assert row.unknown == pytest.approx(1, abs=1e-9)
        assert row.known == pytest.approx(1, abs=1e-9)


def test_larger_random_graphs() -> None:
    show_header("random graphs, mean")
    for size, count in ((100, 20), (200, 10), (500, 4), (1000, 2)):
        rng = random.Random(size)
        row = mean([measured(random_case(rng, size, uniform)) for _ in range(count)])
        show(f"n = {size}, uniform, {count} graphs", row)


def recipe_cases() -> Iterator[tuple[str, Case]]:
    """The workflows that the recipes of wfcommons generate, with the run times it gives them."""
    generator = importlib.import_module("wfcommons").WorkflowGenerator
    recipes = importlib.import_module("wfcommons.wfchef.recipes")
    numpy = importlib.import_module("numpy")
    for name in RECIPES:
        for size in RECIPE_SIZES:
            for seed in RECIPE_SEEDS:
                # wfcommons draws from both global generators.
                random.seed(seed)
                numpy.random.seed(seed)
                recipe = getattr(recipes, f"{name}Recipe").from_num_tasks(size)
                workflow = generator(recipe).build_workflow()
                yield f"{name}, about {size} tasks", recipe_case(workflow)


def recipe_case(workflow: Any) -> Case:
    """Number the tasks of a wfcommons workflow (a networkx graph) in topological order."""
    waiting = {task: set(workflow.predecessors(task)) for task in sorted(workflow.nodes)}
    order: dict[str, int] = {}
    predecessors: list[set[int]] = []
    while waiting:
        ready = [task for task, before in waiting.items() if before <= order.keys()]
        for task in ready:
            before = waiting.pop(task)
            predecessors.append({order[earlier] for earlier in before})
        order.update({task: len(order) + place for place, task in enumerate(ready)})
    return Case(predecessors, [workflow.tasks[task].runtime for task in order])


def test_workflows_of_science() -> None:
    # wfcommons brings pandas, scipy and matplotlib, so it is not among the development dependencies.
    if importlib.util.find_spec("wfcommons") is None:
        print("\n\nwfcommons recipes: left out, the package wfcommons is not installed")
        pytest.skip("wfcommons is not installed")
    show_header(f"wfcommons recipes, mean of {len(RECIPE_SEEDS)}")
    for name, cases in groupby(recipe_cases(), key=lambda pair: pair[0]):
        show(name, mean([measured(case) for _, case in cases]))
