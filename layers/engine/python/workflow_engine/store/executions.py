"""Executions. A status is never overwritten by an older one: a redrive is newer than what came before it, and within
one redrive the statuses that end a run come last and the first of them stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.store import keys
from workflow_engine.store.due import after
from workflow_engine.store.items import Record, Scalar, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import BY_ARN, BY_TENANT, BY_WORKFLOW
from workflow_engine.store.table import EVERYTHING, ConditionFailedError, Page, SortRange, Table, Write

RANKS: Final[Mapping[str, int]] = {
    "pending": 0,
    "running": 1,
    "waiting": 1,
    "completed": 3,
    "failed": 3,
    "cancelled": 3,
    "timed_out": 3,
}
"""A status may replace one of lower rank, or any of a lower redrive count."""

UNRECORDED_AFTER_SECONDS: Final = 900
"""When a run is first looked at by itself. By then most have ended, and their ends were recorded."""

ASKED_FOR: Final = 2
"""The rank of `cancelled` while Step Functions has been asked to stop a run and its history does not show the end
yet. If the run ended in another way just before, that may still replace it.
"""


def has_ended(status: str) -> bool:
    """True for statuses that no further status of the same redrive follows."""
    return RANKS[status] == 3


@dataclass(frozen=True, slots=True)
class Execution:
    """A run. Times are ISO 8601 UTC with milliseconds. `tags` and `error` are JSON. `started_by` is the authenticated
    principal, `user_id` whom they named, else themselves.
    """

    tenant_id: str
    execution_id: str
    workflow_id: str
    workflow_version: int
    workflow_name: str
    status: str
    started_at: str
    execution_arn: str
    user_id: str | None = None
    started_by: str | None = None
    session_id: str | None = None
    correlation_id: str | None = None
    tags: Json = None
    completed_at: str | None = None
    error: Json = None
    redrive_count: int = 0
    looks: int = 0
    """How often in a row it was looked at because its end is not recorded, and nothing came of it."""
    seen_at: str | None = None
    """When it was last found running."""


@dataclass(frozen=True, slots=True)
class ExecutionStore:
    """Executions of all tenants; every call but `find_by_arn` names the tenant."""

    table: Table
    payloads: PayloadStore

    def create(self, execution: Execution) -> None:
        """Write a new execution. ConflictError when the id is taken."""
        try:
            self.table.put(Write(_record(execution), "attribute_not_exists(pk)"))
        except ConditionFailedError:
            raise ConflictError(f"There is an execution '{execution.execution_id}' already.") from None

    def get(self, tenant_id: str, execution_id: str) -> Execution:
        """An execution. NotFoundError when the tenant has none of this id."""
        record = self.table.get(keys.execution(tenant_id, execution_id), keys.META)
        if record is None:
            raise NotFoundError(f"There is no execution '{execution_id}'.")
        return self._execution(record)

    def find_by_arn(self, execution_arn: str) -> tuple[str, str] | None:
        """Tenant's and execution's key of a Step Functions execution; eventually consistent, None when it has no
        record (yet).
        """
        found = self.table.find_by(BY_ARN, execution_arn)
        return (found["pk"], found["sk"]) if found else None

    def load(self, key: tuple[str, str]) -> Execution | None:
        """The execution of a key that `find_by_arn` gave."""
        record = self.table.get(*key)
        return None if record is None else self._execution(record)

    def move(self, execution: Execution, execution_arn: str) -> None:
        """Let the record of a run that has not started yet point to another machine's execution."""
        key = keys.execution(execution.tenant_id, execution.execution_id)
        self.table.update(key, keys.META, {"execution_arn": execution_arn}, "attribute_exists(pk)")

    def remove(self, execution: Execution) -> None:
        """Take back the record of a run that could not be started."""
        self.table.delete(keys.execution(execution.tenant_id, execution.execution_id), keys.META)

    def update_status(
        self,
        execution: Execution,
        status: str,
        redrive_count: int,
        *,
        completed_at: str | None = None,
        error: Json = None,
        rank: int | None = None,
    ) -> bool:
        """Set a status unless a newer one stands. True if it was set. `rank` is given for `ASKED_FOR` only."""
        rank = RANKS[status] if rank is None else rank
        changes: dict[str, Scalar] = {
            "status": status,
            "status_rank": rank,
            "redrive_count": redrive_count,
            "completed_at": completed_at,
            "error": self.payloads.store(execution.tenant_id, error) if error is not None else None,
            # An ended run leaves the index of those to look at; any other status is to be looked at soon.
            "due_list": None if rank == RANKS["completed"] else keys.due_execution(execution.execution_id),
            "due_at": None if rank == RANKS["completed"] else completed_at or execution.started_at,
            "looks": None,
        }
        older = "redrive_count < :count OR (redrive_count = :count AND status_rank < :rank)"
        try:
            self.table.update(
                keys.execution(execution.tenant_id, execution.execution_id),
                keys.META,
                changes,
                f"attribute_exists(pk) AND ({older})",
                {":count": redrive_count, ":rank": rank},
            )
        except ConditionFailedError:
            return False
        return True

    def page(
        self,
        tenant_id: str,
        workflow_id: str | None,
        status: str | None,
        limit: int,
        cursor: str | None,
        *,
        started: SortRange = EVERYTHING,
    ) -> Page:
        """Summaries, newest first, of all executions or of those of one workflow, of all statuses or of one.

        `started` has timestamps in the form of `Execution.started_at`; runs of its `low` are in, of its `high` are not,
        since the keys are longer than the timestamps they begin with.
        """
        index, partition = (
            (BY_WORKFLOW, keys.executions_of(tenant_id, workflow_id))
            if workflow_id
            else (BY_TENANT, keys.executions(tenant_id))
        )
        equals = {"status": status} if status else {}
        return self.table.query(
            tenant_id, partition, index=index, sort_range=started, limit=limit, cursor=cursor, equals=equals
        )

    def _execution(self, record: Record) -> Execution:
        return Execution(
            tenant_id=record["tenant_id"],
            execution_id=record["execution_id"],
            workflow_id=record["workflow_id"],
            workflow_version=record["workflow_version"],
            workflow_name=record["workflow_name"],
            status=record["status"],
            started_at=record["started_at"],
            execution_arn=record["execution_arn"],
            user_id=record.get("user_id"),
            started_by=record.get("started_by"),
            session_id=record.get("session_id"),
            correlation_id=record.get("correlation_id"),
            tags=self.payloads.load(record["tags"]) if "tags" in record else None,
            completed_at=record.get("completed_at"),
            error=self.payloads.load(record["error"]) if "error" in record else None,
            redrive_count=record["redrive_count"],
            looks=record.get("looks", 0),
            seen_at=record.get("seen_at"),
        )


def _record(execution: Execution) -> Record:
    order = keys.ordered(execution.started_at, execution.execution_id)
    return {
        "pk": keys.execution(execution.tenant_id, execution.execution_id),
        "sk": keys.META,
        "tenant_list": keys.executions(execution.tenant_id),
        "tenant_order": order,
        "workflow_list": keys.executions_of(execution.tenant_id, execution.workflow_id),
        "workflow_order": order,
        "due_list": keys.due_execution(execution.execution_id),
        "due_at": after(execution.started_at, UNRECORDED_AFTER_SECONDS),
        "tenant_id": execution.tenant_id,
        "execution_id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "workflow_name": execution.workflow_name,
        "status": execution.status,
        "status_rank": RANKS[execution.status],
        "redrive_count": execution.redrive_count,
        "started_at": execution.started_at,
        "execution_arn": execution.execution_arn,
        "user_id": execution.user_id,
        "started_by": execution.started_by,
        "session_id": execution.session_id,
        "correlation_id": execution.correlation_id,
        "tags": None if execution.tags is None else dump(execution.tags),
    }
