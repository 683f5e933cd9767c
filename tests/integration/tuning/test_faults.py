"""Rounds that die, meet each other, or are refused."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.support import ME
from tests.integration.tuning.support import (
    ARN,
    SLOW_B,
    Clock,
    Measured,
    given,
    number,
    number_of_machines,
    round_after,
    run_once,
    save,
)
from workflow_engine import compiler
from workflow_engine.errors import ThrottledError
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError
from workflow_engine.machines.step_functions import StepFunctionsMachines
from workflow_engine.store.workflows import WorkflowStore
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import read_results
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.upkeep.tune_workflows import tune_workflows


def test_what_dies_between_the_machine_and_the_build_is_done_by_the_next_round(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def killed(*_: object) -> bool:
        raise KilledError

    save(engine)
    measured.are(SLOW_B)
    with monkeypatch.context() as dying:
        dying.setattr(WorkflowStore, "append_build", killed)
        with pytest.raises(KilledError):
            round_after(engine, clock)
    assert (number(engine), number_of_machines(engine)) == (1, 2)
    assert round_after(engine, clock) == {}  # not at once: what killed one round is not to kill the next
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}
    assert (number(engine), number_of_machines(engine)) == (2, 2)


def test_what_dies_before_starts_take_the_build_is_mended_by_the_next_round(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(engine)
    measured.are(SLOW_B)
    with monkeypatch.context() as dying:
        dying.setattr(WorkflowStore, "point_to_newest_build", lambda *_: None)
        round_after(engine, clock)
    assert number(engine) == 1
    between = run_once(engine)
    assert read_results.get_execution(engine, ME, between["execution_id"])["build"] == 1
    assert given(read_results.results(engine, ME, between["execution_id"])) == given(between)
    round_after(engine, clock, timedelta(hours=7))
    assert number(engine) == 2


def test_of_two_rounds_at_once_one_appends_a_build(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    append, both = WorkflowStore.append_build, threading.Barrier(2)
    counts = []

    def at_once(*arguments: Any) -> bool:
        both.wait(60)
        return append(*arguments)

    def one_round() -> None:
        counts.append(tune_workflows(engine))

    engine.tuning.note("default", "n", 1, engine.timestamp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorkflowStore, "append_build", at_once)
        patch.setattr(type(engine.due), "postpone", lambda *_: None)  # both have read the list already
        rounds = [threading.Thread(target=one_round) for _ in range(2)]
        for each in rounds:
            each.start()
        for each in rounds:
            each.join(60)
    assert sorted((one["built"], one["kept"]) for one in counts) == [(0, 1), (1, 0)]
    assert (number(engine), number_of_machines(engine)) == (2, 2)


def test_what_cannot_be_compiled_with_what_was_measured_runs_as_it_is(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(engine)
    measured.are(SLOW_B)
    compile_workflow = compiler.compile_workflow

    def compiled(workflow: Any, catalogue: Any, hints: Any) -> Any:
        if hints.durations:
            raise InvalidWorkflowError([Diagnostic("WFE-E502", "", "Too large.")])
        return compile_workflow(workflow, catalogue, hints)

    monkeypatch.setattr(compiler, "compile_workflow", compiled)
    assert round_after(engine, clock) == {"looked_at": 1, "refused": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {
        "looked_at": 1,
        "ended": 1,
    }  # it is not tried again and again
    assert run_once(engine)["status"] == "completed"


def test_a_step_type_that_was_registered_anew_waits_for_the_next_save(
    engine: Engine, measured: Measured, clock: Clock
) -> None:
    save(engine)
    register_step.register(engine, ME, {"step_type": "work", "function_arn": ARN, "timeout_seconds": 5})
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "changed": 1}
    assert number(engine) == 1


def test_a_busy_step_functions_is_asked_again_later(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> str:
        raise ThrottledError("One a second.")

    save(engine)
    measured.are(SLOW_B)
    quiet = dataclasses.replace(engine, sleep=lambda _: None)
    vars(quiet)["step_durations"] = measured
    with monkeypatch.context() as throttled:
        throttled.setattr(StepFunctionsMachines, "create", busy)
        assert round_after(quiet, clock) == {"looked_at": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}
