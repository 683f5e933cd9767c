"""Runs, how far they have come, and their results."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from workflow_engine.usecases.answers.values import (
    Count,
    Cursor,
    Id,
    Object,
    RunEventType,
    RunStatus,
    StepStatus,
    Time,
    Version,
)


class OutputLink(TypedDict):
    """In place of an output that is too large for the answer. An address in S3 holds for 15 minutes."""

    href: str | None
    """Where the output is; null where it is put together from outputs of parts, and no one has it in one piece."""
    bytes: Count


class Usage(TypedDict):
    """What models took."""

    tokens_in: Count
    tokens_out: Count
    total_tokens: Count
    llm_calls: Count
    cost_usd: float | None
    """Null where the price of a model is not known."""


class CostUsd(TypedDict):
    """What a run has cost so far, in US dollars; what attempts that failed took of models is not known."""

    total: float | None
    transitions: float
    """What AWS takes for the states that were entered, retries included."""
    models: float | None
    """Null, and so the total, where the price of a model is not known."""
    functions: NotRequired[float | None]
    """About what Lambda takes for the calls of functions that have ended, by the time between two events of the history; in no
    total. Null where the memory of one is not known, as that of a client's own. An earlier version of the service has kept none.
    """


class StepCost(CostUsd):
    """What a step has cost so far with all of its parts and attempts, in US dollars. What this run took over from another cost
    nothing again, and a step that is computed in the state of another one nothing by itself. The workflow's own steps, and the
    states that belong to none, cost what the run costs.
    """

    reason: NotRequired[str]
    """Why a part is null, or what is in none of them, such as the run that a subflow has started."""


class Attempt(TypedDict):
    """One attempt at a step, without secrets."""

    attempt: Count
    status: StepStatus
    scheduled_at: Time | None
    started_at: Time | None
    """When there was a worker or a thread for it."""
    completed_at: Time | None
    execution_time_ms: float | None
    error_type: str | None
    error_message: str | None
    stack_trace: list[str] | None
    """The lines of it, as the function's runtime tells them."""
    request_id: str | None
    """By which the log of the function names the call; null where the history does not tell it."""
    repeated_after_restart: NotRequired[Count]


class ErrorAdvice(TypedDict):
    """What is known of an error by its type and message: for people, and without values of the run."""

    usual_cause: str
    what_to_do: str
    code: str | None
    """Of the finding that a validation gives where it sees the same mistake before a run; null where none does."""
    docs: str
    """The page of this project's documentation that says more, and perhaps its section: docs/agents.md#the-answer."""


class StepResult(TypedDict):
    """How a step ended. With `output_link`, `output_data` is null. Times are null for a step that has no state of its own."""

    status: StepStatus
    output_data: Any
    error_type: str | None
    error_message: str | None
    advice: NotRequired[ErrorAdvice]
    """Of a step that failed with an error that the service knows; one of the step's own code has none."""
    execution_time_ms: float | None
    retry_count: Count
    started_at: Time | None
    completed_at: Time | None
    cost_usd: StepCost | None
    """Null where an earlier version of the service has kept the results."""
    output_link: NotRequired[OutputLink]
    repeated_after_restart: NotRequired[Count]
    """How often the server of a laptop ended during an attempt, which was then made once more; AWS repeats none."""
    usage: NotRequired[Usage]
    """What models took, where the step's output tells it, as that of an agent does."""
    input_data: NotRequired[Any]
    """With include=inputs: what the step received, without secrets; null for a step that AWS does without a task."""
    config: NotRequired[Any]
    """With include=inputs: its configuration, likewise."""
    input_link: NotRequired[OutputLink]
    """In place of what it received of more than 64 KB: a JSON object of `input_data` and `config`."""
    attempts: NotRequired[list[Attempt] | None]
    """With include=attempts: the last 50, oldest first; null for a step that AWS does without a task."""
    function_name: NotRequired[str | None]
    """With include=attempts: the Lambda function that the step calls, in whose log its lines are."""
    logs_href: NotRequired[str]
    """With include=attempts: where the step's log is read."""


class StepOutput(TypedDict):
    """The output of a step once more; null over 64 KB."""

    output_data: Any


class RunError(TypedDict):
    """Why a run failed."""

    step_id: str | None
    type: str
    message: str
    advice: NotRequired[ErrorAdvice]
    """Of an error that the service knows; one of a step's own code has none."""


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
    usage: Usage | None
    """What models took in all steps; null where an earlier version of the service has kept the results."""
    cost_usd: CostUsd | None
    """Null where an earlier version of the service has kept the results."""
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
    parent_execution_id: str | None
    """The run that it is a part of."""
    tags: Any
    error: Any
    """Why it failed: step_id, type, message; GET of one run adds the advice that its results have. In lists the message has 1,000
    characters at most."""


class Execution(ExecutionSummary):
    """A run without its results."""

    build: Version | None
    """The build of the workflow's version that runs; null for a rerun from a step, which runs what is left of the workflow."""
    started_by: str | None
    """Who started the run, as the API authenticated them."""
    metadata: Any
    organization_id: str | None
    backend: str | None
    parent_place: str | None
    """The place there of the step that started it: `outer[3].inner`."""
    redrive_count: Count
    last_redrive_at: Time | None
    redriven_by: str | None
    """Who asked for the last redrive, as the API authenticated them."""
    cancelled_by: str | None
    cancel_cause: str | None
    rerun_of: str | None
    """The run that this one repeats, all of it or a part."""
    rerun_from_step: str | None
    """The step from which on it repeats that run, whose results are taken for the others."""


class Progress(TypedDict):
    """How far a run has come; all of it is null while AWS does not tell, and of a run that has ended until its results are read."""

    step_statuses: dict[str, StepStatus] | None
    step_counts: dict[str, Count] | None
    """How many of the workflow's own steps have each status."""
    total_steps: Count | None
    completed_steps: Count | None
    failed_steps: Count | None
    current_step: str | None
    """The first step that runs."""


class ExecutionProgress(Execution, Progress):
    """A run, and how far it has come. What tells of its steps is null while AWS does not tell, and of a run that has ended until
    its results are read.
    """


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


class RunEvent(TypedDict):
    """Something that happened in a run."""

    id: str
    """The same however often it is read."""
    type: RunEventType
    timestamp: Time | None
    step: str | None
    """The key of the step's result: `outer[3].inner`; null for the run itself."""
    step_id: str | None
    attempt: Count | None
    """Which attempt of the step it is about, counted from 1; null where that is not said."""
    details: Object
    """What there is to say by type, such as `error`, `duration_ms`, `for`."""


class RunEventPage(TypedDict):
    """Events of a run, oldest first."""

    items: list[RunEvent]
    next_cursor: Cursor
    """Null once the run has ended and all was given; a run that goes on may have an empty page."""
    last_event_id: str | None
    """Where a stream goes on after this page, or another page begins; null where nothing has happened yet."""


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
