"""Registrations: what a tenant added under a name of its choice, which registering again replaces: step types, MCP servers.

Step types have versions besides: each registration is one, numbered from 1, kept for ever beside the one in use and never
changed. A type that was removed and is registered again counts on from its last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from workflow_engine.errors import NotFoundError, ThrottledError
from workflow_engine.language.catalogue import split_version
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, equals
from workflow_engine.store.deletions import delete_once
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Key, Query, SortPrefix, Table, Write

_MAX_ATTEMPTS: Final = 5

_VERSIONS: Final = SortPrefix("VERSION#")

_RECENT_VERSIONS: Final = 100
"""How far back the registration of a repeated request is looked for."""

Registration = dict[str, Any]
"""JSON, as the API shows it. Of a secret it holds the name, never the value."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered: its word, the field of a registration that is its name, and where the records lie: partition of
    a tenant, sort key of a name, and the attribute that holds the registration. `versions` is the partition of the versions of
    (tenant, name), None for what has none.
    """

    word: str
    name: str
    partition: Callable[[str], str]
    sort_key: Callable[[str], str]
    attribute: str
    versions: Callable[[str, str], str] | None = None


STEPS: Final = Registered(
    "registered step type", "step_type", keys.steps, keys.step, "registration", keys.step_versions
)
MCP_SERVERS: Final = Registered("MCP server", "name", keys.mcp_servers, keys.mcp_server, "server")


@dataclass(frozen=True, slots=True)
class RegistrationStore:
    """Registrations of all tenants; every call names the tenant."""

    table: Table
    payloads: PayloadStore
    what: Registered

    def put(self, tenant_id: str, registration: Registration, request_id: str) -> tuple[Registration, bool]:
        """Write a registration or replace the one of this name; gives it as it stands, and True if the name was free. What has
        versions is given its number as `version`.

        One that replaces another keeps that one's `created_at`. One that was written for the same request (`made_id` of its
        attempts) is given as it was written then. Raises ThrottledError when others keep registering the same name.
        """
        pk, sk = self._key(tenant_id, registration[self.what.name])
        # As a rule a name is free, or stands as it was read: what has no versions is written unread.
        standing = self.table.get(pk, sk) if self.what.versions else None
        for _ in range(_MAX_ATTEMPTS):
            if standing is not None and standing.get("request_id") == request_id:
                return self.of_record(standing), bool(standing["is_new"])
            written, changes = self._changes(tenant_id, registration, request_id, standing)
            try:
                self.table.put(changes[0]) if len(changes) == 1 else self.table.write_all(changes)
            except ConditionFailedError:
                standing = self.table.get(pk, sk)
            else:
                return written, standing is None
        raise ThrottledError("Others are registering under this name at the moment. Try again in a second.")

    def _changes(
        self, tenant_id: str, registration: Registration, request_id: str, standing: Record | None
    ) -> tuple[Registration, list[Write]]:
        """The registration as it is to stand, and what is written for that: itself, and its version."""
        pk, sk = self._key(tenant_id, registration[self.what.name])
        kept = None if standing is None else self.of_record(standing)
        written = registration if kept is None else {**registration, "created_at": kept["created_at"]}
        versions = self.what.versions and self.what.versions(tenant_id, registration[self.what.name])
        if versions:
            written = {**written, "version": 1 + (kept["version"] if kept else self._last_version(tenant_id, versions))}
        content: Record = {
            "tenant_id": tenant_id,
            self.what.attribute: self.payloads.store(tenant_id, written),
            "request_id": request_id,
            "is_new": standing is None,
        }
        changes = [_write({"pk": pk, "sk": sk, **content}, standing)]
        if versions:
            number = keys.version(written["version"])
            changes.append(Write({"pk": versions, "sk": number, **content}, Missing(PARTITION_KEY)))
            if (
                standing is not None
                and kept is not None
                and _is_unnumbered(self.payloads.load(standing[self.what.attribute]))
            ):
                first = {**standing, "pk": versions, "sk": keys.version(kept["version"])}
                changes.append(Write(first, Missing(PARTITION_KEY)))
        return written, changes

    def _key(self, tenant_id: str, name: str) -> Key:
        return self.what.partition(tenant_id), self.what.sort_key(name)

    def _last_version(self, tenant_id: str, versions: str) -> int:
        """The number of the last version of a name that is free now; 0 where there was none."""
        records = self.table.query(tenant_id, Query(versions, sort=_VERSIONS), limit=1).records
        return int(self.of_record(records[0])["version"]) if records else 0

    def made_by_request(self, tenant_id: str, name: str, request_id: str) -> tuple[Registration, bool] | None:
        """What `put` gave for a request, though others may have registered since; None when it has not, or long ago."""
        assert self.what.versions is not None
        recent = Query(self.what.versions(tenant_id, name), sort=_VERSIONS)
        records = self.table.query(tenant_id, recent, limit=_RECENT_VERSIONS).records
        made = next((r for r in records if r.get("request_id") == request_id), None)
        return None if made is None else (self.of_record(made), bool(made["is_new"]))

    def find(self, tenant_id: str, name: str) -> Registration | None:
        """A registration, or None."""
        record = self.table.get(*self._key(tenant_id, name))
        return None if record is None else self.of_record(record)

    def find_many(self, tenant_id: str, names: Iterable[str]) -> dict[str, Registration]:
        """Those of these names that are registered, by name; `name@3` is its third version, as long as the name is registered.
        One BatchGetItem per 50; none for no names.
        """
        asked = {name: self.keys_of(tenant_id, name) for name in sorted(set(names))}
        records = self.table.get_many(dict.fromkeys(key for keys_ in asked.values() for key in keys_))
        found = {(record["pk"], record["sk"]): record for record in records}
        chosen = {name: self.chosen(name, *map(found.get, keys_)) for name, keys_ in asked.items()}
        return {name: registration for name, registration in chosen.items() if registration is not None}

    def keys_of(self, tenant_id: str, name: str) -> list[Key]:
        """Where what a name stands for lies: the registration in use, and of `name@3` the version."""
        name, version = split_version(name)
        in_use = [self._key(tenant_id, name)]
        if version is None or self.what.versions is None:
            return in_use
        return [*in_use, (self.what.versions(tenant_id, name), keys.version(version))]

    def chosen(self, name: str, in_use: Record | None, pinned: Record | None = None) -> Registration | None:
        """What a name stands for, given what lies at `keys_of`: None when it is not registered, or has no such version."""
        _, version = split_version(name)
        newest = None if in_use is None else self.of_record(in_use)
        if newest is None or version is None or newest["version"] == version:
            return newest
        return None if pinned is None else self.of_record(pinned)

    def versions(
        self, tenant_id: str, name: str, limit: int, cursor: str | None
    ) -> tuple[list[Registration], str | None]:
        """The versions of a name, newest first, and the cursor of the next page; also of one that is no longer registered."""
        assert self.what.versions is not None
        of_name = Query(self.what.versions(tenant_id, name), sort=_VERSIONS)
        page = self.table.query(tenant_id, of_name, limit=limit, cursor=cursor)
        return [self.of_record(r) for r in page.records], page.next_cursor

    def delete(self, tenant_id: str, name: str, now: float) -> None:
        """Remove a registration (`store.deletions`). NotFoundError when there is none."""
        if not delete_once(self.table, tenant_id, *self._key(tenant_id, name), now):
            raise NotFoundError(f"There is no {self.what.word} '{name}'.")

    def page(self, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Registration], str | None]:
        """Registrations by name, and the cursor of the next page."""
        by_name = Query(self.what.partition(tenant_id), newest_first=False)
        page = self.table.query(tenant_id, by_name, limit=limit, cursor=cursor)
        return [self.of_record(r) for r in page.records], page.next_cursor

    def count(self, tenant_id: str) -> int:
        """How many a tenant has."""
        return self.table.count(self.what.partition(tenant_id))

    def of_record(self, record: Mapping[str, Any]) -> Registration:
        """The registration that a record holds. Earlier versions of this service gave those of step types no numbers."""
        registration = dict(self.payloads.load(record[self.what.attribute]))
        if self.what.versions and _is_unnumbered(registration):
            registration["version"] = 1
        return registration


def _is_unnumbered(registration: Mapping[str, Any]) -> bool:
    return "version" not in registration


def _write(record: Record, standing: Record | None) -> Write:
    """Writes where nothing stands, or only what was read. Earlier versions of this service kept no `request_id`."""
    if standing is None:
        return Write(record, Missing(PARTITION_KEY))
    return Write(record, equals("request_id", standing.get("request_id")))
