"""What agents and prompts have in common: stored documents that are checked by a JSON Schema, versioned and listed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.findings import Findings
from workflow_engine.language.step_config import ConfigChecker, Wording
from workflow_engine.language.wellformed import check_well_formed
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.items import canonical
from workflow_engine.store.versions import Version, VersionStore
from workflow_engine.usecases.engine import Caller, Engine

Warn = Callable[[Engine, Caller, Mapping[str, Any]], list[str]]
"""Sentences about a document that is valid and may yet not do what was meant."""

_KEPT: Final = ("description", "created_at", "updated_at", "created_by")


@dataclass(frozen=True, slots=True)
class DefinitionKind:
    """A kind of definition: its word (`agent`), the schema of its documents, the field that names it, and checks beyond
    the schema. `examine` adds findings, `settle` gives a document that fits with its fields under their own names.
    """

    word: str
    schema: Callable[[], Mapping[str, Any]]
    name_field: str
    store: Callable[[Engine], VersionStore[Version]]
    examine: Callable[[Mapping[str, Any], Findings], None]
    warn: Warn
    settle: Callable[[Mapping[str, Any]], dict[str, Any]]

    @property
    def id_field(self) -> str:
        """`agent_id`."""
        return f"{self.word}_id"


def create(
    kind: DefinitionKind, engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None
) -> dict[str, Any]:
    """Store a new definition; gives it as `get` does. Raises InvalidRequestError, ConflictError for an id that is taken."""

    def work(attempt: Attempt) -> dict[str, Any]:
        document = checked(kind, body)
        definition_id = document.pop(kind.id_field, None) or f"{kind.word}-{uuid.UUID(attempt.made_id).hex}"
        told = kind.warn(engine, caller, document)  # before the write: no fault may come after it
        store = kind.store(engine)
        earlier = (
            store.created_by_request(caller.tenant_id, definition_id, attempt.made_id) if attempt.is_repeat else None
        )
        made = _version(kind, engine, caller, definition_id, document)
        return _described(kind, earlier or store.create(replace(made, request_id=attempt.made_id)), told)

    return dict(engine.idempotency.once(caller.tenant_id, f"create_{kind.word}", idempotency_key, body, work))


def update(kind: DefinitionKind, engine: Engine, caller: Caller, definition_id: str, body: Json) -> dict[str, Any]:
    """Store a new version, or give the newest when the document is the same.

    Raises NotFoundError, InvalidRequestError, ConflictError when another save came between.
    """
    document = checked(kind, body)
    named = document.pop(kind.id_field, definition_id)
    if named != definition_id:
        detail = f"The path names '{definition_id}', the body '{named}'. Leave the id out of the body."
        raise InvalidRequestError.at(f"/{kind.id_field}", detail)
    store = kind.store(engine)
    newest = store.newest(caller.tenant_id, definition_id)
    told = kind.warn(engine, caller, document)
    if canonical(document) == canonical(newest.document):  # to Python, 1 and true are equal
        return _described(kind, newest, told)
    following = _version(kind, engine, caller, definition_id, document)
    following = replace(following, version=newest.version + 1, created_at=newest.created_at)
    store.add_version(following)
    return _described(kind, following, told)


def delete(kind: DefinitionKind, engine: Engine, caller: Caller, definition_id: str) -> None:
    """Take a definition out of use; its versions stay readable. It may be repeated for a day. Raises NotFoundError."""
    kind.store(engine).delete(caller.tenant_id, definition_id, engine.now().timestamp())


def get(
    kind: DefinitionKind, engine: Engine, caller: Caller, definition_id: str, version: int | None = None
) -> dict[str, Any]:
    """The newest version, or the one asked for. Raises NotFoundError."""
    found = kind.store(engine).get(caller.tenant_id, definition_id, version)
    return _described(kind, found, kind.warn(engine, caller, found.document))


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


def checked(kind: DefinitionKind, body: Json) -> dict[str, Any]:
    """The document of a body. Raises InvalidRequestError with every finding."""
    refuse_misfits(kind.word, kind.schema(), kind.examine, body)
    return kind.settle(body)


def refuse_misfits(
    word: str,
    schema: Mapping[str, Any],
    examine: Callable[[Mapping[str, Any], Findings], None],
    document: Json,
    place: str = "",
) -> None:
    """Raises InvalidRequestError with every finding, pointers below `place`, unless a document is what its schema and
    `examine` ask for. `word` is what it should be.
    """
    findings = Findings()
    if check_well_formed(document, findings):
        if isinstance(document, dict):
            wording = Wording(f"{'An' if word[0] in 'aeiou' else 'A'} {word}", "field", "body", "its schema")
            ConfigChecker(findings).check_document(wording, schema, document)
            if not findings.has_errors:
                examine(document, findings)
        else:
            findings.add("WFE-E100", "", "The body must be a JSON object.")
    if findings.has_errors:
        raise InvalidRequestError(
            f"This is no {word}; `errors` tells where and what to do.",
            errors=[{**d.as_dict(), "pointer": place + d.pointer} for d in findings.in_document_order(document)],
        )


def _summary(kind: DefinitionKind, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        kind.id_field: record["id"],
        "id": record["id"],
        "version": record["version"],
        kind.name_field: record["name"],
        **{name: record.get(name) for name in _KEPT},
    }


def _version(
    kind: DefinitionKind, engine: Engine, caller: Caller, definition_id: str, document: Mapping[str, Any]
) -> Version:
    """The first version of a document."""
    now = engine.timestamp()
    return Version(
        tenant_id=caller.tenant_id,
        id=definition_id,
        version=1,
        name=document[kind.name_field],
        document=document,
        created_at=now,
        updated_at=now,
        created_by=caller.user_id,
    )


def _described(kind: DefinitionKind, definition: Version, warnings: list[str]) -> dict[str, Any]:
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
