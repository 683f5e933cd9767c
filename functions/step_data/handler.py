"""The Lambda of the built-in data steps that JSONata cannot do, and of the check after a client's function."""

from __future__ import annotations

from typing import Any

from workflow_engine.compiler.catalogue import OUTPUT_CHECK
from workflow_engine.faults import faults_logged
from workflow_engine.observability import log_fields
from workflow_engine.sdk import InvalidStepInput, StepContext, step
from workflow_engine.stand_ins import utc_now
from workflow_engine.steps.data_processing import process


@step
def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> Any:
    """The output of the step that `step_config` names, or that it was given, where it fits its schema."""
    with log_fields(**context.log_fields), faults_logged():
        if context.step_type == OUTPUT_CHECK:
            from workflow_engine.steps.output_schema import check_output  # JSON Schema, which data steps don't need

            check_output(input_data["output"], config["output_schema"])
            return input_data["output"]
        if context.step_type != "data_processing":
            raise InvalidStepInput(f"step_data has no step type '{context.step_type}'.")
        return process(config, input_data, at=utc_now())
