"""What undoes the steps that completed, element by element where there are several."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.failure_steps.support import TELL, Runs, failing, undone
from tests.support.compiled import Step, container, work
from tests.support.run_report import statuses


def test_a_saga_whose_third_step_fails_is_undone_backwards_on_what_its_steps_gave(run: Runs) -> None:
    told, ended = run(undone("a"), undone("b", "a"), failing("c", "b", compensate=[work("undo_c")]), on_failure=[TELL])
    assert run.world.order == ["a", "b", "c", "undo_b", "undo_a", "tell"]
    assert run.world.received["undo_b"] == {"b": {"id": "b-1"}}
    assert run.world.received["undo_a"] == {"a": {"id": "a-1"}}
    assert (told.status, ended.error) == ("failed", "WorkflowFailed")
    assert told.error == {"step_id": "c", "type": "NoStockError", "message": "c has none left"}
    assert statuses(told) == {
        "a": "completed",
        "b": "completed",
        "c": "failed",
        "undo_a": "completed",
        "undo_b": "completed",
        "undo_c": "skipped",
        "tell": "completed",
    }


def test_the_failure_of_a_compensation_stops_no_other_and_is_told(run: Runs) -> None:
    broken = work("b", "a", compensate=[failing("undo_b"), work("after_undo_b", "undo_b")])
    told, _ = run(undone("a"), broken, failing("c", "b"), on_failure=[TELL])
    assert run.world.order == ["a", "b", "c", "undo_b", "undo_a", "tell"]
    assert (statuses(told)["undo_b"], statuses(told)["after_undo_b"]) == ("failed", "skipped")
    assert told.step_results["undo_b"]["error_message"] == "undo_b has none left"
    assert told.error is not None
    assert told.error["step_id"] == "c"


def test_a_compensation_is_retried_as_it_says(run: Runs) -> None:
    run(work("a", compensate=[failing("undo_a", max_retries=2)]), failing("b", "a"))
    assert run.world.attempts.count("undo_a") == 3


EACH = {"for_each": "input.orders", "input_mapping": {"order": "item"}}


def per_order(step_id: str, **fields: Any) -> Step:
    undo = work(
        f"undo_{step_id}",
        input_mapping={"id": f"{step_id}.id", "order": "item", "at": "index", "why": "failure.step_id"},
    )
    return {**work(step_id, **EACH), "compensate": [undo], **fields}


def test_elements_that_completed_are_undone_one_by_one_when_a_later_step_fails(run: Runs) -> None:
    told, _ = run(per_order("book"), failing("pay", "book"), run_input={"orders": ["x", "y"]})
    assert told.error is not None
    assert told.error["step_id"] == "pay"
    assert told.step_results["undo_book"]["output_data"] == [{"id": "undo_book-1"}] * 2
    assert sorted(run.world.given["undo_book"], key=lambda given: given["at"]) == [
        {"id": "book-1", "order": order, "at": i, "why": "pay"} for i, order in enumerate(["x", "y"])
    ]


def test_all_elements_run_then_the_step_fails_and_those_that_completed_are_undone(run: Runs) -> None:
    book = per_order("book", config={"fail_for": ["x", "z"]})
    told, _ = run(book, work("pay", "book"), on_failure=[TELL], run_input={"orders": ["w", "x", [1], "z", {"a": 1}]})
    assert told.error == {"step_id": "book", "type": "NoStockError", "message": "book has none left"}
    ends = [told.step_results[f"book[{i}]"]["status"] for i in range(5)]
    assert ends == ["completed", "failed", "completed", "failed", "completed"]
    assert statuses(told)["book"] == "failed"
    undone_orders = sorted((given["at"], given["order"]) for given in run.world.given["undo_book"])
    assert undone_orders == [(0, "w"), (2, [1]), (4, {"a": 1})]
    assert run.world.received["tell"]["failure"]["step_id"] == "book"
    assert "pay" not in run.world.order


def test_the_messages_of_many_elements_that_fail_do_not_keep_the_others_from_being_undone(run: Runs) -> None:
    orders = [f"bad{i}" for i in range(120)]
    book = per_order("book", config={"fail_for": orders, "reason": "x" * 3_000})
    told, _ = run(book, run_input={"orders": ["good", *orders]})
    assert [given["order"] for given in run.world.given["undo_book"]] == ["good"]
    assert told.error is not None
    assert told.error["message"].endswith("x" * 3_000)


def test_an_element_that_could_not_be_undone_is_told_and_the_others_are_undone(run: Runs) -> None:
    book = per_order("book")
    book["compensate"][0]["config"] = {"fail_for": ["x"]}
    told, _ = run(book, failing("pay", "book"), run_input={"orders": ["x", "y"]})
    assert statuses(told)["undo_book"] == "failed"
    assert [statuses(told)[f"undo_book[{i}]"] for i in range(2)] == ["failed", "completed"]


def test_elements_that_were_skipped_are_not_undone(run: Runs) -> None:
    run(per_order("book", conditions="item != 'x'"), failing("pay", "book"), run_input={"orders": ["x", "y"]})
    assert [given["order"] for given in run.world.given["undo_book"]] == ["y"]


def test_a_list_that_failed_and_is_not_critical_lets_the_run_go_on_and_is_undone_later(run: Runs) -> None:
    book = per_order("book", critical=False, config={"fail_for": ["x"]})
    read = {"how": "book.status", "out": "book", "why": "book.error.type"}
    told, _ = run(
        book,
        work("note", "book", trigger_rule="all_done", input_mapping=read),
        failing("pay", "note"),
        run_input={"orders": ["x", "y"]},
    )
    assert run.world.received["note"] == {"how": "failed", "out": None, "why": "NoStockError"}
    assert [given["order"] for given in run.world.given["undo_book"]] == ["y"]
    assert told.error is not None
    assert told.error["step_id"] == "pay"


def test_what_undoes_elements_may_be_several_steps_one_after_the_other(run: Runs) -> None:
    book = per_order("book")
    book["compensate"].append(work("note", "undo_book", input_mapping={"undone": "undo_book", "order": "item"}))
    run(book, failing("pay", "book"), run_input={"orders": ["x", "y"]})
    undone_both = [{"id": "undo_book-1"}] * 2
    assert sorted(run.world.given["note"], key=lambda given: given["order"]) == [
        {"undone": undone_both, "order": "x"},
        {"undone": undone_both, "order": "y"},
    ]


@pytest.mark.parametrize("orders", [[], None])
def test_a_list_of_nothing_undoes_nothing(run: Runs, orders: Any) -> None:
    told, _ = run(per_order("book"), failing("pay", "book"), run_input={"orders": orders})
    assert told.step_results["undo_book"]["output_data"] == []


def test_a_list_that_could_not_begin_undoes_nothing(run: Runs) -> None:
    told, _ = run(per_order("book"), on_failure=[TELL], run_input={"orders": "x"})
    assert told.error is not None
    assert (told.error["step_id"], told.error["type"]) == ("book", "States.QueryEvaluationError")
    assert run.world.order == ["tell"]


def test_elements_in_a_branch_are_undone_too(run: Runs) -> None:
    steps = [per_order("book"), work("z"), failing("pay", "book"), work("end", "pay", "z")]
    run(*steps, run_input={"orders": ["x"]})
    assert [given["order"] for given in run.world.given["undo_book"]] == ["x"]


def test_outputs_too_large_to_leave_a_branch_after_a_failure_leave_their_length(run: Runs) -> None:
    big = work("big", config={"characters": 200_000}, compensate=[work("undo_big", input_mapping={"out": "big"})])
    other = work("other", config={"characters": 100_000})
    steps = [big, failing("pay", "big"), other, work("end", "pay", "other", "big")]
    _, ended = run(*steps, on_failure=[TELL])
    assert ended.error == "WorkflowFailed", ended.cause
    assert run.world.order[-2:] == ["undo_big", "tell"]
    assert run.world.received["undo_big"] == {"out": {"too_large": 200_009}}


def test_elements_are_undone_wherever_their_list_stands(run: Runs) -> None:
    """The list, and the condition of an element, are read again when it is undone: with all that a path may have."""
    book = per_order(
        "book", for_each="input.lists[-1]", conditions="item.name ends_with 'x' and item.tags contains 'a'"
    )
    orders = [
        {"name": "ax", "tags": ["a"]},
        {"name": "by", "tags": ["a"]},
        {"name": "cx", "tags": []},
        {"name": "dx", "tags": "a"},
    ]
    told, _ = run(book, failing("pay", "book"), run_input={"lists": [[], orders]})
    undone_orders = sorted((given["at"], given["order"]["name"]) for given in run.world.given["undo_book"])
    assert undone_orders == [(0, "ax"), (3, "dx")]
    assert told.step_results["undo_book"]["output_data"] == [{"id": "undo_book-1"}] * 2


def booking(**fields: Any) -> Step:
    cases = [{"when": "input.by == 'rail'", "steps": [undone("train"), undone("seat", "train")]}]
    config = {"cases": cases, "default": [undone("flight")]}
    return container("travel", "switch", config=config, **fields)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(("by", "undo"), [("rail", ["undo_seat", "undo_train"]), ("air", ["undo_flight"])])
def test_what_the_taken_case_of_a_switch_did_is_undone(run: Runs, by: str, undo: list[str], beside: bool) -> None:
    steps = [undone("visa"), {**booking(), "dependencies": ["visa"]}, failing("pay", "travel")]
    steps += [work("note"), work("end", "pay", "note")] if beside else []
    told, _ = run(*steps, run_input={"by": by})
    assert [step for step in run.world.order if step.startswith("undo")] == [*undo, "undo_visa"]
    assert run.world.received[undo[0]] == {undo[0][5:]: {"id": f"{undo[0][5:]}-1"}}
    skipped = {"undo_seat", "undo_train", "undo_flight"} - set(undo)
    assert {statuses(told)[step] for step in skipped} == {"skipped"}


def test_what_a_switch_did_before_it_failed_is_undone(run: Runs) -> None:
    travel = booking()
    travel["config"]["cases"][0]["steps"].append(failing("meal", "seat"))
    told, _ = run(travel, on_failure=[TELL], run_input={"by": "rail"})
    assert run.world.order == ["train", "seat", "meal", "undo_seat", "undo_train", "tell"]
    assert told.error is not None
    assert told.error["step_id"] == "meal"


def test_a_switch_is_undone_as_a_whole_before_the_steps_inside_of_it(run: Runs) -> None:
    run(booking(compensate=[work("undo_travel")]), failing("pay", "travel"), run_input={"by": "rail"})
    assert run.world.order[-3:] == ["undo_travel", "undo_seat", "undo_train"]
