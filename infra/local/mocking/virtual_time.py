"""The event loop whose time is a case's own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.local.stepfunctions.waiting import SkippingLoop


class VirtualLoop(SkippingLoop):
    """Its time stands still while anybody works, jumps while nobody does, and passes as it does while a real handler runs.

    So what a run does takes no time but that which it waits, whatever machine it runs on. `begin` says which moment it is.
    """

    def __init__(self) -> None:
        self._epoch = time.time()
        self._began = 0.0
        self._handlers = 0
        self._since = 0.0
        self._lock = threading.RLock()
        # Before which of its seconds time must not jump to, None for no such; and who is told where it would.
        self.limit: Callable[[], float | None] = lambda: None
        self.held_back: asyncio.Event | None = None
        super().__init__()
        # asyncio runs timers that are due by its clock's time and resolution. Some years on, a nanosecond added to that time is
        # lost in rounding, and a timer of just this moment would never be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds of this loop."""
        with self._lock:  # which `real` changes both in
            return self.skipped + (time.monotonic() - self._since if self._since else 0.0)

    def now(self) -> float:
        """Seconds since the epoch, by the clock of the case."""
        return self._epoch + self.elapsed()

    def elapsed(self) -> float:
        """Seconds since the case began."""
        return self.time() - self._began

    def begin(self, epoch: float) -> None:
        """A case begins at this moment. To be called in the loop."""
        self._epoch, self._began = epoch, self.time()
        self.limit, self.held_back = lambda: None, None

    def may_skip(self, seconds: float) -> bool:
        """Not up to the limit; who waits for `held_back` is told so."""
        latest = self.limit()
        if latest is None or self.time() + seconds < latest:
            return True
        if self.held_back is not None and not self.held_back.is_set():
            self.call_soon_threadsafe(self.held_back.set)
        return False

    @contextmanager
    def real(self) -> Iterator[None]:
        """A handler of the user's own runs while the block lasts, in any thread: time passes as it does for that."""
        with self._lock:
            self._handlers += 1
            if self._handlers == 1:
                self._since = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._handlers -= 1
                if not self._handlers:
                    self.skipped, self._since = self.time(), 0.0
