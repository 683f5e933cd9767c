"""Threads that work for the engine's loop: so many at most, none of them waited for when the process ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from infra.local.stepfunctions.failures import exit_status
from infra.local.stepfunctions.waiting import SkippingLoop

LOG = logging.getLogger(__name__)

T = TypeVar("T")

MOST_THREADS: Final = 16
# A thread whose work nobody waits for any more (its task timed out) is lost until that returns; so many are replaced.
MOST_REPLACEMENTS: Final = 48


class WorkerError(RuntimeError):
    """The work ended with something that is no Exception, such as SystemExit."""


class NoThreadLeftError(RuntimeError):
    """All threads work for callers that have given up, and no more of them may be started."""

    def __init__(self, threads: int) -> None:
        super().__init__(f"All {threads} threads still work on what nobody waits for any more.")


@dataclass(eq=False, slots=True)
class _Job:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    name: str
    answer: asyncio.Future[None]
    result: Any = None
    error: BaseException | None = None
    # Both are read and written under the lock, because it depends on both whether a thread is lost.
    is_running: bool = False
    is_given_up: bool = False


class Workers:
    """A bounded pool of daemon threads, which come when there is work for them and stay."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int = MOST_THREADS) -> None:
        self._loop = loop
        self._most = most
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._process = os.getpid()
        self._done: deque[_Job] = deque()
        self._lock = threading.Lock()
        # Jobs that somebody waits for, threads, and those of them whose work nobody waits for.
        self._open = self._threads = self._lost = 0
        self._is_closed = False

    async def call(self, function: Callable[..., T], *arguments: Any, name: str = "A function") -> T:
        """The result of a function that runs in a thread. By its `name` it is told of when it works on without end.

        Raises what it raises, WorkerError for what is no Exception, and NoThreadLeftError. When the caller is cancelled
        the thread goes on alone, and what it gives is dropped.
        """
        job = _Job(function, arguments, name, self._loop.create_future())
        self._count_open(1)
        self._jobs.put(job)
        self._find_threads()
        try:
            await job.answer
        except asyncio.CancelledError:
            self._give_up(job)
            raise
        if isinstance(job.error, Exception):
            raise job.error
        if job.error is not None:
            raise WorkerError(f"{type(job.error).__name__}: {job.error}") from job.error
        result: T = job.result
        return result

    def _find_threads(self) -> None:
        """Start threads for jobs that wait for one; where there can be none, refuse what waits."""
        most = self._most + min(self._lost, MOST_REPLACEMENTS)
        while self._open > self._threads - self._lost and self._threads < most:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True, name=f"step worker {self._threads}").start()
        if self._threads == self._lost:
            with contextlib.suppress(queue.Empty):
                while job := self._jobs.get_nowait():
                    job.error = NoThreadLeftError(self._threads)
                    self._settle(job)

    def _give_up(self, job: _Job) -> None:
        if job.answer.done() and not job.answer.cancelled():
            return
        with self._lock:
            job.is_given_up, is_lost = True, job.is_running
        self._count_open(-1)
        self._lost += is_lost
        if is_lost and not self._is_closed:
            LOG.warning("%s works on although nobody waits for it any more; %d threads do so", job.name, self._lost)
            self._find_threads()

    def _settle(self, job: _Job) -> None:
        # Where the caller was cancelled in this turn of the loop, it is about to give up.
        if not job.answer.done():
            self._count_open(-1)
            job.answer.set_result(None)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            with self._lock:
                if job.is_given_up:
                    continue
                job.is_running = True
            try:
                job.result = job.function(*job.arguments)
            except BaseException as error:
                job.error = error
            if os.getpid() != self._process:
                # The function has forked, and this is the child: what it is the copy of goes on without it.
                os._exit(exit_status(job.error))
            with self._lock:
                is_first = not self._done
                self._done.append(job)
            if is_first:
                try:
                    self._loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:
                    return  # the loop is closed: nobody is left to tell

    def _deliver(self) -> None:
        while self._done:
            job = self._done.popleft()
            self._lost -= job.is_given_up
            job.is_running = False
            self._settle(job)

    def close(self) -> None:
        """Who gives up from here on does so because it is over."""
        self._is_closed = True

    def _count_open(self, change: int) -> None:
        self._open += change
        if isinstance(self._loop, SkippingLoop):
            self._loop.works_outside += change
