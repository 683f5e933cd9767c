"""Read runs: their state, their results, their events."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from workflow_engine.errors import InvalidRequestError
from workflow_engine.machines.idleness import MIN_IDLE_DAYS
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.machines.results import RunReport
from workflow_engine.statuses import RUN_STATUSES, has_ended
from workflow_engine.store.executions import Execution
from workflow_engine.store.items import Record
from workflow_engine.store.results import RunResults
from workflow_engine.store.table import SortRange
from workflow_engine.suggestions import suggest
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_events import events
from workflow_engine.usecases.runs.record_execution import read_report, record_end, reported_results
from workflow_engine.usecases.runs.results_page import (
    EVERYTHING,
    Output,
    ResultsQuery,
    results_page,
    run_output,
    step_output,
)

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

__all__ = [
    "Output",
    "ResultsQuery",
    "events",
    "get_execution",
    "list_executions",
    "may_still_start",
    "open_results",
    "output_of_run",
    "output_of_step",
    "results",
    "wait_for_end",
]

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 0.5
_NEVER_STARTED_AFTER: Final = timedelta(seconds=60)


def get_execution(engine: Engine, caller: Caller, execution_id: str) -> answers.Execution:
    """The record of a run, without its step results. Raises NotFoundError."""
    execution = engine.executions.get(caller.tenant_id, execution_id)
    status: str = execution.status
    if status == "waiting":
        from workflow_engine.usecases.runs.waiting import settle_waiting

        status = settle_waiting(engine, execution)
    return {
        "execution_id": execution.execution_id,
        "id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "workflow_name": execution.workflow_name,
        "workflow_version": execution.workflow_version,
        "status": status,
        "started_at": execution.started_at,
        "completed_at": execution.completed_at,
        "user_id": execution.user_id,
        "session_id": execution.session_id,
        "correlation_id": execution.correlation_id,
        "started_by": execution.started_by,
        "tags": execution.tags,
        "metadata": execution.metadata,
        "organization_id": execution.organization_id,
        "backend": execution.backend,
        "parent_execution_id": execution.parent_execution_id,
        "parent_place": execution.parent_place,
        "error": execution.error,
        "redrive_count": execution.redrive_count,
        "last_redrive_at": execution.last_redrive_at,
        "redriven_by": execution.redriven_by,
        "cancelled_by": execution.cancelled_by,
        "cancel_cause": execution.cancel_cause,
        "rerun_of": execution.rerun_of,
        "rerun_from_step": execution.rerun_from_step,
    }


def list_executions(
    engine: Engine,
    caller: Caller,
    *,
    workflow_id: str | None = None,
    status: str | None = None,
    started_after: datetime | None = None,
    started_before: datetime | None = None,
    limit: int,
    cursor: str | None = None,
) -> answers.ExecutionPage:
    """`{items, next_cursor}`, newest first; of runs started at or after the one moment and before the other.

    Raises InvalidRequestError for an unknown status, moments in the wrong order, a bad cursor.
    """
    if status is not None and status not in RUN_STATUSES:
        raise InvalidRequestError(
            f"There is no status '{status}'.{suggest(status, RUN_STATUSES)} Use one of {', '.join(RUN_STATUSES)}."
        )
    if started_after is not None and started_before is not None and started_before < started_after:
        raise InvalidRequestError("started_before lies before started_after, so no run fits. Exchange the two.")
    started = SortRange(_bound(started_after), _bound(started_before))
    page = engine.executions.page(caller.tenant_id, workflow_id, status, limit, cursor, started=started)
    return {"items": [_summary(record) for record in page.records], "next_cursor": page.next_cursor}


def _summary(record: Record) -> answers.ExecutionSummary:
    return {
        "execution_id": record["execution_id"],
        "id": record["execution_id"],
        "workflow_id": record["workflow_id"],
        "workflow_name": record["workflow_name"],
        "workflow_version": record["workflow_version"],
        "status": record["status"],
        "started_at": record["started_at"],
        "completed_at": record.get("completed_at"),
        "user_id": record.get("user_id"),
        "session_id": record.get("session_id"),
        "correlation_id": record.get("correlation_id"),
    }


def _bound(moment: datetime | None) -> str | None:
    """A moment as records have it. Theirs are cut to milliseconds, so one between two of them is the later."""
    if moment is None:
        return None
    return iso(moment + timedelta(microseconds=-moment.microsecond % 1000))


def results(engine: Engine, caller: Caller, execution_id: str, query: ResultsQuery = EVERYTHING) -> answers.Results:
    """A page of the results of a run (`results_page`). Raises NotFoundError, InvalidRequestError (steps, cursor)."""
    return results_page(caller, execution_id, open_results(engine, caller, execution_id), query)


def output_of_step(engine: Engine, caller: Caller, execution_id: str, key: str) -> Output:
    """The output of one step of a run, also while the run goes on. Raises NotFoundError, ConflictError (`step_output`)."""
    return step_output(execution_id, open_results(engine, caller, execution_id), key)


def output_of_run(engine: Engine, caller: Caller, execution_id: str) -> Output:
    """The output of a run that has completed. Raises NotFoundError, ConflictError (`run_output`)."""
    return run_output(execution_id, open_results(engine, caller, execution_id))


def open_results(engine: Engine, caller: Caller, execution_id: str) -> RunResults:
    """The results of a run, to be read by pages: as kept if it has ended, else from its history as it is now. Raises NotFoundError.

    A run whose end was not recorded (its event was lost) is recorded here.
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    if has_ended(execution.status):
        kept = engine.results.find(caller.tenant_id, execution_id)
        if kept is not None:
            return kept
    is_known = True
    try:
        run = read_report(engine, execution)
    except ExecutionGoneError:
        is_known, run = False, _without_history(engine, execution)
    if run.redrive_count < execution.redrive_count:
        from workflow_engine.usecases.runs.settle_redrive import settled

        run = settled(engine, execution, run)
    if record_end(engine, execution, run, is_never_started=not is_known):
        return engine.results.find(caller.tenant_id, execution_id) or reported_results(engine, execution, run)
    if not is_known and has_ended(run.status):
        return open_results(engine, caller, execution_id)  # a repetition of the request starts it after all
    if has_ended(execution.status):
        run = _stopping(execution, run)
    return reported_results(engine, execution, run)


