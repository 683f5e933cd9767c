"""What runs when a critical step fails, as states and the ways between them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.compiled import Step, compiled, container, data, states, ways, work
from tests.unit.steps.evaluation import evaluate
from workflow_engine.compiler import Compilation
from workflow_engine.language.diagnostics import InvalidWorkflowError

FAIL = {"step_id": "stop", "step_type": "fail"}


def saga(*steps: Step, **workflow: Any) -> Compilation:
    return compiled(*steps, **{"on_failure": [work("tell")], **workflow})


def order(compilation: Compilation, start: str) -> list[str]:
    """The states on the regular way from one of them on."""
    found, at = [], start
    while at:
        found.append(at)
        at = ways(compilation)[at][0]
    return found


def test_a_workflow_without_failure_steps_has_no_catcher() -> None:
    assert ways(compiled(work("a"), work("b", "a"))) == {"a": ["b"], "b": [""]}


def test_a_critical_failure_leads_to_the_failure_steps_and_these_to_the_end_as_failed() -> None:
    machine = saga(work("a"), work("b", "a"))
    assert ways(machine) == {
        "a": ["b", "tell", "tell"],
        "b": ["", "tell", "tell"],
        "tell": ["workflow.failed", "workflow.failed", "workflow.failed"],
        "workflow.failed": [""],
    }
    assert states(machine)["workflow.failed"]["Error"] == "WorkflowFailed"


def test_what_is_too_large_is_caught_by_name_before_everything_else() -> None:
    caught = [catcher["ErrorEquals"] for catcher in states(saga(work("a")))["a"]["Catch"]]
    assert caught == [["States.DataLimitExceeded"], ["States.ALL"]]


def test_a_failure_in_a_branch_ends_the_branch_and_one_choice_after_the_join_leads_on() -> None:
    found = ways(saga(work("a"), work("b"), work("c", "a", "b")))
    assert found["a"] == ["", "a.end", "a.end"]
    assert found["a.parallel"] == ["a.join"]
    assert found["a.join"] == ["c", "tell"]


def test_a_join_at_the_end_of_a_branch_takes_no_choice() -> None:
    steps = [work("a"), work("b", "a"), work("c", "a"), work("z")]
    found = ways(saga(*steps))
    assert found["b.parallel"] == [""]
    assert "b.join" not in found


def test_a_parallel_in_which_nothing_fails_critically_takes_no_choice() -> None:
    found = ways(
        saga(work("a", critical=False), work("b", critical=False), work("c", "a", "b", trigger_rule="all_done"))
    )
    assert found["a.parallel"] == ["c"]


def test_a_branch_that_ended_early_gives_back_what_there_is() -> None:
    machine = saga(work("a"), work("b", "a"), work("z"), on_failure=[work("tell", input_mapping={"b": "b.status"})])
    end = states(machine)["b.end"]["Output"]
    status = '{"status":($exists($s1_b.status)?$s1_b.status:"pending")}'
    whole = '($exists($s1_b)?$s1_b:{"status":"pending"})'
    assert end["_vars"]["s1_b"] == f"{{% ($exists($failures1)?{status}:{whole}) %}}"
    assert end["_failures"] == "{% ($exists($failures1)?$failures1:[]) %}"


def test_only_what_failure_steps_read_is_kept_for_them() -> None:
    told = work("tell", input_mapping={"a": "a.x"})
    machine = saga(work("a"), work("b"), work("c", "a", "b", input_mapping={"i": "input"}), on_failure=[told])
    assert set(states(machine)["a.parallel"]["Assign"]) == {"s0_a", "failures0"}


def test_compensations_run_in_reverse_order_of_dependencies() -> None:
    steps = [
        work(i, *before, compensate=[work(f"undo_{i}")]) for i, before in (("a", ()), ("b", ("a",)), ("c", ("b",)))
    ]
    machine = saga(*steps, work("d", "c"))
    assert [name for name in order(machine, ways(machine)["d"][1]) if "." not in name] == [
        "undo_c",
        "undo_b",
        "undo_a",
        "tell",
    ]


def test_compensations_of_independent_steps_run_side_by_side() -> None:
    steps = [work(i, compensate=[work(f"undo_{i}")]) for i in "ab"]
    machine = saga(*steps, work("c", "a", "b"))
    assert ways(machine)["c"][1] == "undo_b.parallel"
    assert ways(machine)["undo_b.parallel"] == ["tell"]


def test_in_a_sequential_workflow_compensations_run_one_after_the_other_backwards() -> None:
    steps = [work(i, compensate=[work(f"undo_{i}")]) for i in "ab"]
    machine = saga(*steps, work("c"), execution_pattern="sequential")
    assert [name for name in order(machine, ways(machine)["c"][1]) if "." not in name] == ["undo_b", "undo_a", "tell"]


def test_a_compensation_is_guarded_by_its_steps_end_once_for_all_of_its_steps() -> None:
    machine = saga(work("a", compensate=[work("u"), work("v", "u")]), work("b", "a"))
    assert ways(machine)["u.guard"] == ["u", "tell"]
    assert "v.guard" in ways(machine)  # u may fail, and v waits for it
    condition = states(machine)["u.guard"]["Choices"][0]["Condition"]
    assert condition == '{% ($exists($s0_a.status)?$s0_a.status:"pending")!="completed" %}'


def test_a_compensation_without_a_mapping_is_given_what_its_step_gave() -> None:
    machine = saga(work("a", compensate=[work("u")]), work("b", "a"))
    payload = states(machine)["u"]["Arguments"]["Payload"]
    assert '"input_data":{"a":($exists($s0_a.output)?$s0_a.output:null)}' in payload


def test_a_map_is_caught_as_a_whole_and_its_steps_are_not() -> None:
    found = states(saga(container("m", "map", config={"items": "input.list", "steps": [work("p")]})))
    assert found["m"]["Catch"][1]["Assign"]["failure"]["step_id"] == "m"
    assert "Catch" not in found["p"]


def test_what_is_inside_a_tolerated_container_is_not_caught() -> None:
    config = {"cases": [{"when": "input.x", "steps": [work("p")]}]}
    found = states(saga(container("s", "switch", critical=False, config=config), work("z")))
    assert "Catch" not in found["p"]


def test_the_record_of_a_loop_fails_with_the_step_inside_of_it() -> None:
    config = {"until": "p.done", "max_iterations": 3, "steps": [work("p")]}
    told = work("tell", input_mapping={"how": "again.status"})
    found = states(saga(container("again", "loop", config=config), on_failure=[told]))
    assert found["p"]["Catch"][1]["Assign"]["s0_again"] == {"status": "failed"}
    assert found["again.fail"]["Type"] == "Pass"
    assert found["again.fail"]["Assign"]["s0_again"] == {"status": "failed"}
    assert found["again.fail"]["Next"] == "tell"


def test_a_step_that_fails_ends_the_run_and_nothing_leads_on_from_it() -> None:
    machine = compiled(
        work("a"), {**FAIL, "config": {"error": "NoStock", "message": "None left."}}, execution_pattern="sequential"
    )
    assert ways(machine) == {"a": ["stop.fail"], "stop.fail": [""]}
    assert machine.bindings["literals"]["stop"] == {"p0": "NoStock", "p1": "None left."}


def test_steps_after_one_that_fails_are_no_states() -> None:
    machine = compiled(FAIL, work("a"), execution_pattern="sequential")
    assert set(ways(machine)) == {"stop.fail"}


def test_a_step_that_fails_and_is_not_critical_lets_the_run_go_on() -> None:
    machine = compiled({**FAIL, "critical": False}, work("a", "stop", trigger_rule="one_failed"))
    assert ways(machine) == {"stop.fail": ["a"], "a": [""]}


def test_with_failure_steps_a_step_that_fails_is_a_jump_to_them() -> None:
    found = ways(saga(work("a"), {**FAIL, "dependencies": ["a"]}))
    assert found["stop.fail"] == ["tell"]


def test_failure_steps_that_can_never_run_are_warned_of() -> None:
    machine = saga(data("a", 1))
    assert [(w.code, w.pointer) for w in machine.warnings] == [("WFE-W405", "/on_failure")]
    assert set(ways(machine)) == {"a"}


def test_compensations_that_can_never_run_are_warned_of_where_they_stand() -> None:
    machine = compiled(data("a", 1), data("b", 1, "a", compensate=[work("u")]))
    assert [(w.code, w.pointer) for w in machine.warnings] == [("WFE-W405", "/steps/1/compensate")]


def test_what_has_no_effect_on_a_step_that_only_fails_is_warned_of() -> None:
    machine = compiled(work("a"), {**FAIL, "dependencies": ["a"], "max_retries": 2, "compensate": [work("u")]})
    assert [(w.code, w.pointer) for w in machine.warnings] == [
        ("WFE-W405", "/steps/1/max_retries"),
        ("WFE-W405", "/steps/1/compensate"),
    ]


def test_what_may_leave_branches_after_a_failure_is_shared_out_between_them() -> None:
    machine = saga(work("a"), work("b", "a"), work("z"), on_failure=[work("tell", input_mapping={"b": "b.x"})])
    assert "$z($r,75000)" in states(machine)["b.end"]["Output"]["_vars"]


def test_a_cycle_among_failure_steps_is_named() -> None:
    with pytest.raises(InvalidWorkflowError, match="u -> v -> u"):
        compiled(work("a", compensate=[work("u", "v"), work("v", "u")]))


def test_failure_steps_are_drawn_apart() -> None:
    drawn = saga(work("a", compensate=[work("u")]), work("b", "a")).diagram
    assert drawn.splitlines()[4:] == [
        '  subgraph failure["when the run fails"]',
        '    f0["u<br/><small>work</small>"]',
        '    f1["tell<br/><small>work</small>"]',
        "    f0 -.-> f1",
        "  end",
    ]


def test_the_plan_counts_the_states_of_both_ways() -> None:
    plain, machine = compiled(work("a"), work("b", "a")), saga(work("a"), work("b", "a"))
    assert (plain.plan["states"], machine.plan["states"]) == (2, 4)
    assert machine.plan["transitions_min"] == 2
    assert machine.plan["transitions_max"] == 2 + 2


def test_a_reference_to_a_step_that_never_begins_when_another_fails_is_no_violation() -> None:
    """The last step assigns nothing; whatever fails, it has not completed."""
    machine = saga(work("a"), data("b", 1, "a", compensate=[work("u")]))
    assert ways(machine)["a"] == ["b", "u.guard", "u.guard"]


def test_what_follows_a_critical_fail_that_was_skipped_asks_for_nothing() -> None:
    steps = [work("a"), {**FAIL, "dependencies": ["a"], "conditions": "a.bad"}, work("b", "a", "stop")]
    assert ways(compiled(*steps)) == {
        "a": ["stop.guard"],
        "stop.guard": ["stop.fail", "b"],
        "stop.fail": [""],
        "b": [""],
    }


def test_failure_steps_see_that_a_guarded_fail_has_failed() -> None:
    steps = [work("a"), {**FAIL, "dependencies": ["a"], "conditions": "a.bad"}, work("b", "a", "stop")]
    machine = saga(*steps, on_failure=[work("tell", input_mapping={"how": "stop.status"})])
    assert states(machine)["stop.fail"]["Assign"]["s0_stop"] == {"status": "failed"}
    assert states(machine)["stop.guard"]["Choices"][0]["Assign"] == {"s0_stop": {"status": "skipped"}}


def test_of_failures_at_the_same_time_the_first_declared_is_told() -> None:
    join = states(saga(work("a"), work("b"), work("c", "a", "b")))["a.join"]["Choices"][0]
    notes = [
        {"step_id": step, "error_type": "E", "message": step, "at": at, "order": order}
        for step, at, order in (("late", 3, 0), ("second", 1, 2), ("first", 1, 1))
    ]
    told = evaluate(join["Assign"]["failure"][2:-2], {"failures0": notes})
    assert [told["step_id"], *(other["step_id"] for other in told["others"])] == ["first", "second", "late"]
    assert set(told) == {"step_id", "error_type", "message", "others"}
    assert set(told["others"][0]) == {"step_id", "error_type", "message"}


@pytest.mark.parametrize(("count", "others"), [(1, 0), (2, 1)])
def test_the_others_are_a_list_however_many_they_are(count: int, others: int) -> None:
    join = states(saga(work("a"), work("b"), work("c", "a", "b")))["a.join"]["Choices"][0]
    notes = [{"step_id": "s", "error_type": "E", "message": "", "at": i, "order": i} for i in range(count)]
    told = evaluate(join["Assign"]["failure"][2:-2], {"failures0": notes})
    assert len(told["others"]) == others


def test_what_cannot_be_repeated_undoes_no_elements() -> None:
    pause = {"step_id": "u", "step_type": "delay", "config": {"delay_seconds": 1}}
    with pytest.raises(
        InvalidWorkflowError, match="'delay' cannot be repeated for each element that 'e' has completed"
    ):
        compiled(work("e", for_each="input.list", compensate=[pause]), work("z", "e"))


def test_what_undoes_a_switch_as_a_whole_comes_before_what_undoes_the_steps_inside_of_it() -> None:
    inside = [work(i, *before, compensate=[work(f"undo_{i}")]) for i, before in (("a", ()), ("b", ("a",)))]
    config = {"cases": [{"when": "input.x", "steps": inside}]}
    machine = saga(
        container("s", "switch", config=config, compensate=[work("undo_s")]),
        work("z", "s"),
        execution_pattern="dependency",
    )
    assert [name for name in order(machine, ways(machine)["z"][1]) if "." not in name] == [
        "undo_s",
        "undo_b",
        "undo_a",
        "tell",
    ]


def test_the_more_elements_may_fail_the_less_is_kept_of_each_message() -> None:
    def kept(**fields: Any) -> str:
        each = work("e", for_each="input.rows", compensate=[work("undo")], **fields)
        return json.dumps(states(compiled(each, work("b", "e")))["e.each"]["Catch"])

    assert ",0,4000)" in kept(max_items=5)
    assert ",0,300)" in kept(max_items=100)
    assert ",0,200)" in kept()
