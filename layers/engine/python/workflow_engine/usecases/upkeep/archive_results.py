"""Read the histories of ended runs before Step Functions forgets them, 90 days after their end.

What the deployment wants archived stands on a list (`keys.DUE_ARCHIVE`), and every output that no event had room for. Whoever asks
for the results of such a run takes it off the list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from workflow_engine.aws_quotas import HISTORY_PAGE_EVENTS
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.machines.timeline import Event
from workflow_engine.observability import get_logger
from workflow_engine.store.executions import Execution
from workflow_engine.store.table import Key
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs.record_execution import read_report, record_end
from workflow_engine.usecases.runs.recorded_results import kept_results
from workflow_engine.usecases.upkeep.looks import look_at_due

logger = get_logger(__name__)

PAGES_A_SECOND: Final = 2
"""Of the 20 a second that GetExecutionHistory allows the account (`store.shared_budgets`): most is for those who ask."""

RUNS_A_LIST: Final = 25
"""Read at once of each of the 8 partitions, until there are no more."""


def archive_results(engine: Engine, seconds_left: Callable[[], float] = lambda: math.inf) -> dict[str, int]:
    """Keep the results of the runs that are due, oldest first; gives `{looked_at, archived, gone, passed_by, failed, quarantined}`.

    `gone` are those whose history has gone already, `passed_by` those that are to be looked at later: they were redriven, or
    their history does not show their end yet. A round stops when AWS throttles it: its quota is for those who ask.
    """
    counts = dict.fromkeys(("looked_at", "archived", "gone", "passed_by", "failed", "quarantined"), 0)
    before = -1
    while counts["looked_at"] > before:
        before = counts["looked_at"]
        due = engine.due.archive(engine.timestamp(), RUNS_A_LIST)
        if not look_at_due(engine, due, _archive, counts, seconds_left):
            break
    return counts


def _archive(engine: Engine, key: Key, execution: Execution) -> str:
    if not execution.is_end_recorded:
        return "passed_by"
    if kept_results(engine, execution) is None:
        try:
            run = read_report(engine, execution, _events(engine, execution.execution_arn))
        except ExecutionGoneError:
            logger.warning("history is gone before it was read", extra={"execution_id": execution.execution_id})
            engine.due.leave_archive(key, execution.execution_id)
            return "gone"
        if not record_end(engine, execution, run):
            return "passed_by"
    engine.due.leave_archive(key, execution.execution_id)
    return "archived"


def _events(engine: Engine, execution_arn: str) -> Iterator[Event]:
    """A history, no page of it sooner after the last than `PAGES_A_SECOND` allow."""
    token: str | None = None
    while True:
        engine.sleep(1 / PAGES_A_SECOND)
        events, token = engine.history.page(execution_arn, HISTORY_PAGE_EVENTS, token)
        yield from events
        if not token:
            return
