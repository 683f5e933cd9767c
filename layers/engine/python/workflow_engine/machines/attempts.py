"""The attempts at a state, from the events that tell of them: when, how they ended, and where their logs are. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from workflow_engine.machines.outputs import Outputs
from workflow_engine.machines.timeline import Attempt, Event, Usage, Visit

_REQUEST_ID: Final = re.compile(r'"requestId":\s*"([0-9a-fA-F-]{36})"|\bRequest ?I[dD]: ([0-9a-fA-F-]{36})')
"""In the cause of a failure: what Python's runtime and other newer ones add to an error, and what Lambda says of a function that
could not tell, since its time was over or its process gone.
"""
_RESPONSE_METADATA: Final = '"SdkResponseMetadata":'
_RESPONSE_ID: Final = re.compile(r'\s*\{\s*"RequestId":\s*"([0-9a-fA-F-]{36})"')

_ENDS: Final[Mapping[str, Any]] = {"Succeeded": "completed", "Failed": "failed", "Aborted": "aborted"}


def note_attempt(visit: Visit, event: Event, details: Mapping[str, Any], outputs: Outputs) -> None:
    """Add to a visit what an event of a task tells. `visit.failure` is that of the event already."""
    kind, at = event["type"], event.get("timestamp")
    if details.get("resourceType") == "lambda":
        _note_call(visit, kind, at)
    if kind.endswith("Scheduled"):
        received = details.get("parameters") or details.get("input")
        if visit.received is None and isinstance(received, str):
            visit.received = outputs.hold(received)
        visit.tries.append(Attempt(at))
        return
    attempt = visit.tries[-1] if visit.tries else None
    if attempt is None or attempt.status != "running":
        return
    attempt.repeats += details.get("repeatedAfterRestart", 0)
    if kind.endswith("Started"):
        attempt.started_at = at
    elif kind.endswith(("Submitted", "Succeeded")):
        attempt.request_id = _of_answer(details) or attempt.request_id
        if kind.endswith("Succeeded"):
            attempt.status, attempt.ended_at = "completed", at
    elif kind.endswith("Aborted"):
        attempt.status, attempt.ended_at = "aborted", at
    elif kind.endswith(("Failed", "TimedOut")):
        cause = details.get("cause") or ""
        found = _REQUEST_ID.search(cause)
        attempt.request_id = found[1] or found[2] if found else attempt.request_id
        attempt.cause = outputs.hold(cause) if '"stackTrace"' in cause or '"trace"' in cause else None
        attempt.status, attempt.ended_at, attempt.failure = "failed", at, visit.failure


def _note_call(visit: Visit, kind: str, at: datetime | None) -> None:
    """Count a call of the step's function, in whole milliseconds, to which Lambda rounds up (its pricing page). A call that only
    begins a step has ended when that was submitted.
    """
    if kind.endswith("Started"):
        visit.call_began_at = at
    elif kind.endswith(("Submitted", "Succeeded", "Failed", "TimedOut")) and visit.call_began_at and at:
        visit.calls += 1
        visit.call_ms += max(1, math.ceil((at - visit.call_began_at).total_seconds() * 1000))
        visit.call_began_at = None


def note_check(visit: Visit, event: Event) -> None:
    """Add to a visit what an event of its check tells. The last attempt fails with its output; what the check itself began is no
    attempt at the step.
    """
    kind = event["type"]
    if kind.endswith("Scheduled"):
        visit.checks += 1
    elif not visit.tries:
        return
    elif kind.endswith("Succeeded"):
        visit.tries[-1].status, visit.tries[-1].failure = "completed", None
    elif kind.endswith(("Failed", "TimedOut")):
        visit.tries[-1].status, visit.tries[-1].failure = "failed", visit.failure


def note_block(visit: Visit, what: str, at: datetime | None, failed: Iterator[Visit]) -> None:
    """Add to the visit of a Map or Parallel that it has `Started`, or how it ended. `failed` are the visits in it that failed,
    the last first: by the last one an attempt failed that is followed by another, which no event of its own tells.
    """
    if what == "Started":
        if visit.tries and visit.tries[-1].status == "running":
            last, before = next(failed, None), visit.tries[-1]
            before.status = "failed"
            before.failure, before.ended_at = (None, None) if last is None else (last.failure, last.left_at)
        visit.tries.append(Attempt(at, at))
    elif visit.tries and what in _ENDS:
        attempt = visit.tries[-1]
        attempt.status, attempt.ended_at = _ENDS[what], at


def usage_of(output: Any) -> Usage | None:
    """What a step's output tells in `usage` that models took, as agents and embeddings tell it; None for any other output."""
    told = output.get("usage") if isinstance(output, dict) else None
    if not isinstance(told, dict) or _number(told.get("llm_calls")) is None:
        return None
    tokens_in, tokens_out, calls = (int(_number(told.get(n)) or 0) for n in ("tokens_in", "tokens_out", "llm_calls"))
    return Usage(tokens_in, tokens_out, calls, _number(told.get("cost_usd")))


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) and value >= 0 else None


def _of_answer(details: Mapping[str, Any]) -> str | None:
    """The id of the request in what Lambda answered, which stands behind what the function gave."""
    output = details.get("output")
    if details.get("resourceType") != "lambda" or not isinstance(output, str):
        return None
    at = output.rfind(_RESPONSE_METADATA)
    found = _RESPONSE_ID.match(output, at + len(_RESPONSE_METADATA)) if at >= 0 else None
    return found[1] if found else None
