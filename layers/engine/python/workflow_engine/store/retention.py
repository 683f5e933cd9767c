"""How long what is kept of runs stays after their end, where that is limited."""

from __future__ import annotations

from datetime import datetime
from typing import Final

LONGEST_RUN_DAYS: Final = 366
"""A run lasts a year at most (Service quotas, "Maximum execution time"). What is kept while it goes on, its objects and what it
asked, outlives its end by that.
"""

_DAY_SECONDS: Final = 24 * 3600


def expiry(timestamp: str | None, days: int, *, may_go_on: bool = False) -> int | None:
    """When a record of this time (ISO 8601) expires, in seconds since the epoch; None where nothing does, which 0 days say.
    `may_go_on`: the run may last for as long as a run may from then on.
    """
    if not days or timestamp is None:
        return None
    kept = days + (LONGEST_RUN_DAYS if may_go_on else 0)
    return int(datetime.fromisoformat(timestamp).timestamp()) + kept * _DAY_SECONDS
