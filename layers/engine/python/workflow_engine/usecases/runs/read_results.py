"""Read runs: their state, their results, their events."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from workflow_engine.errors import ThrottledError, UnavailableError, WorkflowEngineError
from workflow_engine.machines.idleness import MIN_IDLE_DAYS
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.machines.results import RunReport
from workflow_engine.observability import get_logger
from workflow_engine.statuses import has_ended
from workflow_engine.store.executions import Execution
from workflow_engine.store.results import RunResults
from workflow_engine.store.shared_budgets import ANSWERS, LOOKS
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.advised import advised_error
from workflow_engine.usecases.runs.read_events import events
from workflow_engine.usecases.runs.record_execution import (
    outline,
    read_report,
    record_end,
    record_told,
    reported_results,
)
from workflow_engine.usecases.runs.recorded_results import kept_results, recorded_results
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
    "may_still_start",
    "open_results",
    "output_of_run",
    "output_of_step",
    "results",
    "results_at_hand",
    "step_statuses",
    "wait_for_end",
]

logger = get_logger(__name__)

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
        "build": None if execution.variant_id else execution.workflow_build,
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
        "error": advised_error(execution.error),
        "redrive_count": execution.redrive_count,
        "last_redrive_at": execution.last_redrive_at,
        "redriven_by": execution.redriven_by,
        "cancelled_by": execution.cancelled_by,
        "cancel_cause": execution.cancel_cause,
        "rerun_of": execution.rerun_of,
        "rerun_from_step": execution.rerun_from_step,
    }


def results(engine: Engine, caller: Caller, execution_id: str, query: ResultsQuery = EVERYTHING) -> answers.Results:
    """A page of the results of a run (`results_page`). Raises NotFoundError, InvalidRequestError (steps, cursor)."""
    return results_page(caller, execution_id, open_results(engine, caller, execution_id), query)


def output_of_step(engine: Engine, caller: Caller, execution_id: str, key: str) -> Output:
    """The output of one step of a run, also while the run goes on. Raises NotFoundError, ConflictError (`step_output`)."""
    return step_output(execution_id, open_results(engine, caller, execution_id), key)


def output_of_run(engine: Engine, caller: Caller, execution_id: str) -> Output:
    """The output of a run that has completed, by its record if that has it. Raises NotFoundError, ConflictError (`run_output`)."""
    execution = engine.executions.get(caller.tenant_id, execution_id)
    if execution.is_end_recorded and execution.output is not None:
        return run_output(execution_id, recorded_results(engine, execution))
    return run_output(execution_id, open_results(engine, caller, execution_id))


def results_at_hand(engine: Engine, caller: Caller, execution_id: str) -> answers.Results:
    """The first page of the results of a run for who did not ask for its steps alone. The history of an ended run is read within
    a budget; beyond that the page has no steps, and its cursor leads to them. Raises NotFoundError.
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    if not execution.is_end_recorded:
        return results(engine, caller, execution_id)
    found = kept_results(engine, execution)
    if found is None and engine.may_ask(ANSWERS):
        with contextlib.suppress(ThrottledError, UnavailableError):
            found = open_results(engine, caller, execution_id)
    return results_page(caller, execution_id, found or recorded_results(engine, execution))


def step_statuses(engine: Engine, caller: Caller, execution_id: str) -> Mapping[str, str] | None:
    """The status of each of the workflow's own steps. Of a run that has ended only what was kept is read, None where nothing was:
    who asks how a run is asks often. A laptop has all at hand. Raises NotFoundError, ThrottledError.
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    if not execution.is_end_recorded or engine.laptop is not None:
        return open_results(engine, caller, execution_id).steps.statuses()
    kept = kept_results(engine, execution)
    return None if kept is None else kept.steps.statuses()


def open_results(engine: Engine, caller: Caller, execution_id: str) -> RunResults:
    """The results of a run, to be read by pages: as kept if it has ended, else from its history as it is now. Raises NotFoundError.

    What the history of an ended run tells is kept, and its record completed. So is the end of a run that was not recorded (its
    event was lost).
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    kept = kept_results(engine, execution) if has_ended(execution.status) else None
    return kept or _read_results(engine, caller, execution)


def _read_results(engine: Engine, caller: Caller, execution: Execution) -> RunResults:
    is_known = True
    try:
        run = read_report(engine, execution)
    except ExecutionGoneError:
        if execution.is_end_recorded:
            return recorded_results(engine, execution, outline(engine, execution))
        is_known, run = False, _without_history(engine, execution)
    if is_known and run.redrive_count < execution.redrive_count:
        from workflow_engine.usecases.runs.settle_redrive import settled

        run = settled(engine, execution, run)
        execution = engine.executions.get(execution.tenant_id, execution.execution_id)
    is_current = not is_known or run.redrive_count >= execution.redrive_count
    if is_current and record_end(engine, execution, run, is_never_started=not is_known):
        kept = engine.results.find(execution.tenant_id, execution.execution_id)
        return kept or reported_results(engine, execution, run)
    if not is_known and has_ended(run.status):
        # A repetition of the request starts it after all.
        return open_results(engine, caller, execution.execution_id)
    if execution.is_end_recorded and run.redrive_count > execution.redrive_count:
        # Redriven by somebody who did not ask this service.
        engine.executions.update_status(execution, "running", run.redrive_count)
    elif has_ended(execution.status) or run.redrive_count < execution.redrive_count:
        return _as_recorded(engine, execution, run)
    return reported_results(engine, execution, run)


def wait_for_end(engine: Engine, caller: Caller, execution_id: str, seconds: float) -> bool:
    """Wait until the record says that the run has ended, at most so long. True if it has. Raises NotFoundError.

    Only the record is read while it waits: DescribeExecution allows 15 calls a second in the whole account. Once the time is
    over, AWS is looked at within a budget, since the event of the end may be lost: it is delivered on a best-effort basis.
    """
    end = engine.now() + timedelta(seconds=seconds)
    # Where somebody tells, to look again and again is only for what nobody tells of.
    pause = FIRST_PAUSE_SECONDS if engine.laptop is None else LONGEST_PAUSE_SECONDS
    with engine.watching(execution_id) as wait:
        while not has_ended((execution := engine.executions.get(caller.tenant_id, execution_id)).status):
            left = (end - engine.now()).total_seconds()
            if left <= 0:
                return _found_ended(engine, execution)
            if not wait(min(pause, left)):
                return False
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return True


def _found_ended(engine: Engine, execution: Execution) -> bool:
    """Whether AWS says that a run has ended whose record does not, which is recorded then. One look, and no error."""
    if not engine.may_ask(LOOKS):
        return False
    try:
        end = engine.runs.end(execution.execution_arn)
        return end is not None and record_told(engine, execution.tenant_id, execution.execution_id, end)
    except (ExecutionGoneError, WorkflowEngineError):
        logger.warning("AWS was not looked at", extra={"execution_id": execution.execution_id}, exc_info=True)
        return False


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


def _as_recorded(engine: Engine, execution: Execution, run: RunReport) -> RunResults:
    """A run whose history does not show yet what its record says: GetExecutionHistory is eventually consistent."""
    run.steps.is_stopping = execution.status == "cancelled"
    told = replace(
        run, status=execution.status, completed_at=execution.completed_at, error=execution.error, output=None
    )
    results = reported_results(engine, execution, told)
    if execution.output is None:
        return results
    recorded = recorded_results(engine, execution)
    return replace(results, output=recorded.output, large_output=recorded.large_output)
