"""Ask Step Functions for a task of an activity, and keep it for the workers.

GetActivityTask holds a request for up to 60 seconds, and who hangs up before loses the task that may have been handed out
meanwhile (API reference: a client's timeout must be 65 seconds at least). An HTTP API gives up after 30. So a worker's request
never asks Step Functions itself: this does, for as long as it takes, and workers are given what it has kept.
"""

from __future__ import annotations

import json
import uuid

from workflow_engine.machines.port import ActivityGoneError
from workflow_engine.observability import get_logger
from workflow_engine.store.activity_tasks import Task
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)


def relay(engine: Engine, tenant_id: str, activity: str, activity_arn: str, worker: str) -> bool:
    """Ask once, for a minute at most; True if a task came."""
    try:
        found = engine.runs.next_activity_task(activity_arn, worker or None)
        if found is None:
            return False
        step_type, execution_id = _about(found.input)
        task = Task(
            tenant_id,
            activity,
            uuid.uuid4().hex,
            found.token,
            found.input,
            step_type=step_type,
            execution_id=execution_id,
        )
        now = engine.now()
        engine.activity_tasks.arrive(task, engine.timestamp(), int(now.timestamp()))
        return True
    except ActivityGoneError:
        logger.warning("there is no such activity", extra={"activity": activity})
        return False
    finally:
        engine.activity_tasks.end_relay(tenant_id, activity, worker)


def _about(text: str) -> tuple[str | None, str | None]:
    """The step type and the execution of a task; None for one that no run of ours has, which is handed out as any other."""
    try:
        event = json.loads(text)
        return str(event["step_config"]["step_type"]), str(event["execution_context"]["execution_id"])
    except (ValueError, KeyError, TypeError):
        return None, None
