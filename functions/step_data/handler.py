"""The Lambda of the built-in data steps: the tasks among them, and pure ones whose input a Task had to compute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from functions.step_data.steps import output_of
from workflow_engine.faults import faults_logged
from workflow_engine.sdk import StepContext, step


@step
def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> Any:
    """The output of the step that `step_config` names."""
    with faults_logged():
        return output_of(context.step_type, config, input_data, at=datetime.now(UTC), step_id=context.step_id)
