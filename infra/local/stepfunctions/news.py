"""News of ends: whoever has to hear of each run that has ended is told of them one after the other.

Runs may end faster than somebody can be told of them. What waits is only which runs they are: a head, with its input and its
output, is read from the journal when its turn has come.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from infra.local.stepfunctions.journal import Head, Journal
from infra.local.stepfunctions.workers import Workers

LOG = logging.getLogger(__name__)

AT_ONCE: Final = 2

OnEnd = Callable[[Head], None]
OnChild = Callable[[Head], None]
"""Told of the start of a child. Nobody makes sure that it hears of every one: of all ends somebody does."""


async def tell_of_child(child: Head, journal: Journal, workers: Workers, on_child: OnChild) -> None:
    """Tell of a child that has begun, once that is durable."""
    await journal.durable()
    try:
        await workers.call(on_child, child, name=f"What hears of the start of {child.arn}")
    except Exception:
        LOG.exception("A callback for the start of %s failed", child.arn)


class News:
    """The ends of which somebody has still to be told, oldest first. Used in the engine's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal, on_end: OnEnd) -> None:
        """`on_end` is called in threads of their own, which nobody else waits for: it may try for a while."""
        self._loop = loop
        self._journal = journal
        self._on_end = on_end
        self._threads = Workers(loop, AT_ONCE)
        self._waiting: deque[str] = deque()
        self._tellers: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def add(self, arn: str) -> None:
        """A run has ended, durably."""
        self._waiting.append(arn)
        if len(self._tellers) < AT_ONCE and not self._is_closing:
            teller = self._loop.create_task(self._work())
            self._tellers.add(teller)
            teller.add_done_callback(self._tellers.discard)

    async def _work(self) -> None:
        while self._waiting and not self._is_closing:
            head = self._owed(self._waiting.popleft())
            if head is None:
                continue
            try:
                await self._threads.call(self._on_end, head, name=f"What hears of the end of {head.arn}")
            except Exception:
                # Told again when the next engine begins, as a queue would.
                if not self._is_closing:
                    LOG.exception("A callback for the end of %s failed", head.arn)
                continue
            now = self._owed(head.arn)
            # A redrive may have begun, and ended, meanwhile, whose end is another piece of news.
            if now is not None and now.redrives == head.redrives:
                self._journal.put_head(now.changed(is_told=True))

    def _owed(self, arn: str) -> Head | None:
        """What is known of a run that has ended, where somebody has still to be told."""
        head = self._journal.head(arn)
        return None if head is None or head.is_told or head.status == "RUNNING" else head

    def close(self) -> None:
        """Tell of no other end."""
        self._is_closing = True
        self._threads.close()

    async def last_told(self, seconds: float) -> None:
        """Wait, so long at most, until those have heard who are being told."""
        if self._tellers:
            await asyncio.wait(self._tellers, timeout=seconds)
