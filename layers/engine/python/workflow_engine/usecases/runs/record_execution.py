"""Keep what a run came to, once it has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from workflow_engine.errors import NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.naming import execution_name
from workflow_engine.machines.outputs import Output, Outputs
from workflow_engine.machines.results import RunReport, report
from workflow_engine.machines.timeline import Event
from workflow_engine.observability import get_logger
from workflow_engine.statuses import has_ended
from workflow_engine.store.executions import Execution
from workflow_engine.store.payloads import Keep
from workflow_engine.store.results import LARGE_OUTPUT_BYTES, LargeOutput, RunResults, StepResult, Wanted
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs.record_subflow import SubflowStart, record_subflow
from workflow_engine.usecases.runs.reused_results import reused_outcomes

logger = get_logger(__name__)


_CLOCKS_DIFFER_BY: Final = timedelta(seconds=1)
"""Between the end that an event tells and the same end in the history."""


MAX_FAILED_STEPS: Final = 100
"""Of the steps that failed, so many are named beside the results of a run: it may have thousands."""


class EndNotShownError(Exception):
    """A run has ended and its history does not show it yet: GetExecutionHistory is eventually consistent."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What an event tells of the end of a run. `redrive_count` is that of the end, None where the event has none. `start` is
    what it tells of the start of a subflow, which may have no record yet.
    """

    execution_arn: str
    stopped_at: datetime
    redrive_count: int | None = None
    start: SubflowStart | None = None


def record(engine: Engine, end: RunEnd) -> None:
    """Record the end of an execution: read its history once, keep its results, then its status. May be called again.

    When it returns, this end is recorded or a later redrive has replaced it, so that the event may be forgotten. Raises
    EndNotShownError, and NotFoundError when the execution has no record: the index by ARN lags behind by moments, so
    the caller should try again, and give up some time.
    """
    key = engine.executions.find_by_arn(end.execution_arn)
    execution = engine.executions.load(key) if key else None
    if execution is None and end.start is not None:
        execution = record_subflow(engine, end.start)
    if execution is None:
        raise NotFoundError(f"There is no record of execution '{execution_name(end.execution_arn)}'.")
    if _is_recorded(execution, end):
        return
    run = read_report(engine, execution)
    if record_end(engine, execution, run) and run.redrive_count >= (end.redrive_count or 0):
        return
    if not _is_replaced(run, end):
        raise EndNotShownError(f"The history of execution '{execution.execution_id}' does not show its end yet.")


def _is_recorded(execution: Execution, end: RunEnd) -> bool:
    """True for an event that is delivered once more. Results are kept before the status is set."""
    if not has_ended(execution.status) or execution.completed_at is None or end.redrive_count is None:
        return False
    told_until = datetime.fromisoformat(execution.completed_at) + _CLOCKS_DIFFER_BY
    return execution.redrive_count >= end.redrive_count and end.stopped_at <= told_until


def _is_replaced(run: RunReport, end: RunEnd) -> bool:
    """True if the run was redriven after this end; the end of the redrive has an event of its own."""
    if end.redrive_count is not None:
        return run.redrive_count > end.redrive_count
    return run.redriven_at is not None and run.redriven_at >= end.stopped_at


def read_report(engine: Engine, execution: Execution, events: Iterable[Event] | None = None) -> RunReport:
    """What the history says now, or these events of it. Raises ExecutionGoneError when Step Functions has none."""
    if events is None:
        events = engine.history.read(execution.execution_arn)
    with engine.results.payloads.uploads(execution.tenant_id) as keep:
        told, outputs = outline(engine, execution), Outputs(keep)
        return report(events, told, outputs, reused_outcomes(engine, execution, told, outputs))


def outline(engine: Engine, execution: Execution) -> Any:
    """The outline of the workflow version that was run, or of its variant."""
    run, version = execution.workflow_id, execution.workflow_version
    if execution.variant_id is not None:
        run, version = execution.variant_id, 1
    return engine.workflows.get(execution.tenant_id, run, version).compiled.outline


def record_end(engine: Engine, execution: Execution, run: RunReport, *, is_never_started: bool = False) -> bool:
    """Keep the results and the status of a run that has ended. False while it goes on; nothing is kept then. That a run was
    never started is kept only while no other attempt starts it, and False otherwise.

    Results are written before the status, so that whoever sees the status finds the results.
    """
    if not has_ended(run.status):
        return False
    engine.results.save(
        execution.tenant_id,
        execution.execution_id,
        run.redrive_count,
        lambda keep: reported_results(engine, execution, run, keep),
    )
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


def reported_results(engine: Engine, execution: Execution, run: RunReport, keep: Keep | None = None) -> RunResults:
    """The results that a history tells. What is large is put into the payload store, by `keep` if it is given, when it is read."""
    payloads = engine.results.payloads
    keep = keep or (lambda pieces: payloads.keep(execution.tenant_id, pieces))
    value, large = _output(run.outputs, run.output, keep)
    return RunResults(_run(execution, run), value, large, _ReportedSteps(run, keep), payloads)


@dataclass(frozen=True, slots=True)
class _ReportedSteps:
    """The steps of a report, as results are read."""

    run: RunReport
    keep: Keep

    @property
    def total(self) -> int:
        return len(self.run.steps.keys)

    @property
    def tops(self) -> dict[str, int]:
        return self.run.steps.tops

    def statuses(self) -> dict[str, str]:
        tops = self.tops
        found = self.run.steps.read(0, self.total, lambda key: key in tops)
        return {key: str(result["status"]) for _, key, result, _ in found}

    def read(self, start: int, stop: int, wanted: Wanted) -> Iterator[StepResult]:
        for ordinal, key, result, output in self.run.steps.read(start, stop, wanted):
            result["output_data"], large = _output(self.run.outputs, output, self.keep)
            yield StepResult(ordinal, key, result, large)


def _output(held: Outputs, output: Output | None, keep: Keep) -> tuple[Json, LargeOutput | None]:
    """An output, or where it is kept by itself."""
    if output is None:
        return None, None
    if output.size <= LARGE_OUTPUT_BYTES and held.is_whole(output):
        return held.value(output), None
    return None, LargeOutput(held.link(output, keep), output.size)


def _run(execution: Execution, run: RunReport) -> dict[str, Json]:
    """What GET /executions/{id}/results answers, without outputs and steps."""
    return {
        "execution_id": execution.execution_id,
        "id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "status": "waiting" if run.status == "running" and execution.status == "waiting" else run.status,
        "started_at": execution.started_at,
        "error": run.error,
        "failed_steps": run.steps.failed(MAX_FAILED_STEPS),
        "completed_at": run.completed_at,
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
