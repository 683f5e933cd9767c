"""Lists of runs: newest first, filtered, merged from shards, in pages of bounded cost.

A list is the runs of a tenant or of a workflow. Each of its shards (`store.shards`) is in the order of keys `started_at#id`, so
one such key says where a page ends in all of them, and is all that a cursor holds. What a filter leaves out is read all the
same. So a page ends when it has as many runs as were asked for, when there are no more, or when one shard has been read as far
as one answer may: it may be short, or empty, and goes on just there.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import cursors, keys
from workflow_engine.store.items import Record, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import BY_TENANT, BY_WORKFLOW
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import EVERYTHING, Query, SortRange, Table, byte_length

MAX_SHOWN_MESSAGE: Final = 1000
"""Characters of an error's message in lists, which `RunFilter.error` is looked for in. Lists are written in units of 1 KB."""

_MAX_SHOWN_TAGS: Final = 1000
"""Bytes of tags in lists. Larger ones are read from the run's own record, also to filter by them."""

ELSEWHERE: Final = ""
"""In the place of tags that are too large for a list."""

_LOOKED_AT: Final = 250
"""Records of a shard that one query reads where they are filtered here."""

_MAX_QUERIES: Final = 8
_MAX_FILTERED_QUERIES: Final = 2
"""Of a shard for one page. A query that the table filters reads up to 2,000 records by itself (`store.tables.dynamodb`)."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are listed: those to which all that is given applies.

    `started` has timestamps in the form of `Execution.started_at`; runs of its `low` are in, of its `high` are not, since keys
    are longer than the timestamps that they begin with. `tag` is one of a list of tags, a tag alone, or of an object's a key or
    `key:value`. `error` is part of the error's type or message, in capitals or not. `has_failures` is whether a step has failed,
    or the run has, as far as is recorded.
    """

    workflow_id: str | None = None
    status: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    correlation_id: str | None = None
    parent_id: str | None = None
    tag: str | None = None
    has_failures: bool | None = None
    error: str | None = None
    started: SortRange = EVERYTHING

    @property
    def equals(self) -> dict[str, str | bool]:
        """What the table filters by. A run with an error has failures, so the table may leave all others out."""
        wanted: dict[str, str | bool | None] = {
            "status": self.status,
            "user_id": self.user_id,
            "session_id": self.session_id,
            "correlation_id": self.correlation_id,
            "parent_execution_id": self.parent_id,
            "has_failures": (self.has_failures or self.error is not None) or None,
        }
        return {name: value for name, value in wanted.items() if value is not None}

    @property
    def is_decided_here(self) -> bool:
        """Whether some of it is nothing that the table filters by."""
        return self.tag is not None or self.error is not None or self.has_failures is False

    @property
    def scope(self) -> str:
        """What its cursors are bound to."""
        parts = (self.workflow_id, sorted(self.equals.items()), self.tag, self.has_failures, self.error, *self.started)
        return f"runs|{parts!r}"


class ListedRun(NamedTuple):
    """A run as lists have it: the record as it is projected, its error, its tags."""

    record: Record
    error: Json
    tags: Json


class RunPage(NamedTuple):
    """A page of runs, newest first, and the opaque cursor of the next one. `until` is the place in time that it reaches to, None
    when there are no older ones.
    """

    runs: list[ListedRun]
    next_cursor: str | None
    until: str | None


def shown_tags(tags: Json) -> str | None:
    """Tags as lists have them."""
    if tags is None:
        return None
    text = dump(tags)
    return text if byte_length(text) <= _MAX_SHOWN_TAGS else ELSEWHERE


def shown_error(error: Json) -> str | None:
    """An error as lists have it: with its message cut."""
    if not isinstance(error, dict):
        return None
    message = str(error.get("message", ""))
    if len(message) > MAX_SHOWN_MESSAGE:
        message = message[:MAX_SHOWN_MESSAGE] + "…"
    return dump({"step_id": error.get("step_id"), "type": str(error.get("type", "")), "message": message})


