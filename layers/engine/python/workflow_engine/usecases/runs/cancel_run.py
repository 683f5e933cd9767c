"""Stop a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_engine.errors import ConflictError, ThrottledError
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.statuses import has_ended
from workflow_engine.store.executions import ASKED_FOR, Execution
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_results import get_execution, may_still_start
from workflow_engine.usecases.runs.record_execution import read_report, record_end
from workflow_engine.usecases.runs.record_subflow import stop_subflows

if TYPE_CHECKING:
    from workflow_engine.usecases import answers


def cancel(engine: Engine, caller: Caller, execution_id: str) -> answers.Execution:
    """Stop a run and its subflows; gives its record, which then is `cancelled`. It may be repeated.

    Raises NotFoundError, ConflictError when the run has ended in another way, ThrottledError when it is about to start.
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    if execution.status == "cancelled":
        stop_subflows(engine, execution)
        return get_execution(engine, caller, execution_id)
    if has_ended(execution.status):
        raise _ended(execution.status)
    try:
        engine.runs.stop(execution.execution_arn, f"Cancelled by {caller.user_id or 'a client'}.")
        run = read_report(engine, execution)
    except ExecutionGoneError:
        if may_still_start(engine, execution):
            raise ThrottledError("The run is about to start. Cancel it again in a second.") from None
        if not _ask(engine, execution, attempt_id=execution.attempt_id):
            return cancel(engine, caller, execution_id)  # it was started after all, or has ended
    else:
        # Stopping a run that has ended is no error to Step Functions, so only the history tells which came first.
        if not record_end(engine, execution, run):
            _ask(engine, execution)
        elif run.status != "cancelled":
            raise _ended(run.status)
    stop_subflows(engine, execution)
    return get_execution(engine, caller, execution_id)


def _ask(engine: Engine, execution: Execution, attempt_id: str | None = None) -> bool:
    return engine.executions.update_status(
        execution,
        "cancelled",
        execution.redrive_count,
        completed_at=engine.timestamp(),
        rank=ASKED_FOR,
        attempt_id=attempt_id,
    )


def _ended(status: str) -> ConflictError:
    return ConflictError(f"The run has ended already; it is {status}.")
