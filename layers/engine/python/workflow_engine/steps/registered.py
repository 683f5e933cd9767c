"""Step types that clients register at run time: any Lambda, any HTTP endpoint, or any worker, under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.errors import FINAL_STEP_ERRORS, StepOutputError, StepTransientError
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.language.syntax import RetryPolicy
from workflow_engine.settings import STEP_HTTP
from workflow_engine.steps.step_type import STEP_DATA, StepType

HAND_OVER_SECONDS: Final = 5
"""What a step has beside the time that its endpoint may take: the start of the function, and handing over the answer."""

_COMPILED: Final = (
    "config_schema",
    "output_schema",
    "validate_output",
    "activity_arn",
    "heartbeat_seconds",
    "retry",
    "estimated_seconds",
    "transient_errors",
    "final_errors",
)
"""Fields of a registration that decide what a workflow is compiled to, beside its task."""


def registered_step_type(registration: Mapping[str, Any]) -> StepType:
    """The step type of a registration `{step_type, execution_type?, description?, config_schema?, output_schema?,
    timeout_seconds?, endpoint_config?, activity_arn?, heartbeat_seconds?, retry?, estimated_seconds?, transient_errors?,
    final_errors?, ...}`.

    Without a schema any object is a valid config. The function's alias is the step type itself. Further keys are ignored.
    """
    lowering = _lowering(registration)

    def lower(_config: Mapping[str, Any]) -> Lowering:
        return lowering

    return StepType(
        name=registration["step_type"],
        description=registration.get("description") or "",
        config_schema=registration.get("config_schema") or {"type": "object"},
        output_schema=registration.get("output_schema") or {},
        lower=lower,
        kind="registered",
    )


def _lowering(registration: Mapping[str, Any]) -> TaskLowering:
    timeout_seconds, calls_endpoint = task_of(registration)
    transient, final = _errors(registration, calls_endpoint=calls_endpoint)
    retry = registration.get("retry")
    return TaskLowering(
        registration["step_type"],
        timeout_seconds,
        transient_errors=transient,
        final_errors=final,
        calls_endpoint=calls_endpoint,
        activity=registration.get("activity_arn"),
        heartbeat_seconds=registration.get("heartbeat_seconds"),
        retry=RetryPolicy(**retry) if retry else None,
        expected_seconds=registration.get("estimated_seconds"),
        checked_by=STEP_DATA if is_checked_after(registration) else None,
        memory_mb=MEMORY_MB[STEP_HTTP] if calls_endpoint else None,
    )


def _errors(registration: Mapping[str, Any], *, calls_endpoint: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of errors that pass by themselves, and of those that stay: what the client says of one, else what is usual."""
    if calls_endpoint:
        from workflow_engine.endpoint_errors import FINAL_ERRORS, TRANSIENT_ERRORS

        held = (StepOutputError.__name__,) if registration.get("validate_output") else ()
        usual = (TRANSIENT_ERRORS, (*FINAL_ERRORS, *held))
    else:
        usual = ((StepTransientError.__name__,), FINAL_STEP_ERRORS)
    own = tuple(tuple(registration.get(name) or ()) for name in ("transient_errors", "final_errors"))
    said = {name for names in own for name in names}
    transient, final = ((*mine, *(n for n in names if n not in said)) for mine, names in zip(own, usual, strict=True))
    return transient, final


def task_of(registration: Mapping[str, Any]) -> tuple[int | None, bool]:
    """What a machine has of a registration: the seconds that a step may take, and whether it is sent to an endpoint.

    Without a timeout a Lambda's own applies (None), and an activity waits for its worker as long as the run may take; a step
    with an endpoint has as long as that may take, and a little more.
    """
    seconds: int | None = registration.get("timeout_seconds")
    if registration.get("execution_type") != "http":
        return seconds, False
    return seconds or registration["endpoint_config"]["timeout_seconds"] + HAND_OVER_SECONDS, True


def is_checked_after(registration: Mapping[str, Any]) -> bool:
    """Whether a state of its own holds the output to the `output_schema`: what a function gives Step Functions has before anybody
    else does, while that of an endpoint or a worker passes our code on its way.
    """
    passes_us = registration.get("execution_type") in ("http", "activity")
    return bool(registration.get("validate_output")) and not passes_us


def compiled_of(registration: Mapping[str, Any]) -> list[Any]:
    """All of a registration that compiling depends on, as JSON."""
    return [*(registration.get(name) for name in _COMPILED), *task_of(registration)]
