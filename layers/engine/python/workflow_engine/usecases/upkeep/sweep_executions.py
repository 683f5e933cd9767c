"""Record the ends of runs whose event was lost: EventBridge delivers Step Functions' events on a best-effort basis."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from datetime import datetime
from typing import Final

from workflow_engine.errors import ThrottledError, UnavailableError
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.metrics import QUARANTINED_RUNS, emit
from workflow_engine.observability import get_logger
from workflow_engine.store.due import after
from workflow_engine.store.executions import Execution
from workflow_engine.store.table import Key
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_results import open_results
from workflow_engine.usecases.runs.record_execution import record_told

logger = get_logger(__name__)

MAX_EXECUTIONS_A_LIST: Final = 25
"""Of each of the 8 partitions, so that a round stays below DescribeExecution's bucket of 300."""

MAX_LOOKS: Final = 5
"""A run that was looked at so often in a row, and not even the process told how it went, is looked at no more."""

LONGEST_LOOK_SECONDS: Final = 120.0
"""No look is begun with less time left: being cut off would count against a run that may have nothing wrong."""

SHORTEST_PAUSE_SECONDS: Final = 900.0
LONGEST_PAUSE_SECONDS: Final = 6 * 3600.0


def sweep_executions(engine: Engine, seconds_left: Callable[[], float] = lambda: math.inf) -> dict[str, int]:
    """Look at the runs that are due; gives `{looked_at, recorded, running, failed, quarantined}`.

    A run that goes on is looked at again after a quarter of its age, so that one of a year costs four looks a day.

    Reading a run may end the process (memory, time), which then cannot tell. So a run is postponed and its look counted
    *before* it is looked at, runs that were looked at in vain come last, and after `MAX_LOOKS` a run is quarantined:
    none keeps the others from being recorded.
    """
    counts = {"looked_at": 0, "recorded": 0, "running": 0, "failed": 0, "quarantined": 0}
    runs = _due_runs(engine, counts)
    for key, execution in runs:
        if seconds_left() < LONGEST_LOOK_SECONDS:
            logger.warning("round ended early", extra={"left_over": len(runs) - counts["looked_at"]})
            break
        if execution.looks >= MAX_LOOKS:
            counts["quarantined"] += _quarantine(engine, key, execution)
            continue
        now = engine.timestamp()
        try:
            if not engine.due.begin_look(key, now, after(now, SHORTEST_PAUSE_SECONDS), execution.looks + 1):
                continue
            counts["looked_at"] += 1
            counts[_look_at(engine, key, execution)] += 1
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
            break  # the quota is the account's; the next round goes on from here
        except Exception:
            logger.exception("run was not recorded", extra={"execution_id": execution.execution_id})
            counts["failed"] += 1
    return counts


def _due_runs(engine: Engine, counts: dict[str, int]) -> list[tuple[Key, Execution]]:
    """Runs that are due, those first that were never looked at in vain. One whose record cannot be read has failed."""
    runs = []
    for key in engine.due.executions(engine.timestamp(), MAX_EXECUTIONS_A_LIST):
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


def _look_at(engine: Engine, key: Key, execution: Execution) -> str:
    try:
        end = engine.runs.end(execution.execution_arn)
    except ExecutionGoneError:
        # What is known of a run that AWS does not know.
        open_results(engine, Caller(execution.tenant_id), execution.execution_id)
        return "recorded"
    if end is not None:
        record_told(engine, execution.tenant_id, execution.execution_id, end)
        return "recorded"
    now = engine.timestamp()
    engine.due.found_running(key, now, after(now, _pause(engine, execution)))
    return "running"


def _quarantine(engine: Engine, key: Key, execution: Execution) -> bool:
    """Take a run off the list, and let those who run the service know."""
    if not engine.due.quarantine(key, engine.timestamp()):
        return False
    told = {"tenant_id": execution.tenant_id, "execution_id": execution.execution_id, "looks": execution.looks}
    logger.error("run is quarantined: its end cannot be recorded", extra=told)
    emit(QUARANTINED_RUNS, 1)
    return True


def _pause(engine: Engine, execution: Execution) -> float:
    age = (engine.now() - datetime.fromisoformat(execution.started_at)).total_seconds()
    return min(max(age / 4, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
