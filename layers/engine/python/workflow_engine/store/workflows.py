"""Workflows: `META` is the newest version, ready to start; each version is kept for ever beside it.

`META` repeats the whole newest version, so that starting a stored workflow reads one item. Versions are immutable.
Deleting sets `deleted_at` and takes the workflow out of the list; versions stay, because executions refer to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.store import keys
from workflow_engine.store.deletions import REMEMBERED_SECONDS
from workflow_engine.store.due import after
from workflow_engine.store.items import Record, Scalar, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import BY_TENANT
from workflow_engine.store.table import ConditionFailedError, Page, Table, Write

VERSION_PREFIX: Final = "VERSION#"

_RECENT_VERSIONS: Final = 100
"""How far back a request is looked for that is repeated within a day."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What starting a version needs and what reading its results needs; all JSON. `functions` are aliases of
    Lambdas, `fan_out` says what the lists of an input cost. `compiler` names the engine and the registrations it was
    compiled with, "" when that is not known.
    """

    bindings: Mapping[str, Json]
    outline: Mapping[str, Json]
    plan: Mapping[str, Json]
    functions: tuple[str, ...]
    machine_hash: str
    machine_arn: str
    compiler: str = ""
    fan_out: Mapping[str, Json] = field(default_factory=dict)

    def means_the_same(self, other: Compiled) -> bool:
        """Whether runs of the two are the same: equal but for the compiler, and which generation of the machine it is."""
        return self._meaning() == other._meaning()

    def _meaning(self) -> str:
        return dump([self.bindings, self.outline, self.plan, self.fan_out, list(self.functions), self.machine_hash])


@dataclass(frozen=True, slots=True)
class StoredWorkflow:
    """One version of a workflow. Times are ISO 8601 UTC. `listed` is false for workflows posted to be run once."""

    tenant_id: str
    workflow_id: str
    version: int
    name: str
    document: Mapping[str, Json]
    compiled: Compiled
    created_at: str
    updated_at: str
    created_by: str | None = None
    listed: bool = True
    request_id: str | None = None
    """`made_id` of the request that created the workflow, on the version that it created."""

    @property
    def content_hash(self) -> str:
        return content_hash(self.document)


def content_hash(document: Json) -> str:
    """SHA-256 of the document's JSON text, spaces left out. The order of keys counts: it is the order of a step's
    inputs.
    """
    return hashlib.sha256(dump(document).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class WorkflowStore:
    """Workflows of all tenants; every call names the tenant."""

    table: Table
    payloads: PayloadStore

    def create(self, workflow: StoredWorkflow) -> StoredWorkflow:
        """Write a new workflow; gives it as it stands. Under the id of a deleted one the versions go on. ConflictError when
        the id is taken.
        """
        try:
            self._save(workflow, Write({}, "attribute_not_exists(pk)"))
            return workflow
        except ConflictError:
            standing = self.table.get(keys.workflow(workflow.tenant_id, workflow.workflow_id), keys.META)
        if standing is None or "deleted_at" not in standing:
            raise ConflictError(f"There is a workflow '{workflow.workflow_id}' already. PUT makes a new version of it.")
        again = replace(workflow, version=standing["workflow_version"] + 1)
        deleted = Write({}, "workflow_version = :last AND attribute_exists(deleted_at)", {":last": again.version - 1})
        self._save(again, deleted)
        return again

    def created_by_request(self, tenant_id: str, workflow_id: str, request_id: str) -> StoredWorkflow | None:
        """The version that a request created; it may have been followed by others, or deleted. None when it has not."""
        page = self.versions(tenant_id, workflow_id, _RECENT_VERSIONS, None)
        return next((self._workflow(r) for r in page.records if r.get("request_id") == request_id), None)

    def add_version(self, workflow: StoredWorkflow) -> None:
        """Write the version after the newest one. ConflictError when another save came first or the workflow was
        deleted.
        """
        previous = Write(
            {}, "workflow_version = :previous AND attribute_not_exists(deleted_at)", {":previous": workflow.version - 1}
        )
        self._save(workflow, previous)

    def _save(self, workflow: StoredWorkflow, condition: Write) -> None:
        record = self._record(workflow)
        listing: dict[str, Scalar] = {}
        if workflow.listed:
            order = keys.ordered(workflow.created_at, workflow.workflow_id)
            listing = {"tenant_list": keys.workflows(workflow.tenant_id), "tenant_order": order}
        meta = replace(condition, record=record | {"sk": keys.META} | listing)
        version = Write(record | {"sk": keys.version(workflow.version)}, "attribute_not_exists(pk)")
        try:
            self.table.write_all([meta, version])
        except ConditionFailedError:
            raise ConflictError(
                f"Workflow '{workflow.workflow_id}' was changed by another request meanwhile. Read it and save again."
            ) from None

    def newest(self, tenant_id: str, workflow_id: str) -> StoredWorkflow:
        """The newest version. NotFoundError when there is none or it was deleted."""
        record = self.table.get(keys.workflow(tenant_id, workflow_id), keys.META)
        if record is None or "deleted_at" in record:
            raise NotFoundError(f"There is no workflow '{workflow_id}'.")
        return self._workflow(record)

    def find_newest(self, tenant_id: str, workflow_id: str) -> StoredWorkflow | None:
        """The newest version, None when there is none or it was deleted."""
        try:
            return self.newest(tenant_id, workflow_id)
        except NotFoundError:
            return None

    def version(self, tenant_id: str, workflow_id: str, version: int) -> StoredWorkflow:
        """A version, also of a deleted workflow. NotFoundError when there is none."""
        found = self.find_version(tenant_id, workflow_id, version)
        if found is None:
            raise NotFoundError(f"There is no version {version} of workflow '{workflow_id}'.")
        return found

    def find_version(self, tenant_id: str, workflow_id: str, version: int) -> StoredWorkflow | None:
        """A version, also of a deleted workflow, None when there is none."""
        record = self.table.get(keys.workflow(tenant_id, workflow_id), keys.version(version))
        return None if record is None else self._workflow(record)

    def replace_machine(self, workflow: StoredWorkflow, machine_arn: str) -> None:
        """Let a version and, if it is the newest, `META` point to a newer generation of its machine."""
        pk = keys.workflow(workflow.tenant_id, workflow.workflow_id)
        for sk in (keys.version(workflow.version), keys.META):
            try:
                self.table.update(
                    pk, sk, {"machine_arn": machine_arn}, "workflow_version = :v", {":v": workflow.version}
                )
            except ConditionFailedError:
                continue  # a newer version has its own machine

    def delete(self, tenant_id: str, workflow_id: str, at: str) -> None:
        """Mark a workflow as deleted. NotFoundError when there is none; a deletion of less than a day ago is this one,
        whose answer was lost.
        """
        pk = keys.workflow(tenant_id, workflow_id)
        try:
            self.table.update(
                pk,
                keys.META,
                {"deleted_at": at, "tenant_list": None, "tenant_order": None},
                "attribute_exists(pk) AND attribute_not_exists(deleted_at)",
            )
        except ConditionFailedError:
            record = self.table.get(pk, keys.META)
            deleted_at = record and record.get("deleted_at")
            if not deleted_at or after(deleted_at, REMEMBERED_SECONDS) < at:
                raise NotFoundError(f"There is no workflow '{workflow_id}'.") from None

    def page(self, tenant_id: str, limit: int, cursor: str | None) -> Page:
        """Summaries, newest first."""
        return self.table.query(tenant_id, keys.workflows(tenant_id), index=BY_TENANT, limit=limit, cursor=cursor)

    def versions(self, tenant_id: str, workflow_id: str, limit: int, cursor: str | None) -> Page:
        """Records of the versions, newest first."""
        return self.table.query(
            tenant_id,
            keys.workflow(tenant_id, workflow_id),
            sort_prefix=VERSION_PREFIX,
            limit=limit,
            cursor=cursor,
        )

    def _record(self, workflow: StoredWorkflow) -> Record:
        compiled = workflow.compiled
        content = {
            "document": workflow.document,
            "bindings": compiled.bindings,
            "outline": compiled.outline,
            "plan": compiled.plan,
            "functions": list(compiled.functions),
            "fan_out": compiled.fan_out,
        }
        description = workflow.document.get("description")
        return {
            "pk": keys.workflow(workflow.tenant_id, workflow.workflow_id),
            "tenant_id": workflow.tenant_id,
            "workflow_id": workflow.workflow_id,
            "workflow_version": workflow.version,
            "workflow_name": workflow.name,
            "description": description[:500] if isinstance(description, str) else None,
            "content_hash": workflow.content_hash,
            "content": self.payloads.store(workflow.tenant_id, content),
            "machine_hash": compiled.machine_hash,
            "machine_arn": compiled.machine_arn,
            "compiler": compiled.compiler,
            "created_at": workflow.created_at,
            "updated_at": workflow.updated_at,
            "created_by": workflow.created_by,
            "listed": workflow.listed,
            "request_id": workflow.request_id,
        }

    def _workflow(self, record: Record) -> StoredWorkflow:
        content: dict[str, Any] = self.payloads.load(record["content"])
        return StoredWorkflow(
            tenant_id=record["tenant_id"],
            workflow_id=record["workflow_id"],
            version=record["workflow_version"],
            name=record["workflow_name"],
            document=content["document"],
            compiled=Compiled(
                bindings=content["bindings"],
                outline=content["outline"],
                plan=content["plan"],
                functions=tuple(content["functions"]),
                machine_hash=record["machine_hash"],
                machine_arn=record["machine_arn"],
                compiler=record.get("compiler", ""),
                fan_out=content.get("fan_out", {}),  # workflows saved earlier have none
            ),
            created_at=record["created_at"],
            updated_at=record["updated_at"],
            created_by=record.get("created_by"),
            listed=record["listed"],
            request_id=record.get("request_id"),
        )
