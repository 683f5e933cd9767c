"""Lists that are too long for the history of one run, refused where their length is first known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.compiled import Step, compiled, container, data, states, work
from workflow_engine.compiler.fan_out import TooManyElements, events_of_input
from workflow_engine.language.syntax import MAX_LIST_NESTING

EACH = 7  # StateEntered, TaskScheduled, TaskStarted, TaskSucceeded, StateExited; the iteration's start and end
ROOM = (25_000 - 2 - 4) // EACH


def refused(run_input: Any, *steps: Step, **workflow: Any) -> TooManyElements | None:
    costs = compiled(*steps, **workflow).fan_out
    return events_of_input(json.loads(json.dumps(costs)), run_input)


def each(items: str, step_id: str = "e", *dependencies: str, **fields: Any) -> Step:
    return work(step_id, *dependencies, for_each=items, **fields)


def nested(items: str, inner: str, **config: Any) -> Step:
    return container("m", "map", config={"items": items, "steps": [each(inner)], **config})


def source(step_id: str, path: str, **fields: Any) -> Step:
    return {
        "step_id": step_id,
        "step_type": "data_input",
        "config": {"input_type": "dynamic", "source": path},
        **fields,
    }


def test_a_list_of_the_input_may_fill_the_history_and_no_more() -> None:
    assert refused({"rows": [0] * ROOM}, each("input.rows")) is None
    found = refused({"rows": [0] * (ROOM + 1)}, each("input.rows"))
    assert found == TooManyElements("e", "/input/rows", ROOM + 1, 6 + EACH * (ROOM + 1))


def test_what_is_refused_is_told_with_its_step_its_size_and_the_way_out() -> None:
    found = refused({"rows": [0] * 5000}, each("input.rows"))
    assert found is not None
    assert found.detail == (
        "The run would take 35,006 history events; Step Functions allows 25,000. Step 'e' runs over 5,000 elements in all. "
        "Start several runs with a part of the list each."
    )


def test_lists_that_fit_alone_are_added_up() -> None:
    steps = [each("input.a", "a"), each("input.b", "b", "a")]
    assert refused({"a": [0] * 2000}, *steps) is None
    found = refused({"a": [0] * 2000, "b": [0] * 2001}, *steps)
    assert found is not None
    assert (found.step_id, found.elements) == ("b", 2001)


def test_lists_in_a_list_are_counted_as_they_are() -> None:
    rows = [{"lines": [0] * 2500}, {"lines": []}, {"lines": [0] * 1500}]
    found = refused({"rows": rows}, nested("input.rows", "item.lines"))
    assert found is not None
    assert (found.step_id, found.elements, found.pointer) == ("e", 4000, "/input")
    assert refused({"rows": [{"lines": [0] * 30}] * 30}, nested("input.rows", "item.lines")) is None


def test_a_list_that_is_the_same_for_each_element_counts_once_for_each() -> None:
    found = refused({"a": [0] * 60, "b": [0] * 60}, nested("input.a", "input.b"))
    assert found is not None
    assert (found.elements, found.pointer) == (3600, "/input/b")


def test_a_list_inside_one_of_known_length_is_counted() -> None:
    found = refused({"b": [0] * 1300}, nested("variables.three", "input.b"), variables={"three": [1, 2, 3]})
    assert found is not None
    assert found.elements == 3900


@pytest.mark.parametrize(
    ("items", "run_input", "place"),
    [
        ("input", [0] * 4000, "/input"),
        ("input.rows[-1].of", {"rows": [{}, {"of": [0] * 4000}]}, "/input/rows/1/of"),
        ("input.rows[*].id", {"rows": [{}] * 4000}, "/input/rows"),
        ("input.rows.id", {"rows": [{}] * 4000}, "/input/rows"),
        ('input["a/b"]', {"a/b": [0] * 4000}, "/input/a~1b"),
    ],
)
def test_the_pointer_leads_to_the_list_in_the_body(items: str, run_input: Any, place: str) -> None:
    found = refused(run_input, each(items))
    assert found is not None
    assert found.pointer == place


@pytest.mark.parametrize("run_input", [None, {}, 5, "rows", [], {"rows": 7}, {"rows": {"a": 1}}, {"rows": "x" * 9000}])
def test_what_is_no_list_is_the_runs_matter(run_input: Any) -> None:
    assert refused(run_input, each("input.rows")) is None


def test_a_list_that_a_step_hands_on_from_the_input_is_known_too() -> None:
    run_input = {"order": {"lines": [0] * 4000}}
    chain = [source("o", "order"), each("o.data.lines", "e", "o")]
    trigger: Step = {"step_id": "t", "step_type": "trigger"}
    assert refused(run_input, *chain) is not None
    assert refused(run_input, trigger, each("t.data.order.lines", "e", "t")) is not None


def test_a_list_that_may_not_be_run_over_is_not_refused() -> None:
    run_input = {"rows": [0] * 4000}
    with_default = {"input_type": "dynamic", "source": "rows", "data": []}
    switch = container("s", "switch", config={"cases": [{"when": "input.x", "steps": [each("input.rows")]}]})
    loop = {"while": "input.x", "max_iterations": 1, "steps": [each("input.rows", max_items=5)]}
    for steps in (
        [each("input.rows", conditions="input.x")],
        [source("o", "rows", conditions="input.x"), each("o.data", "e", "o", trigger_rule="all_done")],
        [{"step_id": "o", "step_type": "data_input", "config": with_default}, each("o.data", "e", "o")],
        [switch],
        [container("l", "loop", config=loop)],
    ):
        assert refused(run_input, *steps) is None, steps


def test_a_list_over_max_items_costs_nothing_since_its_step_fails_before_it() -> None:
    assert refused({"rows": [0] * 5000}, each("input.rows", max_items=10, critical=False)) is None


def test_elements_that_a_condition_may_skip_count_as_skipped() -> None:
    # A Choice and the state it jumps to, two events each, and the iteration's two.
    steps = [each("input.rows", conditions="item.ok")]
    assert refused({"rows": [{}] * 4000}, *steps) is None
    assert refused({"rows": [{}] * 4200}, *steps) is not None


def test_a_body_of_a_loop_runs_once_at_least_if_it_is_tested_after() -> None:
    config = {"until": "e.x", "max_iterations": 2, "steps": [each("input.rows")]}
    assert refused({"rows": [0] * 4000}, container("l", "loop", config=config)) is not None


def test_a_workflow_without_lists_of_the_input_costs_nothing_to_check() -> None:
    rows = data("rows", [1, 2])
    assert compiled(rows, each("rows.data", "e", "rows"), work("z")).fan_out == {}


def test_lists_in_lists_are_read_as_deep_as_the_language_reads_them() -> None:
    deep: Any = {"x": 1}
    for _ in range(MAX_LIST_NESTING + 1):
        deep = [deep] * 2
    assert refused({"rows": deep}, each("input.rows.x")) is None


# --- in the run ---


def items(*steps: Step, name: str = "e") -> str:
    return str(states(compiled(*steps))[name]["Items"])


def test_a_list_that_nobody_bounds_has_the_room_that_the_run_leaves() -> None:
    assert f"$count($list)>{ROOM}?$error(" in items(each("input.rows"))
    # Twenty Tasks before it, five events each.
    before = [work(f"t{i}", *([f"t{i - 1}"] if i else [])) for i in range(20)]
    assert f"$count($list)>{(25_000 - 2 - 4 - 100) // EACH}?" in items(*before, each("input.rows", "e", "t19"))


def test_retries_and_turns_that_may_not_come_take_no_room() -> None:
    assert f"$count($list)>{ROOM}?" in items(each("input.rows", max_retries=9))


def test_max_items_and_lists_of_known_length_are_the_only_bound_where_they_are() -> None:
    assert "history" not in items(each("input.rows", max_items=10))
    assert "$count($list)>10?" in items(each("input.rows", max_items=10))
    assert "$count" not in items(data("rows", [1]), each("rows.data", "e", "rows"))


def test_lists_in_containers_have_a_bound_too() -> None:
    switch = container("s", "switch", config={"cases": [{"when": "input.x", "steps": [each("input.rows")]}]})
    loop = container("l", "loop", config={"until": "e.x", "max_iterations": 2, "steps": [each("input.rows")]})
    for step in (switch, loop, nested("input.rows", "item.lines"), each("input.rows", conditions="input.x")):
        assert "history events of a run" in items(step), step


# --- at validation ---


def warnings(*steps: Step) -> list[dict[str, str]]:
    return list(compiled(*steps).plan["warnings"])


def test_a_list_that_nobody_bounds_is_a_warning_that_tells_the_room() -> None:
    [found] = warnings(each("input.rows"))
    assert (found["code"], found["pointer"]) == ("WFE-W513", "/steps/0/for_each")
    assert f"room for {ROOM:,} elements at most" in found["detail"]
    assert "Give max_items" in found["detail"]


def test_the_warning_of_a_map_is_at_its_items() -> None:
    config = {"items": "input.rows", "steps": [work("p")]}
    assert [w["pointer"] for w in warnings(container("m", "map", config=config))] == ["/steps/0/config/items"]


def test_a_bounded_list_has_no_warning() -> None:
    assert warnings(each("input.rows", max_items=100)) == []
    assert warnings(data("rows", [1, 2]), each("rows.data", "e", "rows")) == []


def test_a_list_whose_elements_are_undone_has_room_for_that_too() -> None:
    """Else the history would end while they are undone."""
    steps = [each("input.rows", compensate=[work("undo")]), work("pay", "e")]
    found = compiled(*steps).plan["warnings"]
    assert [(w["code"], w["pointer"]) for w in found] == [("WFE-W513", "/steps/0/for_each")]
    map_events, choice, task, failed_run = 4, 2, 5, 1
    sure = 2 + (map_events + choice + task) + (choice + map_events + failed_run)
    assert f"room for {(25_000 - sure) // (2 * EACH):,} elements" in found[0]["detail"]


def test_the_failure_steps_of_a_run_have_their_room_beside_a_list() -> None:
    [found] = compiled(each("input.rows"), on_failure=[work("tell"), work("note")]).plan["warnings"]
    sure = 2 + 4 + (3 + 3 + 1)  # the run, the list, failure steps that fail at once, and the end of the run behind them
    assert (25_000 - sure) // EACH < ROOM
    assert f"room for {(25_000 - sure) // EACH:,} elements" in found["detail"]
