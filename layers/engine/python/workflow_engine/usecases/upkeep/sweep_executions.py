"""Record the ends of runs whose event was lost: EventBridge delivers Step Functions' events on a best-effort basis."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Final

from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.store.due import after
from workflow_engine.store.executions import Execution
from workflow_engine.store.table import Key
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_results import open_results
from workflow_engine.usecases.runs.record_execution import record_told
from workflow_engine.usecases.upkeep.looks import SHORTEST_PAUSE_SECONDS, look_at_due

MAX_EXECUTIONS_A_LIST: Final = 25
"""Of each of the 8 partitions, so that a round stays below DescribeExecution's bucket of 250, or 300 in some regions."""

LONGEST_PAUSE_SECONDS: Final = 6 * 3600.0


def sweep_executions(engine: Engine, seconds_left: Callable[[], float] = lambda: math.inf) -> dict[str, int]:
    """Look at the runs that are due (`look_at_due`); gives `{looked_at, recorded, running, failed, quarantined}`.

    A run that goes on is looked at again after a quarter of its age, so that one of a year costs four looks a day.
    """
    counts = {"looked_at": 0, "recorded": 0, "running": 0, "failed": 0, "quarantined": 0}
    due = engine.due.executions(engine.timestamp(), MAX_EXECUTIONS_A_LIST)
    look_at_due(engine, due, _look_at, counts, seconds_left)
    return counts


def _look_at(engine: Engine, key: Key, execution: Execution) -> str:
    try:
        end = engine.runs.end(execution.execution_arn)
    except ExecutionGoneError:
        # What is known of a run that AWS does not know.
        open_results(engine, Caller(execution.tenant_id), execution.execution_id)
        return "recorded"
    if end is not None:
        record_told(engine, execution.tenant_id, execution.execution_id, end)
        if end.redrive_count is not None and end.redrive_count < execution.redrive_count:
            # A redrive that was begun, and never came to Step Functions.
            open_results(engine, Caller(execution.tenant_id), execution.execution_id)
        return "recorded"
    now = engine.timestamp()
    engine.due.found_running(key, now, after(now, _pause(engine, execution)))
    return "running"


def _pause(engine: Engine, execution: Execution) -> float:
    age = (engine.now() - datetime.fromisoformat(execution.started_at)).total_seconds()
    return min(max(age / 4, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
