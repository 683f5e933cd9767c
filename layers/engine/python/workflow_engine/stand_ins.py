"""What stands in for the world around a step function whose run is mocked: its clock, servers, secrets, models and tools.

On a laptop alone: whoever calls a function in its own process says, for the time of the call, who stands in. Functions ask when
they make what they work with; in Lambda nobody ever stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol


class StandIns(Protocol):
    """The world of one call of a step function."""

    def utc_now(self) -> datetime:
        """The date and time."""

    def monotonic(self) -> float:
        """Seconds of a clock that only goes on."""

    def sleep(self, seconds: float) -> None:
        """Return when these seconds have passed on that clock."""

    def secret(self, name: str) -> str:
        """The value of a secret. Raises SecretNotSetError."""

    def send(self, request: Any, policy: Any, **options: Any) -> Any:
        """As `outbound_http.send`."""

    def provider(self, vendor: str, variables: Mapping[str, str]) -> Any:
        """As `llm_gateway.providers.make_provider`."""

    def tool(self, name: str, arguments: Mapping[str, Any], call: Callable[[Mapping[str, Any]], Any]) -> Any:
        """What a tool of an agent gives, which `call` would do. Raises an exception whose text is for the model."""

    def mcp_tools(self, server: str) -> Sequence[str]:
        """The tools of an MCP server that somebody stands in for."""


_standing_in: ContextVar[StandIns | None] = ContextVar("stand_ins", default=None)


def stand_ins() -> StandIns | None:
    """Who stands in during the call of this thread; None where the world is the real one."""
    return _standing_in.get()


@contextmanager
def standing_in(world: StandIns) -> Iterator[None]:
    """Let this world stand in for what this thread calls while the block lasts."""
    token = _standing_in.set(world)
    try:
        yield
    finally:
        _standing_in.reset(token)


def utc_now() -> datetime:
    """Now, for a step function."""
    world = stand_ins()
    return datetime.now(UTC) if world is None else world.utc_now()
