"""Deletions that may be repeated: a client whose answer was lost sends the DELETE again, and that is no error.

So what was deleted is remembered for a day, beside the partition it was in. Later, and for what never was, there is nothing
to delete. Earlier versions of this service left a deleted workflow where it was and marked it.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Exists, Missing, all_of
from workflow_engine.store.items import Record
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Removal, Table, Write

REMEMBERED_SECONDS: Final = 24 * 3600
"""As long as an idempotency key is known."""

_MARK: Final = "deleted_at"
MARKED: Final = Exists(_MARK)
"""The condition that a record is marked as deleted."""
NOT_MARKED: Final = Missing(_MARK)


def is_marked(record: Record) -> bool:
    """True for a record that is in the table and counts as deleted."""
    return _MARK in record


def delete_once(table: Table, tenant_id: str, pk: str, sk: str, now: float, condition: Condition | None = None) -> bool:
    """Delete a record, if it meets a condition. True also when it was deleted within a day before `now` (seconds since the
    epoch), False when there is nothing to delete.
    """
    memory: Record = {
        "pk": pk + keys.DELETED,
        "sk": sk,
        "tenant_id": tenant_id,
        "expires_at": int(now) + REMEMBERED_SECONDS,
    }
    try:
        is_there = all_of(Exists(PARTITION_KEY), NOT_MARKED, *([condition] if condition else []))
        table.write_all([Removal(pk, sk, is_there), Write(memory)])
    except ConditionFailedError:
        # DynamoDB deletes expired items within days, not at once.
        remembered = table.get(memory["pk"], sk)
        return remembered is not None and remembered["expires_at"] >= now
    return True
