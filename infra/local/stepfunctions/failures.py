"""Errors of a run: their names, and which of them the ErrorEquals of a retrier or catcher takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURES: Final = "States.ExceedToleratedFailureThreshold"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
ITEM_READER_FAILED: Final = "States.ItemReaderFailed"
QUERY_EVALUATION_ERROR: Final = "States.QueryEvaluationError"
RESULT_WRITER_FAILED: Final = "States.ResultWriterFailed"
RUNTIME: Final = "States.Runtime"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"

# AWS page "Handling errors in Step Functions workflows", the entries States.ALL, States.DataLimitExceeded, States.Runtime.
NOT_CAUGHT_BY_WILDCARDS: Final = frozenset({DATA_LIMIT_EXCEEDED, RUNTIME})
NEVER_CAUGHT: Final = frozenset({RUNTIME})


class StateError(Exception):
    """A state has failed. `is_recorded` says that an event of the history tells of it already.

    `error` and `cause` are None where a Fail state names none. `also` are further names by which ErrorEquals knows it.
    """

    def __init__(
        self, error: str | None, cause: str | None = None, *, is_recorded: bool = False, also: Sequence[str] = ()
    ) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.is_recorded = is_recorded
        self.also = tuple(also)

    def is_taken_by(self, error_equals: Sequence[str]) -> bool:
        """Whether the `ErrorEquals` of a retrier or catcher takes this failure."""
        return matches(self.error, error_equals) or any(name in error_equals for name in self.also)

    def details(self) -> dict[str, str]:
        """Error and cause as an event carries them: only those that are there."""
        return given(error=self.error, cause=self.cause)


class HistoryLimitError(Exception):
    """The next event would be the last that a history may hold, and that one is reserved for the end of the run."""


class ServiceError(Exception):
    """A request that the API refuses, under the code by which a client of Step Functions knows it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def given(**fields: str | None) -> dict[str, str]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def matches(raised: str | None, error_equals: Sequence[str | None]) -> bool:
    """Whether the `ErrorEquals` of a retrier or catcher takes the error.

    States.ALL catches neither States.DataLimitExceeded nor States.Runtime; States.TaskFailed catches all but
    States.Timeout; States.Runtime is never caught.
    """
    if raised in NEVER_CAUGHT:
        return False
    if raised in error_equals:
        return True
    if raised in NOT_CAUGHT_BY_WILDCARDS:
        return False
    return "States.ALL" in error_equals or (TASK_FAILED in error_equals and raised != TIMEOUT)


def decorated(state: str, entered: int, cause: str) -> str:
    """A cause with the name and entry of the state in which it happened, as AWS words it (recorded)."""
    return f"An error occurred while executing the state '{state}' (entered at the event id #{entered}). {cause}"


def exit_status(error: BaseException | None) -> int:
    """The status that a process of Python ends with when nobody catches this; 0 for None."""
    code = error.code if isinstance(error, SystemExit) else int(error is not None)
    if code is None:
        return 0
    return code & 255 if isinstance(code, int) else 1
