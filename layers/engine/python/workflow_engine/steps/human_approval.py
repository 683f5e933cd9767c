"""`human_approval`: the run waits until a person approves or denies, for free.

A Task that waits for an answer: `step_approval` keeps the open approval, and who decides it answers the task. What it comes to
when nobody decides in time is part of the machine, so that no clock but Step Functions' own has to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine.approval_errors import APPROVAL_DENIED, NOBODY_DECIDED
from workflow_engine.aws_quotas import EXECUTION_SECONDS
from workflow_engine.compiler.catalogue import Late, Lowering, TaskLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal, object_fragment
from workflow_engine.compiler.jsonata.states import ENTERED
from workflow_engine.schema_parts import object_schema, output_schema, property_schema
from workflow_engine.steps.sources import apply
from workflow_engine.steps.step_type import StepType

STEP_APPROVAL: Final = "step_approval"
DECISIONS: Final = ("approved", "denied")
MAX_PROMPT_CHARACTERS: Final = 10_000

_TRANSIENT: Final = ("ThrottledError", "UnavailableError")


def _late(config: Mapping[str, Any]) -> Late | None:
    """What `on_timeout` says: None where the step fails by its timeout."""
    match config.get("on_timeout", "fail"):
        case "fail":
            return None
        case "deny":
            decision, payload = "denied", False
        case given:
            decision, payload = given["decision"], "payload" in given
    if decision == "denied" and config.get("on_deny") == "fail":
        return Late(error=APPROVAL_DENIED, cause=NOBODY_DECIDED)

    def build(value: Callable[[str], Fragment]) -> Fragment:
        given = apply('$lookup($t,"payload")', {"t": value("on_timeout")}) if payload else json_literal(None)
        return object_fragment(
            {
                "decision": json_literal(decision),
                "decided_by": json_literal(None),
                "decided_at": ENTERED,
                "comment": json_literal(None),
                "payload": given,
            }
        )

    return Late(build)


def _lower(config: Mapping[str, Any]) -> Lowering:
    return TaskLowering(
        STEP_APPROVAL,
        config.get("timeout_seconds"),
        transient_errors=_TRANSIENT,
        final_errors=(APPROVAL_DENIED,),
        waits_for_answer=True,
        late=_late(config),
    )


HUMAN_APPROVAL: Final = StepType(
    name="human_approval",
    description="Waits until a person approves or denies; free of charge however long.",
    config_schema=object_schema(
        {
            "prompt": property_schema(
                "Prompt",
                "What is to be decided, as the person reads it. A template.",
                type="string",
                minLength=1,
                maxLength=MAX_PROMPT_CHARACTERS,
            ),
            "approver_role": property_schema(
                "Approver's role",
                "Only who has this role may decide, as the API authenticated them. Without one anybody may who uses the API.",
                type="string",
                minLength=1,
                maxLength=128,
                pattern="^[^\\s#,]+$",
            ),
            "require_comment": property_schema(
                "Require a comment", "Whether a decision needs a comment.", type="boolean", default=False
            ),
            "forbid_self": property_schema(
                "Forbid self-approval", "Whether who started the run may not decide.", type="boolean", default=False
            ),
            "timeout_seconds": property_schema(
                "Timeout",
                "How long to wait for a decision; the step's own timeout_seconds wins. Without one as long as the run may take.",
                type="integer",
                minimum=1,
                maximum=EXECUTION_SECONDS,
            ),
            "on_timeout": property_schema(
                "When nobody decides in time",
                "fail: the step fails with States.Timeout. deny: as if it were denied. Or the decision that then holds.",
                anyOf=[
                    {"enum": ["fail", "deny"]},
                    object_schema(
                        {
                            "decision": property_schema("Decision", "What then holds.", enum=list(DECISIONS)),
                            "payload": property_schema("Payload", "The payload of that decision."),
                        },
                        required=["decision"],
                    ),
                ],
                default="fail",
            ),
            "on_deny": property_schema(
                "When it is denied",
                "complete: the step completes with decision denied. fail: it fails with ApprovalDenied.",
                enum=["complete", "fail"],
                default="complete",
            ),
        },
        required=["prompt"],
    ),
    output_schema=output_schema(
        {
            "decision": property_schema("Decision", "What was decided.", enum=list(DECISIONS)),
            "decided_by": property_schema(
                "Decided by",
                "Who decided, as the API authenticated them; null on a laptop, and where nobody decided in time.",
                type=["string", "null"],
            ),
            "decided_at": property_schema("Decided at", "ISO 8601, UTC.", type="string", format="date-time"),
            "comment": property_schema("Comment", "What they said.", type=["string", "null"]),
            "payload": property_schema("Payload", "What they gave beside it; null where that was nothing."),
        }
    ),
    lower=_lower,
    template_fields=("prompt",),
)
