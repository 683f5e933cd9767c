"""Moments and durations as they are typed: `2h`, `90`, `2026-01-31T08:00Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final

import click

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd]?)")

AS_LONG_AS_IT_TAKES: Final = "inf"


def seconds_of(text: str) -> float | None:
    """The seconds of `90`, `90s`, `5m`, `2h` or `7d`; None for anything else."""
    match = _DURATION.fullmatch(text)
    return float(match[1]) * _UNITS[match[2] or "s"] if match else None


class Seconds(click.ParamType[float]):
    """An option that takes a duration."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        found = inf if value == AS_LONG_AS_IT_TAKES else seconds_of(str(value))
        if found is None:
            self.fail(f"'{value}' is no time. Write seconds, or a number and s, m, h or d, such as 5m.", param, ctx)
        return found


class Moment(click.ParamType[datetime]):
    """An option that takes a moment, or how long ago that is."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """A moment with a time zone; one that says none is UTC, as all that is printed."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        ago = seconds_of(text) if text[-1:] in _UNITS else None
        if ago is not None:
            return datetime.now(UTC) - timedelta(seconds=ago)
        try:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except ValueError:
            self.fail(
                f"'{text}' is no moment. Write how long ago, such as 2h, or a date: 2026-01-31T08:00Z.", param, ctx
            )


SECONDS: Final = Seconds()
MOMENT: Final = Moment()