@dataclass(frozen=True, slots=True)
class RunLists:
    """Runs of all tenants by time; every call names the tenant."""

    table: Table
    payloads: PayloadStore
    shards: RunShards

    def page(self, tenant_id: str, wanted: RunFilter, limit: int, cursor: str | None = None) -> RunPage:
        """A page of at most `limit` runs. InvalidRequestError for a cursor of another list or tenant."""
        if not all(byte_length(value) for value in wanted.equals.values() if isinstance(value, str)):
            return RunPage([], None, None)  # half a character, which no record has
        before = None if cursor is None else _position(tenant_id, wanted, cursor)
        shards = self.shards.all()
        reads = _LOOKED_AT if wanted.is_decided_here else _share(limit, len(shards)) + (before is not None)
        streams = [self._shard(tenant_id, wanted, shard, before, reads) for shard in shards]
        merged = heapq.merge(*streams, key=lambda entry: entry[0], reverse=True)
        runs: list[ListedRun] = []
        last = None
        for order, run in islice(merged, limit + 1):
            if run is None:  # this shard was read up to here, and no further
                return _cut(tenant_id, wanted, runs, order)
            if len(runs) == limit:
                return _cut(tenant_id, wanted, runs, last)
            runs.append(run)
            last = order
        return RunPage(runs, None, None)

    def _shard(
        self, tenant_id: str, wanted: RunFilter, shard: int, before: str | None, reads: int
    ) -> Iterator[tuple[str, ListedRun | None]]:
        """The runs of a shard with their places, newest first; at the end None, if it was not read to its end."""
        query = _query(tenant_id, wanted, shard, before)
        cursor: str | None = None
        for _ in range(_MAX_FILTERED_QUERIES if query.equals else _MAX_QUERIES):
            page = self.table.query(tenant_id, query, limit=reads, cursor=cursor)
            for record in page.records:
                order = record[query.sort_key]
                if order != before and (run := self._passed(wanted, record)) is not None:
                    yield order, run
            cursor = page.next_cursor
            if cursor is None:
                return
        yield _reached(tenant_id, query, cursor), None

    def _passed(self, wanted: RunFilter, record: Record) -> ListedRun | None:
        """The run of a record, None for one that the filter leaves out by what the table does not look at."""
        if wanted.has_failures is False and record.get("has_failures"):
            return None
        text = record.get("shown_error")
        error = json.loads(text) if text else None
        if wanted.error is not None and not _mentions(error, wanted.error):
            return None
        tags = self._tags(record)
        if wanted.tag is not None and not has_tag(tags, wanted.tag):
            return None
        return ListedRun(record, error, tags)

    def _tags(self, record: Record) -> Any:
        text = record.get("shown_tags")
        if text == ELSEWHERE:
            whole = self.table.get(record["pk"], record["sk"])
            text = whole.get("tags") if whole else None
        return self.payloads.load(text) if text else None


def _share(limit: int, shards: int) -> int:
    """What is read of each shard at first: one more than a page has tells whether there is another, and shards are uneven."""
    return limit + 1 if shards == 1 else limit // shards + limit // (4 * shards) + 2


def _query(tenant_id: str, wanted: RunFilter, shard: int, before: str | None) -> Query:
    index, partition = (
        (BY_WORKFLOW, keys.executions_of(tenant_id, wanted.workflow_id, shard))
        if wanted.workflow_id
        else (BY_TENANT, keys.executions(tenant_id, shard))
    )
    low, high = wanted.started
    if before is not None:
        high = before if high is None else min(high, before)
    return Query(partition, index, SortRange(low, high), equals=wanted.equals)


def _reached(tenant_id: str, query: Query, cursor: str | None) -> str:
    position = query.position(tenant_id, cursor)
    assert position is not None
    return position[query.sort_key]


def _cut(tenant_id: str, wanted: RunFilter, runs: list[ListedRun], place: str | None) -> RunPage:
    assert place is not None
    return RunPage(runs, cursors.encode(tenant_id, wanted.scope, place), place.partition("#")[0])


def _position(tenant_id: str, wanted: RunFilter, cursor: str) -> str:
    """The place after which a page begins. A cursor is no secret, so whoever likes may make one."""
    place = cursors.decode(tenant_id, wanted.scope, cursor)
    if not isinstance(place, str) or not 0 < byte_length(place) <= _MAX_SHOWN_TAGS:
        raise InvalidRequestError("The cursor does not fit this list. Leave it out.")
    return place


def _mentions(error: Any, text: str) -> bool:
    if error is None:
        return False
    wanted = text.casefold()
    return any(wanted in str(error.get(name) or "").casefold() for name in ("type", "message"))


def has_tag(tags: Json, tag: str) -> bool:
    """Whether tags, of any JSON, have this one (`RunFilter.tag`)."""
    if tags is None:
        return False
    if isinstance(tags, dict):
        key, colon, value = tag.partition(":")
        return tag in tags or (bool(colon) and key in tags and _as_text(tags[key]) == value)
    return any(_as_text(one) == tag for one in (tags if isinstance(tags, list) else [tags]))


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else dump(value)
