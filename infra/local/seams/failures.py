"""Errors of a run: how they are built, worded and matched by Retry and Catch."""

from __future__ import annotations

from typing import Any, Final

from infra.local.seams.patching import parser, replace
from infra.local.stepfunctions import failures
from infra.local.stepfunctions.failures import (
    QUERY_EVALUATION_ERROR,
    matches,
)

_DECORATION: Final = "An error occurred while executing the state '"


class InterruptedRunError(Exception):
    """The run (or the branch) that this thread works for has ended: unwind, record nothing."""


def failure(
    env: Any, error: str | None, cause: str | None, *, details: str = "executionFailedEventDetails", **extra: Any
) -> Any:
    """A FailureEventException for moto's interpreter. A Fail state may name neither error nor cause.

    `details` names the event's details field, whose prefix gives the event's type ("taskFailed" -> TaskFailed).
    """
    events = parser("asl.component.common.error_name.failure_event")
    names = parser("asl.component.common.error_name.custom_error_name")
    event_type = details.removesuffix("EventDetails")
    event = events.FailureEvent(
        env=env,
        error_name=names.CustomErrorName(error),
        event_type=parser("api").HistoryEventType(event_type[0].upper() + event_type[1:]),
        event_details={details: {"error": error, "cause": cause, **extra}},
    )
    return events.FailureEventException(failure_event=event)


def decorated(env: Any, cause: str) -> str:
    """A cause with the name and entry of the state in which it happened, as AWS words it."""
    return failures.decorated(env.state_name, env.entered_event_id, cause)


def query_evaluation_failure(env: Any, cause: str, location: str | None) -> Any:
    """A States.QueryEvaluationError, with its EvaluationFailed event already in the history."""
    extra = {"location": location} if location else {}
    exception = failure(
        env,
        QUERY_EVALUATION_ERROR,
        decorated(env, cause),
        details="evaluationFailedEventDetails",
        state=env.state_name,
        **extra,
    )
    context = env.event_history_context
    if location != "Timestamp" and context.source_event_id == env.entered_event_id:
        # AWS chains the event to what came before the state when evaluation fails before anything else happened in it.
        context.source_event_id = env.event_id_before_state
    record_failure(env, exception.failure_event)
    return exception


def record_failure(env: Any, failure_event: Any) -> None:
    """Write the event of a failure into the history, once. What has none of its own is told by the end of the run only."""
    if getattr(failure_event, "is_recorded", False) or failure_event.event_type.value == "ExecutionFailed":
        return
    failure_event.is_recorded = True
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=failure_event.event_type,
        event_details=failure_event.event_details,
    )


def allow_states_errors_to_be_raised_again() -> None:
    """moto refuses a `States.*` error that leaves a Parallel branch or a Map iteration (ValueError, so States.Runtime).

    AWS hands the branch's error to the container, where it can be caught under its own name.
    """
    custom = parser("asl.component.common.error_name.custom_error_name").CustomErrorName
    base = parser("asl.component.common.error_name.error_name").ErrorName

    def any_name(self: Any, error_name: str | None) -> None:
        base.__init__(self, error_name=error_name)

    replace(custom, "__init__", any_name)


def match_errors_by_name() -> None:
    """moto lets States.ALL catch everything, and States.TaskFailed nothing that begins with "States.".

    AWS: States.ALL catches neither States.DataLimitExceeded nor States.Runtime; States.TaskFailed catches all but
    States.Timeout; States.Runtime is never caught.
    """

    def evaluate(self: Any, env: Any) -> None:
        raised = env.stack.pop().error_name
        env.stack.append(matches(raised, [name.error_name for name in self.error_names]))

    replace(parser("asl.component.common.error_name.error_equals_decl").ErrorEqualsDecl, "_eval_body", evaluate)


def decorate_causes_once() -> None:
    """moto adds "An error occurred while executing the state ..." again at every container that an error passes."""
    exception = parser("asl.component.common.error_name.failure_event").FailureEventException
    stock = exception.get_execution_failed_event_details

    def get_execution_failed_event_details(self: Any) -> Any:
        error, cause = self.extract_error_cause_pair() or (None, None)
        if cause is not None and cause.startswith(_DECORATION):
            return {"error": error, "cause": cause}
        return stock(self)

    replace(exception, "get_execution_failed_event_details", get_execution_failed_event_details)


def install() -> None:
    """Put this module's seams in place."""
    allow_states_errors_to_be_raised_again()
    match_errors_by_name()
    decorate_causes_once()
