"""Budgets that all processes of the deployment share: so many times a second, whoever asks, and more for a moment.

AWS's quotas are the account's, and a function has up to a thousand processes, of which none knows of the others: a budget of
each would be a thousand times as much. A budget is a number of tokens in the table, each of which may be taken again once so much
time has passed that all together give so many a second. To take one is one write, to a token picked at random; who finds some
that are taken goes without, though another may be free.
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

_PICKS: Final = 6
"""Tokens that are tried. While half of them are free, one is found in 98 of 100 cases, and the first mostly is."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A name, how often a second it may be used in the long run, and how often at once."""

    name: str
    per_second: int
    at_once: int


LOOKS: Final = Budget("looks", 5, at_once=50)
"""Looks of requests at executions whose end is not recorded. Of the 15 a second that DescribeExecution allows the account, above a
bucket of 300 (10 above 250 in some regions); the sweeper takes 200 in a quarter of an hour (Service quotas, "API action
throttling").
"""

# GetExecutionHistory allows the account 20 a second, above a bucket of 400. Together with the 2 of the archiver these leave some
# of it, whatever happens, for those who ask for the results of steps.

LEFT_OUT_OUTPUTS: Final = Budget("left-out-outputs", 3, at_once=50)
"""Outputs that the event of an end had no room for."""

ANSWERS: Final = Budget("answers", 3, at_once=150)
"""Histories read for an answer that could do without."""

WATCHED: Final = Budget("watched-histories", 10, at_once=10)
"""Pages of histories that are read for those who watch runs."""


@dataclass(frozen=True, slots=True)
class SharedBudgets:
    """Budgets in the table. `now` is in seconds since the epoch."""

    table: Table
    now: Callable[[], float]

    def take(self, budget: Budget) -> bool:
        """Use a budget once; False when nothing is found of it, or the table is too busy to tell."""
        now = int(self.now() * 1000)
        taken_before = now - 1000 * budget.at_once // budget.per_second
        for number in random.sample(range(budget.at_once), _PICKS):
            token: Record = {"pk": keys.token(budget.name, number), "sk": keys.META, "tenant_id": keys.PLATFORM}
            try:
                free = any_of(Missing(PARTITION_KEY), at_most("taken_at", taken_before))
                self.table.put(Write(token | {"taken_at": now}, free))
            except ConditionFailedError:
                continue
            except ThrottledError:
                return False
            return True
        return False
