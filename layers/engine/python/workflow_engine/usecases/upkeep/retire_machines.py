"""Delete machines that nobody uses, so that an account's quota of state machines is never used up.

Two looks, at least an hour apart: an idle machine is first retired, so that no new workflow takes it, and deleted when
it is still idle later. A start that meets the deletion goes on with the next generation of the name (`launch`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workflow_engine.machines.idleness import MIN_IDLE_DAYS
from workflow_engine.observability import get_logger
from workflow_engine.store.due import after
from workflow_engine.store.machines import MachineGeneration
from workflow_engine.store.table import Key
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)

RETIRED_FOR_SECONDS: Final = 3600
"""Longer than any request that has read the machine's record may take to start it."""

STARTED_LATER_BY: Final = timedelta(days=2)
"""Than it was noted that a run would start: a request may be repeated for a day, and then starts the run that it noted."""

MAX_MACHINES_A_ROUND: Final = 200
_DAY_SECONDS: Final = 86_400


def retire_machines(engine: Engine, idle_days: int) -> dict[str, int]:
    """Retire and delete what has been idle for `idle_days`; gives `{looked_at, retired, deleted, failed}`.

    A machine that cannot be looked at is logged and looked at again a day later; it does not hold up the others.

    Raises ValueError for fewer than 15 days.
    """
    if idle_days < MIN_IDLE_DAYS:
        raise ValueError(
            f"Machines must be kept for {MIN_IDLE_DAYS} days at least, not {idle_days}: runs are redriven."
        )
    keys = engine.due.machines(engine.timestamp(), MAX_MACHINES_A_ROUND)
    counts = {"looked_at": len(keys), "retired": 0, "deleted": 0, "failed": 0}
    for key in keys:
        try:
            done = _look_at(engine, key, idle_days)
        except Exception:
            logger.exception("machine was not looked at", extra={"record": "/".join(key)})
            engine.due.postpone(key, after(engine.timestamp(), _DAY_SECONDS))
            done = "failed"
        if done is not None:
            counts[done] += 1
    return counts


def _look_at(engine: Engine, key: Key, idle_days: int) -> str | None:
    machine = engine.machine_records.generation(key)
    if machine is None or machine.due_at is None or machine.due_at > engine.timestamp():
        return None  # the index, or this round, has been overtaken
    since = engine.now() - timedelta(days=idle_days)
    is_new = datetime.fromisoformat(machine.created_at) >= since
    is_used = is_new or engine.machine_use.is_used(machine.machine_arn, since)
    if is_used or _may_be_started_as_a_child(engine, machine, since):
        engine.due.postpone(key, after(engine.timestamp(), _DAY_SECONDS))
        return None
    # A retired machine's record is retired again: nothing happens, unless the first time was cut short.
    if _retire(engine, machine):
        return "retired"
    if not machine.is_retired:
        return None
    engine.machine_use.delete(machine.machine_arn)
    engine.machine_records.forget(machine)
    logger.info("state machine deleted", extra={"machine_arn": machine.machine_arn})
    return "deleted"


def _may_be_started_as_a_child(engine: Engine, machine: MachineGeneration, since: datetime) -> bool:
    """Whether a run that goes on, or that may be redriven, has this machine for one of its subflows. What a run starts is fixed
    when it starts, so its machines say nothing of it before it comes to them.
    """
    for parent in engine.machine_records.parents(machine.machine_arn):
        last = datetime.fromisoformat(parent.last_start_at)
        if last >= since or engine.machine_use.is_used(
            parent.machine_arn, since, started_until=last + STARTED_LATER_BY
        ):
            return True
    return False


def _retire(engine: Engine, machine: MachineGeneration) -> bool:
    now = engine.timestamp()
    retired = engine.machine_records.retire(machine, now, after(now, RETIRED_FOR_SECONDS))
    if retired:
        logger.info("state machine retired", extra={"machine_arn": machine.machine_arn})
    return retired
