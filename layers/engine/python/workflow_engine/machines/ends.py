"""How a run ended, as AWS tells it without its history: in the event of its end, in its description, in its last event.

Pure. `usecases.runs.record_execution` makes the run's record of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.event_words import ENDS_BY_EVENT, failure_of
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.naming import execution_name
from workflow_engine.redaction import Redactor
from workflow_engine.statuses import RunEnd
from workflow_engine.subflows import is_subflow
from workflow_engine.told_failures import WORKFLOW_FAILED_ERROR

_STATUSES: Final[Mapping[str, RunEnd]] = {
    "SUCCEEDED": "completed",
    "FAILED": "failed",
    "ABORTED": "cancelled",
    "TIMED_OUT": "timed_out",
}
"""By Step Functions' words (API reference, DescribeExecution, `status`)."""

RunId = tuple[str, str]
"""Tenant and id of a run."""


@dataclass(frozen=True, slots=True)
class ExecutionEnd:
    """The end of an execution. `output` is JSON text, None where it was left out; `run` and `input` are None where the input was.

    `redrive_count` is that of the end, None where nothing tells it. `error` and `cause` are as the machine failed.
    """

    execution_arn: str
    status: RunEnd
    stopped_at: datetime
    redrive_count: int | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    run: RunId | None = None
    input: str | None = field(default=None, repr=False, compare=False)

    @property
    def lacks_output(self) -> bool:
        """Whether the run gave something that is not told here."""
        return self.status == "completed" and self.output is None

    def failure(self, known_secrets: Iterable[str] = ()) -> dict[str, Json] | None:
        """`{step_id, type, message}` of a run that failed, None of any other. The machine names the step only at the end of
        failure steps; else `step_id` is None, and the history tells it. The message is told without secrets, those of the input and
        `known_secrets`.
        """
        if self.status not in ("failed", "timed_out"):
            return None
        details = {"error": self.error, "cause": self.cause}
        step_id = None
        told = parsed(self.cause) if self.error == WORKFLOW_FAILED_ERROR else None
        if isinstance(told, dict) and isinstance(told.get("step_id"), str):
            step_id = told["step_id"]
            details = {"error": str(told.get("type")), "cause": str(told.get("message"))}
        failure = failure_of(details, timed_out=self.status == "timed_out")
        redactor = Redactor(known_secrets)
        redactor.learn(parsed(self.input))
        return {"step_id": step_id, "type": failure.type, "message": redactor.text(failure.message or "")}


@dataclass(frozen=True, slots=True)
class SubflowStart:
    """What an event tells of a run: `input` is the text that it was started with, None where that is too large for an event."""

    execution_arn: str
    started_at: datetime
    input: str | None


def start_of_event(detail: Mapping[str, Any]) -> SubflowStart | None:
    """The start of a subflow, as an event of that or of its end tells it, None of a run that no step has started."""
    arn = detail["executionArn"]
    if not is_subflow(execution_name(arn)):
        return None
    return SubflowStart(arn, datetime.fromtimestamp(detail["startDate"] / 1000, UTC), _included(detail, "input"))


def of_event(detail: Mapping[str, Any]) -> ExecutionEnd:
    """The end that EventBridge tells: `detail` of a "Step Functions Execution Status Change" event.

    AWS leaves out an output of more than 248 KiB as a JSON string, and the input where both together have more
    (`inputDetails` and `outputDetails`, `included`). Raises KeyError for an event that tells no end.
    """
    return ExecutionEnd(
        execution_arn=detail["executionArn"],
        status=_STATUSES[detail["status"]],
        stopped_at=datetime.fromtimestamp(detail["stopDate"] / 1000, UTC),
        redrive_count=detail.get("redriveCount"),
        output=_included(detail, "output"),
        error=detail.get("error"),
        cause=detail.get("cause"),
        run=run_of_input(_included(detail, "input")),
        input=_included(detail, "input"),
    )


def of_description(answer: Mapping[str, Any]) -> ExecutionEnd | None:
    """The end that DescribeExecution tells, None of an execution that goes on, or is to be redriven."""
    status = _STATUSES.get(answer["status"])
    if status is None:
        return None
    return ExecutionEnd(
        execution_arn=answer["executionArn"],
        status=status,
        stopped_at=answer["stopDate"],
        redrive_count=answer.get("redriveCount"),
        output=_included(answer, "output"),
        error=answer.get("error"),
        cause=answer.get("cause"),
        run=run_of_input(_included(answer, "input")),
        input=_included(answer, "input"),
    )


def of_last_event(execution_arn: str, event: Mapping[str, Any]) -> ExecutionEnd | None:
    """The end that the last event of a history tells, None where that ends nothing (yet)."""
    status = ENDS_BY_EVENT.get(event["type"])
    if status is None:
        return None
    kind = event["type"]
    details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails") or {}
    return ExecutionEnd(
        execution_arn=execution_arn,
        status=status,
        stopped_at=event["timestamp"],
        output=details.get("output"),
        error=details.get("error"),
        cause=details.get("cause"),
    )


def run_of_input(text: str | None) -> RunId | None:
    """The run that an execution was started for, as its input names it; None where it does not."""
    told = parsed(text)
    run = told.get("run") if isinstance(told, dict) else None
    if not isinstance(run, dict):
        return None
    tenant_id, execution_id = run.get("tenant_id"), run.get("execution_id")
    if not (isinstance(tenant_id, str) and isinstance(execution_id, str) and tenant_id and execution_id):
        return None
    return tenant_id, execution_id


def _included(told: Mapping[str, Any], name: str) -> str | None:
    details = told.get(f"{name}Details") or {}
    return told.get(name) if details.get("included", True) else None
