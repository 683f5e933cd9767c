"""Who deleted what. These records stay when all else of a tenant has gone."""

from __future__ import annotations

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.items import Record
from workflow_engine.store.table import Page, Query, Table, Write


def audit_write(tenant_id: str, action: str, target: str, by: str | None, at: str) -> Write:
    """The record that somebody did something to something at a time (ISO 8601). Said again of the same moment it is the same."""
    return Write(
        {
            "pk": keys.audit(tenant_id),
            "sk": keys.ordered(at, target),
            "tenant_id": tenant_id,
            "action": action,
            "target": target,
            "done_by": by,
            "done_at": at,
        }
    )


@dataclass(frozen=True, slots=True)
class AuditStore:
    """What was recorded, newest first; every call names the tenant."""

    table: Table

    def record(self, tenant_id: str, action: str, target: str, by: str | None, at: str) -> None:
        """Keep that somebody did something."""
        self.table.put(audit_write(tenant_id, action, target, by, at))

    def page(self, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Record], str | None]:
        """A page of records, `{action, target, done_by, done_at}`."""
        page: Page = self.table.query(tenant_id, Query(keys.audit(tenant_id)), limit=limit, cursor=cursor)
        return page.records, page.next_cursor
