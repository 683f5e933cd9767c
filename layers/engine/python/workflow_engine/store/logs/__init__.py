"""What the steps of runs print and log: `StepLogs` is a port. CloudWatch stands behind it on AWS (`cloudwatch`), a file for each
run on a laptop (`files`).

A log has *lines*, oldest first. A *position* is where a reader stands in it: any JSON value, None at the beginning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, Literal, Protocol

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass

Stream = Literal["stdout", "stderr", "log"]
"""What was printed to one of the two, or logged."""

PAGE_BYTES: Final = 1024 * 1024
"""Of the texts of a page, about: whatever they become in JSON, Lambda carries them."""

_NOT_ABOUT_THE_LINE: Final = frozenset(
    {
        "attempt",
        "execution_id",
        "level",
        "location",
        "message",
        "place",
        "requestId",
        "service",
        "stream",
        "tenant_id",
        "timestamp",
    }
    | {
        "cold_start",
        "function_arn",
        "function_memory_size",
        "function_name",
        "function_request_id",
        "logger",
        "step_id",
    }
    | {"asctime", "xray_trace_id", "taskName", "color_message"}
)
"""Fields of a structured line that a `LogLine` has by itself, or that say nothing of what was logged."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `place` is the key of the step's result, `request_id` that of the call; `fields` is what was logged beside the
    message. `timestamp` is ISO 8601 in UTC with milliseconds.
    """

    timestamp: str
    message: str
    stream: Stream
    place: str
    step_id: str
    attempt: int | None = None
    level: str | None = None
    request_id: str | None = None
    logger: str | None = None
    fields: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """Whose log is read. `functions` are the names of the functions that its steps call, and that log for this service;
    `ended_at` is None while it goes on. Times are ISO 8601.
    """

    execution_id: str
    started_at: str
    ended_at: str | None
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines, where the next page begins, and whether there will be none: the run has ended and all is read."""

    lines: list[LogLine]
    position: Json
    is_end: bool


class StepLogs(Protocol):
    """The logs of runs."""

    def page(self, run: LoggedRun, position: Json, limit: int, step: str | None) -> LogPage:
        """At most `limit` lines after a position, fewer where they are long, or where to look for more would take too long. With
        `step`, the key of a result, only lines of that step and its parts.

        Raises ThrottledError, UnavailableError and MisconfiguredError.
        """

    def lines(self, execution_id: str, after: int, limit: int) -> list[tuple[LogLine, int]] | None:
        """At most so many lines of a run after one, each with the number to go on after; 0 is before the first. A line that was
        given once stays where it is: what comes late comes after it. None where lines have no such numbers.
        """

    def delete(self, execution_id: str) -> None:
        """Forget the log of a run, where it is ours to forget."""


def is_of_step(place: str, step: str | None) -> bool:
    """Whether a place is that of a step, or of a part of it."""
    return step is None or place == step or place.startswith((f"{step}.", f"{step}["))


def structured(text: str) -> dict[str, Any] | None:
    """A line that is a JSON object with a message, as Lambda and Powertools write it; None for any other line."""
    if not text.startswith("{"):
        return None
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) and "message" in read else None


def message_of(read: Mapping[str, Any]) -> str:
    """The message of a structured line, with the traceback that was logged with it."""
    message = read["message"]
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    trace = read.get("exception") or read.get("stackTrace")
    if isinstance(trace, list):
        trace = "".join(line if str(line).endswith("\n") else f"{line}\n" for line in map(str, trace))
    return f"{text}\n{trace.rstrip()}" if isinstance(trace, str) and trace else text


def fields_of(read: Mapping[str, Any]) -> dict[str, Json]:
    """What a structured line says beside what every line does."""
    told = {"exception", "stackTrace"}
    return {name: value for name, value in read.items() if name not in _NOT_ABOUT_THE_LINE and name not in told}
