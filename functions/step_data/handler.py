"""The Lambda of the built-in data steps that JSONata cannot do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from workflow_engine.faults import faults_logged
from workflow_engine.observability import log_fields
from workflow_engine.sdk import InvalidStepInput, StepContext, step
from workflow_engine.steps.data_processing import process


@step
def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> dict[str, Any]:
    """The output of the step that `step_config` names."""
    with log_fields(**context.log_fields), faults_logged():
        if context.step_type != "data_processing":
            raise InvalidStepInput(f"step_data has no step type '{context.step_type}'.")
        return process(config, input_data, at=datetime.now(UTC))
