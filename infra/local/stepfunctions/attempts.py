"""States that may be tried again: Task, Parallel and Map, with their Retry and Catch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from infra.local.stepfunctions.containers import run_map, run_parallel
from infra.local.stepfunctions.definition import Retrier, State
from infra.local.stepfunctions.distributed import run_distributed_map
from infra.local.stepfunctions.evaluation import Leaving, Payload, Scope, leave
from infra.local.stepfunctions.failures import StateError
from infra.local.stepfunctions.history import RETRY, Frame
from infra.local.stepfunctions.tasks import run_task

Performer = Callable[[Frame, State, Scope], Awaitable[Payload]]
"""Does the work of a state once and gives its result. Raises StateError."""


async def _run_any_map(frame: Frame, state: State, scope: Scope) -> Payload:
    if state.distribution is None:
        return await run_map(frame, state, scope)
    return await run_distributed_map(frame, state, scope, state.distribution)


_PERFORMERS: Final[Mapping[str, Performer]] = {"Task": run_task, "Parallel": run_parallel, "Map": _run_any_map}


async def attempt_until_done(frame: Frame, state: State, scope: Scope) -> Leaving:
    """Attempt, else try again, else catch, else fail. What goes wrong in Assign and Output is within reach of both."""
    perform = _PERFORMERS[state.kind]
    used = [0] * len(state.retriers)
    while True:
        scope.context["State"]["RetryCount"] = sum(used)
        try:
            result = await perform(frame, state, scope)
            scope.states["result"] = result.value
            return await leave(frame, state, scope, state.exit, result)
        except StateError as raised:
            failure = raised
        scope.without_result()
        due = _next_attempt(frame, state, failure, used)
        if due is None:
            break
        await frame.run.wait_until(due)
    if state.kind != "Task":
        frame.once(f"{state.kind}StateFailed")
    return await _catch(frame, state, scope, failure)


def _next_attempt(frame: Frame, state: State, failure: StateError, used: list[int]) -> float | None:
    """When the next attempt begins, seconds since the epoch, as the history says or the retriers; None without one."""
    note = frame.taken(RETRY)
    if note is not None:
        used[note.private["retrier"]] += 1
        return float(note.private["due"])
    for index, retrier in enumerate(state.retriers):
        if not failure.is_taken_by(retrier.errors):
            continue
        # The first retrier that takes an error decides (Amazon States Language, "Retrying after error").
        if used[index] >= retrier.max_attempts:
            return None
        engine = frame.run.engine
        delay = _delay(retrier, used[index])
        if retrier.has_jitter:
            delay *= engine.randomness.random()
        used[index] += 1
        due = engine.now() + delay
        frame.record(RETRY, private={"retrier": index, "due": due})
        return due
    return None


def _delay(retrier: Retrier, used: int) -> float:
    """Seconds before an attempt that so many others of this retrier came before."""
    try:
        return float(min(retrier.interval * retrier.backoff**used, retrier.max_delay))
    except OverflowError:
        return retrier.max_delay


async def _catch(frame: Frame, state: State, scope: Scope, failure: StateError) -> Leaving:
    for catcher in state.catchers:
        if failure.is_taken_by(catcher.errors):
            told = {"Error": failure.error, "Cause": failure.cause}
            output = Payload.of({name: text for name, text in told.items() if text is not None})
            scope.states["errorOutput"] = output.value
            return await leave(frame, state, scope, catcher, output)
    raise failure
