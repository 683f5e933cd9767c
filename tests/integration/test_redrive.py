"""Redrives on the AWS code path: one for several requests at once, none where only a rerun helps, and the record through every
fault between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.support import ME, OTHER, results_of
from workflow_engine.errors import ConflictError, NotFoundError, UnavailableError
from workflow_engine.machines.history import HistoryReader
from workflow_engine.machines.port import NotRedrivableError
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import cancel_run, read_results, redrive_run, start_run
from workflow_engine.usecases.runs.advised import advised_error

PAUSE: dict[str, Any] = {
    "name": "Pauses",
    "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 600}}],
}
GIVES_UP: dict[str, Any] = {
    "name": "Gives up",
    "steps": [{"step_id": "no", "step_type": "fail", "config": {"error": "Enough", "message": "No more."}}],
}
BREAKS: dict[str, Any] = {
    "name": "Breaks",
    "steps": [
        {"step_id": "first", "step_type": "transform", "config": {"expression": "1 + 1"}},
        {
            "step_id": "late",
            "step_type": "transform",
            "input_mapping": {"x": "first"},
            "config": {"expression": "$error('x')"},
        },
    ],
}


def stopped(engine: Engine) -> str:
    execution_id = start_run.start(engine, ME, PAUSE)["execution_id"]
    cancel_run.cancel(engine, ME, execution_id, {"cause": "Not today."})
    return execution_id


def test_a_cancelled_run_tells_who_and_why_and_a_redrive_lets_it_go_on(engine: Engine) -> None:
    execution_id = stopped(engine)
    told = cancel_run.cancel(engine, OTHER_OF_MINE, execution_id, {"cause": "Again."})
    assert (told["status"], told["cancelled_by"], told["cancel_cause"]) == ("cancelled", "me", "Not today.")
    redriven = redrive_run.redrive(engine, OTHER_OF_MINE, execution_id)
    assert (redriven["status"], redriven["redrive_count"], redriven["redriven_by"]) == ("running", 1, "you")
    assert (redriven["cancelled_by"], redriven["cancel_cause"], redriven["completed_at"]) == (None, None, None)
    assert redriven["last_redrive_at"] is not None
    assert read_results.results(engine, ME, execution_id)["status"] == "running"
    ended = cancel_run.cancel(engine, ME, execution_id)
    assert (ended["status"], ended["redrive_count"], ended["cancelled_by"]) == ("cancelled", 1, "me")
    assert read_results.results(engine, ME, execution_id)["metadata"]["redrive_count"] == 1


OTHER_OF_MINE = replace(ME, user_id="you")


def test_two_redrives_at_once_make_one(engine: Engine) -> None:
    for _ in range(3):
        execution_id = stopped(engine)
        together = threading.Barrier(4)
        answers: list[Any] = []

        def ask(execution_id: str = execution_id, together: Any = together, answers: Any = answers) -> None:
            together.wait()
            answers.append(redrive_run.redrive(engine, ME, execution_id)["redrive_count"])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [1, 1, 1, 1]
        arn = engine.executions.get("default", execution_id).execution_arn
        assert engine.stepfunctions.describe_execution(executionArn=arn)["redriveCount"] == 1
        cancel_run.cancel(engine, ME, execution_id)


@pytest.mark.parametrize(
    ("body", "word"), [(GIVES_UP, "decision of the workflow"), (PAUSE | {"steps": BREAKS["steps"][:1]}, "completed")]
)
def test_what_a_redrive_cannot_help_is_told_to_rerun(engine: Engine, body: dict[str, Any], word: str) -> None:
    started = start_run.start(engine, ME, body)
    status = results_of(engine, started)["status"]
    with pytest.raises(ConflictError, match=f"{word}.*/executions/{started['execution_id']}/rerun"):
        redrive_run.redrive(engine, ME, started["execution_id"])
    assert engine.executions.get("default", started["execution_id"]).status == status


def test_failure_steps_end_a_run_for_good(engine: Engine) -> None:
    body = GIVES_UP | {
        "on_failure": [{"step_id": "note", "step_type": "transform", "config": {"expression": "'noted'"}}]
    }
    started = start_run.start(engine, ME, body)
    assert results_of(engine, started)["status"] == "failed"
    with pytest.raises(ConflictError, match="rerun"):
        redrive_run.redrive(engine, ME, started["execution_id"])


def test_a_run_of_another_tenant_is_not_there(engine: Engine) -> None:
    execution_id = stopped(engine)
    with pytest.raises(NotFoundError):
        redrive_run.redrive(engine, OTHER, execution_id)


def test_a_running_run_is_no_case_for_a_redrive(engine: Engine) -> None:
    execution_id = start_run.start(engine, ME, PAUSE)["execution_id"]
    with pytest.raises(ConflictError, match="only one that has ended"):
        redrive_run.redrive(engine, ME, execution_id)
    cancel_run.cancel(engine, ME, execution_id)


def test_after_fourteen_days_only_a_rerun_helps(engine: Engine) -> None:
    execution_id = stopped(engine)
    later = replace(engine, now=lambda: datetime.fromisoformat(engine.timestamp()) + timedelta(days=14, minutes=1))
    with pytest.raises(ConflictError, match="14 days ago"):
        redrive_run.redrive(later, ME, execution_id)


def test_a_full_history_takes_no_redrive(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    execution_id = stopped(engine)
    monkeypatch.setattr(redrive_run, "HISTORY_EVENTS", 4)
    with pytest.raises(ConflictError, match="has 3 events"):
        redrive_run.redrive(engine, ME, execution_id)


def test_a_refused_redrive_leaves_the_record_as_it_was(engine: Engine, faulty: Faults) -> None:
    execution_id = stopped(engine)
    before = engine.executions.get("default", execution_id)
    faulty(NotRedrivableError("Execution redrivable period exceeded"))
    with pytest.raises(ConflictError, match="redrivable period exceeded"):
        redrive_run.redrive(engine, ME, execution_id)
    assert engine.executions.get("default", execution_id) == before


def test_a_redrive_whose_answer_was_lost_is_made_by_the_repetition(engine: Engine, faulty: Faults) -> None:
    execution_id = stopped(engine)
    undo = faulty(UnavailableError("No answer."))
    with pytest.raises(UnavailableError):
        redrive_run.redrive(engine, ME, execution_id)
    assert read_results.results(engine, ME, execution_id)["status"] == "running"
    undo()
    redriven = redrive_run.redrive(engine, ME, execution_id)
    assert (redriven["status"], redriven["redrive_count"]) == ("running", 1)
    arn = engine.executions.get("default", execution_id).execution_arn
    assert engine.stepfunctions.describe_execution(executionArn=arn)["redriveCount"] == 1
    cancel_run.cancel(engine, ME, execution_id)


def test_a_redrive_that_never_came_is_found_out_by_whoever_reads(engine: Engine, faulty: Faults) -> None:
    execution_id = stopped(engine)
    undo = faulty(UnavailableError("No answer."))
    with pytest.raises(UnavailableError):
        redrive_run.redrive(engine, ME, execution_id)
    undo()
    later = replace(engine, now=lambda: datetime.fromisoformat(engine.timestamp()) + timedelta(minutes=2))
    assert read_results.results(later, ME, execution_id)["status"] == "cancelled"
    found = engine.executions.get("default", execution_id)
    assert (found.status, found.redrive_count, found.last_redrive_at) == ("cancelled", 0, None)


def test_a_redrive_may_be_cancelled_before_the_history_shows_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = stopped(engine)
    shown = list(engine.history.read(engine.executions.get("default", execution_id).execution_arn))
    redrive_run.redrive(engine, ME, execution_id)
    monkeypatch.setattr(HistoryReader, "read", lambda *_: iter(shown))
    told = cancel_run.cancel(engine, OTHER_OF_MINE, execution_id)
    assert (told["status"], told["redrive_count"], told["cancelled_by"]) == ("cancelled", 1, "you")


@pytest.mark.parametrize("body", [PAUSE, BREAKS], ids=["cancelled", "failed"])
def test_a_redrive_that_never_came_and_was_cancelled_leaves_the_end_before_it(
    engine: Engine, faulty: Faults, body: dict[str, Any]
) -> None:
    if body is PAUSE:
        execution_id = stopped(engine)
    else:
        started = start_run.start(engine, ME, BREAKS)
        assert results_of(engine, started)["status"] == "failed"
        execution_id = started["execution_id"]
    before = engine.executions.get("default", execution_id)
    undo = faulty(UnavailableError("No answer."))
    with pytest.raises(UnavailableError):
        redrive_run.redrive(engine, ME, execution_id)
    undo()
    assert cancel_run.cancel(engine, OTHER_OF_MINE, execution_id)["status"] == "cancelled"
    later = replace(engine, now=lambda: datetime.fromisoformat(engine.timestamp()) + timedelta(minutes=2))
    assert read_results.results(later, ME, execution_id)["status"] == before.status
    found = engine.executions.get("default", execution_id)
    assert (found.status, found.redrive_count, found.is_end_recorded) == (before.status, 0, True)
    assert found.cancelled_by == ("you" if body is PAUSE else None)


Faults = Callable[[Exception], Callable[[], None]]


@pytest.fixture
def faulty(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Lets Step Functions answer every redrive with this error, until told otherwise."""

    def break_(error: Exception) -> Callable[[], None]:
        def refuse(*_: Any) -> None:
            raise error

        monkeypatch.setattr(type(engine.runs), "redrive", refuse)
        return monkeypatch.undo

    return break_


