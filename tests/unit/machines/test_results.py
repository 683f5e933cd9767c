"""Step results from histories written by hand: outputs, times, attempts, and what the state of the run makes of them."""

from __future__ import annotations

from datetime import timedelta

from tests.support.backend_history import History
from tests.support.outlines import leaf, outline
from tests.support.run_report import outputs, report, statuses
from workflow_engine.run_output import MARKER, record_variable


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


def test_what_the_end_tells_is_the_output_of_the_run() -> None:
    history = History()
    history.task("a", 1)
    run = report(history.end({"a": "as told", "_failed": ["b"]}), outline(leaf("a"), leaf("b"), sinks=["a", "b"]))
    assert run.output == {"a": "as told"}


def test_where_the_end_has_a_marker_the_steps_tell_the_output_of_the_run() -> None:
    history = History()
    history.task("a", [1, 2])
    history.task("b", 3)
    run = report(
        history.end({"a": dict(MARKER), "b": 3, "_failed": []}), outline(leaf("a"), leaf("b"), sinks=["a", "b"])
    )
    assert run.output == {"a": [1, 2], "b": 3}


def test_a_pass_that_ends_the_run_has_its_record_among_the_variables_that_it_assigned() -> None:
    history = History()
    history.enter("a", "Pass")
    history.exit("a", "Pass", {"b": 2, "_failed": []})
    left = history.events[-1]["stateExitedEventDetails"]
    left["assignedVariables"] = {record_variable(0): '{"a":{"n":1},"b":2}'}
    run = report(history.end({"b": 2, "_failed": []}), outline(leaf("a"), leaf("b"), sinks=["b"]))
    assert outputs(run) == {"a": {"n": 1}, "b": 2}
    assert run.output == {"b": 2}


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


def test_a_step_during_which_the_clock_was_set_back_took_no_time() -> None:
    history = History()
    history.task("a", {"n": 1})
    exited = next(event for event in history.events if event["type"] == "TaskStateExited")
    exited["timestamp"] -= timedelta(hours=1)
    run = report(history.end({}), outline(leaf("a"), sinks=["a"]))
    assert run.step_results["a"]["execution_time_ms"] == 0
