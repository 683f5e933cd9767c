"""Which step a failure is of, and what is told of it, from histories written by hand."""

from __future__ import annotations

from tests.support.backend_history import History
from tests.support.outlines import leaf, outline
from tests.support.run_report import RunReport, report, statuses


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


def test_a_failure_that_a_pass_state_tells_is_read_from_its_output() -> None:
    history = History()
    history.choose("wait.check")
    history.passed("wait.fail", {"error_type": "InvalidDelay", "error_message": "not a number"})
    history.task("b", 1)
    run = report(history.end(), outline(leaf("wait"), leaf("b")))
    assert statuses(run) == {"wait": "failed", "b": "completed"}
    assert run.step_results["wait"]["error_message"] == "not a number"


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
