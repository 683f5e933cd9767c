"""What agents and prompts have in common: stored documents that are checked by a JSON Schema, versioned and listed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from workflow_engine.errors import ConflictError, InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.findings import Findings
from workflow_engine.language.step_config import ConfigChecker, Wording
from workflow_engine.language.wellformed import check_well_formed
from workflow_engine.store.definitions import Definition, DefinitionStore
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.items import canonical
from workflow_engine.store.table import Page
from workflow_engine.usecases.engine import Caller, Engine

StoredT = TypeVar("StoredT")
"""A version as it is answered: `answers.StoredAgent`."""
PageT = TypeVar("PageT")
"""A page of versions as it is answered: `answers.AgentPage`."""

Warn = Callable[[Engine, Caller, Mapping[str, Any]], list[str]]
"""Sentences about a document that is valid and may yet not do what was meant."""

_KEPT: Final = ("description", "created_at", "updated_at", "created_by")


@dataclass(frozen=True, slots=True)
class DefinitionKind(Generic[StoredT, PageT]):
    """A kind of definition: its word (`agent`), the schema of its documents, the field that names it, and checks beyond
    the schema. `examine` adds findings, `settle` gives a document that fits with its fields under their own names.
    """

    word: str
    schema: Callable[[], Mapping[str, Any]]
    name_field: str
    store: Callable[[Engine], DefinitionStore]
    examine: Callable[[Mapping[str, Any], Findings], None]
    warn: Warn
    settle: Callable[[Mapping[str, Any]], dict[str, Any]]

    @property
    def id_field(self) -> str:
        """`agent_id`."""
        return f"{self.word}_id"


def create(
    kind: DefinitionKind[StoredT, PageT], engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None
) -> StoredT:
    """Store a new definition; gives it as `get` does. Raises InvalidRequestError, ConflictError for an id that is taken."""

    def work(attempt: Attempt) -> StoredT:
        document = checked(kind, body)
        definition_id = document.pop(kind.id_field, None) or f"{kind.word}-{uuid.UUID(attempt.made_id).hex}"
        told = kind.warn(engine, caller, document)  # before the write: no fault may come after it
        earlier = _made_before(kind, engine, caller, definition_id, attempt) if attempt.is_repeat else None
        return _described(kind, earlier or _created(kind, engine, caller, definition_id, document, attempt), told)

    return engine.idempotency.once(caller.tenant_id, f"create_{kind.word}", idempotency_key, body, work)


def _created(
    kind: DefinitionKind[Any, Any],
    engine: Engine,
    caller: Caller,
    definition_id: str,
    document: Mapping[str, Any],
    attempt: Attempt,
) -> Definition:
    now = engine.timestamp()
    store = kind.store(engine)
    made = Definition(
        tenant_id=caller.tenant_id,
        kind=store.kind,
        definition_id=definition_id,
        version=1,
        document=document,
        created_at=now,
        updated_at=now,
        created_by=caller.user_id,
        request_id=attempt.made_id,
    )
    try:
        return store.create(made)
    except ConflictError:
        standing = _made_before(kind, engine, caller, definition_id, attempt)
        if standing is None:
            raise
        return standing


def _made_before(
    kind: DefinitionKind[Any, Any], engine: Engine, caller: Caller, definition_id: str, attempt: Attempt
) -> Definition | None:
    """What another attempt at the same request has stored, changed or deleted meanwhile or not."""
    return kind.store(engine).created_by_request(caller.tenant_id, definition_id, attempt.made_id)


def update(
    kind: DefinitionKind[StoredT, PageT], engine: Engine, caller: Caller, definition_id: str, body: Json
) -> StoredT:
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
    now = engine.timestamp()
    following = Definition(
        tenant_id=caller.tenant_id,
        kind=store.kind,
        definition_id=definition_id,
        version=newest.version + 1,
        document=document,
        created_at=newest.created_at,
        updated_at=now,
        created_by=caller.user_id,
    )
    store.add_version(following)
    return _described(kind, following, told)


def delete(kind: DefinitionKind[Any, Any], engine: Engine, caller: Caller, definition_id: str) -> None:
    """Take a definition out of use; its versions stay readable. It may be repeated for a day. Raises NotFoundError."""
    kind.store(engine).delete(caller.tenant_id, definition_id, engine.now().timestamp())


def get(
    kind: DefinitionKind[StoredT, PageT], engine: Engine, caller: Caller, definition_id: str, version: int | None = None
) -> StoredT:
    """The newest version, or the one asked for. Raises NotFoundError."""
    store = kind.store(engine)
    found = (
        store.newest(caller.tenant_id, definition_id)
        if version is None
        else store.version(caller.tenant_id, definition_id, version)
    )
    return _described(kind, found, kind.warn(engine, caller, found.document))


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


def checked(kind: DefinitionKind[Any, Any], body: Json) -> dict[str, Any]:
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


# A kind says what it calls the id, the name and the document, so no type checker can follow.


def _page(kind: DefinitionKind[StoredT, PageT], page: Page) -> PageT:
    items = [
        {
            kind.id_field: record["definition_id"],
            "id": record["definition_id"],
            "version": record["version"],
            kind.name_field: record["name"],
            **{name: record.get(name) for name in _KEPT},
        }
        for record in page.records
    ]
    return cast("PageT", {"items": items, "next_cursor": page.next_cursor})


def _described(kind: DefinitionKind[StoredT, PageT], definition: Definition, warnings: list[str]) -> StoredT:
    described = {
        kind.id_field: definition.definition_id,
        "id": definition.definition_id,
        "version": definition.version,
        kind.name_field: definition.document[kind.name_field],
        "description": definition.document.get("description"),
        "created_at": definition.created_at,
        "updated_at": definition.updated_at,
        "created_by": definition.created_by,
        kind.word: dict(definition.document),
        "warnings": warnings,
    }
    return cast("StoredT", described)
