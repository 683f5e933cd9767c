"""The events of runs that somebody watches, kept where every process finds them, so that each history is read once.

`FEED` of an execution says how far its history was read, and when it may be read again; the parts hold what was read, as JSON.
All of it may vanish: what is missing is read again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, at_most, equals
from workflow_engine.store.items import Record
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE
from workflow_engine.store.table import ConditionFailedError, Query, SortRange, Table, Write

Position = tuple[int, int]
Event = dict[str, Any]

KEPT_SECONDS: Final = 86_400
PART_BYTES: Final = 200_000
"""Of a part, half of what an item holds."""

_PARTS_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class FeedHead:
    """How far a run's history was read: `number` is its last event that was, `last` the last event that it brought, `has_ended`
    whether the run had ended with it, `redrives` how often it was redriven before that.
    """

    number: int = 0
    last: Position = (0, 0)
    has_ended: bool = False
    redrives: int = 0


@dataclass(frozen=True, slots=True)
class RunFeedStore:
    """What was read of the histories of watched runs. Moments are in milliseconds since the epoch."""

    table: Table
    now_ms: Callable[[], int]

    def head(self, tenant_id: str, execution_id: str) -> FeedHead:
        """How far a run was read."""
        record = self.table.get(keys.execution(tenant_id, execution_id), keys.FEED)
        if record is None or "number" not in record:
            return FeedHead()
        return FeedHead(record["number"], _position(record["last"]), record["has_ended"], record["redrives"])

    def after(self, tenant_id: str, execution_id: str, position: Position, limit: int) -> list[tuple[Position, Event]]:
        """Events after a position that were read, oldest first; at most `limit`.

        Queries are eventually consistent, so a part may be missing for a moment: what follows it waits. Two who have read at
        the same time may both have kept what they read.
        """
        number, part = position
        parts = Query(
            keys.execution(tenant_id, execution_id),
            sort=SortRange(keys.feed_part(number, part + 1), keys.LAST_FEED_PART),
            newest_first=False,
        )
        found: list[tuple[Position, Event]] = []
        cursor: str | None = None
        while True:
            page = self.table.query(tenant_id, parts, limit=_PARTS_AT_ONCE, cursor=cursor)
            for record in page.records:
                reached = found[-1][0] if found else position
                if _position(record["follows"]) > reached:
                    return found[:limit]
                kept = [((number, part), event) for number, part, event in json.loads(record["events"])]
                found += [each for each in kept if each[0] > reached]
            cursor = page.next_cursor
            if cursor is None or len(found) >= limit:
                return found[:limit]

    def may_read(self, tenant_id: str, execution_id: str, pause_ms: int, early_ms: int = 0) -> bool:
        """Take the next read of a run's history upon oneself: for `pause_ms` nobody else does. It may be taken so much before it
        is due.
        """
        now = self.now_ms()
        changes = {"next_read": now + pause_ms, TTL_ATTRIBUTE: self._expires()}
        pk = keys.execution(tenant_id, execution_id)
        is_due = at_most("next_read", now + early_ms)
        try:
            self.table.update(pk, keys.FEED, changes, is_due)
        except ConditionFailedError:
            try:
                self.table.put(Write({PARTITION_KEY: pk, SORT_KEY: keys.FEED, **changes}, Missing(PARTITION_KEY)))
            except ConditionFailedError:
                return False
        return True

    def add(
        self, tenant_id: str, execution_id: str, before: FeedHead, now: FeedHead, events: list[tuple[Position, Event]]
    ) -> None:
        """Keep the events that were read after `before`, which stand before what `head` tells of them."""
        self.keep(tenant_id, execution_id, before.last, events)
        changes: Record = {
            "number": now.number,
            "last": _text(now.last),
            "has_ended": now.has_ended,
            "redrives": now.redrives,
            TTL_ATTRIBUTE: self._expires(),
        }
        pk = keys.execution(tenant_id, execution_id)
        try:
            self.table.update(pk, keys.FEED, changes, equals("number", before.number or None))
        except ConditionFailedError:
            return  # somebody has read at the same time, and the same

    def keep(self, tenant_id: str, execution_id: str, follows: Position, events: list[tuple[Position, Event]]) -> None:
        """Keep events that follow an event of this position."""
        for last, text in _parts(events):
            part: Record = {
                PARTITION_KEY: keys.execution(tenant_id, execution_id),
                SORT_KEY: keys.feed_part(*last),
                "events": text,
                "follows": _text(follows),
                TTL_ATTRIBUTE: self._expires(),
            }
            self.table.put(Write(part))
            follows = last

    def _expires(self) -> int:
        return self.now_ms() // 1000 + KEPT_SECONDS


def _position(text: str) -> Position:
    number, part = text.split(".")
    return int(number), int(part)


def _text(position: Position) -> str:
    return f"{position[0]}.{position[1]}"


def _parts(events: list[tuple[Position, Event]]) -> list[tuple[Position, str]]:
    """The events in parts that an item holds, each with the position of its last."""
    parts: list[tuple[Position, str]] = []
    texts: list[str] = []
    size = 0
    for place, (position, event) in enumerate(events):
        text = json.dumps([*position, event], ensure_ascii=False, separators=(",", ":"))
        texts.append(text)
        size += len(text.encode())
        if size >= PART_BYTES or place == len(events) - 1:
            parts.append((position, f"[{','.join(texts)}]"))
            texts, size = [], 0
    return parts
