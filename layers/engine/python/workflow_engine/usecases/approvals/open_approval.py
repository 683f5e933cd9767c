"""Ask for a decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.observability import get_logger
from workflow_engine.sdk import StepContext
from workflow_engine.steps.human_approval import MAX_PROMPT_CHARACTERS, USUAL_REMINDERS
from workflow_engine.store import keys
from workflow_engine.store.approvals import Approval
from workflow_engine.store.due import after
from workflow_engine.store.reminders import Reminder
from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)


def open_approval(engine: Engine, event: Mapping[str, Any], step: StepContext) -> None:
    """Keep what a step asks, with the token by which it is answered, and let its run wait. May be repeated.

    A later attempt at the step takes the place of an earlier one, whose decision, if there is one, counts for nothing.
    """
    config, call = event["step_config"]["config"], event["call"]
    now = engine.timestamp()
    seconds = call.get("timeout_seconds")
    approval = Approval(
        tenant_id=step.tenant_id or "",
        execution_id=step.execution_id,
        place=step.place,
        step_id=step.step_id,
        opening=f"{call['redrive']:05d} {call['entered_at']} {step.attempt:05d}",
        token=call["task_token"],
        prompt=config["prompt"][:MAX_PROMPT_CHARACTERS],
        opened_at=now,
        workflow_id=step.workflow_id,
        input=event.get("input_data"),
        approver_role=config.get("approver_role"),
        require_comment=config.get("require_comment", False),
        forbid_self=config.get("forbid_self", False),
        fails_when_denied=config.get("on_deny") == "fail",
        deadline=None if seconds is None else after(now, seconds),
    )
    if not engine.approvals.open(approval):
        standing = engine.approvals.load(approval.key)
        if standing is None or (standing.opening, standing.state) != (approval.opening, "open"):
            return  # decided meanwhile, or asked anew
    if "reminder" in config:
        engine.reminders.plan(_first_reminder(approval, config["reminder"]))
    # After the approval: who finds none left open, and lets the run go on, must not have looked before it was there.
    execution = keys.execution(approval.tenant_id, approval.execution_id), keys.META
    engine.executions.set_waiting(execution, f"{approval.opening} {approval.place}")
    logger.info("approval is open", extra={"execution_id": step.execution_id, "place": step.place})


def _first_reminder(approval: Approval, rule: Mapping[str, Any]) -> Reminder:
    return Reminder(
        tenant_id=approval.tenant_id,
        execution_id=approval.execution_id,
        place=approval.place,
        opening=approval.opening,
        due_at=after(approval.opened_at, rule["after_seconds"]),
        step_type=rule["step_type"],
        config=rule.get("config", {}),
        every_seconds=rule.get("every_seconds"),
        most=rule.get("max", USUAL_REMINDERS),
    )
