"""Step results from histories written by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.backend_history import History
from tests.support.run_report import RunReport, report


def leaf(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "type": "data_processing", **more}


def outline(*steps: dict[str, Any], sinks: list[str] | None = None) -> dict[str, Any]:
    return {"steps": list(steps), "sinks": sinks}


def container(step_id: str, kind: str, *steps: dict[str, Any], sinks: list[str] | None = None) -> dict[str, Any]:
    return {"id": step_id, "type": kind, "body": {"kind": kind, "steps": list(steps), "sinks": sinks}}


def statuses(run: RunReport) -> dict[str, Any]:
    return {k: v["status"] for k, v in run.step_results.items()}


def outputs(run: RunReport) -> dict[str, Any]:
    return {k: v["output_data"] for k, v in run.step_results.items()}


def test_a_task_has_its_payload_its_times_and_its_duration() -> None:
    history = History()
    history.task("a", {"n": 1})
    run = report(history.end({}), outline(leaf("a"), sinks=["a"]))
    assert run.status == "completed"
    assert run.output == {"a": {"n": 1}}
    assert run.started_at == "2026-01-02T03:04:05.000Z"
    assert run.completed_at == "2026-01-02T03:04:05.600Z"
    assert run.step_results["a"] == {
        "status": "completed",
        "output_data": {"n": 1},
        "error_type": None,
        "error_message": None,
        "execution_time_ms": 400,
        "retry_count": 0,
        "started_at": "2026-01-02T03:04:05.100Z",
        "completed_at": "2026-01-02T03:04:05.500Z",
    }


def test_an_attempt_that_a_laptop_made_once_more_is_marked() -> None:
    history = History()
    history.task("a", 1)
    next(e for e in history.events if e["type"] == "TaskSucceeded")["taskSucceededEventDetails"][
        "repeatedAfterRestart"
    ] = 2
    history.task("b", 1)
    run = report(history.end({}), outline(leaf("a"), leaf("b"), sinks=["b"]))
    assert (run.step_results["a"]["repeated_after_restart"], run.step_results["a"]["retry_count"]) == (2, 0)
    assert "repeated_after_restart" not in run.step_results["b"]


def test_without_sinks_the_machines_own_output_is_the_runs() -> None:
    history = History()
    history.task("a", 1)
    assert report(history.end({"answer": 42}), outline(leaf("a"))).output == {"answer": 42}


def test_a_fused_pass_gives_each_step_its_output_and_the_first_its_times() -> None:
    history = History()
    history.passed("a", {"a": 1, "b": [2], "_vars": {"s0_a": {}}})
    run = report(history.end(), outline(leaf("a"), leaf("b"), sinks=["b"]))
    assert outputs(run) == {"a": 1, "b": [2]}
    assert run.step_results["a"]["execution_time_ms"] == 100
    assert run.step_results["b"]["execution_time_ms"] is None
    assert run.step_results["b"]["started_at"] is None


def test_a_step_that_a_completed_run_never_entered_was_skipped() -> None:
    history = History()
    history.task("a", 1)
    history.choose("b.guard")
    run = report(history.end(), outline(leaf("a"), leaf("b"), sinks=["a", "b"]))
    assert statuses(run) == {"a": "completed", "b": "skipped"}
    assert run.output == {"a": 1}


def test_a_failed_step_names_itself_in_the_runs_error_and_later_steps_are_pending() -> None:
    history = History()
    history.task("a", 1)
    history.enter("b")
    history.schedule()
    history.fail("KeyError", "'x'")
    run = report(
        history.end_failed("KeyError", history.cause_of_last_failure()), outline(leaf("a"), leaf("b"), leaf("c"))
    )
    assert run.error == {"step_id": "b", "type": "KeyError", "message": "'x'"}
    assert statuses(run) == {"a": "completed", "b": "failed", "c": "pending"}
    assert run.step_results["b"]["error_type"] == "KeyError"
    assert run.step_results["b"]["error_message"] == "'x'"
    assert "secret.py" not in str(run)


def test_retries_are_attempts_less_one_and_a_later_success_counts() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail()
    history.schedule()
    history.fail()
    history.schedule()
    history.succeed("done")
    history.exit("a")
    step = report(history.end(), outline(leaf("a"))).step_results["a"]
    assert (step["status"], step["retry_count"], step["output_data"]) == ("completed", 2, "done")
    assert step["error_type"] is None


def test_a_caught_failure_leaves_the_run_completed() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail("Boom", "bang")
    history.exit("a")
    history.task("b", 1)
    run = report(history.end(), outline(leaf("a"), leaf("b"), sinks=["b"]))
    assert statuses(run) == {"a": "failed", "b": "completed"}
    assert run.step_results["a"]["error_message"] == "bang"
    assert run.error is None


def test_a_caught_failure_counts_also_where_no_exit_was_written() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail()
    history.enter("b")
    assert statuses(report(history.events, outline(leaf("a"), leaf("b")))) == {"a": "failed", "b": "running"}


def test_a_timeout_is_a_failure_with_a_message() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.add("TaskTimedOut", taskTimedOutEventDetails={"error": "States.Timeout"})
    run = report(history.end_failed("States.Timeout"), outline(leaf("a")))
    assert run.step_results["a"]["status"] == "failed"
    assert run.error == {"step_id": "a", "type": "States.Timeout", "message": "It did not end within its timeout."}


def test_the_sibling_of_a_critical_failure_is_aborted_and_the_failed_task_stays_failed() -> None:
    history = History()
    history.enter("a.parallel", "Parallel")
    started = history.add("ParallelStateStarted")
    history.enter("a", previous=started)
    a = history.schedule()
    history.enter("b", previous=started)
    b = history.schedule()
    history.last = a
    failed = history.fail("Boom", "bang")
    history.add("TaskStateAborted", previous=failed)
    history.add("TaskStateAborted", previous=b)
    history.add("ParallelStateFailed", previous=failed)
    run = report(history.end_failed("Boom", history.cause_of_last_failure()), outline(leaf("a"), leaf("b"), leaf("c")))
    assert statuses(run) == {"a": "failed", "b": "aborted", "c": "pending"}
    assert run.step_results["b"]["completed_at"] is not None


def test_steps_of_a_live_run_are_running_or_pending_and_one_between_attempts_is_running() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail()
    run = report(history.events, outline(leaf("a"), leaf("b")))
    assert run.status == "running"
    assert statuses(run) == {"a": "running", "b": "pending"}
    assert run.step_results["a"]["completed_at"] is None
    assert run.output is None


def test_a_cancelled_run_aborts_what_ran_and_has_no_error() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.add("ExecutionAborted", executionAbortedEventDetails={"cause": "enough"}, previous=0)
    run = report(history.events, outline(leaf("a"), leaf("b")))
    assert (run.status, run.error) == ("cancelled", None)
    assert statuses(run) == {"a": "aborted", "b": "pending"}


def test_a_timed_out_run_says_so() -> None:
    history = History()
    history.enter("w", "Wait")
    history.add("ExecutionTimedOut", executionTimedOutEventDetails={}, previous=0)
    run = report(history.events, outline(leaf("w")))
    assert run.status == "timed_out"
    assert run.error is not None
    assert run.error["type"] == "States.Timeout"
    assert statuses(run) == {"w": "aborted"}


def test_an_evaluation_failure_is_of_the_state_its_cause_names_not_of_the_event_before() -> None:
    history = History()
    history.task("a", 1)
    entered = history.enter("b", "Pass")
    cause = f"An error occurred while executing the state 'b' (entered at the event id #{entered}). It is undefined."
    details = {"error": "States.QueryEvaluationError", "cause": cause, "state": "b", "location": "Output"}
    history.add("EvaluationFailed", previous=entered - 1, evaluationFailedEventDetails=details)
    run = report(history.end_failed("States.QueryEvaluationError", cause), outline(leaf("a"), leaf("b")))
    assert statuses(run) == {"a": "completed", "b": "failed"}
    assert run.error is not None
    assert run.error["step_id"] == "b"


def test_a_failure_without_an_event_of_its_own_is_that_of_the_state_named_in_the_cause() -> None:
    history = History()
    entered = history.enter("a")
    history.schedule()
    history.succeed("x")
    cause = f"An error occurred while executing the state 'a' (entered at the event id #{entered}). Too large."
    run = report(history.end_failed("States.DataLimitExceeded", cause), outline(leaf("a")))
    assert statuses(run) == {"a": "failed"}
    assert run.step_results["a"]["error_type"] == "States.DataLimitExceeded"
    assert run.step_results["a"]["output_data"] is None


def test_a_fail_state_fails_the_step_it_is_derived_from() -> None:
    history = History()
    history.choose("wait.guard")
    history.enter("wait.fail", "Fail")
    run = report(history.end_failed("InvalidDelay", "not a number"), outline(leaf("wait"), leaf("b")))
    assert run.error == {"step_id": "wait", "type": "InvalidDelay", "message": "not a number"}
    assert statuses(run) == {"wait": "failed", "b": "pending"}


def test_for_each_has_a_list_in_order_with_null_for_a_skipped_element() -> None:
    history = History()
    started = history.map("s", 3)
    first = history.iteration("s", 1, previous=started)
    history.task("s.each", "one", previous=first)
    history.iteration("s", 1, "Succeeded")
    history.iteration("s", 0, previous=started)
    history.task("s.each", "zero")
    last = history.iteration("s", 0, "Succeeded")
    history.iteration("s", 2, previous=last)
    history.choose("s.guard")
    history.iteration("s", 2, "Succeeded")
    history.mapped("s", previous=started)
    history.task("t", "end")
    run = report(history.end(), outline(leaf("s", each=True), leaf("t"), sinks=["t"]))
    assert outputs(run) == {"s": ["zero", "one", None], "s[0]": "zero", "s[1]": "one", "s[2]": None, "t": "end"}
    assert statuses(run)["s[2]"] == "skipped"


def test_a_pure_step_per_element_is_read_from_its_pass_state() -> None:
    history = History()
    started = history.map("s", 2)
    for i in range(2):
        history.iteration("s", i, previous=started)
        history.passed("s.each", i * 10)
        history.iteration("s", i, "Succeeded")
    history.mapped("s", previous=started)
    assert outputs(report(history.end(), outline(leaf("s", each=True)))) == {"s": [0, 10], "s[0]": 0, "s[1]": 10}


def test_an_empty_for_each_completes_with_an_empty_list() -> None:
    history = History()
    history.map("s", 0)
    history.mapped("s")
    assert outputs(report(history.end(), outline(leaf("s", each=True)))) == {"s": []}


def test_one_failed_element_fails_the_for_each_and_the_run() -> None:
    history = History()
    started = history.map("s", 2)
    history.iteration("s", 0, previous=started)
    history.task("s.each", 1)
    history.iteration("s", 0, "Succeeded")
    history.iteration("s", 1, previous=started)
    history.enter("s.each")
    history.schedule()
    failed = history.fail("Boom", "bang")
    history.iteration("s", 1, "Failed")
    history.add("MapStateFailed", previous=failed)
    run = report(history.end_failed("Boom", history.cause_of_last_failure()), outline(leaf("s", each=True)))
    assert statuses(run) == {"s": "failed", "s[0]": "completed", "s[1]": "failed"}
    assert run.step_results["s"]["error_message"] == "bang"
    assert run.error == {"step_id": "s", "type": "Boom", "message": "bang"}


def test_a_caught_for_each_is_failed_and_the_run_goes_on() -> None:
    history = History()
    started = history.map("s", 1)
    history.iteration("s", 0, previous=started)
    history.enter("s.each")
    history.schedule()
    failed = history.fail("Boom", "bang")
    history.iteration("s", 0, "Failed")
    history.add("MapStateFailed", previous=failed)
    history.exit("s", "Map")
    history.task("t", 1)
    run = report(history.end(), outline(leaf("s", each=True), leaf("t")))
    assert statuses(run) == {"s": "failed", "s[0]": "failed", "t": "completed"}
    assert run.step_results["s"]["error_type"] == "Boom"


def test_maps_in_maps_are_told_apart_by_their_iterations() -> None:
    history = History()
    outer = history.map("outer", 2)
    for i in range(2):
        history.iteration("outer", i, previous=outer)
        inner = history.map("inner", 2)
        for j in range(2):
            history.iteration("inner", j, previous=inner)
            history.task("leaf", [i, j])
            history.iteration("inner", j, "Succeeded")
        history.mapped("inner", previous=inner)
        history.iteration("outer", i, "Succeeded")
    history.mapped("outer", previous=outer)
    body = container("inner", "map", leaf("leaf"), sinks=["leaf"])
    run = report(history.end(), outline(container("outer", "map", body, sinks=["inner"]), sinks=["outer"]))
    assert run.step_results["outer[1].inner[0].leaf"]["output_data"] == [1, 0]
    assert run.output == {
        "outer": [{"inner": [{"leaf": [i, j]} for j in range(2)]} for i in range(2)],
    }


def test_a_map_body_without_sinks_gives_the_output_of_its_last_state() -> None:
    history = History()
    started = history.map("m", 1)
    history.iteration("m", 0, previous=started)
    history.task("x", 1)
    history.passed("m.output", {"total": 7})
    history.iteration("m", 0, "Succeeded")
    history.mapped("m", previous=started)
    run = report(history.end(), outline(container("m", "map", leaf("x"))))
    assert run.step_results["m"]["output_data"] == [{"total": 7}]


def test_turns_of_a_loop_are_counted_also_when_a_turn_skips_a_step() -> None:
    history = History()
    history.passed("loop.start", {})
    for turn in range(3):
        history.choose("loop.while")
        if turn != 1:
            history.task("x", turn)
        else:
            history.choose("x.guard")
    history.choose("loop.while")
    history.task("after", "z")
    loop = container("loop", "loop", leaf("x"), sinks=["x"])
    run = report(history.end(), outline(loop, leaf("after"), sinks=["after"]))
    assert outputs(run) == {
        "loop": {"x": 2},
        "loop[0].x": 0,
        "loop[1].x": None,
        "loop[2].x": 2,
        "after": "z",
    }
    assert statuses(run)["loop[1].x"] == "skipped"


def test_loops_in_loops_count_their_own_turns() -> None:
    history = History()
    for _ in range(2):
        history.choose("outer.while")
        for _ in range(2):
            history.choose("inner.while")
            history.task("x", 1)
        history.choose("inner.while")
    history.choose("outer.while")
    body = container("inner", "loop", leaf("x"), sinks=["x"])
    run = report(history.end(), outline(container("outer", "loop", body, sinks=["inner"])))
    assert [k for k in run.step_results if k.endswith(".x")] == [
        f"outer[{i}].inner[{j}].x" for i in range(2) for j in range(2)
    ]


def test_a_switch_gives_the_output_of_the_branch_that_was_taken() -> None:
    history = History()
    history.choose("pick.switch")
    history.task("b", "B")
    switch = container("pick", "switch", leaf("a"), leaf("b"), sinks=["a", "b"])
    run = report(history.end(), outline(switch, sinks=["pick"]))
    assert statuses(run) == {"pick": "completed", "pick.a": "skipped", "pick.b": "completed"}
    assert run.output == {"pick": {"b": "B"}}


def test_a_loop_whose_condition_never_held_completes_without_an_output() -> None:
    history = History()
    history.passed("loop.start", {})
    history.enter("loop.while", "Choice")
    history.exit("loop.while", "Choice", {"loop": None})
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"])))
    assert statuses(run) == {"loop": "completed"}
    assert outputs(run) == {"loop": None}


def test_the_output_that_a_loop_computes_itself_is_read_where_it_leaves() -> None:
    history = History()
    history.passed("loop.start", {})
    history.task("x", 1)
    history.enter("loop.until", "Choice")
    history.exit("loop.until", "Choice", {"loop": {"total": 5}})
    run = report(history.end(), outline(container("loop", "loop", leaf("x"))))
    assert outputs(run) == {"loop": {"total": 5}, "loop[0].x": 1}


def test_a_loop_that_is_tried_again_shows_its_last_attempt_only() -> None:
    history = History()
    history.enter("loop.try", "Parallel")
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    for _ in range(2):
        history.task("x", "old")
        history.choose("loop.until")
    history.enter("x")
    history.schedule()
    history.fail()
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    history.task("x", "new")
    history.choose("loop.until")
    history.add("ParallelStateSucceeded")
    history.exit("loop.try", "Parallel")
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"])))
    assert outputs(run) == {"loop": {"x": "new"}, "loop[0].x": "new"}
    assert run.step_results["loop"]["retry_count"] == 1


def test_a_caught_loop_that_ran_out_of_turns_is_failed() -> None:
    history = History()
    history.enter("loop.try", "Parallel")
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    history.task("x", 1)
    history.choose("loop.until")
    history.enter("loop.fail", "Fail")
    history.add("ParallelStateFailed")
    history.exit("loop.try", "Parallel")
    history.task("after", 2)
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"]), leaf("after")))
    assert statuses(run) == {"loop": "failed", "loop[0].x": "completed", "after": "completed"}
    assert run.step_results["loop"]["error_type"] == "MaxIterationsExceeded"


def test_a_failure_in_nested_parallels_of_a_caught_loop_fails_the_loop_with_its_error() -> None:
    history = History()
    history.enter("loop.try", "Parallel")
    history.add("ParallelStateStarted")
    history.passed("loop.start", {})
    history.enter("a.parallel", "Parallel")
    started = history.add("ParallelStateStarted")
    history.task("a", 1, previous=started)
    history.enter("b", previous=started)
    history.schedule()
    history.fail("Boom", "bang")
    failed = history.add("ParallelStateFailed")
    history.add("ParallelStateAborted")
    history.add("ParallelStateFailed", previous=failed)
    history.exit("loop.try", "Parallel")
    history.task("after", 2)
    loop = container("loop", "loop", leaf("a"), leaf("b"), sinks=["a", "b"])
    run = report(history.end(), outline(loop, leaf("after")))
    assert statuses(run) == {"loop": "failed", "loop[0].a": "completed", "loop[0].b": "failed", "after": "completed"}
    assert run.step_results["loop"]["error_message"] == "bang"


def test_a_map_that_fails_inside_a_map_does_not_end_the_outer_one() -> None:
    history = History()
    outer = history.map("outer", 1)
    history.iteration("outer", 0, previous=outer)
    entered = history.enter("inner", "Map")
    cause = f"An error occurred while executing the state 'inner' (entered at the event id #{entered}). No list."
    details = {"error": "States.QueryEvaluationError", "cause": cause}
    history.add("EvaluationFailed", previous=entered - 1, evaluationFailedEventDetails=details)
    history.add("MapStateFailed")
    history.exit("inner", "Map")
    history.task("x", 1)
    body = container("outer", "map", leaf("inner", each=True), leaf("x"), sinks=["x"])
    run = report(history.events, outline(body))
    assert statuses(run) == {"outer": "running", "outer[0].inner": "failed", "outer[0].x": "completed"}


def test_a_failure_that_a_pass_state_tells_is_read_from_its_output() -> None:
    history = History()
    history.choose("wait.check")
    history.passed("wait.fail", {"error_type": "InvalidDelay", "error_message": "not a number"})
    history.task("b", 1)
    run = report(history.end(), outline(leaf("wait"), leaf("b")))
    assert statuses(run) == {"wait": "failed", "b": "completed"}
    assert run.step_results["wait"]["error_message"] == "not a number"


def test_a_container_that_was_never_entered_is_skipped_with_its_guard() -> None:
    history = History()
    history.choose("loop.guard")
    run = report(history.end(), outline(container("loop", "loop", leaf("x"), sinks=["x"])))
    assert statuses(run) == {"loop": "skipped"}


def test_an_output_that_was_cut_off_is_null() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    details = {
        "resourceType": "lambda",
        "resource": "invoke",
        "output": '{"Payload": {"x',
        "outputDetails": {"truncated": True},
    }
    history.add("TaskSucceeded", taskSucceededEventDetails=details)
    history.exit("a")
    step = report(history.end(), outline(leaf("a"))).step_results["a"]
    assert (step["status"], step["output_data"]) == ("completed", None)


def test_a_callbacks_output_is_what_was_sent() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    details = {"resourceType": "lambda", "resource": "invoke.waitForTaskToken", "output": '{"decision": "yes"}'}
    history.add("TaskSucceeded", taskSucceededEventDetails=details)
    history.exit("a")
    assert outputs(report(history.end(), outline(leaf("a")))) == {"a": {"decision": "yes"}}


def test_a_redrive_makes_the_run_live_again() -> None:
    history = History()
    history.enter("a")
    scheduled = history.schedule()
    history.fail()
    history.end_failed("ValueError", history.cause_of_last_failure())
    history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    history.last = scheduled
    history.schedule()
    history.succeed("fine")
    history.exit("a")
    run = report(history.end(), outline(leaf("a"), sinks=["a"]))
    assert (run.status, run.redrive_count, run.error) == ("completed", 1, None)
    assert run.output == {"a": "fine"}


def test_ten_thousand_iterations_are_read() -> None:
    history = History()
    started = history.map("s", 10_000)
    for i in range(10_000):
        history.iteration("s", i, previous=started)
        history.passed("s.each", i)
        history.iteration("s", i, "Succeeded")
    history.mapped("s", previous=started)
    run = report(history.end(), outline(leaf("s", each=True)))
    assert run.step_results["s"]["output_data"] == list(range(10_000))
    assert len(run.step_results) == 10_001


def pressed_together(*cause: str) -> RunReport:
    """Two steps side by side, each completed, in a Parallel whose own evaluation ended the run."""
    history = History()
    history.enter("a.parallel", "Parallel")
    opened = history.add("ParallelStateStarted")
    history.task("a", "x", previous=opened)
    history.task("b", "y", previous=opened)
    history.add("ParallelStateFailed")
    return report(history.end_failed("States.DataLimitExceeded", *cause), outline(leaf("a"), leaf("b")))


def test_a_parallel_that_cannot_be_joined_is_no_steps_failure() -> None:
    run = pressed_together("The state/task 'a.parallel' returned a result with a size exceeding the maximum.")
    assert statuses(run) == {"a": "completed", "b": "completed"}
    assert run.error is not None
    assert (run.error["step_id"], run.error["type"]) == (None, "States.DataLimitExceeded")
    assert "joined" in str(run.error["message"])


def test_an_output_that_cannot_be_made_is_no_steps_failure() -> None:
    history = History()
    history.task("a", 1)
    history.enter("workflow.output", "Pass")
    cause = "The state/task 'workflow.output' returned a result with a size exceeding the maximum."
    run = report(history.end_failed("States.DataLimitExceeded", cause), outline(leaf("a")))
    assert statuses(run) == {"a": "completed"}
    assert run.error is not None
    assert run.error["step_id"] is None
    assert "output" in str(run.error["message"])


def test_a_step_whose_guard_ended_the_run_failed() -> None:
    history = History()
    history.enter("a.guard", "Choice")
    cause = "An error occurred while executing the state 'a.guard' (entered at the event id #2). No."
    run = report(history.end_failed("States.Runtime", cause), outline(leaf("a"), leaf("b")))
    assert statuses(run) == {"a": "failed", "b": "pending"}
    assert run.error is not None
    assert run.error["step_id"] == "a"


def evaluation(text: str, field: str = "Arguments/Payload") -> RunReport:
    history = History()
    history.enter("a")
    quoted = "$merge([" * 100 + "'it''s'"
    cause = (
        "An error occurred while executing the state 'a' (entered at the event id #2). The JSONata expression "
        f"'{quoted}' specified for the field '{field}' {text}"
    )
    history.add(
        "EvaluationFailed",
        evaluationFailedEventDetails={"error": "States.QueryEvaluationError", "cause": cause, "state": "a"},
    )
    return report(history.end_failed("States.QueryEvaluationError", cause), outline(leaf("a")))


def test_results_tell_why_an_expression_failed_without_quoting_it() -> None:
    run = evaluation("threw an error during evaluation. T2001: The left side must be a number")
    assert run.step_results["a"]["error_message"] == "T2001: The left side must be a number"
    assert run.error == {
        "step_id": "a",
        "type": "States.QueryEvaluationError",
        "message": "T2001: The left side must be a number",
    }
    raised = evaluation("threw an error during evaluation. D3137: The list has 5 items.").step_results["a"]
    assert raised["error_message"] == "The list has 5 items."
    entry = evaluation(
        "threw an error during evaluation. T2001: The left side must be a number",
        "Arguments/Payload/input_data/a total",
    )
    told = "The expression of 'a total' in the input_mapping of step 'a' failed. T2001: The left side must be a number"
    assert entry.step_results["a"]["error_message"] == told
    undefined = evaluation("returned nothing (undefined).").step_results["a"]
    assert undefined["error_message"] == "The field 'Arguments/Payload' returned nothing (undefined)."


def test_a_map_that_ended_the_run_has_its_times() -> None:
    history = History()
    started = history.map("a", 1)
    history.iteration("a", 0, previous=started)
    history.enter("a.each")
    history.schedule()
    history.fail("Boom", "bang")
    history.iteration("a", 0, "Failed")
    history.add("MapStateFailed")
    step = report(
        history.end_failed("Boom", history.cause_of_last_failure()), outline(leaf("a", each=True))
    ).step_results["a"]
    assert (step["status"], step["execution_time_ms"]) == ("failed", 800)
    assert step["completed_at"] == "2026-01-02T03:04:05.900Z"


def test_elements_that_a_completed_run_never_came_to_were_skipped() -> None:
    history = History()
    started = history.map("a", 3)
    history.iteration("a", 0, previous=started)
    history.enter("a.each")
    history.schedule()
    history.fail("Boom", "bang")
    history.iteration("a", 1, previous=started)
    history.enter("a.each")
    history.schedule()
    history.iteration("a", 0, "Failed", previous=started)
    history.add("MapStateFailed")
    history.exit("a", "Map", {})
    run = report(history.end(), outline(leaf("a", each=True)))
    assert statuses(run) == {"a": "failed", "a[0]": "failed", "a[1]": "aborted", "a[2]": "skipped"}


def test_a_step_during_which_the_clock_was_set_back_took_no_time() -> None:
    history = History()
    history.task("a", {"n": 1})
    exited = next(event for event in history.events if event["type"] == "TaskStateExited")
    exited["timestamp"] -= timedelta(hours=1)
    run = report(history.end({}), outline(leaf("a"), sinks=["a"]))
    assert run.step_results["a"]["execution_time_ms"] == 0
