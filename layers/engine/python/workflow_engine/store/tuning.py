"""Versions of workflows that may run shorter in another build, since durations of their steps were measured.

Whoever counts durations notes the version, and a round looks at it (`usecases.upkeep.tune_workflows`). A record stands on
the list for as long as there is news: noting it again then costs a write that fails and changes nothing.
"""

from __future__ import annotations

from contextlib import suppress

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Exists, Missing
from workflow_engine.store.items import Scalar
from workflow_engine.store.schema import BY_DUE
from workflow_engine.store.table import ConditionFailedError, Key, Table
from workflow_engine.store.workflows import SNAPSHOT_PREFIX


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a version of a workflow was last considered by. `runs` is of how many runs there were durations then, 0 if never, and
    `seen_runs` how many there were when somebody last looked; `considered_at` is ISO 8601 UTC.
    """

    tenant_id: str
    workflow_id: str
    version: int
    runs: int = 0
    seen_runs: int = 0
    considered_at: str | None = None


@dataclass(frozen=True, slots=True)
class TuningStore:
    """Records of versions to be considered."""

    table: Table

    def note(self, tenant_id: str, workflow_id: str, version: int, now: str) -> None:
        """Durations of a version were counted: let it be looked at, unless it is on the list, or was only posted to be run once."""
        if workflow_id.startswith(SNAPSHOT_PREFIX):
            return
        known: dict[str, Scalar] = {"tenant_id": tenant_id, "workflow_id": workflow_id, "workflow_version": version}
        due: dict[str, Scalar] = {BY_DUE.partition_key: keys.DUE_TUNING, str(BY_DUE.sort_key): now}
        is_on_no_list = Missing(BY_DUE.partition_key)
        with suppress(ConditionFailedError):
            self.table.add(
                keys.workflow(tenant_id, workflow_id), keys.tuning(version), {"noted": 1}, known | due, is_on_no_list
            )

    def find(self, key: Key) -> Tuning | None:
        """The record of a key that `DueStore.tuning` gave; None when it has left the list."""
        record = self.table.get(*key)
        if record is None or BY_DUE.partition_key not in record:
            return None
        return Tuning(
            record["tenant_id"],
            record["workflow_id"],
            record["workflow_version"],
            record.get("considered_runs", 0),
            record.get("seen_runs", 0),
            record.get("considered_at"),
        )

    def considered(self, tuning: Tuning, runs: int, at: str) -> None:
        """The version was considered by the durations of so many runs."""
        self._change(tuning, {"considered_runs": runs, "seen_runs": runs, "considered_at": at})

    def seen(self, tuning: Tuning, runs: int) -> None:
        """There are durations of so many runs, which are not enough yet."""
        self._change(tuning, {"seen_runs": runs})

    def leave_list(self, tuning: Tuning) -> None:
        """There is no news. The next run that notes the version brings it back."""
        self._change(tuning, {BY_DUE.partition_key: None, str(BY_DUE.sort_key): None})

    def forget(self, tuning: Tuning) -> None:
        """The version is not what starts take any more."""
        self.table.delete(keys.workflow(tuning.tenant_id, tuning.workflow_id), keys.tuning(tuning.version))

    def _change(self, tuning: Tuning, changes: dict[str, Scalar]) -> None:
        key = keys.workflow(tuning.tenant_id, tuning.workflow_id), keys.tuning(tuning.version)
        with suppress(ConditionFailedError):
            self.table.update(*key, changes, Exists("workflow_id"))
