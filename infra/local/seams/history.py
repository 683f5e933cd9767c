"""The event history: what is recorded, in which order, chained to what, and until when."""

from __future__ import annotations

import datetime
from typing import Any, Final

from infra.local.seams.patching import extend, parser, replace
from infra.local.stepfunctions.failures import HistoryLimitError
from workflow_engine.aws_quotas import HISTORY_EVENTS

MAX_EVENTS: Final = HISTORY_EVENTS
"""The last of them is the end of the run."""

LAST_EVENTS: Final = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"})

# The states that AWS reports as aborted; the others take no time.
_ABORTED_EVENTS: Final = {
    "TaskStateEntered": "TaskStateAborted",
    "WaitStateEntered": "WaitStateAborted",
    "ParallelStateEntered": "ParallelStateAborted",
    "MapStateEntered": "MapStateAborted",
}


def record_events_once_and_in_bounds() -> None:
    """moto records what a task does after it timed out or was aborted, has no limit, and copies all events per read.

    Here an abandoned branch is silent, nothing follows the end of the run, and a run that would need more than
    25,000 events fails with States.Runtime.
    """
    events = parser("asl.eval.event.event_manager")
    extend(events.EventHistoryContext, "is_closed", False)
    extend(events.EventManager, "is_sealed", False)
    replace(events.EventManager, "add_event", _add_event)
    # Recorded events are never changed, so a reader needs no copies of them.
    replace(events.EventManager, "get_event_history", lambda self: self._history_event_list[:])


def _add_event(
    self: Any,
    context: Any,
    event_type: Any,
    event_details: Any = None,
    timestamp: Any = None,
    update_source_event_id: bool = True,
) -> int:
    with self._mutex:
        if self.is_sealed or context.is_closed:
            return int(context.last_published_event_id)
        event_id = len(self._history_event_list) + 1
        is_last = event_type.value in LAST_EVENTS
        if event_id >= MAX_EVENTS and not is_last:
            raise HistoryLimitError
        event = dict(event_details or {})
        event["id"] = event_id
        event["previousEventId"] = context.source_event_id
        event["type"] = event_type
        event["timestamp"] = timestamp or datetime.datetime.now(datetime.UTC)
        context.last_published_event_id = event_id
        if update_source_event_id:
            context.source_event_id = event_id
        self._history_event_list.append(event)
        self.is_sealed = is_last
        return event_id


def add_event(env: Any, event_type: str, details: dict[str, Any] | None = None, *, moves_chain: bool = True) -> int:
    """Record an event of a run and return its id.

    `moves_chain` False: the next event still names this event's predecessor, as after ParallelStateSucceeded.
    """
    event_id: int = env.event_manager.add_event(
        context=env.event_history_context,
        event_type=parser("api").HistoryEventType(event_type),
        event_details=details,
        update_source_event_id=moves_chain,
    )
    return event_id


def record_abort(env: Any) -> None:
    """Record that the state which an environment is in was aborted, the states inside it first.

    AWS writes TaskStateAborted also for the task whose own failure ended the branch (recorded on AWS).
    """
    for frame in list(env._frames):
        record_abort(frame)
    aborted = _ABORTED_EVENTS.get(env.open_state.state_entered_event_type.value) if env.open_state else None
    if aborted is not None:
        env.event_history_context.source_event_id = _newest_source(env)
        add_event(env, aborted, moves_chain=False)
        env.open_state = None
    if env.open_iteration is not None:
        env.event_history_context.source_event_id = _newest_source(env)
        add_event(
            env, "MapIterationAborted", {"mapIterationAbortedEventDetails": env.open_iteration}, moves_chain=False
        )
        env.open_iteration = None


def _newest_source(env: Any) -> int:
    own: int = env.event_history_context.source_event_id
    return max(own, *(_newest_source(frame) for frame in env._frames), 0)


def silence(env: Any) -> None:
    """Let nothing that still works for this environment write into the history any more."""
    env.event_history_context.is_closed = True
    for frame in list(env._frames):
        silence(frame)


def install() -> None:
    """Put this module's seams in place."""
    record_events_once_and_in_bounds()
