"""Waiting for what happens beside a test."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep  # by name: tests put another one into its module
from typing import Final, TypeVar

Found = TypeVar("Found")

MOST_LOOKS: Final = 1200
PAUSE_SECONDS: Final = 0.05


def awaited(look: Callable[[], Found | None], told: str = "it did not come") -> Found:
    """What a look gives, once it gives something. Looks are counted, not timed: a slow machine has as many, and only what never
    comes is still missing after all of them.
    """
    for _ in range(MOST_LOOKS):
        if found := look():
            return found
        sleep(PAUSE_SECONDS)
    raise AssertionError(told)
