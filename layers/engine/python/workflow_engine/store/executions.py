"""Executions. A status is never overwritten by an older one: a redrive is newer than what came before it, and within
one redrive the statuses that end a run come last and the first of them stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from workflow_engine.errors import ConflictError, NotFoundError, RequestUnderWayError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.statuses import RUN_ENDS, RunStatus, has_ended
from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Missing, all_of, any_of, below, equals
from workflow_engine.store.due import after
from workflow_engine.store.items import Record, Scalar, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.retention import expiry
from workflow_engine.store.run_lists import RunFilter, RunLists, RunPage, shown_error, shown_tags
from workflow_engine.store.run_slots import SlotTakenError, leave_slot, slot_write
from workflow_engine.store.schema import BY_ARN, PARTITION_KEY
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import ConditionFailedError, Query, SortPrefix, Table, Write

ENDED: Final = 3
"""The rank of a status that ends a run."""
_CHILDREN_PAGE: Final = 100
_RANKS: Final[Mapping[str, int]] = {"pending": 0, "running": 1, "waiting": 1, **dict.fromkeys(RUN_ENDS, ENDED)}
"""A status may replace one of lower rank, or any of a lower redrive count."""

UNRECORDED_AFTER_SECONDS: Final = 900
"""When a run is first looked at by itself. By then most have ended, and their ends were recorded."""

ASKED_FOR: Final = 2
"""The rank of `cancelled` while Step Functions has been asked to stop a run and its history does not show the end
yet. If the run ended in another way just before, that may still replace it.
"""


@dataclass(frozen=True, slots=True)
class Execution:
    """A run. Times are ISO 8601 UTC with milliseconds. `tags`, `metadata` and `error` are JSON. `started_by` is the authenticated
    principal, `user_id` whom they named, else themselves.

    `attempt_id` is the attempt that starts it (`store.idempotency`); `attempted_at` is when that took over from an earlier
    one, if it did.
    """

    tenant_id: str
    execution_id: str
    workflow_id: str
    workflow_version: int
    workflow_name: str
    status: RunStatus
    started_at: str
    execution_arn: str
    user_id: str | None = None
    started_by: str | None = None
    session_id: str | None = None
    correlation_id: str | None = None
    tags: Json = None
    metadata: Json = None
    organization_id: str | None = None
    backend: str | None = None
    parent_execution_id: str | None = None
    """The run of which this is a subflow."""
    parent_place: str | None = None
    """The place there of the step that started it."""
    completed_at: str | None = None
    error: Json = None
    redrive_count: int = 0
    last_redrive_at: str | None = None
    output: str | None = None
    """What it gave, as `payloads` keeps a document; None until it has completed, and while only its history tells."""
    failed_steps: list[str] | None = None
    """The first of the steps that failed; None while only its history tells."""
    is_end_recorded: bool = False
    """Whether it has ended, and is not only asked to."""
    looks: int = 0
    """How often in a row it was looked at because its end is not recorded, and nothing came of it."""
    seen_at: str | None = None
    """When it was last found running."""
    attempt_id: str | None = None
    attempted_at: str | None = None
    waits_since: str | None = None
    """The opening of the last approval that the run came to."""
    redriven_by: str | None = None
    cancelled_by: str | None = None
    cancel_cause: str | None = None
    rerun_of: str | None = None
    """The run whose input, or steps, this one took over."""
    rerun_from_step: str | None = None
    workflow_build: int = 1
    """The build of the version that is run (`store.workflows`), of a variant its own."""
    variant_id: str | None = None
    """The unlisted workflow that is run in place of the version, which differs from it in the steps that are not run."""
    is_mocked: bool = False
    """Whether something stands in for its steps, as a laptop lets it. Figures leave such a run out."""
    slot: int | None = None
    """Its place among the runs that its tenant may have at once (`store.quotas`)."""


@dataclass(frozen=True, slots=True)
class ExecutionStore:
    """Executions of all tenants; every call but `find_by_arn` names the tenant."""

    table: Table
    payloads: PayloadStore
    shards: RunShards
    retention_days: int = 0
    """After a run's end its record expires; 0 keeps it."""

    def create(self, execution: Execution, start_input: str | None = None, expires_at: int | None = None) -> None:
        """Write a new execution and, for attempts to come until `expires_at` (seconds since the epoch), what it is started
        with. ConflictError when the id is taken, SlotTakenError when the slot is.
        """
        self.shards.announce()
        writes = [Write(_record(execution, self.shards.of(execution.execution_id)), Missing(PARTITION_KEY))]
        if start_input is not None:
            start = {"pk": writes[0].record["pk"], "sk": keys.START, "tenant_id": execution.tenant_id}
            # At most 262,144 bytes (StartExecution, `input`), which an item has room for.
            writes.append(Write(start | {"start_input": start_input, "expires_at": expires_at}))
        if execution.parent_execution_id is not None:
            kept_until = expiry(execution.started_at, self.retention_days, may_go_on=True)
            writes.append(Write(_child_record(execution, execution.parent_execution_id) | {"expires_at": kept_until}))
        if execution.slot is not None:
            writes.append(slot_write(execution.tenant_id, execution.slot, execution.execution_id))
        try:
            if len(writes) == 1:
                self.table.put(writes[0])
            else:
                self.table.write_all(writes)
        except ConditionFailedError:
            if execution.slot is not None and self.find(execution.tenant_id, execution.execution_id) is None:
                raise SlotTakenError from None
            raise ConflictError(f"There is an execution '{execution.execution_id}' already.") from None

    def start_input(self, execution: Execution) -> str | None:
        """What an execution is started with; None once it cannot be repeated any more."""
        record = self.table.get(keys.execution(execution.tenant_id, execution.execution_id), keys.START)
        return None if record is None else str(record["start_input"])

    def take_over(self, execution: Execution, attempt_id: str, at: str) -> Execution:
        """Let another attempt start an execution; gives it as it then stands. One that has ended meanwhile stays as it is.

        RequestUnderWayError when a third attempt was faster.
        """
        taken = replace(execution, attempt_id=attempt_id, attempted_at=at)
        try:
            self.table.update(
                keys.execution(execution.tenant_id, execution.execution_id),
                keys.META,
                {"attempt_id": attempt_id, "attempted_at": at},
                all_of(_is_started_by(execution), below("status_rank", ASKED_FOR)),
            )
        except ConditionFailedError:
            standing = self.get(execution.tenant_id, execution.execution_id)
            if has_ended(standing.status):
                return standing
            raise _taken_over() from None
        return taken

    def get(self, tenant_id: str, execution_id: str) -> Execution:
        """An execution. NotFoundError when the tenant has none of this id."""
        execution = self.find(tenant_id, execution_id)
        if execution is None:
            raise NotFoundError(f"There is no execution '{execution_id}'.")
        return execution

    def find(self, tenant_id: str, execution_id: str) -> Execution | None:
        """An execution, None when the tenant has none of this id."""
        return self.load((keys.execution(tenant_id, execution_id), keys.META))

    def children(self, execution: Execution) -> Iterator[str]:
        """The ids of the runs that an execution has started as subflows, and of which there is a record, in no order."""
        wanted = Query(keys.execution(execution.tenant_id, execution.execution_id), sort=SortPrefix(keys.CHILDREN))
        cursor = None
        while True:
            page = self.table.query(execution.tenant_id, wanted, limit=_CHILDREN_PAGE, cursor=cursor)
            for record in page.records:
                yield record["execution_id"]
            cursor = page.next_cursor
            if cursor is None:
                return

    def find_many(self, tenant_id: str, execution_ids: Iterable[str]) -> dict[str, Execution]:
        """Executions by id, without those that are not there."""
        wanted = [(keys.execution(tenant_id, execution_id), keys.META) for execution_id in execution_ids]
        found = map(self._execution, self.table.get_many(wanted) if wanted else ())
        return {execution.execution_id: execution for execution in found}

    def find_by_arn(self, execution_arn: str) -> tuple[str, str] | None:
        """Tenant's and execution's key of a Step Functions execution; eventually consistent, None when it has no record (yet)."""
        found = self.table.find_by(BY_ARN, execution_arn)
        return (found["pk"], found["sk"]) if found else None

    def load(self, key: tuple[str, str]) -> Execution | None:
        """The execution of a key that `find_by_arn` gave."""
        record = self.table.get(*key)
        return None if record is None else self._execution(record)

    def move(self, execution: Execution) -> None:
        """Let the record of a run that has not started yet point to another machine's execution.

        RequestUnderWayError when another attempt starts it meanwhile.
        """
        key = keys.execution(execution.tenant_id, execution.execution_id)
        changes = {"execution_arn": execution.execution_arn}
        try:
            self.table.update(key, keys.META, changes, _is_started_by(execution))
        except ConditionFailedError:
            raise _taken_over() from None

    def remove(self, execution: Execution) -> bool:
        """Take back the record of a run that could not be started; False when another attempt starts it meanwhile."""
        key = keys.execution(execution.tenant_id, execution.execution_id)
        try:
            self.table.delete(key, keys.META, _is_started_by(execution))
        except ConditionFailedError:
            return False
        self._leave_slot(execution)
        return True

    def _leave_slot(self, execution: Execution) -> None:
        if execution.slot is not None:
            leave_slot(self.table, execution.tenant_id, execution.slot, execution.execution_id)

    def update_status(
        self,
        execution: Execution,
        status: RunStatus,
        redrive_count: int,
        *,
        completed_at: str | None = None,
        error: Json = None,
        rank: int | None = None,
        attempt_id: str | None = None,
        has_failures: bool = False,
    ) -> bool:
        """Set a status unless a newer one stands. True if it was set. `rank` is given for `ASKED_FOR` only. `has_failures` is
        whether a step has failed, also in a run that went on; a run with an error always has.

        With `attempt_id` it is set only while no other attempt starts the run.
        """
        rank = _RANKS[status] if rank is None else rank
        changes: dict[str, Scalar] = {
            "status": status,
            "status_rank": rank,
            "redrive_count": redrive_count,
            "completed_at": completed_at,
            "error": self.payloads.store(execution.tenant_id, error) if error is not None else None,
            "output": None,
            "failed_steps": None,
            "shown_error": shown_error(error),
            "has_failures": has_failures or error is not None or None,
            # An ended run leaves the index of those to look at; any other status is to be looked at soon.
            "due_list": None if rank == ENDED else keys.due_execution(execution.execution_id),
            "due_at": None if rank == ENDED else completed_at or execution.started_at,
            "looks": None,
            "expires_at": expiry(completed_at or execution.started_at, self.retention_days) if rank == ENDED else None,
        }
        if status != "cancelled":
            changes |= {"cancelled_by": None, "cancel_cause": None}
        condition: Condition = any_of(
            below("redrive_count", redrive_count),
            all_of(equals("redrive_count", redrive_count), below("status_rank", rank)),
        )
        if attempt_id is not None:
            condition = all_of(condition, equals("attempt_id", attempt_id))
        key = keys.execution(execution.tenant_id, execution.execution_id)
        try:
            self.table.update(key, keys.META, changes, condition)
        except ConditionFailedError:
            return False
        if rank == ENDED:
            self._leave_slot(execution)
        return True

    def set_waiting(self, execution_key: tuple[str, str], epoch: str) -> None:
        """A run waits for a decision, unless it has ended. `epoch` tells this moment from any other."""
        with contextlib.suppress(ConditionFailedError):
            self.table.update(
                *execution_key, {"status": "waiting", "waits_since": epoch}, below("status_rank", ASKED_FOR)
            )

    def set_running(self, execution: Execution) -> bool:
        """A run waits for nobody any more, as far as this record of it goes: False when it has ended, or has begun to wait
        again since the record was read.
        """
        key = keys.execution(execution.tenant_id, execution.execution_id), keys.META
        still = all_of(below("status_rank", ASKED_FOR), equals("waits_since", execution.waits_since))
        try:
            self.table.update(*key, {"status": "running"}, all_of(still, equals("status", "waiting")))
        except ConditionFailedError:
            return False
        return True

    def page(self, tenant_id: str, wanted: RunFilter, limit: int, cursor: str | None = None) -> RunPage:
        """Runs of a tenant, newest first (`RunLists.page`)."""
        return RunLists(self.table, self.payloads, self.shards).page(tenant_id, wanted, limit, cursor)

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
            metadata=self.payloads.load(record["metadata"]) if "metadata" in record else None,
            organization_id=record.get("organization_id"),
            backend=record.get("backend"),
            parent_execution_id=record.get("parent_execution_id"),
            parent_place=record.get("parent_place"),
            completed_at=record.get("completed_at"),
            error=self.payloads.load(record["error"]) if "error" in record else None,
            redrive_count=record["redrive_count"],
            last_redrive_at=record.get("last_redrive_at"),
            output=record.get("output"),
            failed_steps=self.payloads.load(record["failed_steps"]) if "failed_steps" in record else None,
            is_end_recorded=record["status_rank"] == ENDED,
            looks=record.get("looks", 0),
            seen_at=record.get("seen_at"),
            attempt_id=record.get("attempt_id"),
            attempted_at=record.get("attempted_at"),
            waits_since=record.get("waits_since"),
            redriven_by=record.get("redriven_by"),
            cancelled_by=record.get("cancelled_by"),
            cancel_cause=record.get("cancel_cause"),
            rerun_of=record.get("rerun_of"),
            rerun_from_step=record.get("rerun_from_step"),
            workflow_build=record.get("workflow_build", 1),
            variant_id=record.get("variant_id"),
            is_mocked="is_mocked" in record,
            slot=record.get("slot"),
        )


