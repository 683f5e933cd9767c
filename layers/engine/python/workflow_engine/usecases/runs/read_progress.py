"""Read how far a run has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflow_engine.errors import ThrottledError
from workflow_engine.observability import get_logger
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_results import get_execution, step_statuses

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionProgress, Progress

logger = get_logger(__name__)


def read_progress(engine: Engine, caller: Caller, execution_id: str) -> ExecutionProgress:
    """The record of a run, and of its workflow's own steps `{step_statuses: {step_id: status}, step_counts: {status: number},
    total_steps, completed_steps, failed_steps, current_step}`. `current_step` is the first that runs, None when none does.

    All of them are None while AWS does not tell the history of a run that goes on, and of one that has ended until its results
    are read (`step_statuses`). Raises NotFoundError.
    """
    statuses: Mapping[str, str] | None = None
    try:
        statuses = step_statuses(engine, caller, execution_id)
    except ThrottledError:
        logger.warning("steps of a run were not read", extra={"execution_id": execution_id}, exc_info=True)
    return {**get_execution(engine, caller, execution_id), **_steps(statuses)}


def _steps(statuses: Mapping[str, str] | None) -> Progress:
    if statuses is None:
        return {
            "step_statuses": None,
            "step_counts": None,
            "total_steps": None,
            "completed_steps": None,
            "failed_steps": None,
            "current_step": None,
        }
    counts = Counter(statuses.values())
    return {
        "step_statuses": dict(statuses),
        "step_counts": dict(counts),
        "total_steps": len(statuses),
        "completed_steps": counts["completed"],
        "failed_steps": counts["failed"],
        "current_step": next((step_id for step_id, status in statuses.items() if status == "running"), None),
    }
