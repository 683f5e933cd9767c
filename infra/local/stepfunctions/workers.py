"""Threads that work for the engine's loop: so many at most, none of them waited for when the process ends."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from infra.local.stepfunctions.waiting import SkippingLoop
from workflow_engine.lazy_dataclass import dataclass

LOG = logging.getLogger(__name__)

T = TypeVar("T")

MOST_THREADS: Final = 16
# A thread whose work nobody waits for any more (its task timed out) is lost until that returns; so many are replaced.
MOST_REPLACEMENTS: Final = 48


class WorkerError(RuntimeError):
    """The work ended with something that is no Exception, such as SystemExit."""


@dataclass(eq=False, slots=True)
class _Job:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    answer: asyncio.Future[None]
    state: str = "queued"
    result: Any = None
    error: BaseException | None = None
    is_settled: bool = False
    is_given_up: bool = False
    is_lost: bool = False


class Workers:
    """A bounded pool of daemon threads, which come when there is work for them and stay."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int = MOST_THREADS) -> None:
        self._loop = loop
        self._most = most
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._process = os.getpid()
        self._done: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._open = self._threads = self._lost = 0

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a function that runs in a thread. Raises what it raises, WorkerError for what is no Exception.

        When the caller is cancelled the thread goes on alone, and what it gives is dropped.
        """
        job = _Job(function, arguments, self._loop.create_future())
        self._submit(job)
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

    def _submit(self, job: _Job) -> None:
        self._open += 1
        self._count_outside(1)
        if self._open > self._threads - self._lost and self._threads < self._most + min(self._lost, MOST_REPLACEMENTS):
            self._threads += 1
            threading.Thread(target=self._work, daemon=True, name=f"step worker {self._threads}").start()
        self._jobs.put(job)

    def _give_up(self, job: _Job) -> None:
        if job.is_settled:
            return
        self._settle(job)
        job.is_given_up = True
        if job.state == "running":
            job.is_lost = True
            self._lost += 1
            LOG.warning("%s works on although nobody waits for it any more; %d threads do so", job.function, self._lost)

    def _settle(self, job: _Job) -> None:
        job.is_settled = True
        self._open -= 1
        self._count_outside(-1)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job.is_given_up:
                continue
            job.state = "running"
            try:
                job.result = job.function(*job.arguments)
            except BaseException as error:
                job.error = error
            if os.getpid() != self._process:
                # The function has forked, and this is the child: what it is the copy of goes on without it.
                os._exit(0)
            job.state = "done"
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
            if job.is_given_up:
                self._lost -= job.is_lost
                continue
            self._settle(job)
            if not job.answer.done():
                job.answer.set_result(None)

    def _count_outside(self, change: int) -> None:
        if isinstance(self._loop, SkippingLoop):
            self._loop.works_outside += change
