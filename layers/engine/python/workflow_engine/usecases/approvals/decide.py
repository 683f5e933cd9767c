"""Approve or deny what a step asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from workflow_engine.aws_quotas import PAYLOAD_BYTES
from workflow_engine.errors import (
    AlreadyDecidedError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    TooLateError,
)
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import DocumentModel
from workflow_engine.statuses import has_ended
from workflow_engine.store.approvals import Approval
from workflow_engine.store.executions import Execution
from workflow_engine.store.items import dump
from workflow_engine.usecases.approvals.access import may_decide
from workflow_engine.usecases.approvals.deliver import deliver
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.waiting import is_past

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

Decision = Literal["approved", "denied"]

MAX_COMMENT: Final = 10_000
REST_OF_OUTPUT_BYTES: Final = 2048
"""For who decided, and when."""
_STEP_OF_PLACE: Final = re.compile(r"(?:.*\.)?([^.\[\]]+)(?:\[\d+\])?")
_MOST_PLACES_TOLD: Final = 10


class DecisionRequest(DocumentModel):
    """What may be said with a decision."""

    comment: Annotated[str, Field(max_length=MAX_COMMENT)] | None = None
    payload: Any = None
    """Any JSON value, for the steps that come after; at most 256 KiB with the comment."""


def decide(
    engine: Engine, caller: Caller, execution_id: str, step: str, element: str | None, decision: Decision, body: Json
) -> answers.Decision:
    """Decide, once only; gives the decision and whether the run has it already.

    `element` is the step's full place, such as `outer[3].inner`, where it stands inside of a list or loop.
    Raises NotFoundError, InvalidRequestError, ForbiddenError, AlreadyDecidedError, TooLateError, PayloadTooLargeError.
    """
    fields = read_fields(DecisionRequest, body)
    execution = engine.executions.get(caller.tenant_id, execution_id)
    approval = _open(engine, execution, step, _place(step, element))
    _check_may_decide(caller, execution, approval)
    if approval.require_comment and not (fields.comment or "").strip():
        raise InvalidRequestError.at("/comment", "This decision needs a comment. Give 'comment' with a reason.")
    _check_size(fields)
    claimed = engine.approvals.claim(
        approval,
        decision,
        by=caller.user_id,
        at=engine.timestamp(),
        comment=fields.comment,
        payload=fields.payload,
    )
    if claimed is None:  # somebody was faster, or the step was tried again
        _open(engine, execution, step, approval.place)
        raise TooLateError(f"'{approval.place}' is being asked anew. Read GET /approvals, and decide again.")
    state = deliver(engine, claimed)
    if state == "late":
        raise _too_late(execution, approval.place)
    return {
        "execution_id": execution_id,
        "step_id": approval.step_id,
        "place": approval.place,
        "decision": decision,
        "decided_by": claimed.decided_by,
        "decided_at": claimed.decided_at or "",
        "comment": claimed.comment,
        "payload": claimed.payload,
        "is_delivered": state == "decided",
    }


def _check_may_decide(caller: Caller, execution: Execution, approval: Approval) -> None:
    if may_decide(caller, execution.started_by, approval):
        return
    role = approval.approver_role
    if role is not None and not caller.has_role(role):
        raise ForbiddenError(f"Only who has the role '{role}' may decide this.")
    raise ForbiddenError("Who started the run may not decide this. Let somebody else decide.")


def _place(step: str, element: str | None) -> str:
    """The place that is meant. Raises InvalidRequestError for one of another step."""
    if element is None:
        return step
    match = _STEP_OF_PLACE.fullmatch(element)
    if match is None or match[1] != step:
        raise InvalidRequestError(
            f"The query parameter element must be a place of step '{step}', such as 'outer[3].{step}' or '{step}[0]'."
        )
    return element


def _open(engine: Engine, execution: Execution, step: str, place: str) -> Approval:
    """The approval at a place, which is open. Raises NotFoundError, AlreadyDecidedError, TooLateError."""
    approval = engine.approvals.find(execution.tenant_id, execution.execution_id, place)
    if approval is None or approval.step_id != step:
        raise NotFoundError(_not_there(engine, execution, step, place))
    if approval.state == "claimed" and deliver(engine, approval) == "late":
        raise _too_late(execution, place)
    if approval.state in ("claimed", "decided"):
        raise _decided(approval)
    if approval.state != "open" or has_ended(execution.status) or is_past(engine, approval):
        raise _too_late(execution, place)
    return approval


def _not_there(engine: Engine, execution: Execution, step: str, place: str) -> str:
    approvals = engine.approvals.of_execution(execution.tenant_id, execution.execution_id)
    others = [a.place for a in approvals if a.step_id == step and a.state == "open"]
    told = f"Step '{place}' of execution '{execution.execution_id}' asks for no decision."
    if not others:
        return told
    more = ", ..." if len(others) > _MOST_PLACES_TOLD else ""
    return f"{told} Tell with ?element= which you mean: {', '.join(others[:_MOST_PLACES_TOLD])}{more}"


def _decided(approval: Approval) -> AlreadyDecidedError:
    by = approval.decided_by or "a client"
    said = f" with the comment: {approval.comment}" if approval.comment else "."
    return AlreadyDecidedError(
        f"'{approval.place}' was {approval.decision} by {by} at {approval.decided_at} already{said}"
    )


def _too_late(execution: Execution, place: str) -> TooLateError:
    why = f"The run is {execution.status}" if has_ended(execution.status) else "Its time is over"
    return TooLateError(f"Too late: '{place}' waits for no decision any more. {why}.")


def _check_size(fields: DecisionRequest) -> None:
    """Raises PayloadTooLargeError where a step's output has no room for the decision."""
    size = len(dump([fields.comment, fields.payload]).encode())
    if size > PAYLOAD_BYTES - REST_OF_OUTPUT_BYTES:
        raise PayloadTooLargeError(
            f"Comment and payload have {size:,} bytes together; a step's output takes {PAYLOAD_BYTES:,}. Put large data into "
            "S3 and pass its address."
        )
