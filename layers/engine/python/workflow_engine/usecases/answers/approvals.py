"""What waits for a decision, and what was decided."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from workflow_engine.usecases.answers.values import Cursor, Time


class Approval(TypedDict):
    """A decision that a run waits for."""

    execution_id: str
    step_id: str
    place: str
    """Where the step stands, such as `outer[3].inner`: what `?element=` takes, where it is not just the step's id."""
    workflow_id: str
    workflow_name: str
    started_by: str | None
    prompt: str
    input: Any
    """What the step received; null where that has over 20,000 bytes."""
    input_is_left_out: bool
    approver_role: str | None
    require_comment: bool
    opened_at: Time
    deadline: Time | None
    may_decide: bool
    """Whether the caller may."""


class ApprovalPage(TypedDict):
    """Open approvals, oldest first. A page may have fewer than were asked for and yet not be the last."""

    items: list[Approval]
    next_cursor: Cursor


class Decision(TypedDict):
    """A decision that holds."""

    execution_id: str
    step_id: str
    place: str
    decision: Literal["approved", "denied"]
    decided_by: str | None
    decided_at: Time
    comment: str | None
    payload: Any
    is_delivered: bool
    """False while Step Functions does not take it; it is sent again until it does."""
