"""Adjacent pure steps become one Pass state, as long as their values fit."""

from __future__ import annotations

from tests.support.compiled import compiled, data, merged, states, ways, work

LARGE = "x" * 150_000


def test_a_chain_of_pure_steps_is_one_state() -> None:
    machine = compiled(data("a", 1), merged("b", "a"), merged("c", "b"), work("d", "c"))
    assert ways(machine) == {"a": ["d"], "d": [""]}


def test_independent_pure_steps_are_one_state_and_need_no_parallel() -> None:
    machine = compiled(data("a", 1), data("b", 2), data("c", 3), work("d", "a", "b", "c"))
    assert ways(machine) == {"a": ["d"], "d": [""]}


def test_pure_steps_beside_a_lambda_run_before_it_in_line() -> None:
    machine = compiled(work("a"), data("b", 1), work("c", "a", "b"))
    assert ways(machine) == {"b": ["a"], "a": ["c"], "c": [""]}


def test_a_state_gives_the_outputs_of_all_its_steps_by_id() -> None:
    machine = compiled(data("a", 1), data("b", 2), work("c", "a", "b"))
    output = states(machine)["a"]["Output"]
    assert output.startswith('{% {"a":{"data":')
    assert ',"b":{"data":' in output


def test_a_step_reads_another_of_the_same_state_from_a_local_variable() -> None:
    machine = compiled(data("a", 1), merged("b", "a"), work("c", "b"))
    output = states(machine)["a"]["Output"]
    assert output.startswith('{% ($now_s0_a:={"status":"completed","output":')
    assert "$now_s0_a.output" in output
    assert "$s0_a" not in output


def test_values_that_would_not_fit_one_state_stay_apart() -> None:
    machine = compiled(data("a", LARGE), merged("b", "a"), work("c", "b"))
    assert ways(machine) == {"a": ["b"], "b": ["c"], "c": [""]}


def test_two_values_of_unknown_size_stay_apart() -> None:
    machine = compiled(work("a"), merged("b", "a"), merged("c", "a"), work("d", "b", "c"))
    assert ways(machine) == {"a": ["b"], "b": ["c"], "c": ["d"], "d": [""]}


def test_a_small_value_fits_beside_one_of_unknown_size() -> None:
    machine = compiled(work("a"), merged("b", "a"), data("c", 1, "a"), work("d", "b", "c"))
    assert ways(machine) == {"a": ["b"], "b": ["d"], "d": [""]}
