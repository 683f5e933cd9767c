"""Keep what a run came to, once it has ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from workflow_engine.errors import NotFoundError
from workflow_engine.machines.naming import execution_name
from workflow_engine.machines.results import RunReport, report
from workflow_engine.observability import get_logger
from workflow_engine.store.executions import Execution, has_ended
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)

_REPORTED: Final = ("output", "error", "completed_at", "step_results")


def record(engine: Engine, execution_arn: str) -> None:
    """Record the end of an execution: read its history once, keep its results, then its status. May be called again.

    Nothing happens while the run goes on. Raises NotFoundError when the execution has no record: the index by ARN
    lags behind by moments, so the caller should try again, and give up some time.
    """
    key = engine.executions.find_by_arn(execution_arn)
    execution = engine.executions.load(key) if key else None
    if execution is None:
        raise NotFoundError(f"There is no record of execution '{execution_name(execution_arn)}'.")
    record_end(engine, execution, read_report(engine, execution))


def read_report(engine: Engine, execution: Execution) -> RunReport:
    """What the history says now. Raises ExecutionGoneError when Step Functions has none."""
    return report(engine.history.read(execution.execution_arn), outline(engine, execution))


def outline(engine: Engine, execution: Execution) -> Any:
    """The outline of the workflow version that was run."""
    version = engine.workflows.version(execution.tenant_id, execution.workflow_id, execution.workflow_version)
    return version.compiled.outline


def record_end(engine: Engine, execution: Execution, run: RunReport, *, is_never_started: bool = False) -> bool:
    """Keep the results and the status of a run that has ended. False while it goes on; nothing is kept then. That a run was
    never started is kept only while no other attempt starts it, and False otherwise.

    Results are written before the status, so that whoever sees the status finds the results.
    """
    if not has_ended(run.status):
        return False
    engine.executions.save_results(execution, results_document(execution, run))
    changed = engine.executions.update_status(
        execution,
        run.status,
        run.redrive_count,
        completed_at=run.completed_at,
        error=run.error,
        attempt_id=execution.attempt_id if is_never_started else None,
    )
    if changed:
        logger.info("run ended", extra={"execution_id": execution.execution_id, "status": run.status})
    return changed or not is_never_started


def results_document(execution: Execution, run: RunReport) -> dict[str, Any]:
    """What GET /executions/{id}/results answers."""
    reported = asdict(run)
    return {
        "execution_id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "status": run.status,
        "started_at": execution.started_at,
        **{name: reported[name] for name in _REPORTED},
        "metadata": {
            "workflow_name": execution.workflow_name,
            "workflow_version": execution.workflow_version,
            "session_id": execution.session_id,
            "user_id": execution.user_id,
            "correlation_id": execution.correlation_id,
            "tags": execution.tags,
            "redrive_count": run.redrive_count,
        },
    }
