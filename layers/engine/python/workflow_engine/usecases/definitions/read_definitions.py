"""Read stored definitions and their versions."""

from __future__ import annotations

from typing import Final, cast

from workflow_engine.store.table import Page
from workflow_engine.store.versions import Version
from workflow_engine.usecases.definitions.check_definition import DefinitionKind, PageT, StoredT
from workflow_engine.usecases.engine import Caller, Engine

_KEPT: Final = ("description", "created_at", "updated_at", "created_by")


def described(kind: DefinitionKind[StoredT, PageT], definition: Version, warnings: list[str]) -> StoredT:
    """A version as the API shows it: its document under the kind's word, beside what the service knows about it."""
    described = {
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
    return cast("StoredT", described)  # a kind says what it calls the id, the name and the document


def get(
    kind: DefinitionKind[StoredT, PageT], engine: Engine, caller: Caller, definition_id: str, version: int | None = None
) -> StoredT:
    """The newest version, or the one asked for. Raises NotFoundError."""
    found = kind.store(engine).get(caller.tenant_id, definition_id, version)
    return described(kind, found, kind.warn(engine, caller, found.document))


def list_all(
    kind: DefinitionKind[StoredT, PageT], engine: Engine, caller: Caller, limit: int, cursor: str | None = None
) -> PageT:
    """`{items, next_cursor}`: the newest versions, by id, without their documents."""
    page = kind.store(engine).page(caller.tenant_id, limit, cursor)
    return _page(kind, page)


def list_versions(
    kind: DefinitionKind[StoredT, PageT],
    engine: Engine,
    caller: Caller,
    definition_id: str,
    limit: int,
    cursor: str | None = None,
) -> PageT:
    """`{items, next_cursor}`: the versions, newest first, without their documents. Raises NotFoundError."""
    store = kind.store(engine)
    store.newest(caller.tenant_id, definition_id)
    page = store.versions(caller.tenant_id, definition_id, limit, cursor)
    return _page(kind, page)


def _page(kind: DefinitionKind[StoredT, PageT], page: Page) -> PageT:
    items = [
        {
            kind.id_field: record["id"],
            "id": record["id"],
            "version": record["version"],
            kind.name_field: record["name"],
            **{name: record.get(name) for name in _KEPT},
        }
        for record in page.records
    ]
    return cast("PageT", {"items": items, "next_cursor": page.next_cursor})  # as above