def rank_of(status: RunStatus) -> int:
    """`status_rank` of a status, but for `ASKED_FOR`."""
    return _RANKS[status]


def _is_started_by(execution: Execution) -> Condition:
    return equals("attempt_id", execution.attempt_id)


def _taken_over() -> RequestUnderWayError:
    return RequestUnderWayError("A repetition of this request is starting the run. Try again in a second.")


def _child_record(execution: Execution, parent_id: str) -> Record:
    """What the parent's partition has of a subflow."""
    return {
        "pk": keys.execution(execution.tenant_id, parent_id),
        "sk": keys.child(execution.execution_id),
        "tenant_id": execution.tenant_id,
        "execution_id": execution.execution_id,
    }


def _record(execution: Execution, shard: int) -> Record:
    order = keys.ordered(execution.started_at, execution.execution_id)
    return {
        "pk": keys.execution(execution.tenant_id, execution.execution_id),
        "sk": keys.META,
        "tenant_list": keys.executions(execution.tenant_id, shard),
        "tenant_order": order,
        "workflow_list": keys.executions_of(execution.tenant_id, execution.workflow_id, shard),
        "workflow_order": order,
        "due_list": keys.due_execution(execution.execution_id),
        "due_at": after(execution.started_at, UNRECORDED_AFTER_SECONDS),
        "tenant_id": execution.tenant_id,
        "execution_id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "workflow_name": execution.workflow_name,
        "status": execution.status,
        "status_rank": _RANKS[execution.status],
        "redrive_count": execution.redrive_count,
        "started_at": execution.started_at,
        "execution_arn": execution.execution_arn,
        "user_id": execution.user_id,
        "started_by": execution.started_by,
        "session_id": execution.session_id,
        "correlation_id": execution.correlation_id,
        "slot": execution.slot,
        "tags": None if execution.tags is None else dump(execution.tags),
        "shown_tags": shown_tags(execution.tags),
        "metadata": None if execution.metadata is None else dump(execution.metadata),
        "organization_id": execution.organization_id,
        "backend": execution.backend,
        "parent_execution_id": execution.parent_execution_id,
        "parent_place": execution.parent_place,
        "attempt_id": execution.attempt_id,
        "attempted_at": execution.attempted_at,
        "rerun_of": execution.rerun_of,
        "rerun_from_step": execution.rerun_from_step,
        # Most runs are of the first.
        "workflow_build": execution.workflow_build if execution.workflow_build > 1 else None,
        "variant_id": execution.variant_id,
        "is_mocked": execution.is_mocked or None,
    }
