"""What a step received, and each attempt at it, in the form of the API. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.history_text import parsed, readable
from workflow_engine.machines.outputs import Outputs, Text
from workflow_engine.machines.timeline import Attempt, Failure, Timeline, Visit
from workflow_engine.redaction import Redactor
from workflow_engine.timestamps import iso

_IN_SECRET_NAMES: Final = (
    "authoriz",
    "bearer",
    "connection",
    "cookie",
    "credential",
    "jwt",
    "key",
    "pass",
    "pwd",
    "secret",
    "token",
)
"""One of these is in every text in which something stands under a secret name (`is_secret_name`); in most none is, and they need
not be read.
"""

MAX_ATTEMPTS: Final = 50
"""Of the attempts at a step the last so many are told: a retry may go on for years."""

MAX_MESSAGE: Final = 1_000
MAX_STACK: Final = 4_000
"""Characters of an attempt's message and stack trace. All attempts at a step fit into one answer beside its output."""


@dataclass(frozen=True, slots=True)
class StepDetails:
    """What a step received (`input_of`), the attempts at it, and the function that it called."""

    received: dict[str, Json] | None
    attempts: list[Json]
    function_name: str | None


def learned(timeline: Timeline, outputs: Outputs, known: Iterable[str]) -> Redactor:
    """A redactor that knows the secrets in what the run and its tasks received, and those that are `known` beside."""
    redactor = Redactor(known)
    redactor.learn(parsed(timeline.run_input))
    for visit in timeline.visits:
        for held in (visit.received, visit.output):
            if isinstance(held, Text) and may_name_a_secret(text := outputs.text(held)):
                redactor.learn(parsed(text))
    return redactor


def may_name_a_secret(text: str) -> bool:
    """Whether anything in a JSON text may stand under a secret name."""
    lowered = text.lower()
    return any(part in lowered for part in _IN_SECRET_NAMES)


def input_of(visit: Visit, outputs: Outputs, redactor: Redactor) -> dict[str, Json] | None:
    """What a step's function or worker received: `{input_data, config}`. None for a step without a task of its own.

    What else is sent (the token of the task, how endpoints are asked) is the engine's own.
    """
    event = _event_of(visit, outputs)
    if event is None or "input_data" not in event:
        return None
    config = event.get("step_config")
    held = {
        "input_data": event.get("input_data"),
        "config": config.get("config") if isinstance(config, dict) else None,
    }
    told: dict[str, Json] = redactor.value(held)
    return told


def function_of(visit: Visit, outputs: Outputs) -> str | None:
    """The name of the function that a step called, without account and region."""
    if visit.received is None:
        return None
    sent = parsed(outputs.text(visit.received))
    name = sent.get("FunctionName") if isinstance(sent, dict) else None
    if not isinstance(name, str):
        return None
    return name.split(":")[6] if name.startswith("arn:") and name.count(":") >= 6 else name


def attempts_of(
    visit: Visit, failure: Failure | None, ended_at: datetime | None, outputs: Outputs, redactor: Redactor
) -> list[Json]:
    """The last attempts at a step, oldest first. `failure` is the step's own, where its last attempt has none; `ended_at` when the
    step ended, None while it goes on.
    """
    tries = [*visit.earlier, *visit.tries]
    return [
        _attempt(number, attempt, failure if attempt is tries[-1] else None, ended_at, outputs, redactor)
        for number, attempt in list(enumerate(tries, 1))[-MAX_ATTEMPTS:]
    ]


def _attempt(
    number: int,
    attempt: Attempt,
    failure: Failure | None,
    run_over_at: datetime | None,
    outputs: Outputs,
    redactor: Redactor,
) -> dict[str, Json]:
    status, ended_at = attempt.status, attempt.ended_at
    if status == "running" and run_over_at is not None:
        status, ended_at = "aborted", run_over_at
    failure = attempt.failure or (failure if status == "failed" else None)
    began_at = attempt.started_at or attempt.scheduled_at
    duration = None
    if began_at is not None and ended_at is not None:
        duration = max(0, round((ended_at - began_at).total_seconds() * 1000))
    repeats: dict[str, Json] = {"repeated_after_restart": attempt.repeats} if attempt.repeats else {}
    return {
        "attempt": number,
        "status": status,
        "scheduled_at": iso(attempt.scheduled_at),
        "started_at": iso(began_at),
        "completed_at": iso(ended_at),
        "execution_time_ms": duration,
        "error_type": failure.type if failure else None,
        "error_message": redactor.text(failure.message)[:MAX_MESSAGE] if failure and failure.message else None,
        "stack_trace": _stack(attempt, outputs, redactor) or None,
        "request_id": attempt.request_id,
        **repeats,
    }


def _event_of(visit: Visit, outputs: Outputs) -> dict[str, Any] | None:
    if visit.received is None:
        return None
    sent = parsed(outputs.text(visit.received))
    if isinstance(sent, dict) and "FunctionName" in sent:
        sent = sent.get("Payload")
    elif isinstance(sent, dict) and "StateMachineArn" in sent:
        started_with = sent.get("Input")
        return {"input_data": started_with.get("input")} if isinstance(started_with, dict) else None
    return sent if isinstance(sent, dict) else None


def _stack(attempt: Attempt, outputs: Outputs, redactor: Redactor) -> list[str]:
    """Lines of a stack trace, its end where it is long: Python, Java and .NET tell it in `stackTrace`, Node in `trace`."""
    told = parsed(outputs.text(attempt.cause)) if attempt.cause is not None else None
    found = (told.get("stackTrace") or told.get("trace")) if isinstance(told, dict) else None
    entries = found if isinstance(found, list) else [found] if isinstance(found, str) else []
    texts = (entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False) for entry in entries)
    lines = redactor.text(readable("\n".join(text.rstrip("\n") for text in texts))).split("\n")
    kept = sum(1 for room in accumulate(len(line) + 1 for line in reversed(lines)) if room <= MAX_STACK)
    return [line for line in lines[len(lines) - kept :] if line]
