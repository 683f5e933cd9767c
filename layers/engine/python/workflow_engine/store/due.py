"""What is to be looked at again at some time: runs whose end is not recorded, machines that may have become idle.

Such a record carries the attributes of the index by_due: the list it is on, and when it is due (ISO 8601 UTC with
milliseconds, so text order is time order).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Exists, all_of, at_most, equals
from workflow_engine.store.items import Scalar
from workflow_engine.store.schema import BY_DUE, PARTITION_KEY, SORT_KEY
from workflow_engine.store.table import ConditionFailedError, Key, Query, Table
from workflow_engine.timestamps import iso

_ON_A_LIST: Final = Exists(BY_DUE.partition_key)


def after(timestamp: str, seconds: float) -> str:
    """The time that many seconds after an ISO 8601 time, in the form of all times in the table."""
    return iso(datetime.fromisoformat(timestamp) + timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class DueStore:
    """Records by when they are due. The index is eventually consistent: what it gives must be read again."""

    table: Table

    def executions(self, now: str, limit: int) -> list[Key]:
        """Runs that have not ended and are due, at most `limit` of each partition, oldest first in each."""
        return self._due(keys.DUE_EXECUTIONS, now, limit)

    def archive(self, now: str, limit: int) -> list[Key]:
        """Ended runs whose history is to be read, at most `limit` of each partition, those first that are due longest."""
        return [key for _, key in sorted(self._due_at(keys.DUE_ARCHIVE, now, limit))]

    def machines(self, now: str, limit: int) -> list[Key]:
        """Machines and retired machines that are due, oldest first."""
        return self._due((keys.DUE_MACHINES,), now, limit)

    def approvals(self, now: str, limit: int) -> list[Key]:
        """Approvals whose time is over, and decisions that are to be sent again, oldest first."""
        return self._due((keys.DUE_APPROVALS,), now, limit)

    def reminders(self, now: str, limit: int) -> list[Key]:
        """Reminders of decisions that are to be sent, oldest first."""
        return self._due((keys.DUE_REMINDERS,), now, limit)

    def tuning(self, now: str, limit: int) -> list[Key]:
        """Versions of workflows to be considered for another build, oldest first."""
        return self._due((keys.DUE_TUNING,), now, limit)

    def postpone(self, key: Key, until: str) -> None:
        """Look at a record later, unless it has left its list meanwhile."""
        self._change(key, {"due_at": until})

    def begin_look(self, key: Key, now: str, until: str, looks: int) -> bool:
        """Before a run is looked at: postpone it and count the look, so that whatever the look does to the process, the
        next round begins with another run. False when it has left its list, or somebody else looks at it.
        """
        return self._change(key, {"due_at": until, "looks": looks}, at_most("due_at", now))

    def take_back_look(self, key: Key, until: str, looks: int) -> None:
        """The look was not made, for lack of quota or of an answer: it does not count, and the next is due then."""
        self._change(key, {"due_at": until, "looks": looks or None})

    def found_running(self, key: Key, now: str, until: str) -> None:
        """A run goes on: look again then."""
        self._change(key, {"due_at": until, "looks": None, "seen_at": now})

    def leave_archive(self, key: Key, execution_id: str) -> None:
        """The history of an ended run has not to be read any more; a run that was redriven meanwhile is on another list."""
        of_archive = equals("due_list", keys.due_archive(execution_id))
        self._change(key, {"due_list": None, "due_at": None, "looks": None}, of_archive)

    def quarantine(self, key: Key, now: str) -> bool:
        """Look at a run no more. False when it has left its list meanwhile. When its results are asked for, its end
        is still recorded.
        """
        return self._change(key, {"due_list": None, "due_at": None, "quarantined_at": now})

    def _change(self, key: Key, changes: Mapping[str, Scalar], *further: Condition) -> bool:
        try:
            self.table.update(*key, changes, all_of(_ON_A_LIST, *further))
        except ConditionFailedError:
            return False
        return True

    def _due(self, lists: Iterable[str], now: str, limit: int) -> list[Key]:
        return [key for _, key in self._due_at(lists, now, limit)]

    def _due_at(self, lists: Iterable[str], now: str, limit: int) -> list[tuple[str, Key]]:
        found: list[tuple[str, Key]] = []
        for due_list in lists:
            page = self.table.query(keys.PLATFORM, Query(due_list, BY_DUE, newest_first=False), limit=limit)
            found += [(r["due_at"], (r[PARTITION_KEY], r[SORT_KEY])) for r in page.records if r["due_at"] <= now]
        return found
