"""Give a worker its next task."""

from __future__ import annotations

import json
import re
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.errors import InvalidRequestError, NotFoundError
from workflow_engine.machines.naming import activity_name
from workflow_engine.machines.port import TaskGoneError
from workflow_engine.observability import get_logger
from workflow_engine.settings import required
from workflow_engine.store.activity_tasks import Task
from workflow_engine.store.due import after
from workflow_engine.usecases.activities.relay import relay
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

logger = get_logger(__name__)

RELAY_SECONDS: Final = 75
"""Longer than Step Functions holds a request for a task; after that whoever asked is taken for lost."""

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 0.5

ASK_AGAIN_SECONDS: Final = 5.0
"""How often a poll looks whether somebody still asks on its behalf, which is a write each time. Who did may be done by now, and
another worker have what came.
"""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_WORKER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def poll(
    engine: Engine, caller: Caller, activity: str, seconds: int, worker: str | None
) -> answers.ActivityTask | None:
    """The next task, which is this worker's from then on; None when none comes within so many seconds.

    Raises NotFoundError for an activity that no registered step type has, InvalidRequestError for a worker's name that is none.
    """
    arn = activity_arn(engine, caller.tenant_id, activity)
    if worker is not None and not _WORKER.fullmatch(worker):
        raise InvalidRequestError("The query parameter worker must have 1 to 64 letters, digits, or any of . _ : -")
    ask_at = engine.now()
    end = ask_at + timedelta(seconds=seconds)
    pause = FIRST_PAUSE_SECONDS
    while True:
        task = _taken(engine, caller.tenant_id, activity)
        if task is not None:
            return {"task_id": task.task_id, "input": json.loads(task.input or "null")}
        if engine.now() >= ask_at:
            _ask(engine, caller.tenant_id, activity, arn, worker or "")
            ask_at = engine.now() + timedelta(seconds=ASK_AGAIN_SECONDS)
        left = (end - engine.now()).total_seconds()
        if left <= 0:
            return None
        if not _paused(engine, arn, min(pause, left)):
            return None
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def _paused(engine: Engine, arn: str, seconds: float) -> bool:
    """Wait so long; False where the server stops meanwhile."""
    with engine.watching(arn) as wait:  # an ARN of an activity is nobody's run
        return wait(seconds)


def activity_arn(engine: Engine, tenant_id: str, activity: str) -> str:
    """The ARN of a tenant's activity. Raises NotFoundError unless a registered step type has it."""
    if _NAME.fullmatch(activity) and engine.activity_tasks.is_activity(tenant_id, activity):
        return engine.settings.activity_arn(activity_name(engine.settings.activity_prefix, tenant_id, activity))
    raise NotFoundError(
        f"There is no activity '{activity[:100]}'. POST /steps/register with execution_type 'activity' makes one."
    )


def _taken(engine: Engine, tenant_id: str, activity: str) -> Task | None:
    """The next task that somebody still waits for. Its heartbeat begins anew."""
    while (task := engine.activity_tasks.take(tenant_id, activity)) is not None:
        assert task.token is not None
        try:
            engine.runs.send_heartbeat(task.token)
        except TaskGoneError:
            engine.activity_tasks.answered(task, "gone", int(engine.now().timestamp()))
            continue
        return task
    return None


def _ask(engine: Engine, tenant_id: str, activity: str, arn: str, worker: str) -> None:
    """Let somebody ask Step Functions for a task, unless somebody does for this worker."""
    now, seconds = engine.timestamp(), int(engine.now().timestamp())
    until = after(now, RELAY_SECONDS)
    if not engine.activity_tasks.begin_relay(tenant_id, activity, worker, now, until, seconds + RELAY_SECONDS):
        return
    event = {"tenant_id": tenant_id, "activity": activity, "activity_arn": arn, "worker": worker}
    if engine.laptop is not None:
        name = f"relay of {activity}"
        threading.Thread(target=_relay_here, args=(engine, event), daemon=True, name=name).start()
        return
    try:
        engine.client("lambda").invoke(
            FunctionName=required("ACTIVITY_RELAY"), InvocationType="Event", Payload=json.dumps(event).encode()
        )
    except Exception:
        engine.activity_tasks.end_relay(tenant_id, activity, worker)  # else nobody would ask for as long as one takes
        raise


def _relay_here(engine: Engine, event: dict[str, Any]) -> None:
    try:
        relay(engine, **event)
    except Exception:  # the server stops, say
        logger.debug("nobody asks for a task of an activity any more", exc_info=True)
