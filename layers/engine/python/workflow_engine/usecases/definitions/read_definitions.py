"""Read stored definitions and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.store.versions import Version
from workflow_engine.usecases.definitions.check_definition import DefinitionKind
from workflow_engine.usecases.engine import Caller, Engine

_KEPT: Final = ("description", "created_at", "updated_at", "created_by")


def described(kind: DefinitionKind, definition: Version, warnings: list[str]) -> dict[str, Any]:
    """A version as the API shows it: its document under the kind's word, beside what the service knows about it."""
    return {
        kind.id_field: definition.id,
        "id": definition.id,
        "version": definition.version,
        kind.name_field: definition.name,
        "description": definition.document.get("description"),
        "created_at": definition.created_at,
        "updated_at": definition.updated_at,
        "created_by": definition.created_by,
        kind.word: dict(definition.document),
        "warnings": warnings,
    }


def get(
    kind: DefinitionKind, engine: Engine, caller: Caller, definition_id: str, version: int | None = None
) -> dict[str, Any]:
    """The newest version, or the one asked for. Raises NotFoundError."""
    found = kind.store(engine).get(caller.tenant_id, definition_id, version)
    return described(kind, found, kind.warn(engine, caller, found.document))


def list_all(
    kind: DefinitionKind, engine: Engine, caller: Caller, limit: int, cursor: str | None = None
) -> dict[str, Any]:
    """`{items, next_cursor}`: the newest versions, by id, without their documents."""
    page = kind.store(engine).page(caller.tenant_id, limit, cursor)
    return {"items": [_summary(kind, record) for record in page.records], "next_cursor": page.next_cursor}


def list_versions(
    kind: DefinitionKind, engine: Engine, caller: Caller, definition_id: str, limit: int, cursor: str | None = None
) -> dict[str, Any]:
    """`{items, next_cursor}`: the versions, newest first, without their documents. Raises NotFoundError."""
    store = kind.store(engine)
    store.newest(caller.tenant_id, definition_id)
    page = store.versions(caller.tenant_id, definition_id, limit, cursor)
    return {"items": [_summary(kind, record) for record in page.records], "next_cursor": page.next_cursor}


def _summary(kind: DefinitionKind, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        kind.id_field: record["id"],
        "id": record["id"],
        "version": record["version"],
        kind.name_field: record["name"],
        **{name: record.get(name) for name in _KEPT},
    }
