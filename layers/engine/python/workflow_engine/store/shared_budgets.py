"""Budgets that all processes of the deployment share: so many times a second, whoever asks.

AWS's quotas are the account's, and a function has up to a thousand processes, of which none knows of the others: a budget of
each would be a thousand times as much. A budget of n a second is n tokens in the table, each of which may be taken once a
second. To take one is one write, to a token picked at random; who finds it taken goes without, though another may be free.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from workflow_engine.errors import ThrottledError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, any_of, at_most
from workflow_engine.store.items import Record
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Table, Write

_PERIOD_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Budget:
    """A name, and how often a second it may be used."""

    name: str
    per_second: int


LOOKS: Final = Budget("looks", 5)
"""Looks of requests at executions whose end is not recorded. Of the 15 a second that DescribeExecution allows the account, 10 in
some regions; the sweeper takes 200 in a quarter of an hour from a bucket of 250 or more (Service quotas, "API action throttling").
"""

LEFT_OUT_OUTPUTS: Final = Budget("left-out-outputs", 5)
"""Outputs that the event of an end had no room for. Of the 20 a second that GetExecutionHistory allows the account."""

ANSWERS: Final = Budget("answers", 5)
"""Histories read for an answer that could do without. Of the same 20; what remains is for those who ask for step results."""

WATCHED: Final = Budget("watched-histories", 10)
"""Pages of histories that are read for those who watch runs. Of the same 20."""


@dataclass(frozen=True, slots=True)
class SharedBudgets:
    """Budgets in the table. `now` is in seconds since the epoch."""

    table: Table
    now: Callable[[], float]

    def take(self, budget: Budget) -> bool:
        """Use a budget once; False when there is nothing left of it, or the table is too busy to tell."""
        number = random.randrange(budget.per_second)
        now = int(self.now() * 1000)
        token: Record = {
            "pk": keys.token(budget.name, number),
            "sk": keys.META,
            "tenant_id": keys.PLATFORM,
            "taken_at": now,
        }
        try:
            self.table.put(Write(token, any_of(Missing(PARTITION_KEY), at_most("taken_at", now - _PERIOD_MS))))
        except (ConditionFailedError, ThrottledError):
            return False
        return True
