"""Logs of runs in CloudWatch: the lines in the log groups of our functions that carry the run's id (`observability`,
`sdk.printing`), found by FilterLogEvents.

FilterLogEvents looks through one group, gives events by their time, and may give a page with few of them or none, and a token
("FilterLogEvents", API reference). Groups are merged by time, and by the id of the event where that is equal. What was logged in
the last seconds is left for the next page, since events of one group may come in after younger ones of another.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, Final

from workflow_engine import aws
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.logs import (
    PAGE_BYTES,
    LoggedRun,
    LogLine,
    LogPage,
    fields_of,
    is_of_step,
    message_of,
    structured,
)
from workflow_engine.timestamps import iso

SETTLES_MS: Final = 5_000
"""How long an event may take from being logged to being found."""
STILL_LOGS_MS: Final = 60_000
"""After the end of a run: an attempt that was aborted goes on until the function has done."""
CLOCKS_DIFFER_MS: Final = 60_000
MOST_SECONDS: Final = 10.0
"""A page is looked for so long; a call may take as long once more (`aws.LIMITS`), and an HTTP API waits 30 s."""
EVENTS_PER_CALL: Final = 1_000

Place = tuple[int, str]
"""The time of an event in milliseconds, and its id, which are digits."""

_LAST: Final = "~"
"""Behind all ids."""

Event = Mapping[str, Any]


@dataclass(slots=True)
class _Group:
    """How far a log group is read. `since` and `until` bound the events, `token` continues what was asked with them; what is not
    behind `told` was told before.
    """

    name: str
    told: Place
    since: int
    until: int
    token: str | None = None
    is_read: bool = False
    events: deque[Event] = field(default_factory=deque)


class CloudWatchLogs:
    """`store.logs.StepLogs` over CloudWatch Logs."""

    def __init__(
        self,
        client: Callable[[], Any],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._now = now
        self._clock = clock

    def page(self, run: LoggedRun, position: Json, limit: int, step: str | None) -> LogPage:
        """Lines after `{at: [milliseconds, id], until?, tokens?: {group: [since, token]}}`. What was begun to be looked through
        up to a moment is, before later lines are looked for.
        """
        stands: Mapping[str, Any] = position if isinstance(position, dict) else {}
        began, event_id = stands.get("at") or (_ms(run.started_at) - CLOCKS_DIFFER_MS, "")
        after: Place = (began, event_id)
        until = stands.get("until") or self._last(run)
        groups = [_group(f"/aws/lambda/{name}", after, until, stands.get("tokens") or {}) for name in run.functions]
        lines: list[LogLine] = []
        taken = 0
        stop = self._clock() + MOST_SECONDS
        pattern = _pattern(run.execution_id, step)
        is_whole = True
        self._ask_all([group for group in groups if not group.is_read], pattern)
        while (found := self._next(groups, pattern, stop)) is not None:
            group, event = found
            line = _line(event, run.execution_id)
            if line is not None and is_of_step(line.place, step):
                taken += len(line.message)
                if len(lines) == limit or (lines and taken > PAGE_BYTES):
                    is_whole = False
                    break
                lines.append(line)
            after = max(after, _place(event))
            group.events.popleft()
        is_whole = is_whole and all(group.is_read for group in groups)
        if not is_whole:
            return LogPage(lines, {"at": list(after), "until": until, "tokens": _tokens(groups)}, is_end=False)
        has_settled = run.ended_at is not None and until >= _ms(run.ended_at) + STILL_LOGS_MS
        return LogPage(lines, {"at": list(max(after, (until, _LAST)))}, is_end=has_settled)

    def lines(self, execution_id: str, after: int, limit: int) -> None:
        """None: what a function logged may be found after what another has logged later."""

    def delete(self, execution_id: str) -> None:
        """Nothing: lines go with the retention of their log group."""

    def _last(self, run: LoggedRun) -> int:
        """Up to when lines are looked for, in milliseconds."""
        settled = int(self._now().timestamp() * 1000) - SETTLES_MS
        return settled if run.ended_at is None else min(settled, _ms(run.ended_at) + STILL_LOGS_MS)

    def _next(self, groups: list[_Group], pattern: str, stop: float) -> tuple[_Group, Event] | None:
        """The next event of all groups, and its group; None where there is none, or where to look for it takes too long."""
        for group in groups:
            while not group.events and not group.is_read:
                if self._clock() >= stop:
                    return None
                self._ask(group, pattern)
        heads = [group for group in groups if group.events]
        if not heads:
            return None
        first = min(heads, key=lambda g: _place(g.events[0]))
        return first, first.events[0]

    def _ask_all(self, groups: list[_Group], pattern: str) -> None:
        """Ask each once, and at the same time, however long it takes: with each page some come further."""
        if len(groups) < 2:
            for group in groups:
                self._ask(group, pattern)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(groups)) as pool:
            for asked in [pool.submit(self._ask, group, pattern) for group in groups]:
                asked.result()

    def _ask(self, group: _Group, pattern: str) -> None:
        """Ask for a page, and go on while all of it was told before."""
        if group.until < group.since:
            group.is_read = True
        was_told = True
        while was_told and not group.is_read:
            found = self._asked(group, pattern)
            group.events.extend(event for event in found if _place(event) > group.told)
            was_told = bool(found) and not group.events

    def _asked(self, group: _Group, pattern: str) -> list[Event]:
        try:
            answer = self._client().filter_log_events(
                logGroupName=group.name,
                startTime=group.since,
                endTime=group.until,
                filterPattern=pattern,
                limit=EVENTS_PER_CALL,
                **({} if group.token is None else {"nextToken": group.token}),
            )
        except Exception as error:
            if aws.code_of(error) == "ResourceNotFoundException":
                group.is_read = True  # a function that was never called may have no group
                return []
            if aws.code_of(error) == "InvalidParameterException" and group.token is not None:
                group.token = None  # forgotten: tokens hold for a day
                return []
            known = aws.translated(error)
            if known is None:
                raise
            raise known from error
        group.token = answer.get("nextToken")
        group.is_read = group.token is None
        return list(answer.get("events", ()))


def _ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def _group(name: str, after: Place, until: int, tokens: Mapping[str, Any]) -> _Group:
    if name in tokens:
        since, token = tokens[name]
        return _Group(name, after, since, until, token, is_read=token is None)
    return _Group(name, after, after[0], until)


def _place(event: Event) -> Place:
    return event.get("timestamp", 0), event.get("eventId", "")


def _tokens(groups: list[_Group]) -> dict[str, Json]:
    """What saves groups from being looked through again, whose events were all told: their next pages, None where there is none."""
    return {g.name: [g.since, g.token] for g in groups if not g.events and (g.is_read or g.token is not None)}


def _pattern(execution_id: str, step: str | None) -> str:
    """Conditions on the fields of a JSON line ("Filter pattern syntax": texts may have `*`)."""
    conditions = [f'($.execution_id = "{execution_id}")']
    if step is not None:
        conditions.append(f'($.place = "{step}*")')
    return "{ " + " && ".join(conditions) + " }"


def _line(event: Event, execution_id: str) -> LogLine | None:
    read = structured(event.get("message", ""))
    if read is None or read.get("execution_id") != execution_id:
        return None
    attempt = str(read.get("attempt", ""))
    step_id = str(read.get("step_id") or "")
    stream = read.get("stream")
    return LogLine(
        timestamp=iso(datetime.fromtimestamp(event.get("timestamp", 0) / 1000, UTC)),
        message=message_of(read),
        stream=stream if stream in ("stdout", "stderr") else "log",
        place=str(read.get("place") or step_id),
        step_id=step_id,
        attempt=int(attempt) if attempt.isdecimal() else None,
        level=read.get("level"),
        request_id=read.get("requestId") or read.get("function_request_id"),
        logger=read.get("logger") or read.get("service"),
        fields=fields_of(read),
    )