def wait_for_end(engine: Engine, caller: Caller, execution_id: str, seconds: float) -> bool:
    """Wait until the record says that the run has ended, at most so long. True if it has. Raises NotFoundError.

    Only the record is read: DescribeExecution allows 15 calls a second in the whole account.
    """
    end = engine.now() + timedelta(seconds=seconds)
    # Where somebody tells, to look again and again is only for what nobody tells of.
    pause = FIRST_PAUSE_SECONDS if engine.laptop is None else LONGEST_PAUSE_SECONDS
    with engine.watching(execution_id) as wait:
        while not has_ended(engine.executions.get(caller.tenant_id, execution_id).status):
            left = (end - engine.now()).total_seconds()
            if left <= 0:
                return False
            if not wait(min(pause, left)):
                return False
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return True


def may_still_start(engine: Engine, execution: Execution) -> bool:
    """Whether a run that Step Functions does not know is about to start: somebody began to start it less than a minute ago."""
    attempted_at = datetime.fromisoformat(execution.attempted_at or execution.started_at)
    return engine.now() - attempted_at < _NEVER_STARTED_AFTER


def _without_history(engine: Engine, execution: Execution) -> RunReport:
    """A run that Step Functions does not know: about to start, or (after a minute) lost."""
    run = replace(read_report(engine, execution, ()), redrive_count=execution.redrive_count)
    if may_still_start(engine, execution):
        return run
    if has_ended(execution.status):  # it was being stopped
        return replace(run, status=execution.status, completed_at=execution.completed_at)
    error = {"step_id": None, "type": "ExecutionDoesNotExist", "message": _what_is_known(engine, execution)}
    return replace(run, status="failed", error=error, completed_at=engine.timestamp())


def _what_is_known(engine: Engine, execution: Execution) -> str:
    """Why Step Functions may not know a run. Executions go with their machine ("DeleteStateMachine"), else 90 days after
    their end ("Quotas related to state machine executions").
    """
    if execution.seen_at is not None or execution.redrive_count:
        seen = f"It was running at {execution.seen_at}. " if execution.seen_at else "It was redriven. "
        return f"Step Functions no longer knows this run. {seen}How it ended is not known: its history is gone."
    if engine.now() - datetime.fromisoformat(execution.started_at) < timedelta(days=MIN_IDLE_DAYS):
        return "Step Functions never started this run, unless somebody has deleted its machine by hand."
    return (
        "Step Functions does not know this run. Either it was never started, or its history has gone with its machine "
        "or by age. How it ended is not known."
    )


def _stopping(execution: Execution, run: RunReport) -> RunReport:
    """A run that is being stopped, while its history does not show it yet."""
    run.steps.is_stopping = True
    return replace(run, status=execution.status, completed_at=execution.completed_at)
