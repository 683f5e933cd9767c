"""Which step ended a run, where several failed alike."""

from __future__ import annotations

import json

from tests.support.backend_history import History
from tests.support.run_report import report


def _fail(history: History, request: str) -> str:
    cause = json.dumps({"errorMessage": "no such thing", "errorType": "ValueError", "requestId": request})
    details = {"resourceType": "lambda", "resource": "invoke", "error": "ValueError", "cause": cause}
    history.add("TaskFailed", taskFailedEventDetails=details)
    return cause


def test_the_step_with_the_very_cause_of_the_runs_failure_ended_it_not_one_about_to_be_retried() -> None:
    history = History()
    history.enter("a.parallel", "Parallel")
    started = history.add("ParallelStateStarted")
    history.enter("a", previous=started)
    a = history.schedule()
    history.enter("b", previous=started)
    history.schedule()
    cause = _fail(history, "of-b")
    history.last = a
    _fail(history, "of-a")
    history.add("TaskStateAborted")
    history.add("ParallelStateFailed")
    steps = [{"id": "a", "type": "work"}, {"id": "b", "type": "work"}]

    run = report(history.end_failed("ValueError", cause), {"steps": steps, "sinks": ["a", "b"]})

    assert run.error == {"step_id": "b", "type": "ValueError", "message": "no such thing"}


def test_of_states_aborted_one_inside_the_other_each_is_told_once_and_the_outer_one_fails() -> None:
    history = History()
    history.enter("s.try", "Parallel")
    history.add("ParallelStateStarted")
    history.enter("a.parallel", "Parallel")
    started = history.add("ParallelStateStarted")
    history.enter("a", previous=started)
    a = history.schedule()
    history.enter("n.try", "Parallel", previous=started)
    history.add("ParallelStateStarted")
    entered = history.enter("b")
    history.schedule()
    history.last = a
    _fail(history, "of-a")
    history.add("TaskStateAborted", previous=entered)
    history.add("ParallelStateAborted", previous=entered)
    joined = history.add("ParallelStateFailed", previous=entered)
    history.add("ParallelStateAborted", previous=joined)
    history.add("ParallelStateFailed", previous=joined)
    history.exit("s.try", "Parallel")
    inner = {
        "id": "n",
        "type": "switch",
        "body": {"kind": "switch", "sinks": ["b"], "steps": [{"id": "b", "type": "work"}]},
    }
    outer = {
        "id": "s",
        "type": "switch",
        "body": {"kind": "switch", "sinks": [], "steps": [{"id": "a", "type": "work"}, inner]},
    }

    run = report(history.end(), {"steps": [outer], "sinks": ["s"]})

    statuses = {key: result["status"] for key, result in run.step_results.items()}
    assert statuses == {"s": "failed", "s.a": "failed", "s.n": "aborted", "s.n.b": "aborted"}


def test_a_parallel_that_is_aborted_beside_a_failure_is_not_the_one_around_it() -> None:
    """The abortion is chained to the failure, which is inside of another branch of the same Parallel."""
    history = History()
    history.enter("m.parallel", "Parallel")
    history.add("ParallelStateStarted")
    mapped = history.map("m", 1)
    history.iteration("m", 0, previous=mapped)
    history.enter("a.parallel", "Parallel")
    started = history.add("ParallelStateStarted")
    history.enter("a", previous=started)
    a = history.schedule()
    history.enter("n.try", "Parallel", previous=started)
    history.add("ParallelStateStarted")
    history.enter("b")
    history.schedule()
    history.last = a
    _fail(history, "of-a")
    failed = history.last
    history.add("TaskStateAborted", previous=failed)
    history.add("ParallelStateAborted", previous=failed)
    joined = history.add("ParallelStateFailed", previous=failed)
    history.iteration("m", 0, "Failed", previous=joined)
    history.add("MapStateFailed", previous=joined)
    history.exit("m", "Map")
    history.add("ParallelStateSucceeded")
    history.exit("m.parallel", "Parallel")
    inner = {
        "id": "n",
        "type": "switch",
        "body": {"kind": "switch", "sinks": ["b"], "steps": [{"id": "b", "type": "work"}]},
    }
    steps = [{"id": "a", "type": "work"}, inner]
    outer = {"id": "m", "type": "map", "body": {"kind": "map", "sinks": [], "steps": steps}}

    run = report(history.end(), {"steps": [outer], "sinks": ["m"]})

    statuses = {key: result["status"] for key, result in run.step_results.items()}
    assert statuses["m"] == "failed"
    assert statuses["m[0].n"] == "aborted"
