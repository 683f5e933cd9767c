"""Which step ended a run, where several failed alike."""

from __future__ import annotations

import json

from tests.support.backend_history import History
from workflow_engine.machines.results import report


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
