"""Store definitions: new ones, new versions, and take them out of use."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.items import canonical
from workflow_engine.store.versions import Version
from workflow_engine.usecases.definitions.check_definition import DefinitionKind, PageT, StoredT, checked
from workflow_engine.usecases.definitions.read_definitions import described
from workflow_engine.usecases.engine import Caller, Engine


def create(
    kind: DefinitionKind[StoredT, PageT], engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None
) -> StoredT:
    """Store a new definition; gives it as `get` does. Raises InvalidRequestError, ConflictError for an id that is taken."""

    def work(attempt: Attempt) -> StoredT:
        document = checked(kind, body)
        definition_id = document.pop(kind.id_field, None) or f"{kind.word}-{uuid.UUID(attempt.made_id).hex}"
        told = kind.warn(engine, caller, document)  # before the write: no fault may come after it
        store = kind.store(engine)
        earlier = (
            store.created_by_request(caller.tenant_id, definition_id, attempt.made_id) if attempt.is_repeat else None
        )
        made = _version(kind, engine, caller, definition_id, document)
        return described(kind, earlier or store.create(replace(made, request_id=attempt.made_id)), told)

    return engine.idempotency.once(caller.tenant_id, f"create_{kind.word}", idempotency_key, body, work)


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
        return described(kind, newest, told)
    following = _version(kind, engine, caller, definition_id, document)
    following = replace(following, version=newest.version + 1, created_at=newest.created_at)
    store.add_version(following)
    return described(kind, following, told)


def delete(kind: DefinitionKind[Any, Any], engine: Engine, caller: Caller, definition_id: str) -> None:
    """Take a definition out of use; its versions stay readable. It may be repeated for a day. Raises NotFoundError."""
    kind.store(engine).delete(caller.tenant_id, definition_id, engine.now().timestamp())


def _version(
    kind: DefinitionKind[Any, Any], engine: Engine, caller: Caller, definition_id: str, document: Mapping[str, Any]
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
