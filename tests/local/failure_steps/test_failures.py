"""What a run does when a critical step fails: what runs still, what it is told of the failure, how the run ends."""

from __future__ import annotations

import pytest

from tests.local.failure_steps.support import TELL, Runs, failing, undone
from tests.support.compiled import container, work
from tests.support.run_report import statuses


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


def test_on_failure_may_ask_whether_a_step_was_undone(run: Runs) -> None:
    tell = work("tell", input_mapping={"undone": "undo_a.status"})
    run(work("a", compensate=[failing("undo_a")]), failing("b", "a"), on_failure=[tell])
    assert run.world.received["tell"] == {"undone": "failed"}


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


def test_a_branch_that_goes_on_to_its_end_gives_back_all_of_its_outputs(run: Runs) -> None:
    """The last step is skipped, and leads to the state that failures lead to as well."""
    big = work("big", config={"characters": 150_000})
    end = work("end", "big", "last", "other", trigger_rule="all_done")
    steps = [big, work("last", "big", conditions="input.never"), work("other"), end]
    told, _ = run(*steps, on_failure=[TELL])
    assert told.status == "completed"
    assert run.world.received["end"]["big"] == {"id": "x" * 150_000}


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
