"""Stop a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_engine.errors import ConflictError, ThrottledError
from workflow_engine.language.diagnostics import Json
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.statuses import has_ended
from workflow_engine.store.control import note_cancelled
from workflow_engine.store.executions import ASKED_FOR, Execution
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_results import get_execution, may_still_start
from workflow_engine.usecases.runs.record_execution import read_report, record_end
from workflow_engine.usecases.runs.record_subflow import stop_subflows

if TYPE_CHECKING:
    from workflow_engine.usecases import answers


def cancel(engine: Engine, caller: Caller, execution_id: str, body: Json = None) -> answers.Execution:
    """Stop a run and its subflows; gives its record, which then is `cancelled`, with who did it and the cause that the body
    gives. It may be repeated: the first who cancelled is kept.

    Raises NotFoundError, InvalidRequestError, ConflictError when the run has ended in another way, ThrottledError when it is
    about to start.
    """
    cause = _cause(body)
    execution = engine.executions.get(caller.tenant_id, execution_id)
    if execution.status != "cancelled":
        _stop(engine, caller, execution, cause)
        note_cancelled(engine.executions, execution, caller.user_id, cause)
    stop_subflows(engine, execution)
    return get_execution(engine, caller, execution_id)


def _cause(body: Json) -> str | None:
    if not body and isinstance(body, dict | None):
        return None
    from workflow_engine.usecases.bodies.cancel import CancelRequest  # the models of bodies, which most cancel without
    from workflow_engine.usecases.bodies.fields import read_fields

    return read_fields(CancelRequest, body).cause


def _stop(engine: Engine, caller: Caller, execution: Execution, cause: str | None) -> None:
    if has_ended(execution.status):
        raise _ended(execution.status)
    try:
        told = f": {cause}" if cause else "."
        engine.runs.stop(execution.execution_arn, f"Cancelled by {caller.user_id or 'a client'}{told}")
        run = read_report(engine, execution)
    except ExecutionGoneError:
        if may_still_start(engine, execution):
            raise ThrottledError("The run is about to start. Cancel it again in a second.") from None
        is_noted = _ask(engine, execution, attempt_id=execution.attempt_id)
    else:
        # Stopping a run that has ended is no error to Step Functions, so only the history tells which came first.
        if record_end(engine, execution, run):
            if run.status != "cancelled":
                raise _ended(run.status)
            return
        is_noted = _ask(engine, execution)
    if not is_noted:
        # It was started after all, was redriven, or its end was recorded meanwhile.
        standing = engine.executions.get(caller.tenant_id, execution.execution_id)
        if standing.status != "cancelled":
            _stop(engine, caller, standing, cause)


def _ask(engine: Engine, execution: Execution, attempt_id: str | None = None) -> bool:
    """Note that Step Functions is asked to stop a run; False where the record says something newer."""
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
