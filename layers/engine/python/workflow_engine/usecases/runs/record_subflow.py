"""The record of a run that a step of another run has started.

Step Functions starts it, so nothing of ours runs before it does. The record is made from the event of its start, or, where
that is lost or late, from that of its end: both carry the input that it was started with, which says whose child it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.machines.ends import SubflowStart
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.naming import execution_name
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.observability import get_logger
from workflow_engine.statuses import has_ended
from workflow_engine.store import keys
from workflow_engine.store.executions import Execution
from workflow_engine.store.run_deletions import was_deleted
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)


def record_subflow(engine: Engine, start: SubflowStart) -> Execution | None:
    """Make the record of a subflow unless it is there; gives it, or None for an execution that no run of ours has started, and
    for one that was deleted: events come again. May be called again. Raises NotFoundError while Step Functions does not show
    what was started.

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
        workflow_build=run.get("workflow_build", 1),  # runs that were started earlier tell none
        parent_execution_id=run["parent_execution_id"],
        parent_place=run["parent_place"],
        is_mocked=engine.laptop is not None and _is_mocked(engine, run),
    )
    if was_deleted(engine.executions.table, execution.tenant_id, execution.execution_id, engine.now().timestamp()):
        return None
    try:
        engine.executions.create(execution)
    except ConflictError:
        return engine.executions.get(execution.tenant_id, execution.execution_id)
    _note_waiting(engine, execution)
    _stop_if_orphaned(engine, execution, run["parent_redrive_count"])
    return execution


def _is_mocked(engine: Engine, run: Mapping[str, Any]) -> bool:
    """Whether the run that started a subflow is mocked, which the subflow is with it."""
    parent = engine.executions.find(run["tenant_id"], run["parent_execution_id"])
    return parent is not None and parent.is_mocked


def _note_waiting(engine: Engine, execution: Execution) -> None:
    """A subflow may have come to an approval before there was a record that could say that it waits."""
    for approval in engine.approvals.of_execution(execution.tenant_id, execution.execution_id):
        if approval.state == "open":
            key = keys.execution(execution.tenant_id, execution.execution_id), keys.META
            engine.executions.set_waiting(key, f"{approval.opening} {approval.place}")
            return


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
    if parent is None or parent.status != "cancelled" or parent.redrive_count < redrive_count:
        return  # not cancelled, or redriven since by somebody who did not ask this service
    logger.info("subflow of a cancelled run is stopped", extra={"execution_id": execution.execution_id})
    _stop(engine, execution)


def stop_subflows(engine: Engine, execution: Execution) -> None:
    """Stop all subflows, at any depth, of a run that was cancelled. May be repeated. Step Functions stops them too, but
    promises no more than to try ("Run a Job", on tasks that are aborted).
    """
    for child in engine.executions.find_many(execution.tenant_id, engine.executions.children(execution)).values():
        if not has_ended(child.status):
            _stop(engine, child)
        stop_subflows(engine, child)


def _stop(engine: Engine, execution: Execution) -> None:
    """Stop a subflow. Its end is recorded as that of any run."""
    try:
        engine.runs.stop(execution.execution_arn, "The run that started it was cancelled.")
    except ExecutionGoneError:
        logger.warning("subflow is unknown to Step Functions", extra={"execution_id": execution.execution_id})
