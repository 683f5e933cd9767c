"""Hours and days of UTC, by which figures are kept and asked for. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Grain = Literal["hour", "day"]
GRAINS: Final[tuple[Grain, ...]] = ("hour", "day")

LENGTHS: Final[dict[Grain, timedelta]] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}

KEPT: Final[dict[Grain, timedelta]] = {"hour": timedelta(days=90), "day": timedelta(days=731)}
"""For how long figures are kept after their period."""

_TEXT_LENGTHS: Final[dict[Grain, int]] = {"hour": len("2026-01-31T08"), "day": len("2026-01-31")}


def start_of(moment: datetime, grain: Grain) -> datetime:
    """When the hour or day of a moment began, in UTC."""
    moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return moment if grain == "hour" else moment.replace(hour=0)


def text_of(start: datetime, grain: Grain) -> str:
    """A period in keys: `2026-01-31T08` or `2026-01-31`. The later of two is the greater text."""
    return start.astimezone(UTC).isoformat()[: _TEXT_LENGTHS[grain]]


def moment_of(text: str) -> datetime:
    """When a period begins that keys have so (`text_of`)."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def expiry_of(start: datetime, grain: Grain) -> int:
    """When the figures of a period expire, in seconds since the epoch."""
    return int((start + LENGTHS[grain] + KEPT[grain]).timestamp())
