"""What a structure saves against another one, by the durations of the steps."""

from __future__ import annotations

import pytest

from tests.support.compiled import CATALOGUE, Step, container, data, parsed, work
from workflow_engine.compiler import Compilation, Hints, compile_workflow
from workflow_engine.compiler.reports.run_time import OWN, expected_gain, have_the_same_steps

N_GRAPH = (work("a"), work("b"), work("c", "a"), work("d", "a", "b"))
"""Not series-parallel: a before c and d, b before d."""

SLOW_B = Hints({"a": 1.0, "b": 10.0, "c": 10.0, "d": 1.0})
SLOW_D = Hints({"a": 1.0, "b": 1.0, "c": 10.0, "d": 10.0})


def compiled(*steps: Step, hints: Hints | None = None) -> Compilation:
    return compile_workflow(parsed(*steps), CATALOGUE, hints)


def test_a_structure_tells_what_runs_at_once_and_what_after_another() -> None:
    assert compiled(work("a"), work("b", "a"), work("c", "a")).structure == {
        OWN: [{"sequence": ["a", {"parallel": ["b", "c"]}]}]
    }


def test_the_gain_is_the_share_of_the_time_that_is_saved() -> None:
    first, second = compiled(*N_GRAPH, hints=SLOW_B), compiled(*N_GRAPH, hints=SLOW_D)
    # a, then c beside b and d; and the other way a beside b, then c beside d.
    assert expected_gain(first.structure, second.structure, second.durations) == pytest.approx(1 - 11 / 12)
    assert expected_gain(second.structure, first.structure, first.durations) == pytest.approx(1 - 12 / 20)
    assert expected_gain(first.structure, second.structure, first.durations) == pytest.approx(1 - 20 / 12)


def test_nothing_is_gained_by_the_same_structure() -> None:
    one = compiled(*N_GRAPH, hints=SLOW_B)
    assert expected_gain(one.structure, one.structure, one.durations) == 0


def test_steps_that_take_no_time_have_nothing_to_gain() -> None:
    one = compiled(data("a", 1), data("b", 2, "a"))
    assert expected_gain(one.structure, one.structure, one.durations) == 0


def test_what_a_container_saves_is_saved_of_what_it_was_measured_to_take() -> None:
    def inside(hints: Hints) -> Compilation:
        loop = container("list", "map", config={"items": "input.items", "steps": list(N_GRAPH), "max_items": 5})
        return compiled(loop, work("after", "list"), hints=Hints({**hints.durations, "list": 90.0, "after": 10.0}))

    before, after = inside(SLOW_B), inside(SLOW_D)
    assert set(before.structure) == {OWN, "list"}
    bare = [compiled(*N_GRAPH, hints=hints).structure for hints in (SLOW_B, SLOW_D)]
    of_body = expected_gain(bare[0], bare[1], after.durations)
    assert of_body > 0
    assert expected_gain(before.structure, after.structure, after.durations) == pytest.approx(0.9 * of_body)


def test_values_that_were_measured_lead_where_their_mean_would_lead_astray() -> None:
    values = Hints({"a": 1.0, "b": (0.0, 0.0, 0.0, 4.0), "c": 3.0, "d": 0.4})
    means = Hints({**values.durations, "b": 1.0})
    led, astray = compiled(*N_GRAPH, hints=values), compiled(*N_GRAPH, hints=means)
    # b beside a, which is as long in the mean, makes a run wait for it a fourth of the time; beside c it hardly does.
    gain = expected_gain(astray.structure, led.structure, values.durations)
    assert gain == pytest.approx(1 - 4.35 / 4.75)


def test_an_estimate_of_the_author_wins_over_what_was_measured() -> None:
    told = compiled(
        {**work("a"), "estimated_seconds": 7}, work("b", "a"), hints=Hints({"a": (1.0, 2.0), "b": (1.0, 3.0)})
    )
    assert told.durations == {"a": 7, "b": (1.0, 3.0)}
    assert told.plan["critical_path_seconds"] == 9.0


def test_what_runs_after_a_failure_is_no_part_of_a_run_s_time() -> None:
    undoing = container("undo", "map", config={"items": "input.items", "steps": [work("one")], "max_items": 5})
    document = {"on_failure": [undoing]}
    before, after = (compile_workflow(parsed(*N_GRAPH, **document), CATALOGUE, hints) for hints in (SLOW_B, SLOW_D))
    assert {container: len(bodies) for container, bodies in after.structure.items()} == {OWN: 1, "undo": 1}
    assert expected_gain(before.structure, after.structure, after.durations) == pytest.approx(1 - 11 / 12)


def test_structures_of_other_steps_are_told_apart() -> None:
    one, other = compiled(*N_GRAPH).structure, compiled(*N_GRAPH[:3]).structure
    assert have_the_same_steps(one, compiled(*N_GRAPH, hints=SLOW_B).structure)
    assert not have_the_same_steps(one, other)
    assert not have_the_same_steps(one, {})


def test_outputs_that_leave_a_parallel_together_are_told_but_for_what_only_the_run_s_output_reads() -> None:
    assert compiled(*N_GRAPH, hints=SLOW_D).together == {frozenset("ab"), frozenset()}
    assert compiled(*N_GRAPH, hints=SLOW_B).together == {frozenset()}
    inside = container("list", "map", config={"items": "input.items", "steps": list(N_GRAPH), "max_items": 5})
    assert frozenset("ab") in compiled(inside, hints=SLOW_D).together
