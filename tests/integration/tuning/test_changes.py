"""Versions that change, and are paused or deleted, meanwhile."""

from __future__ import annotations

import pytest

from tests.integration.support import ME
from tests.integration.tuning.support import (
    N_GRAPH,
    NONE,
    SLOW_B,
    Clock,
    Measured,
    number_of_machines,
    round_after,
    save,
    with_two_builds,
)
from workflow_engine.store import keys
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.upkeep.tune_workflows import tune_workflows
from workflow_engine.usecases.workflows import compilation, pause_workflow, read_workflows, roll_back, save_workflow


def test_a_version_that_was_followed_by_another_is_forgotten(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    engine.tuning.note("default", "n", 1, engine.timestamp())
    save_workflow.update(engine, ME, "n", N_GRAPH | {"description": "Another"})
    assert tune_workflows(engine) == NONE | {"looked_at": 1, "ended": 1}
    assert engine.executions.table.get(keys.workflow("default", "n"), keys.tuning(1)) is None


def test_a_deleted_workflow_is_forgotten(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    save_workflow.delete(engine, ME, "n")
    assert round_after(engine, clock) == {"looked_at": 1, "ended": 1}
    assert number_of_machines(engine) == 1


def test_a_paused_workflow_stays_paused(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    pause_workflow.pause(engine, ME, "n", {"reason": "month end"})
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}
    shown = read_workflows.get(engine, ME, "n")
    assert (shown["build"]["number"], shown["pause_reason"]) == (2, "month end")


def test_a_put_of_the_same_content_and_a_rollback_to_it_leave_the_build(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_two_builds(engine, measured, clock)
    for compiler_of in (compilation.compiler_of, lambda _: "another engine that compiles to the same"):
        monkeypatch.setattr(save_workflow, "compiler_of", compiler_of)
        saved, is_new = save_workflow.update(engine, ME, "n", dict(N_GRAPH))
        assert (saved["version"], saved["build"]["number"], is_new) == (1, 2, False)
        assert roll_back.roll_back(engine, ME, "n", {"version": 1})["build"]["number"] == 2
