"""How many shards the lists of a tenant's and of a workflow's runs have.

A partition of an index takes 1,000 writes a second (DynamoDB, "Partition throughput limits"), and a run writes into each of its
lists twice, when it starts and when it ends: a list in one partition would take 500 runs a second. So a list is several
partitions. A run's id says which it is written to, its record tells where it is, and who reads merges them.

The number is a setting of the deployment. Runs stay where they were written, so reading takes the largest number that ever was
set, which a record keeps. The first shard has the name that the list had before there were shards.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable
from typing import Final

from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, any_of, below
from workflow_engine.store.items import Record
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Table, Write

MAX_SHARDS: Final = 32
"""Each page of a list reads all shards. So many take 16,000 runs a second, of one tenant."""

_KNOWN_FOR_SECONDS: Final = 60.0


class RunShards:
    """The shards of a deployment, as one process knows them."""

    def __init__(self, table: Table, number: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        """`number` is the setting. ValueError unless it is from 1 to `MAX_SHARDS`."""
        if not 1 <= number <= MAX_SHARDS:
            raise ValueError(f"Lists of runs have 1 to {MAX_SHARDS} shards.")
        self._table = table
        self._number = number
        self._clock = clock
        self._is_announced = number == 1
        self._largest = number
        self._read_at: float | None = None

    def of(self, execution_id: str) -> int:
        """The shard that a run is written to."""
        return zlib.crc32(execution_id.encode()) % self._number

    def announce(self) -> None:
        """Before the first write: let every reader know the number, if it is the largest so far."""
        if self._is_announced:
            return
        record: Record = {"pk": keys.RUN_SHARDS, "sk": keys.META, "tenant_id": keys.PLATFORM, "largest": self._number}
        with contextlib.suppress(ConditionFailedError):  # as large a number is known
            self._table.put(Write(record, any_of(Missing(PARTITION_KEY), below("largest", self._number))))
        self._is_announced = True

    def all(self) -> range:
        """The shards that runs may be in: those of the largest number that was ever set, as of a minute ago."""
        now = self._clock()
        if self._read_at is None or now - self._read_at >= _KNOWN_FOR_SECONDS:
            record = self._table.get(keys.RUN_SHARDS, keys.META)
            self._largest = max(self._number, record["largest"] if record else 1)
            self._read_at = now
        return range(self._largest)
