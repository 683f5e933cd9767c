"""Remind of decisions that nobody has made: each reminder is a run of one step, of the type that the approval names.

A run, because a registered step may be a Lambda, an endpoint or a worker, may take long and may fail: it is tried again, timed
and shown as any other. The approval itself waits on, whatever becomes of its reminders.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.errors import QuotaExceededError, ThrottledError, WorkflowEngineError
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.observability import get_logger
from workflow_engine.statuses import has_ended
from workflow_engine.store.approvals import Approval
from workflow_engine.store.executions import Execution
from workflow_engine.store.reminders import Reminder
from workflow_engine.store.table import Key
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.waiting import is_past
from workflow_engine.usecases.upkeep.rounds import work_off

if TYPE_CHECKING:
    from workflow_engine.usecases.bodies.run import WorkflowRunFields

logger = get_logger(__name__)

MAX_REMINDERS: Final = 200
"""In one round."""

SENT_AGAIN_AFTER_SECONDS: Final = 300
"""When a reminder is due again that was begun, unless it is known by then what became of it."""

STEP_ID: Final = "remind"
TAG: Final = "reminder"


def send_reminders(engine: Engine, seconds_left: Callable[[], float] = lambda: math.inf) -> dict[str, int]:
    """Start what is due; gives `{sent, ended, failed}`. `ended` are those whose approval is open no more.

    For each due time one run is started, however often it is tried: the idempotency key of its start is made of approval, attempt
    and number. A reminder that is refused, since its step type is gone or does not fit any more, is logged and left out.
    """
    counts = {"sent": 0, "ended": 0, "failed": 0}
    due = engine.due.reminders(engine.timestamp(), MAX_REMINDERS)
    work_off(engine, due, _look_at, counts, seconds_left, SENT_AGAIN_AFTER_SECONDS)
    return counts


def _look_at(engine: Engine, key: Key) -> str | None:
    reminder = engine.reminders.load(key)
    if reminder is None:
        return None
    approval = engine.approvals.find(reminder.tenant_id, reminder.execution_id, reminder.place)
    execution = engine.executions.find(reminder.tenant_id, reminder.execution_id)
    if approval is None or execution is None or not _is_asked(engine, reminder, approval, execution):
        engine.reminders.end(reminder)
        return "ended"
    told = {"execution_id": reminder.execution_id, "place": reminder.place, "reminder": reminder.number}
    done = "sent"
    try:
        _start(engine, reminder, approval, execution)
        logger.info("reminder is sent", extra=told)
    except QuotaExceededError:  # of one tenant; it is tried again when it is due again
        logger.warning("reminder waits for its tenant's quota", extra=told)
        return "failed"
    except ThrottledError:
        raise
    except (InvalidWorkflowError, WorkflowEngineError):
        logger.exception("reminder is refused", extra=told)
        done = "failed"
    next_due = _next_due(engine, reminder)
    if next_due is None:
        engine.reminders.end(reminder)
    else:
        engine.reminders.go_on(reminder, next_due)
    return done


def _is_asked(engine: Engine, reminder: Reminder, approval: Approval, execution: Execution) -> bool:
    """Whether the attempt that is to be reminded of still waits for its decision."""
    is_open = approval.state == "open" and approval.opening == reminder.opening
    return is_open and not is_past(engine, approval) and not has_ended(execution.status)


def _next_due(engine: Engine, reminder: Reminder) -> str | None:
    """The time of the next one, counted from now: of several that nobody could send meanwhile, one is enough."""
    if reminder.every_seconds is None or reminder.number >= reminder.most:
        return None
    return iso(engine.now() + timedelta(seconds=reminder.every_seconds))


def _start(engine: Engine, reminder: Reminder, approval: Approval, execution: Execution) -> None:
    # With the models of documents, which most rounds do without.
    from workflow_engine.usecases.bodies.run import WorkflowRunFields
    from workflow_engine.usecases.bodies.workflow import PostedWorkflow
    from workflow_engine.usecases.runs.launch import launch_once
    from workflow_engine.usecases.runs.start_run import prepared

    caller = Caller(reminder.tenant_id)
    given = _input(reminder, approval, execution)

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        run = WorkflowRunFields(
            input=given,
            tags=[TAG],
            session_id=execution.session_id,
            correlation_id=execution.correlation_id,
            metadata={"reminder_of": {"execution_id": execution.execution_id, "place": approval.place}},
        )
        return prepared(engine, caller, PostedWorkflow(_workflow(reminder, given), "", run))

    said = f"{reminder.execution_id} {reminder.place} {reminder.opening} {reminder.number}"
    launch_once(engine, caller, TAG, hashlib.sha256(said.encode()).hexdigest(), said, prepare)


def _workflow(reminder: Reminder, given: dict[str, Any]) -> dict[str, Any]:
    """The same for every reminder of a kind: what differs is the run's input, so one machine sends them all."""
    step = {
        "step_id": STEP_ID,
        "step_type": reminder.step_type,
        "config": dict(reminder.config),
        "input_mapping": {name: f"input.{name}" for name in given},
    }
    return {"name": f"Reminder by {reminder.step_type}", "steps": [step]}


def _input(reminder: Reminder, approval: Approval, execution: Execution) -> dict[str, Any]:
    """What the step is told. Never the token: who gets the reminder decides by the API."""
    return {
        "execution_id": approval.execution_id,
        "workflow_id": execution.workflow_id,
        "workflow_name": execution.workflow_name,
        "step_id": approval.step_id,
        "place": approval.place,
        "message": approval.prompt,
        "roles": [] if approval.approver_role is None else [approval.approver_role],
        "require_comment": approval.require_comment,
        "asked_at": approval.opened_at,
        "deadline": approval.deadline,
        "number": reminder.number,
    }
