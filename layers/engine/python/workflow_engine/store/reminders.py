"""Reminders of decisions that nobody has made yet: one record a place of an execution, for the next one that is due there.

Apart from the approval, because that has its own time to be looked at: its deadline, or when its decision is sent again. Whoever
finds a reminder due asks the approval whether there is anything left to remind of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, all_of, any_of, below, equals
from workflow_engine.store.items import Scalar, dump
from workflow_engine.store.retention import expiry
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY
from workflow_engine.store.table import ConditionFailedError, Key, Table, Write


@dataclass(frozen=True, slots=True)
class Reminder:
    """The next reminder of an open approval, the `number`-th of `most`, due at `due_at` (ISO 8601 UTC with milliseconds).

    `opening` is that of the approval's attempt. It is sent by a step of type `step_type` with `config` (JSON); the next one is due
    `every_seconds` later, none where that is None.
    """

    tenant_id: str
    execution_id: str
    place: str
    opening: str
    due_at: str
    step_type: str
    config: Mapping[str, Json]
    every_seconds: int | None
    most: int
    number: int = 1

    @property
    def key(self) -> Key:
        """Of its record."""
        return keys.execution(self.tenant_id, self.execution_id), keys.reminder(self.place)


@dataclass(frozen=True, slots=True)
class ReminderStore:
    """Reminders of all tenants' approvals."""

    table: Table
    retention_days: int = 0
    """After the end that its run may have, a reminder expires; 0 keeps it."""

    def plan(self, first: Reminder) -> None:
        """Keep the first reminder of an attempt, in the place of what an earlier attempt has. May be repeated."""
        pk, sk = first.key
        kept = {f.name: getattr(first, f.name) for f in fields(first)} | {"config": dump(first.config)}
        record = {**kept, PARTITION_KEY: pk, SORT_KEY: sk, "due_list": keys.DUE_REMINDERS}
        record["expires_at"] = expiry(first.due_at, self.retention_days, may_go_on=True)
        try:
            self.table.put(Write(record, any_of(Missing(PARTITION_KEY), below("opening", first.opening))))
        except ConditionFailedError:
            return

    def load(self, key: Key) -> Reminder | None:
        """The reminder of a record's key, None when there is none to be sent."""
        record = self.table.get(*key)
        if record is None or "due_list" not in record:
            return None
        known: dict[str, Any] = {f.name: record.get(f.name) for f in fields(Reminder)}
        return Reminder(**known | {"config": json.loads(record["config"])})

    def go_on(self, sent: Reminder, due_at: str) -> None:
        """After one was sent, the next is due then; nothing changes where another attempt has asked since."""
        self._if_still(sent, {"number": sent.number + 1, "due_at": due_at})

    def end(self, reminder: Reminder) -> None:
        """Send none of this attempt any more. A later attempt plans its own."""
        self._if_still(reminder, {"due_list": None, "due_at": None})

    def _if_still(self, reminder: Reminder, changes: Mapping[str, Scalar]) -> None:
        still = all_of(equals("opening", reminder.opening), equals("number", reminder.number))
        try:
            self.table.update(*reminder.key, changes, still)
        except ConditionFailedError:
            return
