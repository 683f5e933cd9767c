"""The inbox: what waits for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workflow_engine.statuses import has_ended
from workflow_engine.store.approvals import Approval
from workflow_engine.store.executions import Execution
from workflow_engine.store.items import dump
from workflow_engine.subflows import is_subflow
from workflow_engine.usecases.approvals.access import may_decide
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.waiting import is_past

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

MAX_INPUT_BYTES: Final = 20_000
"""A page of 100 must fit an answer of Lambda, 6 MB."""


def list_approvals(
    engine: Engine, caller: Caller, *, role: str | None, execution_id: str | None, limit: int, cursor: str | None
) -> answers.ApprovalPage:
    """`{items, next_cursor}`, oldest first: of all runs or of one, of all roles or of one. A page may have fewer items than were
    asked for and yet not be the last. Raises NotFoundError (the run), InvalidRequestError (cursor).
    """
    if execution_id is not None:
        engine.executions.get(caller.tenant_id, execution_id)
    page = engine.approvals.inbox(caller.tenant_id, role, execution_id, limit, cursor)
    runs = engine.executions.find_many(caller.tenant_id, {a.execution_id for a in page.approvals})
    items = []
    for approval in page.approvals:
        run = runs.get(approval.execution_id)
        if run is None and is_subflow(approval.execution_id):
            continue  # its record is made after it has begun
        if run is None or has_ended(run.status):
            engine.approvals.finish(approval, "closed")  # nobody would ever take it out of the list
        elif not is_past(engine, approval):
            items.append(_item(caller, approval, run))
    return {"items": items, "next_cursor": page.next_cursor}


def _item(caller: Caller, approval: Approval, run: Execution) -> answers.Approval:
    is_left_out = len(dump(approval.input).encode()) > MAX_INPUT_BYTES
    return {
        "execution_id": approval.execution_id,
        "step_id": approval.step_id,
        "place": approval.place,
        "workflow_id": run.workflow_id,
        "workflow_name": run.workflow_name,
        "started_by": run.started_by,
        "prompt": approval.prompt,
        "input": None if is_left_out else approval.input,
        "input_is_left_out": is_left_out,
        "approver_role": approval.approver_role,
        "require_comment": approval.require_comment,
        "opened_at": approval.opened_at,
        "deadline": approval.deadline,
        "may_decide": may_decide(caller, run.started_by, approval),
    }
