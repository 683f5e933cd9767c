"""What became of a redrive that a run's history does not show."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from workflow_engine.run_output import MAX_FAILED_STEPS
from workflow_engine.statuses import has_ended
from workflow_engine.store.control import take_back_redrive

if TYPE_CHECKING:
    from workflow_engine.machines.results import RunReport
    from workflow_engine.store.executions import Execution
    from workflow_engine.usecases.engine import Engine

_NEVER_CAME_AFTER: Final = timedelta(seconds=60)
"""A redrive that the history does not show by then was never made: no request lasts so long."""


def settled(engine: Engine, execution: Execution, run: RunReport) -> RunReport:
    """What the history of a run tells, given that it may lag behind a redrive; or the redrive was never made, which puts the
    record back.
    """
    if run.redrive_count >= execution.redrive_count or execution.last_redrive_at is None:
        return run
    if engine.now() - datetime.fromisoformat(execution.last_redrive_at) < _NEVER_CAME_AFTER:
        return replace(run, status="running", completed_at=None, error=None, output=None)
    if has_ended(run.status) and not execution.is_end_recorded:
        before = replace(
            execution,
            status=run.status,
            redrive_count=run.redrive_count,
            completed_at=run.completed_at,
            error=run.error,
            failed_steps=run.steps.failed(MAX_FAILED_STEPS),
            last_redrive_at=None,
            redriven_by=None,
        )
        take_back_redrive(engine.executions, before, execution.last_redrive_at)
    return run
