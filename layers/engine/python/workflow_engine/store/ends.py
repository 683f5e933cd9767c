"""How runs ended: written to their records, once and in order whatever tells it, how often and when.

One conditional write a run. A record's end is replaced by that of a later redrive, and by what the history says of the same
end; every other end that is told again, or too late, changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workflow_engine.errors import PayloadTooLargeError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.statuses import RunStatus
from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Missing, all_of, any_of, at_most, below, equals
from workflow_engine.store.due import after
from workflow_engine.store.executions import ENDED, Execution
from workflow_engine.store.items import Record, Scalar, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.retention import expiry
from workflow_engine.store.run_lists import shown_error
from workflow_engine.store.run_slots import leave_slot
from workflow_engine.store.table import ConditionFailedError, Table
from workflow_engine.timestamps import iso

_CLOCKS_DIFFER_BY: Final = timedelta(seconds=1)
"""Between the end that an event tells and the same end in the history."""

ARCHIVED_AFTER_SECONDS: Final = 300.0
"""Who wants the results of a run mostly asks at once, and reads its history by that."""


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """The end of an execution as its record has it. `output` is JSON text or where that is kept, None where it is not known.
    `redrive_count` is None where nothing tells it; the record's stays then. `failed_steps` are the first of those that failed,
    None where it is not known. `is_archived` says that the history is to be read some time.
    """

    execution_arn: str
    status: RunStatus
    completed_at: str
    redrive_count: int | None = None
    output: str | None = None
    error: Json = None
    failed_steps: tuple[str, ...] | None = None
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class EndStore:
    """Ends of the runs of all tenants."""

    table: Table
    payloads: PayloadStore
    retention_days: int = 0
    """After a run's end its record expires; 0 keeps it."""

    def record(self, tenant_id: str, execution_id: str, end: RecordedEnd, *, from_history: bool = False) -> bool:
        """Write an end; False if there is no such run, it is of another execution, or what its record says is newer.

        What a history says replaces what was told in brief of the same end.
        """
        key = keys.execution(tenant_id, execution_id), keys.META
        output = None if end.output is None else self.payloads.store_text(tenant_id, end.output)
        error = None if end.error is None else self.payloads.store(tenant_id, end.error)
        changes = self._changes(execution_id, end) | {"output": output, "error": error}
        condition = _read(end) if from_history else _told(end)
        try:
            try:
                before = self.table.update(*key, changes, condition)
            except PayloadTooLargeError:
                # Beside long tags and metadata the record has no room for them.
                apart = {name: self._apart(tenant_id, changes[name]) for name in ("output", "error")}
                before = self.table.update(*key, changes | apart, condition)
        except ConditionFailedError:
            return False
        self._leave_slot(tenant_id, execution_id, before)
        return True

    def never_started(self, execution: Execution, end: RecordedEnd) -> bool:
        """Write that a run was never started, unless it has ended, or another attempt starts it meanwhile. It gives way to an
        end that comes later.
        """
        key = keys.execution(execution.tenant_id, execution.execution_id), keys.META
        changes = self._changes(execution.execution_id, end) | {"output": None, "error": dump(end.error)}
        still = all_of(_of_execution(end), equals("attempt_id", execution.attempt_id), below("status_rank", ENDED))
        try:
            before = self.table.update(*key, changes, still)
        except ConditionFailedError:
            return False
        self._leave_slot(execution.tenant_id, execution.execution_id, before)
        return True

    def _changes(self, execution_id: str, end: RecordedEnd) -> dict[str, Scalar]:
        return _changes(execution_id, end) | {"expires_at": expiry(end.completed_at, self.retention_days)}

    def _leave_slot(self, tenant_id: str, execution_id: str, before: Record) -> None:
        """Give back the run's place among those of its tenant, which few tenants have. Who starts runs finds one that is lost
        between the two writes.
        """
        if "slot" in before:
            leave_slot(self.table, tenant_id, int(before["slot"]), execution_id)

    def _apart(self, tenant_id: str, stored: Scalar) -> Scalar:
        if not isinstance(stored, str) or self.payloads.is_link(stored):
            return stored
        return self.payloads.keep(tenant_id, (stored.encode(),))


def _changes(execution_id: str, end: RecordedEnd) -> dict[str, Scalar]:
    """The attributes that an end sets, without what may be large. With it a run leaves the list of those to look at."""
    counted = {} if end.redrive_count is None else {"redrive_count": end.redrive_count}
    # Who asked to stop a run may have come too late, or have stopped it before a redrive.
    not_cancelled = {} if end.status == "cancelled" else {"cancelled_by": None, "cancel_cause": None}
    return {
        "status": end.status,
        "status_rank": ENDED,
        "completed_at": end.completed_at,
        "failed_steps": None if end.failed_steps is None else dump(end.failed_steps),
        "shown_error": shown_error(end.error),
        "has_failures": bool(end.failed_steps) or end.error is not None or None,
        "slot": None,
        **counted,
        **not_cancelled,
        "due_list": keys.due_archive(execution_id) if end.is_archived else None,
        "due_at": after(end.completed_at, ARCHIVED_AFTER_SECONDS) if end.is_archived else None,
        "looks": None,
    }


def _told(end: RecordedEnd) -> Condition:
    """The record knows nothing newer: it goes on, in this redrive or an earlier one, or what ended it was before this end.

    Where the end has no count, it is of the last redrive unless that came after it.
    """
    earlier = iso(datetime.fromisoformat(end.completed_at) - _CLOCKS_DIFFER_BY)
    newer = any_of(below("status_rank", ENDED), below("completed_at", earlier))
    if end.redrive_count is None:
        of_this_redrive = any_of(Missing("last_redrive_at"), at_most("last_redrive_at", end.completed_at))
        return all_of(_of_execution(end), newer, of_this_redrive)
    of_this_redrive = all_of(equals("redrive_count", end.redrive_count), newer)
    return all_of(_of_execution(end), any_of(below("redrive_count", end.redrive_count), of_this_redrive))


def _read(end: RecordedEnd) -> Condition:
    """The record knows of no later redrive."""
    assert end.redrive_count is not None, "a history has all redrives"
    return all_of(_of_execution(end), at_most("redrive_count", end.redrive_count))


def _of_execution(end: RecordedEnd) -> Condition:
    """Whoever may start executions may start one with the input of another; its end is not that one's."""
    return equals("execution_arn", end.execution_arn)
