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

from infra.local.stepfunctions.failures import exit_status
from infra.local.stepfunctions.waiting import SkippingLoop
from workflow_engine.lazy_dataclass import dataclass

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
        # Jobs that have a place and somebody who waits for them, threads, and those of them whose work nobody waits for.
        self._open = self._threads = self._lost = 0
        # Callers that wait for a place, in order.
        self._turns: deque[asyncio.Future[None]] = deque()
        self._is_closed = False

    async def call(
        self,
        function: Callable[..., T],
        *arguments: Any,
        name: str = "A function",
        waits: Callable[[], object] | None = None,
        begins: Callable[[], object] | None = None,
    ) -> T:
        """The result of a function that runs in a thread. By its `name` it is told of when it works on without end; `waits`
        is called in the loop when it has to wait for a thread, `begins` when there is one.

        Raises what it raises, WorkerError for what is no Exception, and NoThreadLeftError. When the caller is cancelled
        the thread goes on alone, and what it gives is dropped.
        """
        if self._open < self._places() and not self._turns:
            self._count_open(1)
        else:
            if waits is not None:
                waits()
            await self._wait_for_place()
        job = _Job(function, arguments, name, self._loop.create_future())
        try:
            if begins is not None:
                begins()
            self._hand_over(job)
            await job.answer
        except BaseException:
            self._give_up(job)
            raise
        if isinstance(job.error, Exception):
            raise job.error
        if job.error is not None:
            raise WorkerError(f"{type(job.error).__name__}: {job.error}") from job.error
        result: T = job.result
        return result

    def _places(self) -> int:
        """How many jobs may be under way at once: as many as there may be threads that are not lost."""
        return self._most - max(0, self._lost - MOST_REPLACEMENTS)

    async def _wait_for_place(self) -> None:
        turn: asyncio.Future[None] = self._loop.create_future()
        self._turns.append(turn)
        self._give_turns()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                self._leave_place()
            raise

    def _give_turns(self) -> None:
        """Let those in who wait, as far as there are places; where there will be none, refuse them."""
        places = self._places()
        while self._turns and (self._open < places or not places):
            turn = self._turns.popleft()
            if turn.done():
                continue
            if places:
                self._count_open(1)
                turn.set_result(None)
            else:
                turn.set_exception(NoThreadLeftError(self._threads))

    def _leave_place(self) -> None:
        self._count_open(-1)
        self._give_turns()

    def _hand_over(self, job: _Job) -> None:
        if self._open > self._threads - self._lost:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True, name=f"step worker {self._threads}").start()
        self._jobs.put(job)

    def _give_up(self, job: _Job) -> None:
        if job.answer.done() and not job.answer.cancelled():
            return
        with self._lock:
            job.is_given_up, is_lost = True, job.is_running
        self._lost += is_lost
        if is_lost and not self._is_closed:
            LOG.warning("%s works on although nobody waits for it any more; %d threads do so", job.name, self._lost)
        self._leave_place()

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
            job.is_running = False
            if job.is_given_up:
                self._lost -= 1
                self._give_turns()
            elif not job.answer.done():
                job.answer.set_result(None)
                self._leave_place()
            # Else the caller was cancelled in this turn of the loop, and is about to give up.

    def close(self) -> None:
        """Who gives up from here on does so because it is over."""
        self._is_closed = True

    def _count_open(self, change: int) -> None:
        self._open += change
        if isinstance(self._loop, SkippingLoop):
            self._loop.works_outside += change
