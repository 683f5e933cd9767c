"""Records are assigned only while something reads them, and emptied in the state after which nobody does."""

from __future__ import annotations

from tests.support.compiled import assigned, compiled, container, data, merged, states, work

ALONE = {"constant": {"value": 1}}
PAYLOAD = "{% $states.result.Payload %}"


def kept(output: object = PAYLOAD) -> dict[str, object]:
    return {"status": "completed", "output": output}


def test_an_output_that_nobody_reads_is_not_assigned() -> None:
    machine = compiled(work("a"), work("b", "a", input_mapping=ALONE))
    assert assigned(machine, "a") == {}


def test_the_last_reader_empties_the_record() -> None:
    machine = compiled(work("a"), work("b", "a"), work("c", "b", input_mapping={"x": "a.x"}), work("d", "c"))
    assert assigned(machine, "a") == {"s0_a": kept()}
    assert assigned(machine, "b") == {}
    assert assigned(machine, "c") == {"s0_c": kept(), "s0_a": {}}


def test_the_last_state_empties_nothing_since_all_variables_end_with_it() -> None:
    machine = compiled(work("a"), work("b", "a"))
    assert assigned(machine, "b") == {}


def test_a_status_that_is_still_asked_for_stays() -> None:
    machine = compiled(
        work("a", critical=False),
        work("b", "a", trigger_rule="all_done", input_mapping={"x": "a.x"}),
        work("c", "b"),
        work("d", "c", input_mapping={"how": "a.status"}),
    )
    assert assigned(machine, "b")["s0_a"] == {"status": "{% $s0_a.status %}"}
    assert "s0_a" not in assigned(machine, "c")


def test_the_catcher_of_the_last_reader_empties_the_record_too() -> None:
    machine = compiled(
        work("a"), work("b", "a", critical=False), work("c", "b", trigger_rule="all_done", input_mapping=ALONE)
    )
    emptied = {"s0_a": {}, "s0_b": {"status": "failed"}}
    assert [catcher["Assign"] for catcher in states(machine)["b"]["Catch"]] == [emptied] * 2


def test_a_parallel_empties_what_only_its_branches_read() -> None:
    machine = compiled(work("a"), work("b", "a"), work("c", "a"), work("d", "b", "c", input_mapping=ALONE))
    assert assigned(machine, "b.parallel") == {"s0_a": {}}


def test_a_branch_gives_back_only_what_is_read_outside_of_it() -> None:
    machine = compiled(work("a"), work("b", "a"), work("c"), work("d", "b", "c", input_mapping={"x": "b.x"}))
    assert assigned(machine, "a.parallel") == {"s0_b": "{% $states.result[0]._vars.s1_b %}"}
    assert states(machine)["b"]["Output"] == {"_vars": {"s1_b": kept()}}
    assert states(machine)["c"]["Output"] == {}


def test_the_state_that_ends_a_branch_gives_its_record_without_assigning_it() -> None:
    machine = compiled(work("a"), work("b"), work("c", "a", "b"))
    assert assigned(machine, "a") == {}
    assert states(machine)["a"]["Output"] == {"_vars": {"s1_a": kept()}}


def test_of_a_step_that_is_asked_only_how_it_ended_no_output_leaves_the_branch() -> None:
    machine = compiled(
        work("a", critical=False),
        work("b", "a", trigger_rule="all_done"),
        work("c"),
        work("d", "b", "c", input_mapping={"how": "a.status"}),
    )
    assert assigned(machine, "a") == {"s1_a": kept()}
    assert states(machine)["b"]["Output"]["_vars"] == {"s1_a": '{% {"status":$s1_a.status} %}'}


def test_a_record_read_only_beyond_a_guard_is_emptied_on_either_way() -> None:
    machine = compiled(
        work("a"),
        work("b", "a", conditions="input.x"),
        work("c", "b", trigger_rule="all_done", input_mapping=ALONE),
        work("d", "c"),
    )
    assert assigned(machine, "b") == {"s0_a": {}}
    assert assigned(machine, "c")["s0_a"] == {}


def test_a_loop_empties_what_it_read_when_it_is_left_and_not_before() -> None:
    turns = {"until": "p.done", "max_iterations": 3, "steps": [work("p", input_mapping={"x": "a.x"})]}
    machine = compiled(work("a"), container("again", "loop", config=turns), work("z", "again", input_mapping=ALONE))
    assert assigned(machine, "p") == {"s0_p": kept()}
    left, _ = states(machine)["again.until"]["Choices"]
    assert left["Assign"] == {"s0_again": {"status": "completed"}, "s0_a": {}, "s0_p": {}}


def test_an_element_of_a_map_empties_its_own_variables_only() -> None:
    steps = [work("p", input_mapping={"x": "a.x"}), work("q", "p"), work("r", "q")]
    machine = compiled(
        work("a"),
        container("each", "map", config={"items": "input.list", "steps": steps}),
        work("z", "each", input_mapping=ALONE),
    )
    assert assigned(machine, "q") == {"s1_q": kept(), "s1_p": {}}
    assert assigned(machine, "each") == {"s0_a": {}}


def test_a_text_that_looks_like_a_variable_keeps_no_record() -> None:
    last = work("d", "c", conditions="c.x == '$s0_b.output'", input_mapping=ALONE)
    machine = compiled(work("a"), work("b", "a"), work("c", "b", input_mapping={"x": "b.x"}), last)
    assert '"$s0_b.output"' in states(machine)["d.guard"]["Choices"][0]["Condition"]
    assert assigned(machine, "c")["s0_b"] == {}


def test_a_small_record_is_left_as_it_is() -> None:
    machine = compiled(data("a", 1), work("b", "a"), work("c", "b", input_mapping=ALONE), work("d", "c"))
    assert "s0_a" not in assigned(machine, "b")


def test_a_value_that_only_the_same_pass_reads_is_not_assigned() -> None:
    machine = compiled(data("a", 1), merged("b", "a"), work("c", "b"))
    assert list(assigned(machine, "a")) == ["s0_b"]
