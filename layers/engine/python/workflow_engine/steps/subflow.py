"""`subflow`: runs another stored workflow, and gives what it gave. A nested execution of Step Functions.

Which version runs, on which machine and with what configuration is fixed when the run starts; the child's input is the step's
own, computed when the step runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.language.workflow_ids import WORKFLOW_ID_PATTERN
from workflow_engine.schema_parts import object_schema, output_schema, property_schema
from workflow_engine.steps.step_type import StepType
from workflow_engine.subflows import MAX_DEPTH, OUTPUT_FIELDS

EVALUATION_ERROR: Final = "States.QueryEvaluationError"
"""Of an output that cannot be handed on, which a second run of the child would give again."""

_ID, _RUN, _STATUS, _OUTPUT = OUTPUT_FIELDS


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return TaskLowering("subflow", final_errors=(EVALUATION_ERROR,), starts_child=True)


SUBFLOW: Final = StepType(
    name="subflow",
    description="Runs another stored workflow, with the step's input as its input, and gives its output.",
    config_schema=object_schema(
        {
            "workflow_id": property_schema(
                "Workflow",
                f"The stored workflow to run. It may have subflows itself, {MAX_DEPTH} levels in all, never itself among them.",
                examples=["invoice"],
                type="string",
                pattern=WORKFLOW_ID_PATTERN,
            ),
            "version": property_schema(
                "Version",
                "The version to run; without one the newest, as it is when the run starts.",
                examples=[3],
                type="integer",
                minimum=1,
            ),
        },
        required=["workflow_id"],
    ),
    output_schema=output_schema(
        {
            _ID: property_schema("Workflow", "The workflow that was run.", type="string"),
            _RUN: property_schema("Run", "The child's execution id.", type="string"),
            _STATUS: property_schema("Status", "Always completed: any other end fails the step.", const="completed"),
            _OUTPUT: property_schema("Output", "What the child gave."),
        }
    ),
    lower=_lower,
)
