"""Versioned definitions that workflows refer to by id: agents and prompts.

The newest versions of a tenant's definitions of one kind stand in one partition, so that listing them is one query and
reading one is one item; every version is kept for ever in a partition of its own. Deleting takes the newest version out of
use; the versions stay, because runs and workflows refer to them, and an id that is used again counts on from the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.store import keys
from workflow_engine.store.deletions import delete_once
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.table import ConditionFailedError, Page, Table, Write

Kind = Literal["agent", "prompt"]

VERSION_PREFIX: Final = "VERSION#"
NAME_FIELDS: Final[Mapping[Kind, str]] = {"agent": "agent_name", "prompt": "name"}
"""Which field of the document is the name that lists show."""

_RECENT_VERSIONS: Final = 100
"""How far back the version of a repeated request is looked for: further than others save meanwhile."""

_SUMMARY: Final = ("definition_id", "version", "name", "description", "created_at", "updated_at", "created_by")


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a definition. Times are ISO 8601 UTC: of the first version since the id is in use, and of this one.

    `request_id` names the request that created it (`made_id` of its attempts); None for a version that was added.
    """

    tenant_id: str
    kind: Kind
    definition_id: str
    version: int
    document: Mapping[str, Json]
    created_at: str
    updated_at: str
    created_by: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class DefinitionStore:
    """Definitions of one kind, of all tenants; every call names the tenant."""

    table: Table
    payloads: PayloadStore
    kind: Kind

    def create(self, definition: Definition) -> Definition:
        """Write a definition under a new id; gives it with its version: 1, or for an id that was deleted one more than the
        last. ConflictError when the id is in use.
        """
        last = self.versions(definition.tenant_id, definition.definition_id, 1, None).records
        made = replace(definition, version=last[0]["version"] + 1 if last else 1)
        try:
            self._save(made, Write({}, "attribute_not_exists(pk)"))
        except ConditionFailedError:
            raise ConflictError(
                f"There is {self._one} '{made.definition_id}' already. Choose another id, or save a new version of it."
            ) from None
        return made

    def created_by_request(self, tenant_id: str, definition_id: str, request_id: str) -> Definition | None:
        """The version that a request created; it may have been followed by others, or deleted. None when it has not."""
        page = self._versions(tenant_id, definition_id, _RECENT_VERSIONS, None)
        return next((self._definition(r) for r in page.records if r.get("request_id") == request_id), None)

    def add_version(self, definition: Definition) -> None:
        """Write a version; its number must be one more than the newest.

        ConflictError when the newest is no longer the version before: another save came first, or it was deleted.
        """
        try:
            self._save(definition, Write({}, "version = :previous", {":previous": definition.version - 1}))
        except ConditionFailedError:
            raise ConflictError(
                f"The {self.kind} '{definition.definition_id}' was changed by another request meanwhile. "
                "Read it and save again."
            ) from None

    def newest(self, tenant_id: str, definition_id: str) -> Definition:
        """The newest version. NotFoundError when there is none or it was deleted."""
        record = self.table.get(keys.definitions(tenant_id, self.kind), keys.definition(self.kind, definition_id))
        if record is None:
            raise NotFoundError(f"There is no {self.kind} '{definition_id}'.")
        return self._definition(record)

    def version(self, tenant_id: str, definition_id: str, version: int) -> Definition:
        """A version, also of what was deleted. NotFoundError when there is none."""
        pk = keys.definition_versions(tenant_id, self.kind, definition_id)
        record = self.table.get(pk, keys.version(version))
        if record is None:
            raise NotFoundError(f"There is no version {version} of {self.kind} '{definition_id}'.")
        return self._definition(record)

    def existing(self, tenant_id: str, definition_ids: Iterable[str]) -> frozenset[str]:
        """Those of these ids that are in use. One BatchGetItem per 100; none for no ids."""
        pk = keys.definitions(tenant_id, self.kind)
        wanted = sorted(set(definition_ids))
        records = self.table.get_many((pk, keys.definition(self.kind, i)) for i in wanted)
        return frozenset(r["definition_id"] for r in records)

    def delete(self, tenant_id: str, definition_id: str, now: float) -> None:
        """Take a definition out of use (`store.deletions`). NotFoundError when there is none."""
        pk, sk = keys.definitions(tenant_id, self.kind), keys.definition(self.kind, definition_id)
        if not delete_once(self.table, tenant_id, pk, sk, now):
            raise NotFoundError(f"There is no {self.kind} '{definition_id}'.")

    def page(self, tenant_id: str, limit: int, cursor: str | None) -> Page:
        """Summaries of the definitions in use, by id: their records without the document."""
        return _summaries(
            self.table.query(
                tenant_id, keys.definitions(tenant_id, self.kind), limit=limit, cursor=cursor, newest_first=False
            )
        )

    def versions(self, tenant_id: str, definition_id: str, limit: int, cursor: str | None) -> Page:
        """Summaries of the versions, newest first."""
        return _summaries(self._versions(tenant_id, definition_id, limit, cursor))

    def _versions(self, tenant_id: str, definition_id: str, limit: int, cursor: str | None) -> Page:
        pk = keys.definition_versions(tenant_id, self.kind, definition_id)
        return self.table.query(tenant_id, pk, sort_prefix=VERSION_PREFIX, limit=limit, cursor=cursor)

    @property
    def _one(self) -> str:
        return f"an {self.kind}" if self.kind[0] in "aeiou" else f"a {self.kind}"

    def _save(self, definition: Definition, newest: Write) -> None:
        record = self._record(definition)
        tenant_id, definition_id = definition.tenant_id, definition.definition_id
        head = {"pk": keys.definitions(tenant_id, self.kind), "sk": keys.definition(self.kind, definition_id)}
        kept = {
            "pk": keys.definition_versions(tenant_id, self.kind, definition_id),
            "sk": keys.version(definition.version),
        }
        self.table.write_all(
            [replace(newest, record=record | head), Write(record | kept, "attribute_not_exists(pk)")],
        )

    def _record(self, definition: Definition) -> Record:
        description = definition.document.get("description")
        return {
            "tenant_id": definition.tenant_id,
            "kind": definition.kind,
            "definition_id": definition.definition_id,
            "version": definition.version,
            "name": definition.document[NAME_FIELDS[self.kind]],
            "description": description[:500] if isinstance(description, str) else None,
            "document": self.payloads.store(definition.tenant_id, definition.document),
            "created_at": definition.created_at,
            "updated_at": definition.updated_at,
            "created_by": definition.created_by,
            "request_id": definition.request_id,
        }

    def _definition(self, record: Record) -> Definition:
        document: dict[str, Any] = self.payloads.load(record["document"])
        return Definition(
            tenant_id=record["tenant_id"],
            kind=self.kind,
            definition_id=record["definition_id"],
            version=record["version"],
            document=document,
            created_at=record["created_at"],
            updated_at=record["updated_at"],
            created_by=record.get("created_by"),
            request_id=record.get("request_id"),
        )


def _summaries(page: Page) -> Page:
    return Page([{name: record.get(name) for name in _SUMMARY} for record in page.records], page.next_cursor)
