"""Step types that clients register at run time: any Lambda, under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.steps.step_type import StepType


def registered_step_type(registration: Mapping[str, Any]) -> StepType:
    """The step type of a registration `{step_type, description?, config_schema?, output_schema?, timeout_seconds?,
    ...}`.

    Without a timeout the function's own applies, without a schema any object is a valid config. The function's alias is
    the step type itself. Further keys are ignored.
    """
    name: str = registration["step_type"]
    timeout_seconds: int | None = registration.get("timeout_seconds")

    def lower(_config: Mapping[str, Any]) -> Lowering:
        return TaskLowering(name, timeout_seconds)

    return StepType(
        name=name,
        description=registration.get("description") or "",
        config_schema=registration.get("config_schema") or {"type": "object"},
        output_schema=registration.get("output_schema") or {},
        lower=lower,
        kind="registered",
    )
