"""Tasks of activities between Step Functions and the workers: their tokens stay here, workers know ids.

A task `arrives` and waits for a worker, in the order of arrival; a worker that takes it answers it once.
"""

from __future__ import annotations

from typing import Final, Literal

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, any_of, at_most, equals
from workflow_engine.store.items import Record, Scalar
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE
from workflow_engine.store.table import ConditionFailedError, Query, Removal, SortPrefix, Table, Write

Answer = Literal["success", "failure"]

KEPT_SECONDS: Final = 366 * 86_400
"""How long a task may be answered: a run takes a year at most."""

ANSWERED_KEPT_SECONDS: Final = 86_400
"""How long it is known that a task was answered."""

_CANDIDATES: Final = 10
_KEPT: Final = ("task_id", "token", "step_type", "execution_id", TTL_ATTRIBUTE)
"""Of a task that a worker has taken; its input is the worker's now."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task that a worker has: `token` is None once it is answered; `input` is JSON as text, of one that is being taken."""

    tenant_id: str
    activity: str
    task_id: str
    token: str | None
    input: str | None = None
    answer: str | None = None
    """How it was answered, and a hash of what with."""
    step_type: str | None = None
    execution_id: str | None = None


@dataclass(frozen=True, slots=True)
class ActivityTaskStore:
    """Tasks of all tenants' activities."""

    table: Table

    def make_activity(self, tenant_id: str, activity: str) -> None:
        """Note that a tenant has this activity."""
        self.table.put(Write({PARTITION_KEY: keys.activity(tenant_id, activity), SORT_KEY: keys.META}))

    def is_activity(self, tenant_id: str, activity: str) -> bool:
        """Whether a tenant has this activity."""
        return self.table.get(keys.activity(tenant_id, activity), keys.META) is not None

    def arrive(self, task: Task, arrived_at: str, now_seconds: int) -> None:
        """Keep a task that Step Functions has handed out, for the next worker that asks."""
        assert task.input is not None
        record = {
            PARTITION_KEY: keys.activity(task.tenant_id, task.activity),
            SORT_KEY: keys.arrived_task(arrived_at, task.task_id),
            "task_id": task.task_id,
            "token": task.token,
            # At most 256 KiB (GetActivityTask, `input`), which an item has room for.
            "input": task.input,
            "step_type": task.step_type,
            "execution_id": task.execution_id,
            TTL_ATTRIBUTE: now_seconds + KEPT_SECONDS,
        }
        self.table.put(Write(record))

    def take(self, tenant_id: str, activity: str) -> Task | None:
        """Give the oldest task that waits to this worker and no other; None when none waits."""
        partition = keys.activity(tenant_id, activity)
        waiting = Query(partition, sort=SortPrefix(keys.ARRIVED_TASKS), newest_first=False)
        for record in self.table.query(tenant_id, waiting, limit=_CANDIDATES).records:
            kept = {name: record.get(name) for name in _KEPT}
            taken = Write({PARTITION_KEY: partition, SORT_KEY: keys.taken_task(record["task_id"]), **kept})
            there = Removal(partition, record[SORT_KEY], equals("task_id", record["task_id"]))
            try:
                self.table.write_all([there, taken])
            except ConditionFailedError:
                continue  # another worker was faster
            return Task(tenant_id, activity, record["task_id"], record["token"], record.get("input", "null"))
        return None

    def find(self, tenant_id: str, activity: str, task_id: str) -> Task | None:
        """A task that a worker has taken."""
        record = self.table.get(keys.activity(tenant_id, activity), keys.taken_task(task_id))
        return None if record is None else _task(tenant_id, activity, record)

    def answered(self, task: Task, answer: str, now_seconds: int) -> None:
        """Note how a task was answered. Its token is forgotten."""
        changes: dict[str, Scalar] = {
            "token": None,
            "answer": answer,
            TTL_ATTRIBUTE: now_seconds + ANSWERED_KEPT_SECONDS,
        }
        key = keys.activity(task.tenant_id, task.activity), keys.taken_task(task.task_id)
        try:
            self.table.update(*key, changes)
        except ConditionFailedError:
            return  # it is gone by age

    def begin_relay(self, tenant_id: str, activity: str, worker: str, now: str, until: str, expires_at: int) -> bool:
        """Note that somebody asks Step Functions for a task on a worker's behalf. False when somebody does already."""
        record: Record = {
            PARTITION_KEY: keys.activity(tenant_id, activity),
            SORT_KEY: keys.relay(worker),
            "until": until,
            TTL_ATTRIBUTE: expires_at,
        }
        try:
            self.table.put(Write(record, any_of(Missing(PARTITION_KEY), at_most("until", now))))
        except ConditionFailedError:
            return False
        return True

    def end_relay(self, tenant_id: str, activity: str, worker: str) -> None:
        """Nobody asks for this worker any more."""
        self.table.delete(keys.activity(tenant_id, activity), keys.relay(worker))


def _task(tenant_id: str, activity: str, record: Record) -> Task:
    known = {name: record.get(name) for name in ("answer", "step_type", "execution_id")}
    return Task(tenant_id, activity, record["task_id"], record.get("token"), **known)
