"""Results of ended runs without their history: as they were kept, or what the record alone tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.executions import Execution
from workflow_engine.store.results import LargeOutput, RunResults, StepResult, Wanted
from workflow_engine.store.step_details import StepDetails
from workflow_engine.usecases.engine import Engine

_CLOCKS_DIFFER_BY: Final = timedelta(seconds=1)
"""Between the end of a run in its record and in its history."""


def kept_results(engine: Engine, execution: Execution) -> RunResults | None:
    """What was kept of the history of an ended run; None where nothing was, or only from before a redrive."""
    kept = engine.results.find(execution.tenant_id, execution.execution_id)
    if kept is None or not _is_of_this_end(kept.run, execution):
        return None
    return kept


def recorded_results(engine: Engine, execution: Execution, outline: Mapping[str, Any] | None = None) -> RunResults:
    """What the record of an ended run tells: everything but its steps.

    With the outline of its workflow the history is gone, and the steps are lost; without, it is still to be read.
    """
    value, large = _output(engine, execution)
    steps = () if outline is None else (*outline["steps"], *outline.get("after_failure", ()))
    head = run_head(
        execution,
        status=execution.status,
        error=execution.error,
        completed_at=execution.completed_at,
        failed_steps=execution.failed_steps,
        redrive_count=execution.redrive_count,
    )
    untold = UntoldSteps({step["id"]: 0 for step in steps})
    return RunResults(head, value, large, untold, engine.results.payloads, is_unread=outline is None)


def run_head(
    execution: Execution,
    *,
    status: str,
    error: Json,
    completed_at: str | None,
    failed_steps: list[str] | None,
    redrive_count: int,
) -> dict[str, Json]:
    """What GET /executions/{id}/results answers, without outputs and steps."""
    return {
        "execution_id": execution.execution_id,
        "id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "status": status,
        "started_at": execution.started_at,
        "error": error,
        "failed_steps": failed_steps,
        "completed_at": completed_at,
        "metadata": {
            "workflow_name": execution.workflow_name,
            "workflow_version": execution.workflow_version,
            "session_id": execution.session_id,
            "user_id": execution.user_id,
            "correlation_id": execution.correlation_id,
            "tags": execution.tags,
            "redrive_count": redrive_count,
        },
    }


@dataclass(frozen=True, slots=True)
class UntoldSteps:
    """The steps of a run of which nothing is known."""

    tops: Mapping[str, int]

    @property
    def total(self) -> int:
        return 0

    def details(self, ordinal: int) -> StepDetails | None:
        return None

    def statuses(self) -> dict[str, str]:
        return {}

    def read(self, start: int, stop: int, wanted: Wanted) -> Iterator[StepResult]:
        yield from ()


def _output(engine: Engine, execution: Execution) -> tuple[Json, LargeOutput | None]:
    payloads, stored = engine.results.payloads, execution.output
    if stored is None:
        return None, None
    if not payloads.is_link(stored):
        return payloads.load(stored), None
    size = len(payloads.fetch(stored))
    return None, LargeOutput(stored, size)


def _is_of_this_end(run: Mapping[str, Any], execution: Execution) -> bool:
    """Whether kept results are those of the end that the record has. An earlier version of this service kept no redrive count."""
    if run["metadata"].get("redrive_count", execution.redrive_count) != execution.redrive_count:
        return False
    kept, recorded = run.get("completed_at"), execution.completed_at
    if kept is None or recorded is None:
        return True
    return datetime.fromisoformat(kept) + _CLOCKS_DIFFER_BY >= datetime.fromisoformat(recorded)
