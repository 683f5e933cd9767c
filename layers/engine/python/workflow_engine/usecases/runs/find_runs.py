"""Find runs: list them by what is known of them, and count them by status."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from workflow_engine.errors import InvalidRequestError
from workflow_engine.statuses import RUN_STATUSES
from workflow_engine.store.run_lists import ListedRun, RunFilter
from workflow_engine.store.table import SortRange
from workflow_engine.suggestions import suggest
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

COUNTED_AT_ONCE: Final = 2000
"""Runs that one request counts: about a megabyte of an index, and a second of a small function."""


def list_executions(
    engine: Engine,
    caller: Caller,
    wanted: RunFilter,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    cursor: str | None = None,
) -> answers.ExecutionPage:
    """`{items, next_cursor}`, newest first; of runs started at or after `since` and before `until`.

    Raises InvalidRequestError for an unknown status, moments in the wrong order, a bad cursor.
    """
    page = engine.executions.page(caller.tenant_id, _checked(wanted, since, until), limit, cursor)
    return {"items": [_summary(run) for run in page.runs], "next_cursor": page.next_cursor}


def count_executions(
    engine: Engine,
    caller: Caller,
    wanted: RunFilter,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
) -> answers.ExecutionCounts:
    """How many runs there are of each status, counted from the newest on, `COUNTED_AT_ONCE` of them; `is_complete` says whether
    these are all.

    Raises what `list_executions` raises.
    """
    page = engine.executions.page(caller.tenant_id, _checked(wanted, since, until), COUNTED_AT_ONCE, cursor)
    found = Counter(run.record["status"] for run in page.runs)
    return {
        "counts": {status: found[status] for status in RUN_STATUSES},
        "total": len(page.runs),
        "is_complete": cursor is None and page.next_cursor is None,
        "counted_since": page.until,
        "next_cursor": page.next_cursor,
    }


def _checked(wanted: RunFilter, since: datetime | None, until: datetime | None) -> RunFilter:
    status = wanted.status
    if status is not None and status not in RUN_STATUSES:
        raise InvalidRequestError(
            f"There is no status '{status}'.{suggest(status, RUN_STATUSES)} Use one of {', '.join(RUN_STATUSES)}."
        )
    if since is not None and until is not None and until < since:
        raise InvalidRequestError("The end of the time asked for lies before its beginning. Exchange the two.")
    return replace(wanted, started=SortRange(_bound(since), _bound(until)))


def _bound(moment: datetime | None) -> str | None:
    """A moment as records have it. Theirs are cut to milliseconds, so one between two of them is the later."""
    if moment is None:
        return None
    return iso(moment + timedelta(microseconds=-moment.microsecond % 1000))


def _summary(run: ListedRun) -> answers.ExecutionSummary:
    record = run.record
    return {
        "execution_id": record["execution_id"],
        "id": record["execution_id"],
        "workflow_id": record["workflow_id"],
        "workflow_name": record["workflow_name"],
        "workflow_version": record["workflow_version"],
        "status": record["status"],
        "started_at": record["started_at"],
        "completed_at": record.get("completed_at"),
        "user_id": record.get("user_id"),
        "session_id": record.get("session_id"),
        "correlation_id": record.get("correlation_id"),
        "parent_execution_id": record.get("parent_execution_id"),
        "tags": run.tags,
        "error": run.error,
    }
