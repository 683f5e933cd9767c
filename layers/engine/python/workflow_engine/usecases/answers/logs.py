"""What steps of a run printed and logged."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from workflow_engine.usecases.answers.values import Count, Cursor, Object, Time


class LogLine(TypedDict):
    """A line that a step printed or logged, without secrets."""

    timestamp: Time
    message: str
    level: str | None
    """Of what was logged; null for what was printed."""
    stream: Literal["stdout", "stderr", "log"]
    step: str
    """The key of the step in step_results."""
    step_id: str
    attempt: Count | None
    request_id: str | None
    """By which the attempts of the step and the log of its function name the call."""
    logger: str | None
    fields: Object
    """What was logged beside the message."""


class LogElsewhere(TypedDict):
    """A call of a function that does not log for this service; its lines are found by the id of the request."""

    step: str
    attempt: Count
    function_name: str
    log_group: str
    """Where the function logs, unless it was told otherwise."""
    request_id: str


class LogPage(TypedDict):
    """Lines, oldest first."""

    items: list[LogLine]
    next_cursor: Cursor
    """Where what follows is read; null when the run has ended and all of it is told."""
    elsewhere: list[LogElsewhere]
    """On the first page: whose lines are not here."""
