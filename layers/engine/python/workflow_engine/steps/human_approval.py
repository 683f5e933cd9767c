"""`human_approval`: the run waits until a person approves or denies, for free.

A Task that waits for an answer: `step_approval` keeps the open approval, and who decides it answers the task. What it comes to
when nobody decides in time is part of the machine, so that no clock but Step Functions' own has to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.approval_errors import APPROVAL_DENIED, NOBODY_DECIDED
from workflow_engine.aws_quotas import EXECUTION_SECONDS
from workflow_engine.compiler.catalogue import Late, Lowering, TaskLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal, object_fragment
from workflow_engine.compiler.jsonata.states import ENTERED
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.schema_parts import object_schema, output_schema, property_schema
from workflow_engine.steps.sources import apply
from workflow_engine.steps.step_type import StepType

if TYPE_CHECKING:
    from workflow_engine.json_schema import Path

STEP_APPROVAL: Final = "step_approval"
DECISIONS: Final = ("approved", "denied")
MAX_PROMPT_CHARACTERS: Final = 10_000

SHORTEST_PAUSE_SECONDS: Final = 60
"""Between two reminders of one decision."""
MAX_REMINDERS: Final = 100
USUAL_REMINDERS: Final = 10
"""How many are sent at most where `every_seconds` is given and `max` is not."""

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
        memory_mb=MEMORY_MB[STEP_APPROVAL],
    )


def _examine(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    rule, seconds = config.get("reminder"), config.get("timeout_seconds")
    if rule is None:
        return
    if "max" in rule and "every_seconds" not in rule:
        yield (
            ("reminder", "max"),
            "'max' counts reminders that are repeated. Give 'every_seconds' too, or leave 'max' out.",
        )
    if seconds is not None and rule["after_seconds"] >= seconds:
        yield (
            ("reminder", "after_seconds"),
            f"A reminder after {rule['after_seconds']:,} seconds is never sent: the step waits for {seconds:,}. Remind earlier.",
        )


_REMINDER: Final = object_schema(
    {
        "after_seconds": property_schema(
            "After",
            "After so many seconds without a decision a reminder is sent.",
            examples=[3600],
            type="integer",
            minimum=1,
            maximum=EXECUTION_SECONDS,
        ),
        "step_type": property_schema(
            "Step type",
            "The registered step type that sends the reminder, whatever its execution_type.",
            examples=["send_mail"],
            type="string",
            minLength=1,
        ),
        "config": property_schema(
            "Configuration", "The configuration of that step.", type="object", examples=[{"to": "sales@example.com"}]
        ),
        "every_seconds": property_schema(
            "Every",
            "After so many further seconds another one is sent. Without it there is one reminder.",
            examples=[86400],
            type="integer",
            minimum=SHORTEST_PAUSE_SECONDS,
            maximum=EXECUTION_SECONDS,
        ),
        "max": property_schema(
            "At most",
            "How many reminders are sent in all.",
            type="integer",
            minimum=1,
            maximum=MAX_REMINDERS,
            default=USUAL_REMINDERS,
        ),
    },
    required=["after_seconds", "step_type"],
)

HUMAN_APPROVAL: Final = StepType(
    name="human_approval",
    description="Waits until a person approves or denies; free of charge however long.",
    config_schema=object_schema(
        {
            "prompt": property_schema(
                "Prompt",
                "What is to be decided, as the person reads it. May hold {{ references }}.",
                examples=["Release order {{ order.data.id }} for {{ order.data.total }} EUR?"],
                type="string",
                minLength=1,
                maxLength=MAX_PROMPT_CHARACTERS,
            ),
            "approver_role": property_schema(
                "Approver's role",
                "Only who has this role may decide, as the API authenticated them. Without one anybody may who uses the "
                "API. A role has no spaces, commas or #.",
                examples=["sales-lead"],
                type="string",
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
                "How many seconds to wait for a decision; the step's own timeout_seconds comes first. Without either, as long as "
                "the run may take.",
                examples=[259200],
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
                            "payload": property_schema(
                                "Payload", "The payload of that decision.", examples=[{"limit": 0}]
                            ),
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
            "reminder": {
                "title": "Reminder",
                "description": "A step that reminds those who may decide while nobody has.",
                "examples": [{"after_seconds": 3600, "step_type": "send_mail"}],
                **_REMINDER,
            },
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
    examine=_examine,
)
