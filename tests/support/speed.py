"""What can be asserted of speed on any machine, a loaded one too: how work grows with its input, and that it ends at all.

A number of seconds says as much about the machine as about the code.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

_TIMES: Final = 8
_AT_MOST: Final = 24
"""Eight times the input is eight times the work where it is linear and 64 times where it is quadratic; this is between
the two, as far from the one as from the other.
"""

_LEAST_SECONDS: Final = 0.002
"""Shorter times are not measured well, and no fault."""

_ATTEMPTS: Final = 5
_HANGS_AFTER_SECONDS: Final = 120


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Fail where `work`, called with a size of its input, takes time that grows with the square of it or faster.

    The processor's time counts, and the shortest of a few attempts: others on the machine can only make it longer. No
    size comes twice, so that nothing is kept from an earlier call.
    """
    short = long = math.inf
    with no_hang():
        for attempt in range(_ATTEMPTS):
            short = min(short, max(_LEAST_SECONDS, _seconds(work, size // _TIMES + attempt)))
            long = min(long, _seconds(work, size + attempt))
            if long <= _AT_MOST * short:
                return
    pytest.fail(f"{_TIMES} times the input took {long / short:.0f} times as long: {short:.3f} s, then {long:.3f} s")


@contextmanager
def no_hang() -> Iterator[None]:
    """Fail if the block does not end. For what takes milliseconds, and hours where it is wrong."""

    def fail(*_: object) -> None:
        pytest.fail(f"still at work after {_HANGS_AFTER_SECONDS} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(_HANGS_AFTER_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _seconds(work: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    work(size)
    return time.process_time() - began
