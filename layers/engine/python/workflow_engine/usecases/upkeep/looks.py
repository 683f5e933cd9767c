"""Looking at runs that are due, one after the other, so that none keeps the others from being looked at.

A look may end the process (memory, time), which then cannot tell. So a run is postponed and its look counted *before* it is
looked at, runs that were looked at in vain come last, and after `MAX_LOOKS` a run is quarantined.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Final

from workflow_engine.errors import ThrottledError, UnavailableError
from workflow_engine.metrics import QUARANTINED_RUNS, emit
from workflow_engine.observability import get_logger
from workflow_engine.store.due import after
from workflow_engine.store.executions import Execution
from workflow_engine.store.table import Key
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)

MAX_LOOKS: Final = 5
"""A run that was looked at so often in a row, and not even the process told how it went, is looked at no more."""

LONGEST_LOOK_SECONDS: Final = 120.0
"""No look is begun with less time left: being cut off would count against a run that may have nothing wrong."""

SHORTEST_PAUSE_SECONDS: Final = 900.0

Look = Callable[[Engine, Key, Execution], str]
"""Looks at a run; gives the name of the count that its outcome belongs to."""


def look_at_due(
    engine: Engine, due: Iterable[Key], look: Look, counts: dict[str, int], seconds_left: Callable[[], float]
) -> bool:
    """Look at runs that are due, and count `looked_at`, `failed`, `quarantined` and what `look` gives. False if the round is over:
    there is no time left, or no quota.
    """
    runs = _loaded(engine, due, counts)
    for key, execution in runs:
        if seconds_left() < LONGEST_LOOK_SECONDS:
            logger.warning("round ended early", extra={"left_over": len(runs) - counts["looked_at"]})
            return False
        if execution.looks >= MAX_LOOKS:
            counts["quarantined"] += _quarantine(engine, key, execution)
            continue
        now = engine.timestamp()
        try:
            if not engine.due.begin_look(key, now, after(now, SHORTEST_PAUSE_SECONDS), execution.looks + 1):
                continue
            counts["looked_at"] += 1
            counts[look(engine, key, execution)] += 1
        except UnavailableError:
            # It may be this run's own, a history that takes too long to read: so the others go on, and the run keeps its
            # pause. It may as well be an outage of AWS: so it does not count.
            logger.warning("AWS did not answer", extra={"execution_id": execution.execution_id}, exc_info=True)
            counts["failed"] += 1
            with contextlib.suppress(ThrottledError):
                engine.due.take_back_look(key, after(now, SHORTEST_PAUSE_SECONDS), execution.looks)
        except ThrottledError:
            with contextlib.suppress(ThrottledError):
                engine.due.take_back_look(key, now, execution.looks)
            return False  # the quota is the account's; the next round goes on from here
        except Exception:
            logger.exception("run was not recorded", extra={"execution_id": execution.execution_id})
            counts["failed"] += 1
    return True


def _loaded(engine: Engine, due: Iterable[Key], counts: dict[str, int]) -> list[tuple[Key, Execution]]:
    """Runs that are due, those first that were never looked at in vain. One whose record cannot be read has failed."""
    runs = []
    for key in due:
        try:
            execution = engine.executions.load(key)
        except ThrottledError:
            break
        except Exception:
            logger.exception("record was not read", extra={"record": "/".join(key)})
            counts["failed"] += 1
            engine.due.postpone(key, after(engine.timestamp(), SHORTEST_PAUSE_SECONDS))
            continue
        if execution is not None:
            runs.append((key, execution))
    return sorted(runs, key=lambda run: run[1].looks)


def _quarantine(engine: Engine, key: Key, execution: Execution) -> bool:
    """Take a run off the list, and let those who run the service know."""
    if not engine.due.quarantine(key, engine.timestamp()):
        return False
    told = {"tenant_id": execution.tenant_id, "execution_id": execution.execution_id, "looks": execution.looks}
    logger.error("run is quarantined: looking at it does not succeed", extra=told)
    emit(QUARANTINED_RUNS, 1)
    return True
