"""Durations as files of tests write them: seconds, or a text such as `2d`, `1h 30m`, `500ms`."""

from __future__ import annotations

import re
from typing import Any, Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE: Final = re.compile(r"\d+(\.\d+)?(ms|s|m|h|d)( \d+(ms|s|m|h|d))*")


def seconds_of(value: Any) -> float:
    """A duration in seconds. Raises ValueError for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise ValueError(f"{value!r} is no duration. Write seconds, or a text such as 2d, 1h 30m or 500ms.")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))


def duration_text(seconds: float) -> str:
    """Seconds as such a text: `1h 30m`, `2.5s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    if milliseconds:
        parts.append(f"{milliseconds / 1000:g}s")
    return " ".join(parts)
