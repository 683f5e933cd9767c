"""What a tenant has by these names, of whatever kind: one read for all that a document names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.items import Record
from workflow_engine.store.table import Table

_LARGEST_VERSION: Final = 99_999_999
"""The largest number that `keys.version` orders; no definition has more versions."""

NameKind = Literal["step", "agent", "prompt", "mcp"]


@dataclass(frozen=True, slots=True)
class Name:
    """A registered step type, an agent, a prompt or an MCP server. `version` is one of all but the last; None is the newest."""

    kind: NameKind
    name: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class NameStore:
    """Looks names of all kinds up; every call names the tenant."""

    table: Table

    def find_many(self, tenant_id: str, names: Iterable[Name]) -> dict[Name, Record]:
        """The records of those that exist. One BatchGetItem per 100; none for no names."""
        by_key = {_key(tenant_id, name): name for name in names if (name.version or 0) <= _LARGEST_VERSION}
        return {by_key[record["pk"], record["sk"]]: record for record in self.table.get_many(by_key)}


def _key(tenant_id: str, name: Name) -> tuple[str, str]:
    match name.kind:
        case "step" if name.version is not None:
            return keys.step_versions(tenant_id, name.name), keys.version(name.version)
        case "step":
            return keys.steps(tenant_id), keys.step(name.name)
        case "mcp":
            return keys.mcp_servers(tenant_id), keys.mcp_server(name.name)
        case kind if name.version is None:
            return keys.definitions(tenant_id, kind), keys.definition(kind, name.name)
        case kind:
            return keys.definition_versions(tenant_id, kind, name.name), keys.version(name.version)
