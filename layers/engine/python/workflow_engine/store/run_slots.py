"""The places of a tenant's runs, where it may have only so many at once.

A place is a record that names the run which has it, written together with the run's own, so that no race lets more runs through,
and removed when the run's end is recorded. A counter would do with one record, but what is lost of a counter is lost: a place
that was not given back is found by looking at the run that it names.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable

from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, equals
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Query, Table, Write

_PAGE = 1000
_LOOKED_AT = 5
"""Runs that are looked at before a start is refused, whether they still go on; more by the next start."""


class SlotTakenError(Exception):
    """Another run has the place."""


def slot_write(tenant_id: str, number: int, execution_id: str) -> Write:
    """The write by which a run takes a place, if it is free."""
    record = {"pk": keys.run_slots(tenant_id), "sk": keys.run_slot(number), "tenant_id": tenant_id}
    return Write(record | {"execution_id": execution_id}, Missing(PARTITION_KEY))


def leave_slot(table: Table, tenant_id: str, number: int, execution_id: str) -> None:
    """Give a run's place back. It may be done again, also when another run has the place by now."""
    with contextlib.suppress(ConditionFailedError):
        table.delete(keys.run_slots(tenant_id), keys.run_slot(number), equals("execution_id", execution_id))


def free_slot(table: Table, tenant_id: str, most: int, going: Callable[[Iterable[str]], set[str]]) -> int | None:
    """A place that nobody has, None when all are taken. `going` gives those of some runs that have not ended: a run that has, and
    has its place still, loses it.
    """
    taken: dict[int, str] = {}
    cursor = None
    while True:
        page = table.query(tenant_id, Query(keys.run_slots(tenant_id)), limit=_PAGE, cursor=cursor)
        taken |= {int(record["sk"].rpartition("#")[2]): record["execution_id"] for record in page.records}
        cursor = page.next_cursor
        if cursor is None:
            break
    if free := [number for number in range(1, most + 1) if number not in taken]:
        return random.choice(free)
    looked_at = random.sample(sorted(number for number in taken if number <= most), min(_LOOKED_AT, most))
    still = going(taken[number] for number in looked_at)
    for number in looked_at:
        if taken[number] not in still:
            leave_slot(table, tenant_id, number, taken[number])
            return number
    return None
