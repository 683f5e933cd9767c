"""Who may decide."""

from __future__ import annotations

from workflow_engine.store.approvals import Approval
from workflow_engine.usecases.engine import Caller


def may_decide(caller: Caller, started_by: str | None, approval: Approval) -> bool:
    """Whether a caller may decide: by role, and not who started the run where that is forbidden. On a laptop everybody is one
    user, who has no name.
    """
    is_self = approval.forbid_self and caller.user_id is not None and caller.user_id == started_by
    return not is_self and (approval.approver_role is None or caller.has_role(approval.approver_role))
