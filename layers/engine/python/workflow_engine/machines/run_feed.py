"""The events of runs as this process has read them: each run has one reader, however many watch it."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from operator import attrgetter
from typing import Final

from workflow_engine.aws_quotas import HISTORY_PAGE_EVENTS
from workflow_engine.machines.history import HistoryReader
from workflow_engine.machines.port import PageForgottenError
from workflow_engine.machines.run_events import Position, RunEvent, RunEvents

MOST_EVENTS: Final = 200_000
"""Of all runs together that are kept in memory; about 400 bytes each. What is dropped is read again when asked for."""

MOST_RUNS: Final = 512


class RunFeed:
    """The events of one run, as far as its history was read. Threads may share it."""

    def __init__(
        self,
        history: HistoryReader,
        execution_arn: str,
        reader: RunEvents,
        page_events: int = HISTORY_PAGE_EVENTS,
    ) -> None:
        """`page_events` are read at once: of a history that grows, up to so many are read once more each time."""
        self._history = history
        self._page_events = page_events
        self._arn = execution_arn
        self._lock = threading.Lock()
        self._reader = reader
        self._events: list[RunEvent] = []
        self._token: str | None = None
        self.read = 0
        """The last event of the history that was read."""

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended, as far as its history was read. A redrive lets it go on."""
        return self._reader.has_ended

    @property
    def redrives(self) -> int:
        """How often it was redriven, as far as its history was read."""
        return self._reader.redrives

    @property
    def size(self) -> int:
        return len(self._events)

    def read_on(self, may_read: Callable[[], bool] = lambda: True) -> bool:
        """Read what the history has beyond what was read; says whether it brought events. `may_read` is asked before each page.

        Step Functions gives no token at the end of a history, so its last page is read again and again. Raises
        ExecutionGoneError, ThrottledError.
        """
        with self._lock:
            before = len(self._events)
            while may_read():
                try:
                    found, token = self._history.page(self._arn, self._page_events, self._token)
                except PageForgottenError:
                    self._token = None
                    continue
                for event in found:
                    if event["id"] > self.read:
                        self._events += self._reader.read(event)
                        self.read = event["id"]
                if token is None:
                    break
                self._token = token
            return len(self._events) > before

    def after(self, position: Position, limit: int) -> list[RunEvent]:
        """At most so many events after a position."""
        events = self._events
        start = bisect_right(events, position, key=attrgetter("position"))
        return events[start : start + limit]


class RunFeeds:
    """The feeds of a process: those asked for last."""

    def __init__(self, history: HistoryReader, page_events: int = HISTORY_PAGE_EVENTS) -> None:
        self._history = history
        self._page_events = page_events
        self._lock = threading.Lock()
        self._feeds: OrderedDict[str, RunFeed] = OrderedDict()

    def of(self, execution_arn: str, reader: Callable[[], RunEvents]) -> RunFeed:
        """The feed of a run; `reader` gives what reads it from the beginning, where nobody has asked for the run lately."""
        with self._lock:
            feed = self._feeds.get(execution_arn)
        if feed is None:
            feed = RunFeed(self._history, execution_arn, reader(), self._page_events)
        with self._lock:
            feed = self._feeds.setdefault(execution_arn, feed)
            self._feeds.move_to_end(execution_arn)
            while len(self._feeds) > 1 and (
                len(self._feeds) > MOST_RUNS or sum(f.size for f in self._feeds.values()) > MOST_EVENTS
            ):
                self._feeds.popitem(last=False)
        return feed
