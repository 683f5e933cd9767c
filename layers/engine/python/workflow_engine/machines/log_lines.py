"""Lines that steps print and log, as whoever watches a run is given them: a port, which has nothing behind it where nobody keeps
such lines.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class LogLine(NamedTuple):
    """A line that a step printed or logged. `position` is what `LogLines.after` takes; texts of up to 200 letters, digits and
    `._:=-`. `timestamp` is in ISO 8601, as `timestamps.iso` writes it.
    """

    position: str
    timestamp: str
    message: str
    step: str | None = None
    step_id: str | None = None
    attempt: int | None = None
    level: str | None = None


class LogLines(Protocol):
    """What steps printed and logged, by run."""

    def after(self, tenant_id: str, execution_id: str, position: str, limit: int) -> list[LogLine]:
        """At most so many lines of a run after a position ("" is before the first), oldest first. A line that was given once stays
        where it is: what comes late comes after it.
        """
