"""Keep what a run came to, once it has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workflow_engine.errors import NotFoundError, ThrottledError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.naming import execution_name
from workflow_engine.machines.outputs import Output, Outputs
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.machines.results import RunReport, report
from workflow_engine.machines.timeline import Event
from workflow_engine.observability import get_logger
from workflow_engine.redaction import known_secrets
from workflow_engine.run_output import MAX_FAILED_STEPS, RunOutput, run_output
from workflow_engine.statuses import RunStatus, has_ended
from workflow_engine.store.ends import RecordedEnd
from workflow_engine.store.executions import Execution
from workflow_engine.store.items import MAX_INLINE_BYTES, dump
from workflow_engine.store.payloads import Keep
from workflow_engine.store.results import LARGE_OUTPUT_BYTES, LargeOutput, RunResults, StepResult, Wanted
from workflow_engine.store.run_deletions import was_deleted
from workflow_engine.store.shared_budgets import LEFT_OUT_OUTPUTS
from workflow_engine.store.step_details import StepDetails
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs.record_subflow import record_subflow
from workflow_engine.usecases.runs.recorded_results import run_head
from workflow_engine.usecases.runs.reused_results import reused_outcomes
from workflow_engine.usecases.runs.step_details import step_cost, told_details

if TYPE_CHECKING:
    from workflow_engine.machines.ends import ExecutionEnd, RunId, SubflowStart

logger = get_logger(__name__)


def record(engine: Engine, end: ExecutionEnd, start: SubflowStart | None = None) -> None:
    """Record the end of an execution as it is told, in one write. May be called again, and late. `start` is what is told of the
    start of a subflow, which may have no record yet.

    What is told is in brief: which step failed, and an output that was left out and could not be read, are added when the
    history is read (`record_end`). When this returns, the end is recorded, or one that came after it, or the run was deleted.
    Raises NotFoundError when the execution has no record; where its input was left out, the index by ARN may lag behind by
    moments, so the caller should try again, and give up some time.
    """
    tenant_id, execution_id = end.run or _run_of(engine, end.execution_arn, start)
    if record_told(engine, tenant_id, execution_id, end):
        return
    standing = engine.executions.find(tenant_id, execution_id)
    if standing is None:
        if start is not None and record_subflow(engine, start) is not None:
            record_told(engine, tenant_id, execution_id, end)
        elif not was_deleted(engine.executions.table, tenant_id, execution_id, engine.now().timestamp()):
            raise _no_record(end.execution_arn)
        return
    if start is not None and not has_ended(standing.status):
        # Its start was heard meanwhile, by another message.
        record_told(engine, tenant_id, execution_id, end)
        return
    if standing.execution_arn != end.execution_arn:
        # Somebody who may start executions has taken the input of another; as long as nobody did, ARNs agree: they are
        # written before the start.
        logger.warning("an execution that is no run has ended", extra={"execution_arn": end.execution_arn})


def record_told(engine: Engine, tenant_id: str, execution_id: str, end: ExecutionEnd) -> bool:
    """Write an end as it is told. False if there is no such run, or what its record says is newer."""
    if end.lacks_output:
        end = _with_output(engine, end)
    told = _told_output(end)
    output = None if told is None else dump(told.output)
    recorded = RecordedEnd(
        end.execution_arn,
        end.status,
        iso(end.stopped_at),
        end.redrive_count,
        output,
        end.failure(known_secrets()),
        None if told is None else told.failed_steps,
        is_archived=_is_archived(engine, end.status, lacks_output=end.status == "completed" and output is None),
    )
    if not engine.ends.record(tenant_id, execution_id, recorded):
        return False
    logger.info("run ended", extra={"execution_id": execution_id, "status": end.status})
    return True


def _told_output(end: ExecutionEnd) -> RunOutput | None:
    """What the machine's output tells of a run that has completed, None where only the history has all of it."""
    if end.status != "completed" or end.output is None:
        return None
    told = run_output(parsed(end.output))
    return None if told.marked else told


def _run_of(engine: Engine, execution_arn: str, start: SubflowStart | None) -> RunId:
    key = engine.executions.find_by_arn(execution_arn)
    execution = engine.executions.load(key) if key else None
    if execution is None and start is not None:
        execution = record_subflow(engine, start)
    if execution is None:
        raise _no_record(execution_arn)
    return execution.tenant_id, execution.execution_id


def _no_record(execution_arn: str) -> NotFoundError:
    return NotFoundError(f"There is no record of execution '{execution_name(execution_arn)}'.")


def _with_output(engine: Engine, end: ExecutionEnd) -> ExecutionEnd:
    """The end with an output that its event had no room for. Without it while there is no quota left, and while the history
    does not show the end yet: recording others is not to wait for that.
    """
    if not engine.may_ask(LEFT_OUT_OUTPUTS):
        return end
    try:
        last = engine.runs.end_in_history(end.execution_arn)
    except (ThrottledError, ExecutionGoneError):
        return end
    return end if last is None else replace(end, output=last.output)


