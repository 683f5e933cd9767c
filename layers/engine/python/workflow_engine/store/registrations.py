"""Registrations: what a tenant added under a name of its choice, which registering again replaces: step types, MCP servers. And
uploaded files, under names of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from workflow_engine.errors import NotFoundError, ThrottledError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, equals
from workflow_engine.store.deletions import delete_once
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Query, Table, Write

_MAX_ATTEMPTS: Final = 5

Registration = dict[str, Any]
"""JSON, as the API shows it. Of a secret it holds the name, never the value."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered: its word, the field of a registration that is its name, and where the records lie: partition of
    a tenant, sort key of a name, and the attribute that holds the registration.
    """

    word: str
    name: str
    partition: Callable[[str], str]
    sort_key: Callable[[str], str]
    attribute: str


STEPS: Final = Registered("registered step type", "step_type", keys.steps, keys.step, "registration")
FILES: Final = Registered("file", "file_id", keys.files, keys.file, "file")
MCP_SERVERS: Final = Registered("MCP server", "name", keys.mcp_servers, keys.mcp_server, "server")


@dataclass(frozen=True, slots=True)
class RegistrationStore:
    """Registrations of all tenants; every call names the tenant."""

    table: Table
    payloads: PayloadStore
    what: Registered

    def put(self, tenant_id: str, registration: Registration, request_id: str) -> tuple[Registration, bool]:
        """Write a registration or replace the one of this name; gives it as it stands, and True if the name was free.

        One that replaces another keeps that one's `created_at`. One that was written for the same request (`made_id` of its
        attempts) is given as it was written then. Raises ThrottledError when others keep registering the same name.
        """
        what = self.what
        pk, sk = what.partition(tenant_id), what.sort_key(registration[what.name])
        written, standing = registration, None
        for _ in range(_MAX_ATTEMPTS):
            is_new = standing is None
            content = {
                what.attribute: self.payloads.store(tenant_id, written),
                "request_id": request_id,
                "is_new": is_new,
            }
            try:
                self.table.put(_write({"pk": pk, "sk": sk, "tenant_id": tenant_id, **content}, standing))
            except ConditionFailedError:
                standing = self.table.get(pk, sk)
            else:
                return written, is_new
            if standing is not None:
                kept = self.of_record(standing)
                if standing.get("request_id") == request_id:
                    return kept, bool(standing["is_new"])
                written = {**registration, "created_at": kept["created_at"]}
        raise ThrottledError("Others are registering under this name at the moment. Try again in a second.")

    def find(self, tenant_id: str, name: str) -> Registration | None:
        """A registration, or None."""
        record = self.table.get(self.what.partition(tenant_id), self.what.sort_key(name))
        return None if record is None else self.of_record(record)

    def find_many(self, tenant_id: str, names: Iterable[str]) -> dict[str, Registration]:
        """Those of these names that are registered, by name. One BatchGetItem per 100; none for no names."""
        pk = self.what.partition(tenant_id)
        records = self.table.get_many((pk, self.what.sort_key(name)) for name in sorted(set(names)))
        return {registration[self.what.name]: registration for registration in map(self.of_record, records)}

    def delete(self, tenant_id: str, name: str, now: float) -> None:
        """Remove a registration (`store.deletions`). NotFoundError when there is none."""
        if not delete_once(self.table, tenant_id, self.what.partition(tenant_id), self.what.sort_key(name), now):
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
        """The registration that a record holds."""
        return dict(self.payloads.load(record[self.what.attribute]))


def _write(record: Record, standing: Record | None) -> Write:
    """Writes where nothing stands, or only what was read. Earlier versions of this service kept no `request_id`."""
    if standing is None:
        return Write(record, Missing(PARTITION_KEY))
    return Write(record, equals("request_id", standing.get("request_id")))
