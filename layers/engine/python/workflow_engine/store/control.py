"""What people do to runs, kept on their records: a redrive, and who cancelled."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from workflow_engine.errors import ConflictError
from workflow_engine.statuses import has_ended
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, all_of, below, equals
from workflow_engine.store.due import after
from workflow_engine.store.executions import ENDED, UNRECORDED_AFTER_SECONDS, Execution, ExecutionStore, rank_of
from workflow_engine.store.items import Scalar, dump
from workflow_engine.store.retention import expiry
from workflow_engine.store.run_lists import shown_error
from workflow_engine.store.table import ConditionFailedError, Key


def begin_redrive(store: ExecutionStore, execution: Execution, at: str, by: str | None) -> Execution:
    """Let a run that has ended be running once more, by one redrive more than before; gives it so.

    ConflictError when it is no longer as it was read: another redrive has begun, or another end was recorded.
    """
    begun = replace(
        execution,
        status="running",
        redrive_count=execution.redrive_count + 1,
        last_redrive_at=at,
        redriven_by=by,
        completed_at=None,
        error=None,
        output=None,
        failed_steps=None,
        cancelled_by=None,
        cancel_cause=None,
    )
    changes: dict[str, Scalar] = {
        "status": "running",
        "status_rank": rank_of("running"),
        "redrive_count": begun.redrive_count,
        "last_redrive_at": at,
        "redriven_by": by,
        "completed_at": None,
        "error": None,
        "shown_error": None,
        "output": None,
        "failed_steps": None,
        "has_failures": None,
        "expires_at": None,
        "cancelled_by": None,
        "cancel_cause": None,
        "due_list": keys.due_execution(execution.execution_id),
        "due_at": after(at, UNRECORDED_AFTER_SECONDS),
        "looks": None,
    }
    standing = all_of(equals("redrive_count", execution.redrive_count), equals("status", execution.status))
    try:
        store.table.update(*_key(execution), changes, standing)
    except ConditionFailedError:
        raise ConflictError("Another request has redriven this run meanwhile. Read it.") from None
    return begun


def take_back_redrive(store: ExecutionStore, before: Execution, at: str) -> bool:
    """Let a run be as it was before a redrive that Step Functions has certainly not made: `before`, with the redrive of `at`
    undone. False when the redrive is not the last any more, or has an end of its own.
    """
    assert has_ended(before.status)
    changes: dict[str, Scalar] = {
        "status": before.status,
        "status_rank": rank_of(before.status),
        "redrive_count": before.redrive_count,
        "last_redrive_at": before.last_redrive_at,
        "redriven_by": before.redriven_by,
        "completed_at": before.completed_at,
        "error": store.payloads.store(before.tenant_id, before.error) if before.error is not None else None,
        "shown_error": shown_error(before.error),
        "output": before.output,
        "failed_steps": None if before.failed_steps is None else dump(before.failed_steps),
        "has_failures": bool(before.failed_steps) or before.error is not None or None,
        "expires_at": expiry(before.completed_at or before.started_at, store.retention_days),
        "cancelled_by": before.cancelled_by,
        "cancel_cause": before.cancel_cause,
        # It may have been on the list of those whose history is to be kept.
        "due_list": keys.due_archive(before.execution_id),
        "due_at": at,
        "looks": None,
    }
    # It may have been asked to stop meanwhile.
    has_no_end = below("status_rank", ENDED)
    try:
        store.table.update(*_key(before), changes, all_of(equals("last_redrive_at", at), has_no_end))
    except ConditionFailedError:
        return False
    return True


def note_cancelled(store: ExecutionStore, execution: Execution, by: str | None, cause: str | None) -> None:
    """Keep who cancelled a run, and why: the first who did."""
    first = all_of(equals("status", "cancelled"), Missing("cancelled_by"), Missing("cancel_cause"))
    with contextlib.suppress(ConditionFailedError):
        store.table.update(*_key(execution), {"cancelled_by": by, "cancel_cause": cause}, first)


def _key(execution: Execution) -> Key:
    return keys.execution(execution.tenant_id, execution.execution_id), keys.META
