"""What an agent has used of what it may use, agents that it calls as tools included."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from agent_runtime.spec import Limits
from llm_gateway.response import Usage


@dataclass(slots=True)
class Meter:
    """Counts usage against limits. A child counts in its parent too, and has no more left than its parent.

    Tools run side by side, so several threads may add at once.
    """

    limits: Limits
    parent: Meter | None = None
    used: Usage = field(default_factory=Usage)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def child(self, limits: Limits) -> Meter:
        """The meter of an agent that is called as a tool."""
        return Meter(limits, parent=self)

    def add(self, usage: Usage) -> None:
        """Count a call."""
        with self._lock:
            self.used = self.used.plus(usage)
        if self.parent is not None:
            self.parent.add(usage)

    def tokens_left(self) -> int | None:
        """Tokens that may still be used, None without a limit."""
        own = None if self.limits.total_tokens is None else self.limits.total_tokens - self.used.total_tokens
        above = None if self.parent is None else self.parent.tokens_left()
        left = [each for each in (own, above) if each is not None]
        return min(left) if left else None

    def dollars_left(self) -> float | None:
        """US dollars that may still be spent, None without a limit. What has no known price counts as all of them."""
        own = None
        if self.limits.cost_usd is not None:
            own = 0.0 if self.used.cost_usd is None else self.limits.cost_usd - self.used.cost_usd
        above = None if self.parent is None else self.parent.dollars_left()
        left = [each for each in (own, above) if each is not None]
        return min(left) if left else None
