"""Which step of which run a Lambda works for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from workflow_engine.init_phase import once

if TYPE_CHECKING:
    import logging

    from workflow_engine.tenant_secrets import TenantSecrets

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.stand_ins import stand_ins


@dataclass(frozen=True, slots=True)
class StepContext:
    """`execution_context` of the event and what `step_config` says beside the config.

    `principal` is who started the run, as the API authenticated them. `user_id` is for whom: what they said, else themselves;
    so permissions go by `principal`.

    `place` is the step within the run, the same over all attempts and redrives and no other step's: its id, with the elements and
    turns that it stands in (`outer[3].loop[1].inner`). `index` is the element of a for_each or map (None outside), `attempt`
    counts from 1. `timeout_seconds` is how long the step may take, where its type is told; `seconds_left` how long Lambda let
    this call run, as it began; `prompt_inputs` which entries of the input are outputs of prompt steps, told to agents. `event` is
    what all of this was read from. Fields that the event lacks, as in a test or a direct call, are None, empty or 0.
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
    event: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    beat: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    @property
    def idempotency_key(self) -> str:
        """The run and the step's full place: the same for all attempts at this step of this run, and no other step's. A machine
        that tells no place tells the innermost index alone: there what the step is given tells elements of nested lists apart,
        and equal turns of a loop are one.
        """
        if self.place:
            return f"{self.execution_id}:{self.place}"
        parts = [self.index, self.event.get("step_config"), self.event.get("input_data")]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]
        return f"{self.execution_id}:{self.step_id}:{digest}"

    @property
    def log_fields(self) -> dict[str, str | None]:
        """What each line of the log says of which step of which run it is."""
        return {
            "tenant_id": self.tenant_id,
            "execution_id": self.execution_id,
            "step_id": self.step_id,
            "place": self.place or None,
            "attempt": str(self.attempt),
        }

    def secret(self, name: str) -> str:
        """A secret of the tenant whose run this is, by its name `STEP_SECRET_...`: from the tenant's own secret in Secrets
        Manager, which the function must be allowed to read; on a laptop a variable of the environment. Keep it out of what the
        step returns and logs. Raises SecretNotSetError, and SecretUnavailableError, which passes.
        """
        world = stand_ins()
        return _secrets().get(self.tenant_id or "", name) if world is None else world.secret(name)

    def heartbeat(self) -> None:
        """Tell that the step is still at work, for a worker of an activity, whose task is else taken for lost; a Lambda
        function has nobody who waits for it, and this does nothing there. Raises what the worker does when the task is no
        longer wanted.
        """
        if self.beat is not None:
            self.beat()

    @property
    def logger(self) -> logging.Logger:
        """Writes structured lines that carry tenant, execution, step, place and attempt while the step runs."""
        from workflow_engine.sdk.telemetry import logger

        return logger()

    def metric(self, name: str, value: float, unit: str = "Count") -> None:
        """Write a data point in the namespace of steps, by step type. `unit` is one of CloudWatch's. Outside Lambda nothing is
        written.
        """
        from workflow_engine.sdk.telemetry import emit

        emit(name, value, unit, step_type=self.step_type)

    @classmethod
    def from_event(cls, event: Mapping[str, Any], lambda_context: Any = None) -> StepContext:
        """The context in an event `{step_config, input_data, execution_context}`; wrong shapes count as missing.

        `lambda_context` is what Lambda gives beside the event; that of a worker has a `heartbeat` besides.
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
            event=event,
            beat=getattr(lambda_context, "heartbeat", None),
        )


@once
def _secrets() -> TenantSecrets:
    from workflow_engine.tenant_secrets import TenantSecrets, new_client

    return TenantSecrets(once(new_client))


def _seconds_left(lambda_context: Any) -> float | None:
    if not hasattr(lambda_context, "get_remaining_time_in_millis"):
        return None
    return float(lambda_context.get_remaining_time_in_millis()) / 1000


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
