"""Whether a run waits for a decision."""

from __future__ import annotations

from workflow_engine.store.approvals import Approval
from workflow_engine.store.executions import Execution
from workflow_engine.usecases.engine import Engine


def is_past(engine: Engine, approval: Approval) -> bool:
    """Whether nobody may decide any more, because the step's time is over."""
    return approval.deadline is not None and approval.deadline <= engine.timestamp()


def settle_waiting(engine: Engine, execution: Execution) -> str:
    """Let a run that waits for nobody any more be running again; gives its status.

    `execution` must have been read before now: what opens an approval since then is told by the condition of the write.
    """
    if execution.status != "waiting":
        return execution.status
    approvals = engine.approvals.of_execution(execution.tenant_id, execution.execution_id)
    if any(approval.state == "open" and not is_past(engine, approval) for approval in approvals):
        return "waiting"
    return "running" if engine.executions.set_running(execution) else "waiting"
