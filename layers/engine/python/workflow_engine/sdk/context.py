"""Which step of which run a Lambda works for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StepContext:
    """`execution_context` of the event and what `step_config` says beside the config.

    `index` is the element of a for_each or map (None outside), `attempt` counts from 0. Fields that the event lacks, as
    in a test or a direct call, are None or empty.
    """

    execution_id: str = ""
    workflow_id: str | None = None
    workflow_version: int | str | None = None
    step_id: str = ""
    step_type: str = ""
    index: int | None = None
    attempt: int = 0
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> StepContext:
        """The context in an event `{step_config, input_data, execution_context}`; wrong shapes count as missing."""
        execution = _object(event.get("execution_context"))
        user = _object(execution.get("user_context"))
        step_config = _object(event.get("step_config"))
        return cls(
            execution_id=execution.get("execution_id") or "",
            workflow_id=execution.get("workflow_id"),
            workflow_version=execution.get("workflow_version"),
            step_id=execution.get("step_id") or step_config.get("step_id") or "",
            step_type=step_config.get("step_type") or "",
            index=execution.get("index"),
            attempt=execution.get("attempt") or 0,
            user_id=user.get("user_id"),
            session_id=user.get("session_id"),
            tenant_id=user.get("tenant_id"),
        )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
