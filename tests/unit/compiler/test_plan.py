"""What a run will cost, from the machine's blocks. That real runs keep to it is a property test."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiled import CATALOGUE, Step, compiled, container, data, parsed, states, work
from workflow_engine.compiler.reports.least_size import least_definition_bytes
from workflow_engine.language.diagnostics import InvalidWorkflowError

LIST = [1, 2, 3]


def bounds(*steps: Step, **workflow: Any) -> tuple[int, int | None]:
    plan = compiled(*steps, **workflow).plan
    return plan["transitions_min"], plan["transitions_max"]


def test_a_chain_takes_one_transition_a_step() -> None:
    assert bounds(work("a"), work("b", "a"), work("c", "b")) == (3, 3)


def test_a_parallel_takes_one_more() -> None:
    assert bounds(work("a"), work("b", "a"), work("c", "a"), work("d", "b", "c")) == (5, 5)


def test_each_retry_is_a_transition() -> None:
    assert bounds(work("a", max_retries=2)) == (1, 3)


def test_a_guarded_step_may_be_passed_by() -> None:
    assert bounds(work("a"), work("b", "a", conditions="input.x"), work("c", "a", "b")) == (3, 4)


@pytest.mark.parametrize("items", ["rows.data", "variables.list", "rows.data.inner"])
def test_a_list_that_the_workflow_itself_holds_has_a_known_size(items: str) -> None:
    rows = data("rows", {"inner": LIST} if items.endswith("inner") else LIST)
    machine = compiled(rows, work("e", "rows", for_each=items), variables={"list": LIST})
    assert (machine.plan["transitions_min"], machine.plan["transitions_max"]) == (5, 5)


def test_of_a_list_from_the_run_only_max_items_is_known() -> None:
    assert bounds(work("e", for_each="input.list")) == (1, None)
    assert bounds(work("e", for_each="input.list", max_items=10)) == (1, 11)


def test_a_list_from_a_step_that_may_be_skipped_may_be_empty() -> None:
    rows = data("rows", LIST, conditions="input.x")
    assert bounds(rows, work("e", for_each="rows.data", trigger_rule="all_done")) == (2, 6)


def test_a_loop_takes_one_look_and_its_body_a_turn() -> None:
    config = {"until": "p.done", "max_iterations": 3, "steps": [work("p")]}
    assert bounds(container("again", "loop", config=config), work("z", "again")) == (4, 9)


def test_a_list_too_long_for_the_history_is_refused_with_its_size() -> None:
    with pytest.raises(InvalidWorkflowError, match="history events"):
        compiled(work("e", for_each="variables.list"), variables={"list": [0] * 4000})


def test_states_are_those_of_the_machine() -> None:
    machine = compiled(work("a"), work("b", "a", conditions="input.x"), work("e", for_each="input.list"))
    assert machine.plan["states"] == len(states(machine))


def test_the_run_time_of_a_container_is_that_of_its_longest_body() -> None:
    short, long = work("p", estimated_seconds=2), work("q", estimated_seconds=5)
    config = {"cases": [{"when": "input.x", "steps": [short, work("r", "p", estimated_seconds=1)]}], "default": [long]}
    plan = compiled(container("s", "switch", config=config)).plan
    assert plan["critical_path_seconds"] == 5


def test_a_delay_takes_its_seconds_and_a_pure_step_none() -> None:
    wait: Step = {"step_id": "w", "step_type": "delay", "config": {"delay_seconds": 30}}
    assert compiled(data("a", 1), wait).plan["critical_path_seconds"] == 30


def test_parallel_parts_with_known_durations_take_as_long_as_the_longest() -> None:
    machine = compiled(
        work("a", estimated_seconds=3), work("b", estimated_seconds=4), work("c", "a", estimated_seconds=2)
    )
    assert machine.plan["critical_path_seconds"] == 5
    assert machine.plan["parallel_width"] == 2


def chain_of_50(first: Step) -> tuple[int, int | None]:
    def count(i: int) -> Step:
        source = {"input": f"s{i - 1}.{'data' if i == 1 else 'result'}"}
        config = {"processing_type": "count"}
        return {"step_id": f"s{i}", "step_type": "data_processing", "config": config, "input_mapping": source}

    return bounds(first, *map(count, range(1, 50)))


def test_fifty_pure_steps_are_three_states_where_their_data_is_small_and_known() -> None:
    assert chain_of_50(data("s0", {"a": 1})) == (3, 3)


def test_fifty_pure_steps_are_a_state_each_where_only_the_run_knows_how_large_their_data_is() -> None:
    from_the_run = {"step_id": "s0", "step_type": "data_input", "config": {"input_type": "dynamic", "source": "x"}}
    assert chain_of_50(from_the_run) == (50, 50)


def test_a_definition_that_cannot_fit_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_engine.compiler.lower.lower_workflow", lambda *_: pytest.fail("it was lowered"))
    chain = [work("s0"), *(work(f"s{i}", f"s{i - 1}") for i in range(1, 3000))]
    with pytest.raises(InvalidWorkflowError) as refused:
        compiled(*chain)
    (finding,) = refused.value.diagnostics
    assert (finding.code, finding.pointer) == ("WFE-E500", "/steps")
    assert "1,048,576. Split it" in finding.detail


def test_a_lower_bound_is_near_the_size_of_what_is_all_tasks() -> None:
    chain = [work("s0"), *(work(f"s{i}", f"s{i - 1}") for i in range(1, 50))]
    workflow = parsed(*chain)
    least = least_definition_bytes(workflow, CATALOGUE)
    assert 0.5 < least / compiled(*chain).plan["definition_bytes"] <= 1


def test_steps_that_may_be_left_out_do_not_count_towards_the_lower_bound() -> None:
    workflow = parsed(work("a"), work("b", "a", conditions="input.x"), work("c", "b"), work("d", critical=False))
    assert least_definition_bytes(workflow, CATALOGUE) == least_definition_bytes(parsed(work("a")), CATALOGUE)
