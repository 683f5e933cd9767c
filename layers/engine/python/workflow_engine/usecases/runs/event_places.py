"""Where a reader of a run's events is: after which event of its history, and after which of its log lines. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from workflow_engine.errors import InvalidRequestError
from workflow_engine.machines.run_events import BEGINNING, Position, position_of, position_text

_LOG: Final = re.compile(r"\d{1,15}")


class Place(NamedTuple):
    """After the event at this position, and after the log line of this number (`store.logs`)."""

    position: Position = BEGINNING
    log: int = 0

    @property
    def text(self) -> str:
        """As ids of a stream have it: `17.1`, or `17.1~` and the number of a log line."""
        return position_text(self.position) + (f"~{self.log}" if self.log else "")

    @classmethod
    def of(cls, text: str, name: str) -> Place:
        """The place of such a text. Raises InvalidRequestError for any other, which names what it came in."""
        position, _, log = text.partition("~")
        found = position_of(position)
        if found is None or (log and not _LOG.fullmatch(log)):
            raise InvalidRequestError(
                f"{name} is none that a stream of this run has given in a line `id:`. Leave it out to begin with the first event."
            )
        return cls(found, int(log or 0))
