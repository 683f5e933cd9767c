"""Hand a decision to the run that waits for it: claimed before, sent, then known to have arrived.

Whatever is lost on the way, sending again is harmless: a task takes one answer. Step Functions says of the second that the task is
gone, as it does of one whose time was over, so the history tells which it was.
"""

from __future__ import annotations

import json

from workflow_engine.approval_errors import APPROVAL_DENIED
from workflow_engine.errors import NotFoundError, ThrottledError
from workflow_engine.language.diagnostics import Json
from workflow_engine.machines.port import TaskGoneError
from workflow_engine.observability import get_logger
from workflow_engine.store.approvals import Approval, State
from workflow_engine.store.items import dump
from workflow_engine.store.results import StepResult
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_results import open_results
from workflow_engine.usecases.runs.waiting import settle_waiting

logger = get_logger(__name__)

MAX_CAUSE_CHARACTERS = 32_768
"""SendTaskFailure, `cause`."""


def output_of(approval: Approval) -> dict[str, Json]:
    """What the step gives for its decision."""
    return {
        "decision": approval.decision,
        "decided_by": approval.decided_by,
        "decided_at": approval.decided_at,
        "comment": approval.comment,
        "payload": approval.payload,
    }


def cause_of(approval: Approval) -> str:
    """Why a step fails that was denied."""
    by = approval.decided_by or "a client"
    said = f": {approval.comment}" if approval.comment else "."
    return f"Denied by {by} at {approval.decided_at}{said}"[:MAX_CAUSE_CHARACTERS]


def deliver(engine: Engine, approval: Approval) -> State:
    """Send a claimed decision. Gives `decided`, `late` when the step had ended before, `claimed` while it is not known: then it is
    to be sent again. Raises MisconfiguredError.
    """
    told = {"execution_id": approval.execution_id, "place": approval.place}
    try:
        state = _sent(engine, approval)
    except ThrottledError:
        logger.warning("a decision is to be sent again", extra=told, exc_info=True)
        return "claimed"
    if state != "claimed":
        close(engine, approval, state)
        logger.info("decision is %s", state, extra=told)
    return state


def close(engine: Engine, approval: Approval, state: State) -> None:
    """Let an approval come to its end, and its run go on if it waits for no other."""
    engine.approvals.finish(approval, state)
    execution = engine.executions.find(approval.tenant_id, approval.execution_id)
    if execution is not None:
        settle_waiting(engine, execution)


def _sent(engine: Engine, approval: Approval) -> State:
    assert approval.token is not None, "a claimed approval has its token"
    try:
        if _fails(approval):
            engine.runs.send_failure(approval.token, APPROVAL_DENIED, cause_of(approval))
        else:
            engine.runs.send_success(approval.token, dump(output_of(approval)))
    except TaskGoneError:
        return _settled(engine, approval)
    return "decided"


def _settled(engine: Engine, approval: Approval) -> State:
    """What the history says of a task that takes no answer: whether it has ours."""
    try:
        results = open_results(engine, Caller(approval.tenant_id), approval.execution_id)
    except NotFoundError:
        return "late"
    found = list(results.steps.read(0, results.steps.total, lambda key: key == approval.place))
    if not found:
        return "late"
    if found[0].result["status"] == "running":
        return "claimed"  # GetExecutionHistory is eventually consistent
    return "decided" if _is_ours(engine, approval, found[0]) else "late"


def _is_ours(engine: Engine, approval: Approval, step: StepResult) -> bool:
    if _fails(approval):
        told = step.result["error_type"], step.result["error_message"]
        return told == (APPROVAL_DENIED, cause_of(approval))
    output = step.result["output_data"]
    if step.large is not None and step.large.link is not None:
        output = json.loads(engine.results.payloads.fetch(step.large.link))
    return bool(output == output_of(approval))


def _fails(approval: Approval) -> bool:
    return approval.decision == "denied" and approval.fails_when_denied
