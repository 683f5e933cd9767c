"""Task states: in which events an attempt is told, and how one goes on that the history begins.

An attempt is written ahead: nothing is called before its Scheduled event is durable. One that the history leaves open is
made again with the same parameters and the same token, because nobody knows how far it came; after
`calls.MOST_RECOVERIES` of them it is taken for what ends the server, and fails the run.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from infra.local.stepfunctions.calls import (
    SUBMITTED,
    Attempt,
    HeartbeatMissedError,
    Target,
    TaskError,
    check_size,
    failed_attempt,
    target_of,
)
from infra.local.stepfunctions.definition import State, Template
from infra.local.stepfunctions.evaluation import Payload, Scope, evaluated, wrong_value
from infra.local.stepfunctions.failures import HEARTBEAT_TIMEOUT, TIMEOUT, StateError
from infra.local.stepfunctions.history import ANSWER, QUEUED, REPEATED, Frame
from infra.local.stepfunctions.journal import Entry
from infra.local.stepfunctions.limits import check_input, json_text
from infra.local.stepfunctions.pending import new_token
from workflow_engine.aws_quotas import STATE_SECONDS


async def run_task(frame: Frame, state: State, scope: Scope) -> Payload:
    """Attempt a task once, or go on with the attempt that the history holds; gives its result. Raises StateError."""
    target = target_of(state.resource)
    events = target.events
    refused = frame.taken(events.failed)
    if refused is not None:
        raise _failure(refused)
    scheduled = frame.taken(events.scheduled)
    is_repeat = scheduled is not None
    if scheduled is None:
        scheduled = await _schedule(frame, state, scope, target)
    elif target.takes_token:
        scope.context["Task"] = {"Token": scheduled.private["token"]}
    attempt = Attempt(frame, state, events, target.service, scheduled, is_repeat=is_repeat)
    _read_past(attempt)
    succeeded = frame.taken(events.succeeded)
    if succeeded is not None:
        text = succeeded.data or "null"
        return Payload(json.loads(text), text)
    ended = frame.taken(events.failed, events.timed_out)
    if ended is not None:
        raise _failure(ended)
    text = await _perform(attempt, target)
    check_size(attempt, text)
    frame.record(events.succeeded, text, attempt.end_fields())
    return Payload(json.loads(text), text)


def _read_past(attempt: Attempt) -> None:
    while (entry := attempt.frame.taken(attempt.events.started, SUBMITTED, REPEATED, QUEUED, ANSWER)) is not None:
        if entry.type == SUBMITTED:
            attempt.submitted = entry
        elif entry.type == REPEATED:
            attempt.repeats += 1
        elif entry.type == ANSWER:
            attempt.answer = entry.private
        elif entry.type == QUEUED:
            attempt.is_queued = True
        else:
            attempt.started = entry


def _failure(entry: Entry) -> StateError:
    error, cause = entry.fields.get("error"), entry.fields.get("cause")
    return StateError(error, cause, is_recorded=True, also=entry.private.get("also", ()))


async def _schedule(frame: Frame, state: State, scope: Scope, target: Target) -> Entry:
    """Evaluate what the attempt needs, and write it down."""
    private: dict[str, Any] = {}
    if target.takes_token:
        private["token"] = new_token(frame)
        scope.context["Task"] = {"Token": private["token"]}
    arguments = scope.input
    if state.arguments is not None:
        arguments = Payload.of(await evaluated(frame, state.arguments, scope))
    fields: dict[str, Any] = {**target.service, **target.scheduled}
    if target.service:
        fields["region"] = frame.run.engine.region
    if state.timeout is not None:
        fields["timeoutInSeconds"] = await _seconds(frame, state.timeout, scope, "TimeoutSeconds")
    if state.heartbeat is not None:
        fields["heartbeatInSeconds"] = await _seconds(frame, state.heartbeat, scope, "HeartbeatSeconds")
    try:
        check_input(target.service.get("resourceType", state.name), arguments.text)
    except StateError as failure:
        frame.record(target.events.failed, None, {**target.service, **failure.details()})
        raise StateError(failure.error, failure.cause, is_recorded=True) from None
    return frame.record(target.events.scheduled, arguments.text, fields, private)


async def _seconds(frame: Frame, template: Template, scope: Scope, field_name: str) -> int:
    value = await evaluated(frame, template, scope)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= STATE_SECONDS:
        cause = f"The {field_name} field must be an integer between 1 and {STATE_SECONDS}, but was: {json_text(value)}"
        raise wrong_value(frame, cause, field_name)
    return value


async def _perform(attempt: Attempt, target: Target) -> str:
    """Make the call within its time, and record how it failed if it did. Raises StateError."""
    try:
        async with asyncio.timeout(None) as attempt.clock:
            attempt.begin_time()
            stand_in = attempt.frame.run.engine.stand_in(attempt, target)
            return await (stand_in or target.call)(attempt)
    except TaskError as error:
        raise failed_attempt(attempt, error.error, error.cause) from None
    except TimeoutError:
        raise _timed_out(attempt) from None
    except HeartbeatMissedError:
        raise _timed_out(attempt, HEARTBEAT_TIMEOUT) from None


def _timed_out(attempt: Attempt, *also: str) -> StateError:
    # A missed heartbeat is told as States.Timeout, too (recorded); Retry and Catch know it by its own name besides.
    private = {"also": list(also)} if also else {}
    attempt.frame.record(attempt.events.timed_out, None, attempt.end_fields(error=TIMEOUT), private)
    return StateError(TIMEOUT, is_recorded=True, also=also)
