"""Runs that are deleted: all records of one, so that whatever fails, a repetition ends it.

The record of the run goes last, together with the memory that it was there and the record of who deleted it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from workflow_engine.errors import ConflictError
from workflow_engine.statuses import has_ended
from workflow_engine.store import keys
from workflow_engine.store.conditions import equals
from workflow_engine.store.deletions import REMEMBERED_SECONDS
from workflow_engine.store.executions import ENDED
from workflow_engine.store.items import Record
from workflow_engine.store.run_slots import leave_slot
from workflow_engine.store.table import ConditionFailedError, Query, Removal, Table, Write

_PAGE: Final = 100


def delete_run(table: Table, tenant_id: str, execution_id: str, now: float, *further: Write) -> bool:
    """Delete a run that has ended, and write `further` at the same time. True also when it was deleted within a day before `now`
    (seconds since the epoch), False when there is none. ConflictError while it goes on.
    """
    pk = keys.execution(tenant_id, execution_id)
    record = table.get(pk, keys.META)
    if record is None:
        if not was_deleted(table, tenant_id, execution_id, now):
            return False
        empty_partition(table, tenant_id, pk)
        return True
    if not has_ended(record["status"]):
        raise ConflictError(f"The run is {record['status']}. Cancel it first, or wait for its end.")
    if record["status_rank"] != ENDED:
        raise _stopping()
    empty_partition(table, tenant_id, pk, keep=keys.META)
    if (slot := record.get("slot")) is not None:
        leave_slot(table, tenant_id, slot, execution_id)
    memory: Record = {"pk": pk + keys.DELETED, "sk": keys.META, "tenant_id": tenant_id}
    memory["expires_at"] = int(now) + REMEMBERED_SECONDS
    try:
        table.write_all([Removal(pk, keys.META, equals("status_rank", ENDED)), Write(memory), *further])
    except ConditionFailedError:
        # Somebody else has deleted it meanwhile, or let it run again.
        if table.get(pk, keys.META) is not None:
            raise _stopping() from None
    # Who read the history of the run meanwhile may have kept its results; from now on whoever does finds no run.
    empty_partition(table, tenant_id, pk)
    return True


def was_deleted(table: Table, tenant_id: str, execution_id: str, now: float) -> bool:
    """Whether a run was deleted within a day before `now` (seconds since the epoch)."""
    remembered = table.get(keys.execution(tenant_id, execution_id) + keys.DELETED, keys.META)
    return remembered is not None and remembered["expires_at"] >= now


def empty_partition(table: Table, tenant_id: str, pk: str, keep: str | None = None) -> int:
    """Delete all records of a partition, but that of one sort key; gives how many."""
    found: list[str] = []
    cursor = None
    while True:
        page = table.query(tenant_id, Query(pk), limit=_PAGE, cursor=cursor)
        found += [record["sk"] for record in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break
    gone = [sk for sk in found if sk != keep]
    remove(table, ((pk, sk) for sk in gone))
    return len(gone)


def remove(table: Table, records: Iterable[tuple[str, str]]) -> None:
    """Delete records by key, one by one: a transaction is of 4 MB at most, and these may be of 400 KB each."""
    for pk, sk in records:
        table.delete(pk, sk)


def _stopping() -> ConflictError:
    return ConflictError("The end of the run is not recorded yet. Try again in a minute.")
