"""Send decisions again of which it is not known that they arrived, and close approvals that nobody decided in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from workflow_engine.store.approvals import SENT_AGAIN_AFTER_SECONDS
from workflow_engine.store.table import Key
from workflow_engine.usecases.approvals.deliver import close, deliver
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.upkeep.rounds import work_off

MAX_APPROVALS: Final = 200
"""In one round."""


def sweep_approvals(engine: Engine, seconds_left: Callable[[], float] = lambda: math.inf) -> dict[str, int]:
    """Look at the approvals that are due; gives `{delivered, late, closed, failed}`."""
    counts = {"delivered": 0, "late": 0, "closed": 0, "failed": 0}
    due = engine.due.approvals(engine.timestamp(), MAX_APPROVALS)
    work_off(engine, due, _look_at, counts, seconds_left, SENT_AGAIN_AFTER_SECONDS)
    return counts


def _look_at(engine: Engine, key: Key) -> str | None:
    approval = engine.approvals.load(key)
    if approval is None:
        return None
    if approval.state == "open":
        close(engine, approval, "closed")
        return "closed"
    if approval.state != "claimed":
        return None
    match deliver(engine, approval):
        case "decided":
            return "delivered"
        case "late":
            return "late"
        case _:
            return "failed"
