"""Watch what happens in a run: read its events, wait for more.

On a laptop the engine tells when something has happened, and its history is read then. On AWS nobody tells. There the end comes
from the record; what happens before it from the history, which all accounts' watchers may read only a few times a second:
so who reads it keeps what was read for all others (`store.run_feeds`), and all reads together keep within one rate, by which
the time between two reads of a run grows with the number of runs that are watched.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

from workflow_engine.errors import ThrottledError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.outputs import Outputs
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.machines.run_events import BEGINNING, MAX_TEXT, Position, RunEvent, RunEvents, position_text
from workflow_engine.machines.run_feed import RunFeed
from workflow_engine.observability import get_logger
from workflow_engine.redaction import Redactor, known_secrets
from workflow_engine.statuses import has_ended
from workflow_engine.store.executions import Execution
from workflow_engine.store.logs import LogLine
from workflow_engine.store.run_feeds import FeedHead
from workflow_engine.store.shared_budgets import WATCHED
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs.event_places import Place
from workflow_engine.usecases.runs.record_execution import outline
from workflow_engine.usecases.runs.reused_results import reused_outcomes

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

logger = get_logger(__name__)

READ_PAUSE_MS: Final = 1_000
"""The least time between two reads of the history of a run in the cloud."""
END_PAUSE_MS: Final = 250
"""The same once the record says that the run has ended: its history may show that a little later."""
LONGEST_READ_SECONDS: Final = 3
"""Of one reading of a history by many pages; the next goes on there."""
_TRIES: Final = 4
_TRY_PAUSE_SECONDS: Final = 0.4
LOOK_PAUSE_SECONDS: Final = 0.5
"""Between two looks at what others have read."""
TOLD_PAUSE_SECONDS: Final = 15.0
"""Where somebody tells, to look all the same is only for what nobody tells of."""


class Placed(NamedTuple):
    """An event, and the place after it."""

    place: Place
    event: answers.RunEvent


class Found(NamedTuple):
    """Events after a place. `has_ended` says that the run has ended and nothing follows them."""

    events: list[Placed]
    has_ended: bool


class Source(Protocol):
    """Where the events of one run come from."""

    def read_on(self) -> None:
        """Look for more, if that may be done now. Raises ThrottledError, ExecutionGoneError."""

    def after(self, position: Position, limit: int) -> Found:
        """What was found after a position. Raises ThrottledError, ExecutionGoneError."""


class RunWatch:
    """One run as somebody watches it: its events, and between them what its steps log."""

    def __init__(self, engine: Engine, execution: Execution) -> None:
        self._engine, self._execution = engine, execution
        self._source: Source = (_Told if engine.laptop is not None else _Shared)(engine, execution)
        self._has_history = True

    def read_on(self) -> None:
        """Look for more, if that may be done now. Raises ThrottledError."""
        try:
            self._source.read_on()
            self._has_history = True
        except ExecutionGoneError:
            self._has_history = False

    def after(self, place: Place, limit: int) -> Found:
        """What was found after a place, what steps have logged among it by time. So all that is there is in one order, and each
        line that comes late stands where it came.
        """
        found = self._found(place.position, limit)
        if self._engine.laptop is None:
            return found  # the log of a laptop alone has an order that stays
        lines = self._engine.logs.lines(self._execution.execution_id, place.log, limit + 1)
        return _merged(found, lines or [], place, limit)

    def _found(self, position: Position, limit: int) -> Found:
        if self._has_history:
            try:
                return self._source.after(position, limit)
            except ExecutionGoneError:
                self._has_history = False
        return _OfTheRecord(self._engine, self._execution).after(position, limit)


def wait_for_events(engine: Engine, execution: Execution, place: Place, limit: int, seconds: float) -> Found:
    """Events of a run after a place; where there are none, wait for some for so many seconds.

    Raises ThrottledError when the history may not be read now and nothing is waited for.
    """
    until = engine.now() + timedelta(seconds=seconds)
    pause = LOOK_PAUSE_SECONDS if engine.laptop is None else TOLD_PAUSE_SECONDS
    watch = RunWatch(engine, execution)
    with engine.following(execution.execution_id) as wait:
        while True:
            refusal = _read_on(watch)
            found = watch.after(place, limit)
            if refusal is not None and not seconds and not found.events:
                raise refusal
            left = (until - engine.now()).total_seconds()
            if found.events or found.has_ended or left <= 0 or not wait(min(pause, left)):
                return found


def _feed(engine: Engine, execution: Execution) -> RunFeed:
    def reader() -> RunEvents:
        told = outline(engine, execution)
        reused = reused_outcomes(engine, execution, told, Outputs(lambda _: "", spool_bytes=-1))
        return RunEvents(told, reused, known_secrets())

    return engine.feeds.of(execution.execution_arn, reader)


def _read_on(watch: RunWatch) -> ThrottledError | None:
    """Look for more; gives why that may not be done now."""
    try:
        watch.read_on()
    except ThrottledError as error:
        logger.info("history is read later", exc_info=True)
        return error
    return None


@dataclass(slots=True)
class _Told:
    """On a laptop: the history is this process's own."""

    engine: Engine
    execution: Execution

    def read_on(self) -> None:
        _feed(self.engine, self.execution).read_on()

    def after(self, position: Position, limit: int) -> Found:
        feed = _feed(self.engine, self.execution)
        has_ended = feed.has_ended
        events = feed.after(position, limit + 1)
        return _found([(e.position, as_answer(e)) for e in events], limit, has_ended=has_ended)


