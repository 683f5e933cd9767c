"""Which step of which run a Lambda works for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class StepContext:
    """`execution_context` of the event and what `step_config` says beside the config.

    `principal` is who started the run, as the API authenticated them. `user_id` is for whom: what they said, else themselves;
    so permissions go by `principal`.

    `place` is where in the workflow the step stands, the key of its result: `outer[3].loop[1].inner`, or just its id. Together
    with `execution_id` it names what is done once, however often it is attempted. `index` is the element of a for_each or map
    (None outside), `attempt` counts from 1. `timeout_seconds` is how
    long the step may take, where its type is told; `seconds_left` how long Lambda let this call run, as it began;
    `prompt_inputs` which entries of the input are outputs of prompt steps, told to agents. Fields that the event
    lacks, as in a test or a direct call, are None, empty or 0.
    """

    execution_id: str = ""
    workflow_id: str | None = None
    workflow_version: int | str | None = None
    step_id: str = ""
    step_type: str = ""
    place: str = ""
    index: int | None = None
    attempt: int = 0
    user_id: str | None = None
    principal: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    timeout_seconds: int | None = None
    seconds_left: float | None = None
    prompt_inputs: tuple[str, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any], lambda_context: Any = None) -> StepContext:
        """The context in an event `{step_config, input_data, execution_context}`; wrong shapes count as missing.

        `lambda_context` is what Lambda gives beside the event.
        """
        execution = _object(event.get("execution_context"))
        user = _object(execution.get("user_context"))
        step_config = _object(event.get("step_config"))
        return cls(
            execution_id=execution.get("execution_id") or "",
            workflow_id=execution.get("workflow_id"),
            workflow_version=execution.get("workflow_version"),
            step_id=execution.get("step_id") or step_config.get("step_id") or "",
            step_type=step_config.get("step_type") or "",
            place=execution.get("place") or "",
            index=execution.get("index"),
            attempt=execution.get("attempt") or 0,
            user_id=user.get("user_id"),
            principal=user.get("principal"),
            session_id=user.get("session_id"),
            tenant_id=user.get("tenant_id"),
            timeout_seconds=execution.get("timeout_seconds"),
            seconds_left=_seconds_left(lambda_context),
            prompt_inputs=tuple(execution.get("inputs_of_type") or ()),
        )


def _seconds_left(lambda_context: Any) -> float | None:
    if not hasattr(lambda_context, "get_remaining_time_in_millis"):
        return None
    return float(lambda_context.get_remaining_time_in_millis()) / 1000


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