def test_what_was_recorded_of_an_end_is_gone_while_the_run_goes_on_and_back_when_it_does_not(
    engine: Engine, faulty: Faults
) -> None:
    started = start_run.start(engine, ME, BREAKS)
    assert results_of(engine, started)["status"] == "failed"
    execution_id = started["execution_id"]
    before = engine.executions.get("default", execution_id)
    assert (before.failed_steps, before.error is None) == (["late"], False)
    undo = faulty(UnavailableError("No answer."))
    with pytest.raises(UnavailableError):
        redrive_run.redrive(engine, ME, execution_id)
    undo()
    going = engine.executions.get("default", execution_id)
    assert (going.status, going.error, going.failed_steps, going.output) == ("running", None, None, None)
    later = replace(engine, now=lambda: datetime.fromisoformat(engine.timestamp()) + timedelta(minutes=2))
    assert read_results.results(later, ME, execution_id)["error"] == advised_error(before.error)
    assert engine.executions.get("default", execution_id) == before


def test_a_repetition_has_the_token_of_its_redrive_and_the_next_redrive_another(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = stopped(engine)
    tokens: list[str] = []
    real = type(engine.runs).redrive

    def redrive(runs: Any, execution_arn: str, token: str) -> None:
        tokens.append(token)
        real(runs, execution_arn, token)

    monkeypatch.setattr(type(engine.runs), "redrive", redrive)
    redrive_run.redrive(engine, ME, execution_id)
    redrive_run.redrive(engine, ME, execution_id)
    cancel_run.cancel(engine, ME, execution_id)
    redrive_run.redrive(engine, ME, execution_id)
    cancel_run.cancel(engine, ME, execution_id)
    assert tokens[0] == tokens[1] != tokens[2]
