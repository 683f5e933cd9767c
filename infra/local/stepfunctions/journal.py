"""The journal: what is kept of runs, and of the machines and activities that they need.

An entry is an event of a run's history or, with id 0, a note that only the engine reads. Entries and heads are written
in the order in which they are given, all that comes in one turn of the event loop at once or not at all, unless something
is read in between, which makes durable what came before. `durable` waits until all is. Nothing may be acted upon that is
not durable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any, NamedTuple, Protocol

from workflow_engine.lazy_dataclass import dataclass


class Entry(NamedTuple):
    """One line of a run.

    `position` counts the lines of the run from 1, `id` its events, and is 0 for a note. `moment` is in seconds since the
    epoch, `previous` the id of the event that this one follows. `path` is the chain of states it belongs to, "" for the
    run itself. `data` is the one large text of the event (input, output, parameters), `fields` its other details,
    `private` what only the engine reads.
    """

    position: int
    id: int
    moment: float
    previous: int
    path: str
    type: str
    data: str | None
    fields: Mapping[str, Any]
    private: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a run as a whole. Dates are seconds since the epoch, input and output JSON text.

    `definition` is the key of its definition among the records, `fragment` the Map state of it whose iterations it runs,
    "" for the whole machine. `parent` is the run that started it and `event` the event there. `wakes_at` is when a parked
    run has to go on: None where it is not parked, infinity where only somebody's answer wakes it. `is_told` is False while
    the engine owes somebody the news of its end.
    """

    arn: str
    machine: str
    definition: str
    input: str
    started: float
    name: str = ""
    role: str = ""
    kind: str = "STANDARD"
    fragment: str = ""
    status: str = "RUNNING"
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    stopped: float | None = None
    redrives: int = 0
    redriven: float | None = None
    parent: str = ""
    event: int = 0
    map_run: str = ""
    wakes_at: float | None = None
    is_told: bool = True

    @property
    def is_unfinished(self) -> bool:
        """Whether the run goes on, or somebody still has to be told that it ended."""
        return self.status == "RUNNING" or not self.is_told

    def changed(self, **fields: Any) -> Head:
        """This head with some fields replaced."""
        return dataclasses.replace(self, **fields)


class JournalError(Exception):
    """The journal cannot be opened or written; the message says why."""


class Journal(Protocol):
    """What keeps runs. Every method but `durable` is called in the engine's thread and returns at once.

    `on_failure` is called once when something could not be written: nothing more is accepted then.
    """

    on_failure: Callable[[JournalError], None] | None

    def append(self, arn: str, entry: Entry) -> None:
        """Write a line of a run."""

    def put_head(self, head: Head) -> None:
        """Write what is known of a run, in the place of what was known."""

    def put_record(self, kind: str, key: str, value: Any) -> None:
        """Write a JSON value under a kind and a key; None forgets it."""

    async def durable(self) -> None:
        """Return when all that was written is kept. Raises what kept it from being kept, then and ever after."""

    def entries(self, arn: str) -> list[Entry]:
        """All lines of a run, in order."""

    def events(self, arn: str, start: int, count: int, *, newest_first: bool) -> list[Entry]:
        """Events of a run (no notes), `count` of them from the `start`th on, counted from 0. What is private may be missing."""

    def head(self, arn: str) -> Head | None:
        """What is known of a run."""

    def unfinished(self) -> list[Head]:
        """The runs that go on, or of whose end somebody has to be told, oldest first."""

    def heads(self, machine: str, status: str | None, start: int, count: int, *, map_run: str = "") -> list[Head]:
        """Runs of a machine, or the children of a Map Run, newest first; `status` None gives those of every one."""

    def records(self, kind: str) -> dict[str, Any]:
        """The values of a kind by key."""

    def record(self, kind: str, key: str) -> Any:
        """One value, None where there is none."""

    def ended_before(self, moment: float) -> list[str]:
        """The ARNs of the runs that ended before a moment, in seconds since the epoch."""

    def forget(self, arns: Iterable[str]) -> None:
        """Delete runs that have ended."""

    def close(self) -> None:
        """Write what is open, and let go of what is held."""


@dataclass(slots=True)
class _Run:
    head: Head
    entries: list[Entry] = field(default_factory=list)


class MemoryJournal:
    """A journal that lasts as long as its process. What it is given is durable at once."""

    def __init__(self) -> None:
        self.on_failure: Callable[[JournalError], None] | None = None
        self._runs: dict[str, _Run] = {}
        self._records: dict[str, dict[str, Any]] = {}

    def append(self, arn: str, entry: Entry) -> None:
        self._runs[arn].entries.append(entry)

    def put_head(self, head: Head) -> None:
        run = self._runs.get(head.arn)
        if run is None:
            self._runs[head.arn] = _Run(head)
        else:
            run.head = head

    def put_record(self, kind: str, key: str, value: Any) -> None:
        kept = self._records.setdefault(kind, {})
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value

    async def durable(self) -> None:
        # As where there is something to wait for, all others begin what they do first.
        from asyncio import sleep  # here, since whoever only validates needs this module's errors and no loop

        await sleep(0)

    def entries(self, arn: str) -> list[Entry]:
        run = self._runs.get(arn)
        return [] if run is None else list(run.entries)

    def events(self, arn: str, start: int, count: int, *, newest_first: bool) -> list[Entry]:
        events = [entry for entry in self.entries(arn) if entry.id]
        return (events[::-1] if newest_first else events)[start : start + count]

    def head(self, arn: str) -> Head | None:
        run = self._runs.get(arn)
        return None if run is None else run.head

    def unfinished(self) -> list[Head]:
        return [run.head for run in self._runs.values() if run.head.is_unfinished]

    def heads(self, machine: str, status: str | None, start: int, count: int, *, map_run: str = "") -> list[Head]:
        found = [head for head in self._newest_first() if _is_listed(head, machine, map_run, status)]
        return found[start : start + count]

    def all_heads(self) -> list[Head]:
        """What is known of every run, oldest first."""
        return [run.head for run in self._runs.values()]

    def _newest_first(self) -> Iterator[Head]:
        return (run.head for run in reversed(self._runs.values()))

    def records(self, kind: str) -> dict[str, Any]:
        return dict(self._records.get(kind, {}))

    def record(self, kind: str, key: str) -> Any:
        return self._records.get(kind, {}).get(key)

    def ended_before(self, moment: float) -> list[str]:
        return [h.arn for h in self.all_heads() if h.stopped is not None and h.stopped < moment and not h.is_unfinished]

    def forget(self, arns: Iterable[str]) -> None:
        for arn in arns:
            self._runs.pop(arn, None)

    def close(self) -> None:
        return


def _is_listed(head: Head, machine: str, map_run: str, status: str | None) -> bool:
    of_whom = head.map_run == map_run if map_run else head.machine == machine and not head.map_run
    return of_whom and status in (None, head.status)


class NoJournal(MemoryJournal):
    """Keeps the heads of runs while they go on, and no history: for Express executions, which have none."""

    def append(self, arn: str, entry: Entry) -> None:
        return
