"""Runs that have left memory while they wait, by the moment at which they have to come back."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable

from infra.local.stepfunctions.waiting import Now, sleep_until


class Sleepers:
    """An alarm clock for many: one task sleeps until the first of them is due."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Now, wake: Callable[[str, float], None]) -> None:
        """`wake` is called with the ARN and the moment that `add` was called with, once that is over."""
        self._loop = loop
        self._now = now
        self._wake = wake
        self._dues: list[tuple[float, str]] = []
        self._waker: asyncio.Task[None] | None = None

    def add(self, arn: str, due: float) -> None:
        """Wake a run at a moment, seconds since the epoch; never where that is infinity."""
        if due == math.inf:
            return
        is_first = not self._dues or due < self._dues[0][0]
        heapq.heappush(self._dues, (due, arn))
        if is_first:
            self.close()
            self._waker = self._loop.create_task(self._work())

    async def _work(self) -> None:
        while self._dues:
            await sleep_until(self._dues[0][0], self._now)
            due, arn = heapq.heappop(self._dues)
            self._wake(arn, due)

    def close(self) -> None:
        """Wake nobody any more."""
        if self._waker is not None:
            self._waker.cancel()
