"""The Lambda of agents, stored prompts and tools."""

from __future__ import annotations

from typing import Any

from agent_runtime.dispatch import output_of
from agent_runtime.services import StepCall
from functions.step_agent.settings import clients, services
from workflow_engine.faults import faults_logged
from workflow_engine.init_phase import at_init
from workflow_engine.observability import log_fields
from workflow_engine.sdk import StepContext, step


@step
def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> Any:
    """The output of the step that `step_config` names."""
    with log_fields(**context.log_fields), faults_logged():
        return output_of(services(), config, input_data, _call(context))


def _call(context: StepContext) -> StepCall:
    """The step as agents know it."""
    return StepCall(
        step_type=context.step_type,
        tenant_id=context.tenant_id or "",
        timeout_seconds=context.timeout_seconds,
        seconds_left=context.seconds_left,
        prompt_inputs=context.prompt_inputs,
        execution={
            "execution_id": context.execution_id,
            "workflow_id": context.workflow_id,
            "workflow_version": context.workflow_version,
            "step_id": context.step_id,
            "attempt": context.attempt,
            "user_context": {
                "user_id": context.user_id,
                "principal": context.principal,
                "session_id": context.session_id,
                "tenant_id": context.tenant_id,
            },
        },
    )


at_init(clients)
