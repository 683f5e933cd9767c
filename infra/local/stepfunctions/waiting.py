"""Time: the clocks that a run may be on, and what a Wait state says about it."""

from __future__ import annotations

import asyncio
import datetime
import heapq
import math
import re
import selectors
import time
from collections.abc import Callable
from typing import Any, Final

from infra.local.stepfunctions.limits import json_text
from workflow_engine.aws_quotas import EXECUTION_SECONDS, STATE_SECONDS

# A clock that is set, or a machine that slept, is noticed after this long.
_LONGEST_SLEEP_SECONDS: Final = 600.0

_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")

Now = Callable[[], float]
"""Seconds since the epoch."""


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop in which time jumps: where nothing can go on but timers, it is at once as late as the next of them.

    Its `now` is the clock that goes with it. While `works_outside` is above 0, somebody works for the loop in a thread,
    and time passes as it does.
    """

    def __init__(self) -> None:
        self.skipped = 0.0
        self.works_outside = 0
        super().__init__(_SkippingSelector(self))

    def time(self) -> float:
        """The loop's clock, in seconds."""
        return time.monotonic() + self.skipped

    def now(self) -> float:
        """Seconds since the epoch, those skipped included."""
        return time.time() + self.skipped

    def may_skip(self, _seconds: float) -> bool:
        """Whether time may jump so far; where not, nothing goes on until somebody calls from another thread."""
        return True


class _SkippingSelector(selectors.DefaultSelector):
    def __init__(self, loop: SkippingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        """What is ready; instead of sleeping, the loop's time jumps where nobody works for it."""
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0 or self._loop.works_outside > 0:
            return ready or super().select(timeout)
        if not self._loop.may_skip(timeout):
            return super().select(None)
        self._loop.skipped += timeout
        return ready


async def sleep_until(due: float, now: Now) -> None:
    """Return when the clock shows `due`, seconds since the epoch; at once where it is over."""
    while (remaining := due - now()) > 0:
        await asyncio.sleep(min(remaining, _LONGEST_SLEEP_SECONDS))


class Sleepers:
    """Runs that left memory while they wait, by the moment they come back at: one task sleeps until the first is due."""

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


def timestamp_text(moment: float) -> str:
    """Seconds since the epoch as the context object shows them: UTC, milliseconds, Z."""
    whole, milliseconds = divmod(int(moment * 1000), 1000)
    return f"{datetime.datetime.fromtimestamp(whole, datetime.UTC).isoformat()[:19]}.{milliseconds:03d}Z"


class WrongWaitError(ValueError):
    """The value of Seconds or Timestamp is none; the message is what AWS says about it."""


class DelayTooLongError(ValueError):
    """The wait would end after the longest time that an execution may take; the message is what AWS says about it."""


def seconds_to_wait(value: Any) -> float:
    """The value of a Wait's Seconds (AWS page "Wait workflow state"). Raises WrongWaitError or DelayTooLongError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 0:
        raise WrongWaitError(
            f"The Seconds field must be an integer between 0 and {STATE_SECONDS}, but was: {json_text(value)}"
        )
    _check_delay(value)
    return float(value)


def moment_to_wait_for(value: Any, now: float) -> float:
    """The value of a Wait's Timestamp, as seconds since the epoch. Raises WrongWaitError or DelayTooLongError."""
    moment = _moment(value)
    if moment is None:
        shown = value if isinstance(value, str) else json_text(value)
        raise WrongWaitError(
            f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {shown}"
        )
    _check_delay(moment - now)
    return moment


def _check_delay(seconds: float) -> None:
    # Service quotas, "Maximum execution time": one year. A longer wait fails when it begins (observed).
    if seconds > EXECUTION_SECONDS:
        raise DelayTooLongError("The delay is too long: a Wait ends within the year that an execution may take.")


def _moment(text: Any) -> float | None:
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        whole = datetime.datetime.fromisoformat(match[1] + match[3]).timestamp()
    except (ValueError, OverflowError):
        return None
    return whole + float(f"0.{match[2] or 0}")
