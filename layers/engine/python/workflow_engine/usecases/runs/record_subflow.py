"""The record of a run that a step of another run has started.

Step Functions starts it, so nothing of ours runs before it does. The record is made from the event of its start, or, where
that is lost or late, from that of its end: both carry the input that it was started with, which says whose child it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.naming import execution_name
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.observability import get_logger
from workflow_engine.statuses import has_ended
from workflow_engine.store.executions import Execution
from workflow_engine.subflows import NAME_PREFIX
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SubflowStart:
    """What an event tells of a run: `input` is the text that it was started with, None where that is too large for an event."""

    execution_arn: str
    started_at: datetime
    input: str | None


def is_subflow(execution_arn: str) -> bool:
    """Whether an execution is one that a step has started."""
    return execution_name(execution_arn).startswith(NAME_PREFIX)


def record_subflow(engine: Engine, start: SubflowStart) -> Execution | None:
    """Make the record of a subflow unless it is there; gives it, or None for an execution that no run of ours has started. May
    be called again. Raises NotFoundError while Step Functions does not show what was started.

    A subflow that begins while its parent is being cancelled is stopped: who cancelled could not know of it.
    """
    run = _run_of(engine, start)
    if run is None:
        return None
    execution = Execution(
        tenant_id=run["tenant_id"],
        execution_id=execution_name(start.execution_arn),
        workflow_id=run["workflow_id"],
        workflow_version=run["workflow_version"],
        workflow_name=run["workflow_name"],
        status="running",
        started_at=str(iso(start.started_at)),
        execution_arn=start.execution_arn,
        user_id=run.get("user_id"),
        started_by=run.get("principal"),
        session_id=run.get("session_id"),
        correlation_id=run.get("correlation_id"),
        parent_execution_id=run["parent_execution_id"],
        parent_place=run["parent_place"],
    )
    try:
        engine.executions.create(execution)
    except ConflictError:
        return engine.executions.get(execution.tenant_id, execution.execution_id)
    _stop_if_orphaned(engine, execution, run["parent_redrive_count"])
    return execution


def _run_of(engine: Engine, start: SubflowStart) -> dict[str, Any] | None:
    """What a subflow's input says of it."""
    text = start.input
    if text is None:
        try:
            events, _ = engine.runs.events(start.execution_arn, 1, None, with_data=True)
        except ExecutionGoneError:
            name = execution_name(start.execution_arn)
            raise NotFoundError(f"Step Functions does not show the execution '{name}' yet.") from None
        text = events[0].get("executionStartedEventDetails", {}).get("input") if events else None
    given = parsed(text)
    run = given.get("run") if isinstance(given, dict) else None
    return run if isinstance(run, dict) and isinstance(run.get("parent_execution_id"), str) else None


def _stop_if_orphaned(engine: Engine, execution: Execution, redrive_count: int) -> None:
    parent = engine.executions.find(execution.tenant_id, execution.parent_execution_id or "")
    if parent is None or parent.status != "cancelled" or parent.redrive_count > redrive_count:
        return
    logger.info("subflow of a cancelled run is stopped", extra={"execution_id": execution.execution_id})
    stop_subflow(engine, execution, "The run that started it was cancelled.")


def stop_subflow(engine: Engine, execution: Execution, cause: str) -> None:
    """Stop a subflow, if it has not ended. Its end is recorded as that of any run."""
    if has_ended(execution.status):
        return
    try:
        engine.runs.stop(execution.execution_arn, cause)
    except ExecutionGoneError:
        logger.warning("subflow is unknown to Step Functions", extra={"execution_id": execution.execution_id})


def stop_subflows(engine: Engine, execution: Execution, cause: str) -> None:
    """Stop all subflows of a run that go on, at any depth. May be repeated."""
    for found in engine.executions.find_many(execution.tenant_id, engine.executions.children(execution)).values():
        stop_subflow(engine, found, cause)
        stop_subflows(engine, found, cause)
