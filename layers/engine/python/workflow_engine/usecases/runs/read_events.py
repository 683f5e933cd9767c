"""Page through the event history of a run."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws_quotas import HISTORY_PAGE_EVENTS
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.event_words import failure_of
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.port import ExecutionGoneError, PageForgottenError
from workflow_engine.state_names import STATES_OF_THE_WORKFLOW, step_of
from workflow_engine.store import cursors
from workflow_engine.store.results import PAGE_BYTES, body_bytes
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

_DROPPED: Final = frozenset(
    {"parameters", "input", "roleArn", "inputDetails", "outputDetails", "assignedVariables", "assignedVariablesDetails"}
)
"""`parameters` of a scheduled task may hold a callback token, with which anybody could answer for the task. Inputs of states
and variables are the machine's own plumbing."""

_FOLLOWED_BY_OTHER_STATES: Final = ("StateExited", "ParallelStateStarted")

MAX_CURSOR_BYTES: Final = 3072
"""A request has 10,240 bytes for its line and the values of its headers (API Gateway, quotas for HTTP
APIs), credentials included."""

States = dict[int, str]
"""The state of each event that a later one may follow, by the event's id: later ones tell only which they follow."""


@dataclass(slots=True)
class _Place:
    """The end of a page: its last event's id, and what saves looking it up again: Step Functions' token, and `States`."""

    after: int = 0
    token: str | None = None
    states: States = field(default_factory=dict)

    @classmethod
    def of(cls, position: Any) -> _Place | None:
        """The place of a cursor, None when it has no more than the id."""
        after, *known = position
        if not known:
            return None
        token, states = known
        return cls(after, token, {int(number): name for number, name in states.items()})

    def cursor(self, tenant_id: str, scope: str) -> str:
        """A cursor that never grows over its limit, however many states are open."""
        cursor = cursors.encode(tenant_id, scope, [self.after, self.token, self.states])
        return cursor if len(cursor) <= MAX_CURSOR_BYTES else cursors.encode(tenant_id, scope, [self.after])


def events(
    engine: Engine, caller: Caller, execution_id: str, limit: int, cursor: str | None = None
) -> answers.EventPage:
    """`{items: [{id, type, timestamp, state, step_id, details}], next_cursor}`, oldest first; at most `limit`, and no more
    than a page may have.

    `state` and `step_id` are null for events of the run itself, and for those that end a Parallel. Raises
    NotFoundError, InvalidRequestError (cursor).
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    scope = f"history/{execution_id}"
    arn = execution.execution_arn
    try:
        if cursor is None:
            items, end = _page(engine, arn, limit, _Place())
        else:
            position = cursors.decode(caller.tenant_id, scope, cursor)
            items, end = _page_after(engine, arn, limit, position)
    except ExecutionGoneError:
        return {"items": [], "next_cursor": None}
    return {"items": items, "next_cursor": end.cursor(caller.tenant_id, scope) if end else None}


def _page_after(engine: Engine, arn: str, limit: int, position: Any) -> tuple[list[answers.Event], _Place | None]:
    place = _Place.of(position)
    if place is not None:
        try:
            return _page(engine, arn, limit, place)
        except PageForgottenError:
            pass
    found = _found(engine, arn, position[0], _Place())
    return ([], None) if found is None else _page(engine, arn, limit, found)


def _page(engine: Engine, arn: str, limit: int, place: _Place) -> tuple[list[answers.Event], _Place | None]:
    """The events after a place, and the place that they end at, None at the end of the history."""
    found, token = engine.history.page(arn, limit, place.token)
    states = dict(place.states)
    items: list[answers.Event] = []
    taken = 0
    for event in found:
        item = _event(dict(event), states)
        taken += body_bytes(item)
        if items and taken > PAGE_BYTES:
            # The next page begins in the middle of this answer, where Step Functions has given no token.
            return items, _found(engine, arn, items[-1]["id"], place)
        items.append(item)
    return items, _Place(items[-1]["id"], token, states) if token and items else None


def _found(engine: Engine, arn: str, after: int, start: _Place) -> _Place | None:
    """The place after an event, looked up from an earlier place on, without data; None when the event ends the history. Ids
    count from 1, and Step Functions may give fewer events than it is asked for.
    """
    place = _Place(start.after, start.token, dict(start.states))
    while place.after < after:
        found, token = engine.history.page(
            arn, min(after - place.after, HISTORY_PAGE_EVENTS), place.token, with_data=False
        )
        for event in found:
            _state(dict(event), place.states)
        if not token:
            return None
        place.after, place.token = place.after + len(found), token
    return place


def _event(event: dict[str, Any], states: States) -> answers.Event:
    """One event as the API shows it."""
    state = _state(event, states)
    return {
        "id": event["id"],
        "type": event["type"],
        "timestamp": iso(event.get("timestamp")),
        "state": state,
        "step_id": step_of(state) if state and state not in STATES_OF_THE_WORKFLOW else None,
        "details": _shown(event["type"], _details(event)),
    }


def _details(event: dict[str, Any]) -> dict[str, Any]:
    return next((v for k, v in event.items() if k.endswith("EventDetails")), {})


def _state(event: dict[str, Any], states: States) -> str | None:
    """The state of an event; None for one of the run itself, and for the end of a Parallel, which follows an event of a state
    inside it. `states` is brought up to date: it has what is open.
    """
    kind, previous, details = event["type"], event["previousEventId"], _details(event)
    name: str | None = details.get("name") or details.get("state")
    if kind.startswith("Execution"):
        name = None
    elif name is None:
        name = states.get(previous)
    states.pop(previous, None)
    if name is not None and not kind.endswith(_FOLLOWED_BY_OTHER_STATES):
        states[event["id"]] = name
    return name


def _shown(kind: str, details: dict[str, Any]) -> dict[str, Any]:
    """Details without secrets and stack traces, JSON texts as JSON; of the run's input what the client gave."""
    shown = {k: v for k, v in details.items() if k not in _DROPPED and v is not None}
    if "output" in shown:
        shown["output"] = parsed(shown["output"])
    if kind == "ExecutionStarted":
        sent = parsed(details.get("input"))
        shown["input"] = sent.get("input") if isinstance(sent, dict) else None
    if "cause" in shown:
        shown["cause"] = failure_of(details, timed_out=False).message
    return shown
