"""One Choice skips a whole run of steps, and every jump leads directly to where the run goes on."""

from __future__ import annotations

from typing import Any, Final

from tests.support.compiled import compiled, container, data, states, ways, work

MAYBE: Final[dict[str, Any]] = {"conditions": "input.x > 1"}
OTHERWISE: Final[dict[str, Any]] = {"conditions": "input.y > 1"}


# --- guards ---


def test_steps_that_depend_on_a_guarded_one_share_its_guard() -> None:
    machine = compiled(work("a"), work("b", "a", **MAYBE), work("c", "b"), work("d", "c"), work("z", "a", "d"))
    assert ways(machine) == {"a": ["b.guard"], "b.guard": ["b", "z"], "b": ["c"], "c": ["d"], "d": ["z"], "z": [""]}


def test_a_guard_before_branches_that_all_depend_on_it_stands_before_their_parallel() -> None:
    machine = compiled(work("a", **MAYBE), work("b", "a"), work("c", "a"), work("d", "b", "c"), data("z", 1))
    assert ways(machine)["a.guard"][0] == "a"
    assert ways(machine)["a"] == ["b.parallel"]
    assert [name for name in ways(machine) if ".guard" in name] == ["a.guard"]


def test_branches_under_the_same_condition_share_one_guard_before_their_parallel() -> None:
    machine = compiled(work("a"), work("b", "a", **MAYBE), work("c", "a", **MAYBE), work("d", "b", "c"))
    assert ways(machine)["a"] == ["b.guard"]
    assert ways(machine)["b.guard"] == ["b.parallel", "b.end"]
    assert ways(machine)["b.parallel"] == ["d"]
    assert [name for name in ways(machine) if ".guard" in name] == ["b.guard"]


def test_branches_under_different_conditions_have_a_guard_each() -> None:
    machine = compiled(work("a"), work("b", "a", **MAYBE), work("c", "a", **OTHERWISE), work("d", "b", "c"))
    assert ways(machine)["a"] == ["b.parallel"]
    assert {"b.guard", "c.guard", "d.guard"} < set(ways(machine))


def test_a_join_that_may_run_without_a_skipped_branch_is_guarded_by_itself() -> None:
    machine = compiled(work("a"), work("b", "a", **MAYBE), work("c", "a", "b"), work("d", "b"))
    assert "c.guard" not in ways(machine)
    assert ways(machine)["b.guard"][0] == "b"


def test_a_skipping_guard_marks_only_steps_whose_end_somebody_asks_for() -> None:
    machine = compiled(work("a", **MAYBE), work("b", "a"), work("z", input_mapping={"how": "b.status"}))
    (skip,) = states(machine)["a.guard"]["Choices"]
    assert skip["Assign"] == {"s0_b": {"status": "skipped"}}


def test_a_step_that_always_runs_has_no_guard() -> None:
    machine = compiled(work("a"), work("b", "a"), work("c", "a", "b", trigger_rule="one_success"))
    assert list(ways(machine)) == ["a", "b", "c"]


def test_a_step_that_can_never_run_has_no_state() -> None:
    machine = compiled(work("a"), work("b", "a", trigger_rule="one_failed"), work("c", "b"))
    assert ways(machine) == {"a": [""]}
    assert [warning.code for warning in machine.warnings] == ["WFE-W209", "WFE-W209"]


# --- jumps ---


def test_a_guard_jumps_to_the_step_after_the_guarded_ones() -> None:
    machine = compiled(work("a", **MAYBE), work("b", "a", trigger_rule="all_done"))
    assert ways(machine)["a.guard"] == ["a", "b"]


def test_a_guard_jumps_to_the_guard_that_follows() -> None:
    machine = compiled(work("a", **MAYBE), work("b", "a", trigger_rule="all_done", **OTHERWISE))
    assert ways(machine)["a.guard"] == ["a", "b.guard"]


def test_only_a_jump_to_the_end_of_a_block_costs_a_state() -> None:
    machine = compiled(work("a"), work("b", "a", **MAYBE))
    assert ways(machine) == {"a": ["b.guard"], "b.guard": ["b", "b.end"], "b": [""], "b.end": [""]}
    assert states(machine)["b.end"]["Type"] == "Succeed"


def test_a_jump_to_the_end_of_a_machine_with_an_output_leads_to_that() -> None:
    machine = compiled(work("a", **MAYBE), output={"x": "a.x"})
    assert ways(machine) == {"a.guard": ["a", "workflow.output"], "a": ["workflow.output"], "workflow.output": [""]}


def test_a_catcher_jumps_to_where_the_step_itself_goes() -> None:
    machine = compiled(work("a", critical=False), work("b", "a", trigger_rule="all_done"))
    assert set(ways(machine)["a"]) == {"b"}


def test_nested_guards_jump_out_together() -> None:
    cases = [{"when": "input.kind == 'one'", "steps": [work("p", **MAYBE), work("q", "p", **OTHERWISE)]}]
    machine = compiled(
        container("s", "switch", config={"cases": cases}), work("z", "s", input_mapping={"c": {"value": 1}})
    )
    assert ways(machine)["p.guard"] == ["p", "z"]
    assert ways(machine)["q.guard"] == ["q", "z"]
    assert not [name for name in ways(machine) if ".end" in name]


def test_a_case_of_one_lambda_needs_no_state_for_the_output_of_the_switch() -> None:
    cases = [{"when": "input.x", "steps": [work("p")]}, {"when": "input.y", "steps": [work("q"), work("r", "q")]}]
    machine = compiled(container("s", "switch", config={"cases": cases}), work("z", "s"))
    assert ways(machine) == {"s.switch": ["z", "p", "q"], "p": ["z"], "q": ["r"], "r": ["z"], "z": [""]}
    assert states(machine)["r"]["Assign"]["s0_s"]["output"] == {"r": "{% $states.result.Payload %}"}
    assert states(machine)["s.switch"]["Assign"] == {"s0_s": {"status": "completed", "output": {}}}
