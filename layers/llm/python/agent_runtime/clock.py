"""How long an agent has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the gateway counts it, and when the agent must have ended. `streams` asks for answers piece by piece, so
    that what there is at the end is not lost.
    """

    now: Callable[[], float]
    deadline: float
    streams: bool = False

    def left(self) -> float:
        """Seconds until the end."""
        return self.deadline - self.now()
