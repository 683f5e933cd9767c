"""What time it is, somewhere."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, tzinfo
from typing import Final

from agent_tools.builtin.tool import Json
from agent_tools.errors import ToolError

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UTC_NAMES: Final = frozenset({"UTC", "ETC/UTC", "GMT", "Z"})
"""Known without any zone data, in capitals."""


def read_clock(now: datetime, timezone: str) -> Json:
    """`{iso, date, time, weekday, timezone, unix}`, to the second, of a moment in a zone. ToolError for a zone that does
    not exist or whose data this deployment lacks.
    """
    zone = _zone(timezone)
    local = now.astimezone(zone).replace(microsecond=0)
    return {
        "iso": local.isoformat(),
        "date": local.date().isoformat(),
        "time": local.time().isoformat(),
        "weekday": _WEEKDAYS[local.weekday()],
        "timezone": "UTC" if zone is UTC else timezone,
        "unix": int(now.timestamp()),
    }


def _zone(name: str) -> tzinfo:
    """A zone by its IANA name. Its data come from the operating system or from the package tzdata; a small Lambda image
    may have neither, which is no fault of the name.
    """
    if name.upper() in _UTC_NAMES:
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, such as "Europe"
        pass
    if not zoneinfo.available_timezones():
        raise ToolError("This deployment has no data on time zones. Leave 'timezone' out: the time is then in UTC.")
    raise ToolError(
        f"There is no time zone '{name}'. Use an IANA name of region and city such as Europe/Berlin, America/New_York or "
        "Asia/Tokyo, or leave it out for UTC."
    )
