"""A call of an endpoint on loopback, as `step_http` makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from functions.step_http.call import World, call_endpoint
from workflow_engine.outbound import AddressPolicy
from workflow_engine.sdk import StepContext

HERE: Final = AddressPolicy.from_text("127.0.0.1")

PAYLOAD: Final[Mapping[str, Any]] = {
    "step_config": {"step_id": "score", "step_type": "scoring", "config": {"model": "small"}},
    "input_data": {"amount": 12},
    "execution_context": {
        "execution_id": "exe-1",
        "workflow_id": "w",
        "workflow_version": 3,
        "step_id": "score",
        "attempt": 1,
        "user_context": {"user_id": "ann", "principal": "ann", "session_id": None, "tenant_id": "acme"},
    },
}


def endpoint(url: str, **fields: Any) -> dict[str, Any]:
    """An endpoint as a registration has it."""
    return {"url": url, "method": "POST", "headers": {}, "auth": None, "timeout_seconds": 5, **fields}


def event(url: str, *, timeout_seconds: int | None = 35, **fields: Any) -> dict[str, Any]:
    """What the function receives."""
    call = {"endpoint": endpoint(url, **fields), "entered_at": "2026-01-01T00:00:00.000Z"}
    return {**PAYLOAD, "call": call if timeout_seconds is None else {**call, "timeout_seconds": timeout_seconds}}


def call(
    given: Mapping[str, Any],
    *,
    policy: AddressPolicy = HERE,
    secrets: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] | None = None,
    trace: str = "",
) -> Any:
    """The output of a step. Time passes only while something sleeps, where `sleep` is given."""

    def secret_of(tenant_id: str, name: str) -> str:
        assert tenant_id == "acme"
        return (secrets or {})[name]

    passed = [0.0]

    def slept(seconds: float) -> None:
        assert sleep is not None, "nobody should wait here"
        sleep(seconds)
        passed[0] += seconds

    world = World(
        policy,
        secret_of,
        now=lambda: passed[0],
        utc_now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        sleep=slept,
    )
    return call_endpoint(given, StepContext.from_event(given), world, trace)
