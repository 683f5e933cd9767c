"""Call a step in a unit test, without AWS: the handler is given what the engine gives it.

    from workflow_engine.sdk.testing import call_step

    def test_it_translates() -> None:
        called = call_step(translate, config={"language": "fr"}, input={"text": "hi"}, secrets={"STEP_SECRET_TRANSLATOR": "k"})
        assert called.output == {"text": "salut"}

What the step raises is raised: `with pytest.raises(StepInputError): call_step(...)`. Results go through JSON as Lambda's do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

from workflow_engine.endpoint_errors import SecretNotSetError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.sdk.context import StepContext


@dataclass(slots=True)
class FakeLambdaContext:
    """What Lambda, or a worker, gives beside the event. `heartbeats` counts those that the step told."""

    seconds_left: float = 30.0
    function_name: str = "step-under-test"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    heartbeats: int = 0

    def get_remaining_time_in_millis(self) -> int:
        """As Lambda tells it."""
        return int(self.seconds_left * 1000)

    def heartbeat(self) -> None:
        """As a worker of an activity tells Step Functions."""
        self.heartbeats += 1


@dataclass(frozen=True, slots=True)
class CalledStep:
    """`output` as the next step reads it; how often the step told that it is at work."""

    output: Any
    heartbeats: int = 0


@dataclass(frozen=True, slots=True)
class StepCall:
    """Who calls: another execution, step or attempt than the usual ones."""

    execution_id: str = "execution-1"
    workflow_id: str = "workflow-1"
    workflow_version: int = 1
    step_id: str = "step"
    step_type: str = "step"
    place: str = "step"
    index: int | None = None
    attempt: int = 1
    tenant_id: str = "tenant"
    user_id: str | None = "user"
    session_id: str | None = None

    def event(self, config: Mapping[str, Any], input_data: Mapping[str, Any]) -> dict[str, Any]:
        """What the engine sends a step."""
        user = {n: getattr(self, n) for n in ("user_id", "session_id", "tenant_id")}
        about = ("execution_id", "workflow_id", "workflow_version", "step_id", "place", "attempt")
        return {
            "step_config": {"step_id": self.step_id, "step_type": self.step_type, "config": dict(config)},
            "input_data": dict(input_data),
            "execution_context": {
                **{n: getattr(self, n) for n in about},
                **({} if self.index is None else {"index": self.index}),
                "user_context": user | {"principal": self.user_id},
            },
        }


_USUAL = StepCall()


def call_step(
    handler: Callable[[Any, Any], Any],
    *,
    config: Mapping[str, Any] | None = None,
    input: Mapping[str, Any] | None = None,  # the word that authors know
    secrets: Mapping[str, str] | None = None,
    call: StepCall = _USUAL,
    seconds_left: float = 30.0,
) -> CalledStep:
    """Call a handler as the engine does. `secrets` are those that `context.secret` finds, by name; others are not set.

    Raises what the step raises, and TypeError or ValueError for what is no JSON, going in or coming out.
    """
    lambda_context, known = FakeLambdaContext(seconds_left), secrets or {}
    event = json.loads(json.dumps(call.event(config or {}, input or {}), allow_nan=False))

    def secret(_context: StepContext, name: str) -> str:
        if name not in known:
            raise SecretNotSetError(f"The secret {name} is not set. Give it to call_step(secrets={{...}}).")
        return known[name]

    with patch.object(StepContext, "secret", secret):
        output = json.loads(json.dumps(handler(event, lambda_context), allow_nan=False))
    return CalledStep(output, lambda_context.heartbeats)
