"""An author's expression in the mapping of a step that Step Functions computes: a Pass, in a Parallel where it must be."""

from __future__ import annotations

import pytest

from tests.support.compiled import Step, assigned, compiled, data, merged, states, work

ADD = {"expression": "$ref('input.n') + 1"}


def total(*dependencies: str, **fields: object) -> Step:
    return merged("total", *dependencies, **{"input_mapping": {"sum": ADD}, **fields})


def kinds(*steps: Step) -> dict[str, str]:
    return {name: state["Type"] for name, state in states(compiled(*steps)).items()}


def test_a_critical_step_is_one_pass_and_calls_no_function() -> None:
    compilation = compiled(total(), work("z", "total"))
    assert {name: state["Type"] for name, state in states(compilation).items()} == {"total": "Pass", "z": "Task"}
    assert compilation.bindings["functions"] == ["work"]


def test_a_step_that_is_not_critical_is_a_pass_in_a_parallel_that_catches() -> None:
    machine = states(compiled(total(critical=False), work("z", "total", trigger_rule="all_done")))
    assert machine["total"] == {**machine["total"], "Type": "Pass", "End": True}
    assert [catcher["ErrorEquals"] for catcher in machine["total.try"]["Catch"]] == [
        ["States.DataLimitExceeded"],
        ["States.ALL"],
    ]
    assert "Retry" not in machine["total.try"]


@pytest.mark.parametrize(
    "text", ["$uuid()", "$now()", "$millis()", "$random()", "$shuffle([1, 2])", "($f := $uuid; $f())"]
)
def test_what_is_another_value_each_time_is_computed_in_a_branch_which_hands_it_on(text: str) -> None:
    step = total(input_mapping={"sum": {"expression": text}})
    compilation = compiled(step, work("z", input_mapping={"n": "total.data"}))
    assert states(compilation)["total.try"]["Type"] == "Parallel"
    assert "Catch" not in states(compilation)["total.try"]
    assert "$states.result[0].total" in assigned(compilation, "total.try")["s0_total"]["output"]


@pytest.mark.parametrize("text", ["$toMillis('2026-01-01T00:00:00Z')", "$nowhere := 1", "$randomly := 1"])
def test_what_is_the_same_value_each_time_needs_no_branch(text: str) -> None:
    step = total(input_mapping={"sum": {"expression": text}})
    assert kinds(step, work("z", input_mapping={"n": "total.data"})) == {"total": "Pass", "z": "Task"}


def test_a_value_that_nobody_reads_needs_no_branch_whatever_it_is() -> None:
    assert kinds(total(input_mapping={"sum": {"expression": "$uuid()"}})) == {"total": "Pass"}


def test_an_identifier_in_a_template_is_computed_once_too() -> None:
    step = total(input_mapping={"id": {"template": "{{ uuid }}"}})
    assert "total.try" in kinds(step, work("z", input_mapping={"n": "total.data"}))


def test_a_state_that_may_fail_has_the_name_of_the_step_that_may() -> None:
    """What follows may be computed in its state, what goes before may not."""
    assert list(kinds(data("a", 1), total("a"), data("b", 2, "total"))) == ["a", "total"]


def test_the_elements_of_a_list_take_one_state_each() -> None:
    step = total(for_each="input.list", input_mapping={"n": {"expression": "$ref('item') * 2"}})
    machine = states(compiled(step, work("z", "total")))
    assert (machine["total.each"]["Type"], machine["total.each"]["End"]) == ("Pass", True)


def test_retries_of_what_fails_again_have_no_effect_and_the_author_is_told() -> None:
    told = [(w.code, w.pointer) for w in compiled(total(max_retries=2)).warnings]
    assert told == [("WFE-W405", "/steps/0/max_retries")]
    assert [w.code for w in compiled(total()).warnings] == []
    assert [w.code for w in compiled(work("a", max_retries=2, input_mapping={"n": ADD})).warnings] == []
    assert [w.code for w in compiled(data("a", 1, max_retries=2)).warnings] == []
