"""Runs that a critical step fails, with steps that undo what was done and deal with the failure, on the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.compiled import Step, compiled, container, work
from tests.support.embedded_machines import EmbeddedMachines, EndedRun, embedded_machines
from tests.support.run_report import RunReport, report
from workflow_engine.compiler import execution_input

ARN = "arn:aws:lambda:us-east-1:123456789012:function:work"
RUN = dict.fromkeys(
    ("execution_id", "workflow_id", "workflow_version", "tenant_id", "session_id", "user_id", "correlation_id")
)


class NoStockError(Exception):
    """What a step raises that is told to fail."""


@dataclass
class World:
    """The step function of all steps. `received` has what each was given last, in the order of the first calls, `given` all of
    it.
    """

    received: dict[str, Any] = field(default_factory=dict)
    given: dict[str, list[Any]] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)

    def __call__(self, event: dict[str, Any], _context: object) -> Any:
        step_id, config = event["step_config"]["step_id"], event["step_config"]["config"]
        self.received[step_id] = event["input_data"]
        self.given.setdefault(step_id, []).append(event["input_data"])
        self.attempts.append(step_id)
        if "fail_with" in config:
            raise NoStockError(config["fail_with"])
        if config.get("fail") or event["input_data"].get("order") in config.get("fail_for", ()):
            raise NoStockError(f"{step_id} has none left{config.get('reason', '')}")
        return {"id": "x" * config["characters"]} if "characters" in config else {"id": f"{step_id}-1"}

    @property
    def order(self) -> list[str]:
        return list(self.received)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def machines(world: World) -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: world}) as made:
        yield made


@dataclass(frozen=True)
class Runs:
    machines: EmbeddedMachines
    world: World

    def __call__(self, *steps: Step, run_input: Any = None, **workflow: Any) -> tuple[RunReport, EndedRun]:
        self.world.received.clear()
        self.world.given.clear()
        self.world.attempts.clear()
        compilation = compiled(*steps, **workflow)
        arns = dict.fromkeys(compilation.bindings["functions"], ARN)
        value = execution_input(compilation.bindings, input=run_input or {}, functions=arns, run=RUN)
        ended = self.machines.run(dict(compilation.machine), value)
        return report(ended.events, compilation.outline), ended


@pytest.fixture
def run(machines: EmbeddedMachines, world: World) -> Runs:
    return Runs(machines, world)


def failing(step_id: str, *dependencies: str, **fields: Any) -> Step:
    return work(step_id, *dependencies, config={"fail": True}, **fields)


def statuses(told: RunReport) -> dict[str, str]:
    return {key: result["status"] for key, result in told.step_results.items()}


def undone(step_id: str, *dependencies: str, **fields: Any) -> Step:
    return work(step_id, *dependencies, compensate=[work(f"undo_{step_id}")], **fields)


TELL = work("tell", input_mapping={"failure": "failure"})


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


def test_a_run_that_completes_passes_its_failure_steps_by(run: Runs) -> None:
    told, _ = run(undone("a"), work("b", "a"), on_failure=[TELL])
    assert statuses(told) == {"a": "completed", "b": "completed", "undo_a": "skipped", "tell": "skipped"}
    assert told.output == {"b": {"id": "b-1"}}


def test_a_tolerated_failure_is_none_to_deal_with(run: Runs) -> None:
    told, _ = run(undone("a"), failing("b", "a", critical=False), on_failure=[TELL])
    assert told.status == "completed"
    assert run.world.order == ["a", "b"]


def test_failure_steps_wait_for_what_ran_beside_the_step_that_failed(run: Runs) -> None:
    slow = {"step_id": "slow", "step_type": "delay", "config": {"delay_seconds": 60}}
    told, _ = run(failing("a"), slow, undone("b", "slow"), work("z", "a", "b"), on_failure=[TELL])
    assert run.world.order == ["a", "b", "undo_b", "tell"]
    assert statuses(told)["z"] == "pending"


def test_of_several_failures_the_first_is_told_and_the_others_beside_it(run: Runs) -> None:
    slow = {"step_id": "slow", "step_type": "delay", "config": {"delay_seconds": 60}}
    told, _ = run(slow, failing("a", "slow"), failing("b"), failing("c", critical=False), on_failure=[TELL])
    failure = run.world.received["tell"]["failure"]
    assert (failure["step_id"], failure["error_type"]) == ("b", "NoStockError")
    assert [(o["step_id"], o["error_type"], sorted(o)) for o in failure["others"]] == [
        ("a", "NoStockError", ["error_type", "message", "step_id"])
    ]
    assert told.error is not None
    assert told.error["step_id"] == "b"


def test_the_failure_of_a_compensation_stops_no_other_and_is_told(run: Runs) -> None:
    broken = work("b", "a", compensate=[failing("undo_b"), work("after_undo_b", "undo_b")])
    told, _ = run(undone("a"), broken, failing("c", "b"), on_failure=[TELL])
    assert run.world.order == ["a", "b", "c", "undo_b", "undo_a", "tell"]
    assert (statuses(told)["undo_b"], statuses(told)["after_undo_b"]) == ("failed", "skipped")
    assert told.step_results["undo_b"]["error_message"] == "undo_b has none left"
    assert told.error is not None
    assert told.error["step_id"] == "c"


def test_on_failure_may_ask_whether_a_step_was_undone(run: Runs) -> None:
    tell = work("tell", input_mapping={"undone": "undo_a.status"})
    run(work("a", compensate=[failing("undo_a")]), failing("b", "a"), on_failure=[tell])
    assert run.world.received["tell"] == {"undone": "failed"}


def test_a_compensation_is_retried_as_it_says(run: Runs) -> None:
    run(work("a", compensate=[failing("undo_a", max_retries=2)]), failing("b", "a"))
    assert run.world.attempts.count("undo_a") == 3


def test_a_step_fails_after_its_retries(run: Runs) -> None:
    run(undone("a"), failing("b", "a", max_retries=2))
    assert run.world.attempts == ["a", "b", "b", "b", "undo_a"]


def test_failure_steps_see_how_far_the_run_had_come(run: Runs) -> None:
    read = {name: f"{name}.status" for name in "abcd"} | {"why": "b.error.type", "none": "c.id"}
    steps = [work("a"), failing("b", "a"), work("c", "b"), work("d", conditions="input.never")]
    run(*steps, on_failure=[work("tell", input_mapping=read)], execution_pattern="sequential")
    assert run.world.received["tell"] == {
        "a": "completed",
        "b": "failed",
        "c": "pending",
        "d": "pending",
        "why": "NoStockError",
        "none": None,
    }


def test_what_a_guard_passed_by_is_skipped_for_failure_steps_too(run: Runs) -> None:
    steps = [undone("a", conditions="input.never"), failing("b")]
    run(*steps, on_failure=[work("tell", input_mapping={"a": "a.status"})], execution_pattern="sequential")
    assert run.world.order == ["b", "tell"]
    assert run.world.received["tell"] == {"a": "skipped"}


def test_a_fail_step_deep_inside_is_dealt_with_and_told(run: Runs) -> None:
    stop = {"step_id": "stop", "step_type": "fail", "config": {"error": "Refused", "message": "No {{ input.what }}."}}
    config = {"cases": [{"when": "input.what exists", "steps": [stop]}]}
    steps = [undone("a"), container("s", "switch", "a", config=config)]
    told, _ = run(*steps, on_failure=[TELL], run_input={"what": "go"})
    assert told.error == {"step_id": "stop", "type": "Refused", "message": "No go."}
    assert run.world.order == ["a", "undo_a", "tell"]
    assert (statuses(told)["s"], statuses(told)["s.stop"]) == ("failed", "failed")


def test_the_first_failure_inside_a_map_ends_it_and_the_map_is_what_failed(run: Runs) -> None:
    stop = {"step_id": "stop", "step_type": "fail", "config": {"error": "Refused", "message": "Not {{ item }}."}}
    config = {"items": "input.list", "steps": [stop]}
    told, _ = run(undone("a"), container("m", "map", "a", config=config), on_failure=[TELL], run_input={"list": ["x"]})
    assert run.world.received["tell"]["failure"]["step_id"] == "m"
    assert told.error == {"step_id": "m", "type": "Refused", "message": "Not x."}
    assert told.step_results["m"]["error_message"] == "Not x."
    assert told.step_results["m[0].stop"]["error_message"] == "Not x."


@pytest.mark.parametrize("kind", ["map", "switch"])
def test_the_error_of_a_fail_step_is_told_where_its_container_is_tolerated(run: Runs, kind: str) -> None:
    stop = {"step_id": "stop", "step_type": "fail", "config": {"error": "Refused", "message": "No."}}
    config = (
        {"items": "input.list", "steps": [stop]}
        if kind == "map"
        else {"cases": [{"when": "input.list", "steps": [stop]}]}
    )
    told, _ = run(container("held", kind, critical=False, config=config), run_input={"list": [1]})
    inner = "held[0].stop" if kind == "map" else "held.stop"
    for key in ("held", inner):
        result = told.step_results[key]
        assert (result["status"], result["error_type"], result["error_message"]) == ("failed", "Refused", "No."), key


def test_an_error_that_only_the_run_tells_is_not_called_as_one_of_aws(run: Runs) -> None:
    stop = {"step_id": "stop", "step_type": "fail", "config": {"error": "{{ input.error }}"}}
    for error, name in (("States.ALL", "StepFailed"), ("", "StepFailed"), ("x" * 300, "x" * 256), ("Mine", "Mine")):
        told, ended = run(stop, run_input={"error": error})
        assert (ended.error, told.error and told.error["type"]) == (name, name)


def test_a_fail_step_may_repeat_what_another_step_failed_with(run: Runs) -> None:
    again = {"error": "{{ a.error.type }}", "message": "{{ a.error.message }}"}
    stop = {
        "step_id": "stop",
        "step_type": "fail",
        "trigger_rule": "one_failed",
        "dependencies": ["a"],
        "config": again,
    }
    told, _ = run(failing("a", critical=False), stop)
    assert told.error == {"step_id": "stop", "type": "NoStockError", "message": "a has none left"}


def test_nothing_runs_after_the_runs_own_timeout(run: Runs) -> None:
    slow = {"step_id": "slow", "step_type": "delay", "dependencies": ["a"], "config": {"delay_seconds": 600}}
    told, _ = run(undone("a"), slow, work("z", "slow"), on_failure=[TELL], timeout_seconds=60)
    assert told.status == "timed_out"
    assert run.world.order == ["a"]
    assert (statuses(told)["undo_a"], statuses(told)["tell"]) == ("pending", "pending")


def test_messages_are_cut_so_that_many_fit_into_one_variable(run: Runs) -> None:
    stop = {"step_id": "stop", "step_type": "fail", "config": {"error": "Long", "message": "{{ input.text }}"}}
    told, ended = run(stop, on_failure=[TELL], run_input={"text": '"\n\u0001' * 11_000})
    assert len(run.world.received["tell"]["failure"]["message"]) == 4000
    assert ended.cause is not None
    assert len(ended.cause) <= 32_768
    assert told.error is not None
    assert len(told.error["message"]) == 32_768


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


@pytest.mark.parametrize("kind", ["switch", "loop"])
def test_a_container_fails_with_one_of_the_steps_that_run_side_by_side_inside_of_it(run: Runs, kind: str) -> None:
    steps = [failing("p"), work("q"), work("r", "p", "q")]
    switch = {"cases": [{"when": "input.go", "steps": steps}]}
    config = switch if kind == "switch" else {"until": "r.id exists", "max_iterations": 2, "steps": steps}
    read = {"how": "held.status", "type": "held.error.type", "out": "held", "failed": "failure.step_id"}
    told, _ = run(
        container("held", kind, config=config), on_failure=[work("tell", input_mapping=read)], run_input={"go": True}
    )
    assert run.world.received["tell"] == {"how": "failed", "type": "NoStockError", "out": None, "failed": "p"}
    assert statuses(told)["held"] == "failed"


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


def test_a_branch_that_goes_on_to_its_end_gives_back_all_of_its_outputs(run: Runs) -> None:
    """The last step is skipped, and leads to the state that failures lead to as well."""
    big = work("big", config={"characters": 150_000})
    end = work("end", "big", "last", "other", trigger_rule="all_done")
    steps = [big, work("last", "big", conditions="input.never"), work("other"), end]
    told, _ = run(*steps, on_failure=[TELL])
    assert told.status == "completed"
    assert run.world.received["end"]["big"] == {"id": "x" * 150_000}


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


@pytest.mark.parametrize("kind", ["step", "map", "for_each"])
def test_the_message_of_the_run_is_whole_however_long_the_cause_is(run: Runs, kind: str) -> None:
    broken = work("broken", config={"fail_with": "é" * 9_000})
    steps = {
        "step": broken,
        "map": container("held", "map", config={"items": "input.list", "steps": [broken]}),
        "for_each": {**broken, "for_each": "input.list"},
    }
    told, _ = run(steps[kind], on_failure=[TELL], run_input={"list": [1]})
    assert told.error is not None
    assert (told.error["type"], told.error["message"]) == ("NoStockError", "é" * 9_000)
    assert told.error["step_id"] == ("held" if kind == "map" else "broken")
    assert len(run.world.received["tell"]["failure"]["message"]) == 4_000


def test_a_pure_step_with_which_a_branch_ends_has_not_begun_where_the_branch_failed_before(run: Runs) -> None:
    pure = {
        "step_id": "pure",
        "step_type": "data_processing",
        "dependencies": ["a"],
        "config": {"processing_type": "passthrough"},
        "input_mapping": {"input": "a.id"},
    }
    read = {"how": "pure.status", "what": "pure"}
    told, _ = run(failing("a"), pure, work("z"), work("c", "pure", "z"), on_failure=[work("tell", input_mapping=read)])
    assert statuses(told)["pure"] == "pending"
    assert run.world.received["tell"] == {"how": "pending", "what": None}


def test_a_switch_that_fails_after_another_step_is_told_as_failed(run: Runs) -> None:
    slow = {"step_id": "slow", "step_type": "delay", "config": {"delay_seconds": 60}}
    config = {"cases": [{"when": "input.go", "steps": [slow, failing("late", "slow")]}]}
    told, _ = run(
        failing("first"), container("held", "switch", config=config), on_failure=[TELL], run_input={"go": True}
    )
    assert told.error is not None
    assert told.error["step_id"] == "first"
    assert (statuses(told)["held.late"], statuses(told)["held"]) == ("failed", "failed")
    assert told.step_results["held"]["error_message"] == "late has none left"


def test_a_fail_step_that_something_further_out_has_caught_is_not_blamed_for_the_end_of_the_run(run: Runs) -> None:
    stop = {"step_id": "stop", "step_type": "fail", "config": {"error": "Refused", "message": "No."}}
    inner = container("all", "map", config={"items": "input.list", "steps": [stop]})
    held = container(
        "held", "switch", critical=False, config={"cases": [{"when": "input.list exists", "steps": [inner]}]}
    )
    told, _ = run(held, failing("b", "held", trigger_rule="all_done"), run_input={"list": [1]})
    assert told.error == {"step_id": "b", "type": "NoStockError", "message": "b has none left"}
    assert statuses(told)["held"] == "failed"
