"""Step types that clients register at run time: any Lambda, or any HTTP endpoint, under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.steps.step_type import StepType

HAND_OVER_SECONDS: Final = 5
"""What a step has beside the time that its endpoint may take: the start of the function, and handing over the answer."""


def registered_step_type(registration: Mapping[str, Any]) -> StepType:
    """The step type of a registration `{step_type, execution_type?, description?, config_schema?, output_schema?,
    timeout_seconds?, endpoint_config?, ...}`.

    Without a schema any object is a valid config. The function's alias is the step type itself. Further keys are ignored.
    """
    name: str = registration["step_type"]
    timeout_seconds, calls_endpoint = task_of(registration)

    def lower(_config: Mapping[str, Any]) -> Lowering:
        if not calls_endpoint:
            return TaskLowering(name, timeout_seconds)
        from workflow_engine.endpoint_errors import FINAL_ERRORS, TRANSIENT_ERRORS

        return TaskLowering(
            name,
            timeout_seconds,
            transient_errors=TRANSIENT_ERRORS,
            final_errors=FINAL_ERRORS,
            calls_endpoint=True,
        )

    return StepType(
        name=name,
        description=registration.get("description") or "",
        config_schema=registration.get("config_schema") or {"type": "object"},
        output_schema=registration.get("output_schema") or {},
        lower=lower,
        kind="registered",
    )


def task_of(registration: Mapping[str, Any]) -> tuple[int | None, bool]:
    """What a machine has of a registration: the seconds that a step may take, and whether it is sent to an endpoint.

    Without a timeout a Lambda's own applies (None); a step with an endpoint has as long as that may take, and a little more.
    """
    seconds: int | None = registration.get("timeout_seconds")
    if registration.get("execution_type") != "http":
        return seconds, False
    return seconds or registration["endpoint_config"]["timeout_seconds"] + HAND_OVER_SECONDS, True