def _is_archived(engine: Engine, status: RunStatus, *, lacks_output: bool) -> bool:
    """Whether a history is to be read though nobody asks: for an output that nothing else has, whatever the deployment wants."""
    archive = engine.settings.archive
    return lacks_output or archive == "all" or (archive == "failed" and status in ("failed", "timed_out"))


def read_report(engine: Engine, execution: Execution, events: Iterable[Event] | None = None) -> RunReport:
    """What the history says now, or these events of it. Raises ExecutionGoneError when Step Functions has none."""
    if events is None:
        events = engine.history.read(execution.execution_arn)
    with engine.results.payloads.uploads(execution.tenant_id) as keep:
        told, outputs = outline(engine, execution), Outputs(keep)
        reused = reused_outcomes(engine, execution, told, outputs)
        return report(events, told, outputs, reused, known_secrets())


def outline(engine: Engine, execution: Execution) -> Any:
    """The outline of what is run."""
    return engine.workflows.run_by(execution).compiled.outline


def record_end(engine: Engine, execution: Execution, run: RunReport, *, is_never_started: bool = False) -> bool:
    """Keep the results of a run that has ended, as its history tells them, and its end. False while it goes on, also in a redrive
    that the history does not show yet; nothing is kept then. That a run was never started is kept only while no other attempt
    starts it, and False otherwise.

    Results are written before the status, so that whoever sees the status finds the results.
    """
    if not has_ended(run.status) or run.redrive_count < execution.redrive_count:
        return False
    engine.results.save(
        execution.tenant_id,
        execution.execution_id,
        run.redrive_count,
        lambda keep: reported_results(engine, execution, run, keep),
    )
    end = _reported_end(engine, execution, run)
    if is_never_started:
        changed = engine.ends.never_started(execution, end)
    else:
        changed = engine.ends.record(execution.tenant_id, execution.execution_id, end, from_history=True)
    if changed:
        logger.info("run was read", extra={"execution_id": execution.execution_id, "status": run.status})
    elif engine.executions.find(execution.tenant_id, execution.execution_id) is None:
        # It was deleted while its history was read.
        engine.results.remove(execution.tenant_id, execution.execution_id)
    return changed or not is_never_started


def _reported_end(engine: Engine, execution: Execution, run: RunReport) -> RecordedEnd:
    output = _text_of(engine, execution, run) if run.status == "completed" else None
    return RecordedEnd(
        execution.execution_arn,
        run.status,
        run.completed_at or engine.timestamp(),
        run.redrive_count,
        output,
        run.error,
        tuple(run.steps.failed(MAX_FAILED_STEPS)),
    )


def _text_of(engine: Engine, execution: Execution, run: RunReport) -> str | None:
    """The output of a run for its record: its text, or where it is kept; None where nothing holds it in one piece."""
    held, output = run.outputs, run.output
    if output is None:
        return "null"
    if output.size <= MAX_INLINE_BYTES and held.is_whole(output):
        return b"".join(held.pieces(output)).decode()
    return held.link(output, lambda pieces: engine.results.payloads.keep(execution.tenant_id, pieces))


def reported_results(engine: Engine, execution: Execution, run: RunReport, keep: Keep | None = None) -> RunResults:
    """The results that a history tells. What is large is put into the payload store, by `keep` if it is given, when it is read."""
    payloads = engine.results.payloads
    keep = keep or (lambda pieces: payloads.keep(execution.tenant_id, pieces))
    value, large = _output(run.outputs, run.output, keep)
    head = run_head(
        execution,
        status="waiting" if run.status == "running" and execution.status == "waiting" else run.status,
        error=run.error,
        completed_at=run.completed_at,
        failed_steps=run.steps.failed(MAX_FAILED_STEPS),
        redrive_count=run.redrive_count,
    )
    head |= {"usage": run.usage.as_dict(), "cost_usd": run.spent.as_dict()}
    return RunResults(head, value, large, _ReportedSteps(run, keep), payloads)


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

    def details(self, ordinal: int) -> StepDetails | None:
        return told_details(self.run, ordinal, self.keep)

    def statuses(self) -> dict[str, str]:
        tops = self.tops
        found = self.run.steps.read(0, self.total, lambda key: key in tops)
        return {key: str(result["status"]) for _, key, result, _ in found}

    def read(self, start: int, stop: int, wanted: Wanted) -> Iterator[StepResult]:
        for ordinal, key, result, output in self.run.steps.read(start, stop, wanted):
            result["output_data"], large = _output(self.run.outputs, output, self.keep)
            result["cost_usd"] = step_cost(self.run, ordinal)
            yield StepResult(ordinal, key, result, large)


def _output(held: Outputs, output: Output | None, keep: Keep) -> tuple[Json, LargeOutput | None]:
    """An output, or where it is kept by itself."""
    if output is None:
        return None, None
    if output.size <= LARGE_OUTPUT_BYTES and held.is_whole(output):
        return held.value(output), None
    return None, LargeOutput(held.link(output, keep), output.size)
