"""Record the ends of runs whose event was lost: EventBridge delivers Step Functions' events on a best-effort basis."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from workflow_engine.errors import ThrottledError
from workflow_engine.machines.executions import ExecutionGoneError
from workflow_engine.observability import get_logger
from workflow_engine.store.due import Key, after
from workflow_engine.store.executions import Execution, has_ended
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.read_results import results

logger = get_logger(__name__)

MAX_EXECUTIONS_A_LIST: Final = 25
"""Of each of the 8 partitions, so that a round stays below DescribeExecution's bucket of 300."""

SHORTEST_PAUSE_SECONDS: Final = 900.0
LONGEST_PAUSE_SECONDS: Final = 6 * 3600.0


def sweep_executions(engine: Engine) -> dict[str, int]:
    """Look at the runs that are due; gives `{looked_at, recorded, running, failed}`.

    A run that goes on is looked at again after a quarter of its age, so that one of a year costs four looks a day. One
    that cannot be recorded is logged and looked at again; it does not keep the others from being recorded.
    """
    keys = engine.due.executions(engine.timestamp(), MAX_EXECUTIONS_A_LIST)
    counts = {"looked_at": len(keys), "recorded": 0, "running": 0, "failed": 0}
    for key in keys:
        try:
            counts[_look_at(engine, key)] += 1
        except ThrottledError:
            break  # the quota is the account's; the next round goes on from here
        except Exception:
            logger.exception("run was not recorded", extra={"record": "/".join(key)})
            counts["failed"] += 1
            engine.due.postpone(key, after(engine.timestamp(), SHORTEST_PAUSE_SECONDS))
    return counts


def _look_at(engine: Engine, key: Key) -> str:
    execution = engine.executions.load(key)
    if execution is None:
        return "recorded"
    if not has_ended(execution.status) and _is_running(engine, execution):
        engine.due.postpone(key, after(engine.timestamp(), _pause(engine, execution)))
        return "running"
    results(engine, Caller(execution.tenant_id), execution.execution_id)  # records the end of a run that has ended
    return "recorded"


def _is_running(engine: Engine, execution: Execution) -> bool:
    try:
        return engine.runs.is_running(execution.execution_arn)
    except ExecutionGoneError:
        return False


def _pause(engine: Engine, execution: Execution) -> float:
    age = (engine.now() - datetime.fromisoformat(execution.started_at)).total_seconds()
    return min(max(age / 4, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
