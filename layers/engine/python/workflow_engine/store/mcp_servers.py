"""MCP servers whose tools a tenant's agents may call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow_engine.errors import NotFoundError
from workflow_engine.store import keys
from workflow_engine.store.deletions import delete_once
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.registrations import register_once
from workflow_engine.store.table import Table

McpServerRecord = dict[str, Any]
"""`{name, url, allowed_tools, bearer_secret, timeout_seconds, ...}`, JSON, as the API shows it. `bearer_secret` is
the name of a secret, never its value."""


@dataclass(frozen=True, slots=True)
class McpServerStore:
    """MCP servers of all tenants; every call names the tenant."""

    table: Table
    payloads: PayloadStore

    def put(self, tenant_id: str, server: McpServerRecord, request_id: str) -> tuple[McpServerRecord, bool]:
        """Write a server or replace the one of this name; gives it as it stands, and True if the name was free.

        The same request (`request_id`) may be repeated.
        """
        sk = keys.mcp_server(server["name"])
        record: Record = {"pk": keys.mcp_servers(tenant_id), "sk": sk, "tenant_id": tenant_id}
        return register_once(self.table, self.payloads, record, "server", server, request_id)

    def find(self, tenant_id: str, name: str) -> McpServerRecord | None:
        """A server, or None."""
        record = self.table.get(keys.mcp_servers(tenant_id), keys.mcp_server(name))
        return None if record is None else self._server(record)

    def find_many(self, tenant_id: str, names: Iterable[str]) -> dict[str, McpServerRecord]:
        """Those of these servers that are registered, by name. One BatchGetItem per 100; none for no names."""
        pk = keys.mcp_servers(tenant_id)
        records = self.table.get_many((pk, keys.mcp_server(n)) for n in sorted(set(names)))
        return {server["name"]: server for server in map(self._server, records)}

    def delete(self, tenant_id: str, name: str, now: float) -> None:
        """Remove a server (`store.deletions`). NotFoundError when there is none."""
        if not delete_once(self.table, tenant_id, keys.mcp_servers(tenant_id), keys.mcp_server(name), now):
            raise NotFoundError(f"There is no MCP server '{name}'.")

    def page(self, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[McpServerRecord], str | None]:
        """Servers by name, and the cursor of the next page."""
        page = self.table.query(tenant_id, keys.mcp_servers(tenant_id), limit=limit, cursor=cursor, newest_first=False)
        return [self._server(r) for r in page.records], page.next_cursor

    def _server(self, record: Mapping[str, Any]) -> McpServerRecord:
        return dict(self.payloads.load(record["server"]))
