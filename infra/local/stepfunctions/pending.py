"""Tasks that somebody outside answers, by a token or as a worker of an activity, and their tokens."""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from infra.local.stepfunctions.calls import Attempt, HeartbeatMissedError, TaskError
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.history import ANSWER, Frame

T = TypeVar("T")


class PendingTask:
    """An attempt that waits for an answer, while its run is in memory."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._answer: asyncio.Future[Mapping[str, Any]] = loop.create_future()
        self._worker: asyncio.Future[str | None] = loop.create_future()
        self._handed_over: asyncio.Future[None] = loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        if attempt.answer is not None:
            self._answer.set_result(attempt.answer)

    @property
    def is_open(self) -> bool:
        """Whether an answer is still waited for. The chain of a run that was stopped learns of it a turn of the loop later."""
        return not self._answer.done() and not self.attempt.frame.is_closed

    def answer(self, **answer: Any) -> None:
        """Take an answer: {"output": text}, or {"error": name, "cause": text}. It is durable when the journal is."""
        self.attempt.frame.record(ANSWER, private=answer)
        self._answer.set_result(answer)

    def beat(self) -> None:
        """A heartbeat: the time for the next one begins."""
        seconds = self.attempt.scheduled.fields.get("heartbeatInSeconds")
        if self._timer is not None:
            self._timer.cancel()
        if seconds is not None and self.is_open:
            self._timer = self._loop.call_later(seconds, self._miss)

    def _miss(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(HeartbeatMissedError())

    async def answered(self) -> str:
        """The output that the task was answered with. Raises TaskError or HeartbeatMissedError."""
        self.beat()
        has_heartbeat = "heartbeatInSeconds" in self.attempt.scheduled.fields
        try:
            # A parked run would begin its time for a heartbeat anew each time it goes on.
            with self.attempt.frame.run.waiting(self.attempt.due, may_park=not has_heartbeat):
                answer = await self._answer
        finally:
            if self._timer is not None:
                self._timer.cancel()
        if "output" in answer:
            output: str = answer["output"]
            return output
        raise TaskError(answer["error"], answer["cause"])

    async def taken_by_worker(self) -> str | None:
        """Wait until a worker of the activity takes the task; gives its name, if it has one."""
        return await self._worker

    def take(self, worker: str | None) -> asyncio.Future[None]:
        """Take the task for a worker; the future is done when that is durable, and cancelled when nothing comes of it."""
        self._worker.set_result(worker)
        return self._handed_over

    def hand_over(self) -> None:
        """The start of the task is durable: the worker may have it."""
        if not self._handed_over.done():
            self._handed_over.set_result(None)

    def close(self) -> None:
        """The attempt has ended, or goes on elsewhere."""
        for future in (self._answer, self._worker, self._handed_over):
            if not future.done():
                future.cancel()
        if self._answer.done() and not self._answer.cancelled():
            self._answer.exception()  # it is known, or nobody wants to know any more


class ActivityQueue:
    """The tasks of one activity that wait for a worker, oldest first, and the workers that wait for a task."""

    def __init__(self) -> None:
        # By order of insertion, so that who has gone leaves at once: a task holds its whole run.
        self._tasks: dict[PendingTask, None] = {}
        self._workers: dict[asyncio.Future[PendingTask], None] = {}

    def put(self, task: PendingTask) -> None:
        """Offer a task to the workers."""
        while self._workers:
            worker = _first(self._workers)
            if not worker.done():
                worker.set_result(task)
                return
        self._tasks[task] = None

    def remove(self, task: PendingTask) -> None:
        """Offer a task no longer."""
        self._tasks.pop(task, None)

    async def next(self, seconds: float) -> PendingTask | None:
        """The next task that is still waited for, None if none comes in time."""
        while self._tasks:
            task = _first(self._tasks)
            if task.is_open:
                return task
        worker: asyncio.Future[PendingTask] = asyncio.get_running_loop().create_future()
        self._workers[worker] = None
        try:
            async with asyncio.timeout(seconds):
                return await worker
        except TimeoutError:
            # The task may have come in the very turn of the loop in which the time was over.
            return None if worker.cancelled() else worker.result()
        finally:
            self._workers.pop(worker, None)


def _first(queue: dict[T, None]) -> T:
    """Take the oldest."""
    found = next(iter(queue))
    del queue[found]
    return found


def new_token(frame: Frame) -> str:
    """A token that tells whose it is: the run may be anywhere when somebody answers with it."""
    return base64.urlsafe_b64encode(f"{frame.run.head.arn}\n{uuid.uuid4().hex}".encode()).decode()


def run_of(token: str) -> str:
    """The ARN of the run that a token is of. Raises ServiceError (InvalidToken)."""
    try:
        arn, _, nonce = base64.urlsafe_b64decode(token.encode()).decode().partition("\n")
    except (binascii.Error, ValueError):
        arn = nonce = ""
    if not arn.startswith("arn:") or not nonce:
        raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
    return arn
