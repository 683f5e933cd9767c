"""Page through the event history of a run."""

from __future__ import annotations

from typing import Any, Final

from workflow_engine.errors import InvalidRequestError
from workflow_engine.machines.executions import ExecutionGoneError
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.results import iso
from workflow_engine.machines.timeline import failure_of
from workflow_engine.store import cursors
from workflow_engine.usecases.engine import Caller, Engine

_DROPPED: Final = frozenset(
    {"parameters", "input", "roleArn", "inputDetails", "outputDetails", "assignedVariables", "assignedVariablesDetails"}
)
"""`parameters` of a scheduled task may hold a callback token, with which anybody could answer for the task. Inputs of states
and variables are the machine's own plumbing."""

_MOST_OPEN_STATES: Final = 100


def events(engine: Engine, caller: Caller, execution_id: str, limit: int, cursor: str | None = None) -> dict[str, Any]:
    """`{items: [{id, type, timestamp, state, step_id, details}], next_cursor}`, oldest first.

    `state` and `step_id` are null for events of the run itself. Raises NotFoundError, InvalidRequestError (cursor).
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    scope = f"events/{execution_id}"
    token, states = None, {}
    if cursor is not None:
        token, carried = cursors.decode(caller.tenant_id, scope, cursor)
        states = {int(number): name for number, name in carried.items()}
    try:
        page, next_token = engine.history.page(execution.execution_arn, limit, token)
    except ExecutionGoneError:
        page, next_token = [], None
    except engine.stepfunctions.exceptions.InvalidToken:
        raise InvalidRequestError("The cursor has expired. Begin with the first page.") from None
    items = [_event(dict(event), states) for event in page]
    next_cursor = None
    if next_token:
        last = dict(list(states.items())[-_MOST_OPEN_STATES:])
        next_cursor = cursors.encode(caller.tenant_id, scope, [next_token, last])
    return {"items": items, "next_cursor": next_cursor}


def _event(event: dict[str, Any], states: dict[int, str]) -> dict[str, Any]:
    """One event as the API shows it. `states` has the state of each event that a later one may follow."""
    details: dict[str, Any] = next((v for k, v in event.items() if k.endswith("EventDetails")), {})
    kind = event["type"]
    state = details.get("name") or details.get("state")
    if kind.startswith("Execution"):
        state = None
    elif state is None:
        state = states.get(event["previousEventId"])
    if not kind.endswith("StateEntered"):
        states.pop(event["previousEventId"], None)
    if state is not None:
        states[event["id"]] = state
    return {
        "id": event["id"],
        "type": kind,
        "timestamp": iso(event.get("timestamp")),
        "state": state,
        "step_id": state.partition(".")[0] if state else None,
        "details": _shown(kind, details),
    }


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