@dataclass(slots=True)
class _Shared:
    """In the cloud: what one process reads is kept for all."""

    engine: Engine
    execution: Execution

    def read_on(self) -> None:
        """Read the history, if it is this process's turn: soon when the run has ended, as its record says."""
        engine, tenant_id, execution_id = self.engine, self.execution.tenant_id, self.execution.execution_id
        before = engine.run_feeds.head(tenant_id, execution_id)
        self.execution = engine.executions.get(tenant_id, execution_id)
        if self._is_whole(before):
            return
        early = READ_PAUSE_MS - END_PAUSE_MS if has_ended(self.execution.status) else 0
        if not engine.run_feeds.may_read(tenant_id, execution_id, READ_PAUSE_MS, early):
            return
        if not self._reserve():
            raise _many_are_read()
        feed = _feed(engine, self.execution)
        feed.read_on(self._may_go_on(engine.now() + timedelta(seconds=LONGEST_READ_SECONDS)))
        read = feed.after(before.last, feed.size)
        last = read[-1].position if read else before.last
        if feed.read > before.number:
            now = FeedHead(feed.read, last, feed.has_ended, feed.redrives)
            engine.run_feeds.add(tenant_id, execution_id, before, now, [(e.position, dict(as_answer(e))) for e in read])

    def _is_whole(self, head: FeedHead) -> bool:
        """Whether nothing follows what was read: the run has ended, and was not redriven since."""
        return head.has_ended and self.execution.redrive_count <= head.redrives

    def _reserve(self) -> bool:
        """Wait for a turn to read a page of a history; False when too many do."""
        for _ in range(_TRIES):
            if self.engine.may_ask(WATCHED):
                return True
            self.engine.sleep(_TRY_PAUSE_SECONDS)
        return False

    def _may_go_on(self, until: datetime) -> Callable[[], bool]:
        """For the first page a turn was waited for already; the others have each their own, while there is time."""
        pages = itertools.count()
        return lambda: next(pages) == 0 or (self.engine.now() < until and self._reserve())

    def _again(self, position: Position, limit: int) -> list[tuple[Position, dict[str, Any]]]:
        """Events that were read before, and are gone by age, or cannot be seen yet: they are read once more. Raises
        ThrottledError when that may not be done now.
        """
        if not self._reserve():
            raise _many_are_read()
        feed = _feed(self.engine, self.execution)
        feed.read_on(self._may_go_on(self.engine.now() + timedelta(seconds=LONGEST_READ_SECONDS)))
        events = [(e.position, dict(as_answer(e))) for e in feed.after(BEGINNING, feed.size)]
        self.engine.run_feeds.keep(self.execution.tenant_id, self.execution.execution_id, BEGINNING, events)
        return [event for event in events if event[0] > position][:limit]

    def after(self, position: Position, limit: int) -> Found:
        feeds, tenant_id, execution_id = self.engine.run_feeds, self.execution.tenant_id, self.execution.execution_id
        head = feeds.head(tenant_id, execution_id)
        if head.last <= position:
            return Found([], self._is_whole(head))
        events = feeds.after(tenant_id, execution_id, position, limit + 1) or self._again(position, limit + 1)
        reaches_its_end = bool(events) and events[-1][0] >= head.last
        told = [(place, cast("answers.RunEvent", event)) for place, event in events]
        return _found(told, limit, has_ended=reaches_its_end and self._is_whole(head))


@dataclass(slots=True)
class _OfTheRecord:
    """A run whose history nobody has: about to start, or ended so long ago that only its record tells how."""

    engine: Engine
    execution: Execution

    def read_on(self) -> None:
        raise ExecutionGoneError(self.execution.execution_arn)

    def after(self, position: Position, limit: int) -> Found:
        record = self.engine.executions.get(self.execution.tenant_id, self.execution.execution_id)
        if not has_ended(record.status):
            return Found([], has_ended=False)
        details = {} if record.error is None else {"error": record.error}
        event = RunEvent((1, 0), f"run.{record.status}", record.completed_at, details=details)  # type: ignore[arg-type]  # of an end
        events = [] if position >= event.position else [(event.position, as_answer(event))]
        return _found(events, limit, has_ended=True)


def _many_are_read() -> ThrottledError:
    return ThrottledError("The histories of many runs are read just now. Try again.")


def as_answer(event: RunEvent) -> answers.RunEvent:
    """An event as the API shows it."""
    return {
        "id": position_text(event.position),
        "type": event.type,
        "timestamp": event.timestamp,
        "step": event.step,
        "step_id": event.step_id,
        "attempt": event.attempt,
        "details": dict(event.details),
    }


def _found(events: list[tuple[Position, answers.RunEvent]], limit: int, *, has_ended: bool) -> Found:
    """Of events and one more, if there is one, what was asked for."""
    placed = [Placed(Place(position), event) for position, event in events[:limit]]
    return Found(placed, has_ended and len(events) <= limit)


def _merged(found: Found, lines: list[tuple[LogLine, int]], place: Place, limit: int) -> Found:
    """Events and lines by time, after a place."""
    redactor = Redactor(known_secrets() if lines else ())
    merged: list[Placed] = []
    events = list(found.events)
    (at, after_line), event = place, None
    while (events or lines) and len(merged) < limit:
        if events and (not lines or (events[0].event["timestamp"] or "") <= lines[0][0].timestamp):
            (at, _), event = events.pop(0)
        else:
            line, after_line = lines.pop(0)
            event = _of_line(line, after_line, redactor)
        merged.append(Placed(Place(at, after_line), event))
    return Found(merged, found.has_ended and not events and not lines)


def _of_line(line: LogLine, number: int, redactor: Redactor) -> answers.RunEvent:
    return {
        "id": f"log:{number}",
        "type": "log",
        "timestamp": line.timestamp,
        "step": line.place,
        "step_id": line.step_id,
        "attempt": line.attempt,
        "details": {
            "message": redactor.text(line.message)[:MAX_TEXT],
            "level": line.level,
            "stream": line.stream,
        },
    }
