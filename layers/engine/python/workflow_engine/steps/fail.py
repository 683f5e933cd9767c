"""`fail`: ends the run as failed, with an error and a message of the author's; the step alone where it is not critical."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws_quotas import ERROR_NAME_LENGTH
from workflow_engine.compiler.catalogue import FailLowering, Lowering
from workflow_engine.schema_parts import object_schema, property_schema
from workflow_engine.steps.step_type import StepType
from workflow_engine.told_failures import ERRORS_OF_AWS

if TYPE_CHECKING:
    from workflow_engine.json_schema import Path


def _examine(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if str(config.get("error", "")).startswith(ERRORS_OF_AWS):
        yield (
            ("error",),
            f"Names that begin with '{ERRORS_OF_AWS}' are those of Step Functions' own errors. Choose another one.",
        )


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return FailLowering()


FAIL: Final = StepType(
    name="fail",
    description="Fails the run with an error and a message; with critical: false only the step.",
    config_schema=object_schema(
        {
            "error": property_schema(
                "Error",
                "The error's name. May hold {{ references }}.",
                default="StepFailed",
                examples=["OrderRefused"],
                type="string",
                minLength=1,
                maxLength=ERROR_NAME_LENGTH,
            ),
            "message": property_schema(
                "Message",
                "What went wrong, for people. May hold {{ references }}.",
                type="string",
                examples=["Order {{ order.data.id }} has no address."],
            ),
        }
    ),
    output_schema=property_schema("Output", "None: the step never completes.", type="null"),
    lower=_lower,
    template_fields=("error", "message"),
    takes_input=False,
    examine=_examine,
)
