"""Runs, how far they have come, and their results."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from workflow_engine.usecases.answers.values import Count, Cursor, Id, Object, RunStatus, StepStatus, Time, Version


class OutputLink(TypedDict):
    """In place of an output that is too large for the answer. An address in S3 holds for 15 minutes."""

    href: str | None
    """Where the output is; null where it is put together from outputs of parts, and no one has it in one piece."""
    bytes: Count


class StepResult(TypedDict):
    """How a step ended. With `output_link`, `output_data` is null. Times are null for a step that has no state of its own."""

    status: StepStatus
    output_data: Any
    error_type: str | None
    error_message: str | None
    execution_time_ms: float | None
    retry_count: Count
    started_at: Time | None
    completed_at: Time | None
    output_link: NotRequired[OutputLink]
    repeated_after_restart: NotRequired[Count]
    """How often the server of a laptop ended during an attempt, which was then made once more; AWS repeats none."""


class StepOutput(TypedDict):
    """The output of a step once more; null over 64 KB."""

    output_data: Any


class RunError(TypedDict):
    """Why a run failed."""

    step_id: str | None
    type: str
    message: str


class Results(TypedDict):
    """A page of the results of a run. With `output_link`, `output` is null."""

    execution_id: str
    id: Id
    workflow_id: str
    status: RunStatus
    output: Any
    error: RunError | None
    started_at: Time | None
    completed_at: Time | None
    output_link: NotRequired[OutputLink]
    failed_steps: list[str] | None
    """Keys of the first 100 steps and parts that failed, also of a run that completed all the same; null where an earlier version
    of the service has kept the results."""
    step_results: dict[str, StepResult]
    """By step id; a part of a step as `outer[3].inner`."""
    step_io_data: dict[str, StepOutput]
    next_cursor: Cursor
    metadata: Object
    """What is kept of the run beside its results."""


class ExecutionStarted(TypedDict):
    """A run that has been started."""

    execution_id: str
    id: Id
    status: RunStatus
    workflow_name: str
    workflow_id: str
    workflow_version: Version
    started_at: Time


class ExecutionSummary(TypedDict):
    """A run as lists have it."""

    execution_id: str
    id: Id
    workflow_id: str
    workflow_name: str
    workflow_version: Version
    status: RunStatus
    started_at: Time
    completed_at: Time | None
    user_id: str | None
    """For whom the run is: what its start said, else who started it."""
    session_id: str | None
    correlation_id: str | None
    parent_id: str | None
    """The run that it is a part of."""
    tags: Any
    error: Any
    """Why it failed: step_id, type, message. In lists the message has 1,000 characters at most."""


class Execution(ExecutionSummary):
    """A run without its results."""

    started_by: str | None
    """Who started the run, as the API authenticated them."""
    metadata: Any
    organization_id: str | None
    backend: str | None
    redrive_count: Count


class Progress(TypedDict):
    """How far a run has come; all of it is null while AWS does not tell."""

    step_statuses: dict[str, StepStatus] | None
    step_counts: dict[str, Count] | None
    """How many of the workflow's own steps have each status."""
    total_steps: Count | None
    completed_steps: Count | None
    failed_steps: Count | None
    current_step: str | None
    """The first step that runs."""


class ExecutionProgress(Execution, Progress):
    """A run, and how far it has come. What tells of its steps is null while AWS does not tell."""


class ExecutionPage(TypedDict):
    """Runs, newest first."""

    items: list[ExecutionSummary]
    next_cursor: Cursor


class ExecutionCounts(TypedDict):
    """How many runs there are of each status: of all, or of those that were counted at once."""

    counts: dict[str, Count]
    """By status."""
    total: Count
    is_complete: bool
    """False where runs are left that were not counted, or a cursor was given: add up the pages."""
    counted_since: Time | None
    """Runs that started before were not counted yet; null where none is left."""
    next_cursor: Cursor


class TenantDeletion(TypedDict):
    """What one call has deleted of a tenant."""

    is_complete: bool
    """False while something may be left: call again."""
    deleted: dict[str, Count]
    """How many, by kind."""


class AuditRecord(TypedDict):
    """That somebody deleted something."""

    action: str
    target: str
    """The id of what was deleted."""
    done_by: str | None
    """As the API authenticated them."""
    done_at: Time


class AuditPage(TypedDict):
    """Who deleted what, newest first."""

    items: list[AuditRecord]
    next_cursor: Cursor


class Event(TypedDict):
    """An event of a run's history."""

    id: Count
    type: str
    """As AWS Step Functions names it: TaskSucceeded."""
    timestamp: Time | None
    state: str | None
    """Null for events of the run itself, and for those that end a Parallel."""
    step_id: str | None
    details: Object
    """What AWS tells of it, without secrets and stack traces."""


class EventPage(TypedDict):
    """Events, oldest first."""

    items: list[Event]
    next_cursor: Cursor
