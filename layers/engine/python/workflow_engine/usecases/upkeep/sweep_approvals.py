"""Send decisions again of which it is not known that they arrived, and close approvals that nobody decided in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from workflow_engine.errors import ThrottledError
from workflow_engine.observability import get_logger
from workflow_engine.store.approvals import SENT_AGAIN_AFTER_SECONDS
from workflow_engine.store.due import after
from workflow_engine.store.table import Key
from workflow_engine.usecases.approvals.deliver import close, deliver
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)

MAX_APPROVALS: Final = 200
"""In one round."""

SHORTEST_TIME_SECONDS: Final = 60.0
"""No approval is looked at with less time left: telling a decision that arrived may take the reading of a history."""


def sweep_approvals(engine: Engine, seconds_left: Callable[[], float] = lambda: math.inf) -> dict[str, int]:
    """Look at the approvals that are due; gives `{delivered, late, closed, failed}`."""
    counts = {"delivered": 0, "late": 0, "closed": 0, "failed": 0}
    for key in engine.due.approvals(engine.timestamp(), MAX_APPROVALS):
        if seconds_left() < SHORTEST_TIME_SECONDS:
            break
        try:
            # First, so that one that ends the process does not keep the others from being looked at.
            engine.due.postpone(key, after(engine.timestamp(), SENT_AGAIN_AFTER_SECONDS))
            done = _look_at(engine, key)
        except ThrottledError:
            break
        except Exception:
            logger.exception("approval was not looked at", extra={"record": "/".join(key)})
            done = "failed"
        if done is not None:
            counts[done] += 1
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
