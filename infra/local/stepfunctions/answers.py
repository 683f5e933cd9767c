"""Answers from outside: SendTask*, and the tasks of activities that workers ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from infra.local.stepfunctions.calls import Attempt
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.limits import checked_output, in_utf8
from infra.local.stepfunctions.pending import ActivityQueue, PendingTask, run_of
from infra.local.stepfunctions.ports import Engine

# So many turns of the loop a run that comes back may need until it waits for its token again.
_TURNS_TO_COME_BACK: Final = 100_000


class Answers:
    """Who waits for an answer, and how it gets there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.pending: dict[str, PendingTask] = {}
        self._activities: dict[str, ActivityQueue] = {}

    @contextmanager
    def open_task(self, attempt: Attempt) -> Iterator[PendingTask]:
        """An attempt waits for an answer while the block lasts."""
        pending = PendingTask(attempt)
        self.pending[attempt.token] = pending
        offered = self._activities.get(attempt.state.resource) if attempt.started is None else None
        if offered is not None:
            offered.put(pending)
        try:
            yield pending
        finally:
            if self.pending.get(attempt.token) is pending:
                del self.pending[attempt.token]
            if offered is not None:
                offered.remove(pending)
            pending.close()

    @asynccontextmanager
    async def _pending_task(self, token: str) -> AsyncIterator[PendingTask]:
        """The attempt that waits for an answer by this token. Raises ServiceError (InvalidToken, TaskTimedOut).

        Its run stays in memory while the block lasts.
        """
        arn = run_of(token)
        if not self._engine.knows(arn):
            raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
        with self._engine.visit(arn) as run:
            pending = None
            for _ in range(_TURNS_TO_COME_BACK):
                pending = self.pending.get(token)
                if pending is not None and pending.attempt.frame.run is not run:
                    # That of the run before it was parked, which is about to leave memory.
                    pending = None
                if run is None or pending is not None or not run.active or not self._engine.has_in_memory(run):
                    break
                await asyncio.sleep(0)
            if pending is None or not pending.is_open:
                raise ServiceError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
            yield pending

    async def send_success(self, token: str, output: str) -> None:
        """SendTaskSuccess; returns when the answer is durable. Raises ServiceError."""
        text = checked_output(output)
        async with self._pending_task(token) as pending:
            pending.answer(output=text)
            await self._engine.journal.durable()

    async def send_failure(self, token: str, error: str | None, cause: str | None) -> None:
        """SendTaskFailure; returns when the answer is durable. Raises ServiceError."""
        async with self._pending_task(token) as pending:
            pending.answer(error=error and in_utf8(error), cause=cause and in_utf8(cause))
            await self._engine.journal.durable()

    async def send_heartbeat(self, token: str) -> None:
        """SendTaskHeartbeat. Raises ServiceError."""
        async with self._pending_task(token) as pending:
            pending.beat()

    def has_activity(self, arn: str) -> bool:
        """Whether an activity exists."""
        if arn in self._activities:
            return True
        if self._engine.journal.record("activity", arn) is None:
            return False
        self._activities[arn] = ActivityQueue()
        return True

    def forget_activity(self, arn: str) -> None:
        """Delete an activity. Tasks that wait for a worker of it wait until their time is over."""
        self._engine.journal.put_record("activity", arn, None)
        self._activities.pop(arn, None)

    async def next_activity_task(self, arn: str, worker: str | None, seconds: float) -> dict[str, str] | None:
        """GetActivityTask: {"taskToken", "input"} of the next task, None if none comes in time. Raises ServiceError."""
        if not self.has_activity(arn):
            raise ServiceError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
        end = self._engine.loop.time() + seconds
        while True:
            task = await self._activities[arn].next(max(0.0, end - self._engine.loop.time()))
            if task is None:
                return None
            try:
                await task.take(worker)
            except asyncio.CancelledError:
                # The task ended before its worker had it.
                if (current := asyncio.current_task()) is not None and current.cancelling():
                    raise
                continue
            return {"taskToken": task.attempt.token, "input": task.attempt.scheduled.data or "null"}
