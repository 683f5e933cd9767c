"""Workflows: versions with what they were compiled to, so that starting a stored workflow reads one item."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import all_of, equals
from workflow_engine.store.deletions import NOT_MARKED, is_marked
from workflow_engine.store.items import Record, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.run_lists import ELSEWHERE, has_tag, shown_tags
from workflow_engine.store.schema import BY_TENANT
from workflow_engine.store.table import ConditionFailedError, Page, Query
from workflow_engine.store.versions import Noun, Version, VersionStore

_MOST_QUERIES: Final = 8
"""For one page of a filtered list."""

_PAGE: Final = 100
"""As many as one BatchGetItem reads."""


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
class Pause:
    """Since when a workflow is not to be started, who paused it, and why."""

    at: str
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWorkflow(Version):
    """One version of a workflow. `listed` is false for workflows posted to be run once. `pause` is told with the newest version
    only, and so is when, and by whom, the last one was ended.
    """

    compiled: Compiled
    listed: bool = True
    pause: Pause | None = None
    resumed_at: str | None = None
    resumed_by: str | None = None

    @property
    def content_hash(self) -> str:
        return content_hash(self.document)


def content_hash(document: Json) -> str:
    """SHA-256 of the document's JSON text, spaces left out. The order of keys counts: it is the order of a step's inputs."""
    return hashlib.sha256(dump(document).encode()).hexdigest()


def _packed(workflow: StoredWorkflow, payloads: PayloadStore) -> Record:
    compiled = workflow.compiled
    content = {
        "document": workflow.document,
        "bindings": compiled.bindings,
        "outline": compiled.outline,
        "plan": compiled.plan,
        "functions": list(compiled.functions),
        "fan_out": compiled.fan_out,
    }
    return {
        "content_hash": workflow.content_hash,
        "content": payloads.store(workflow.tenant_id, content),
        "machine_hash": compiled.machine_hash,
        "machine_arn": compiled.machine_arn,
        "compiler": compiled.compiler,
        "listed": workflow.listed,
    }


def _unpacked(known: dict[str, Any], record: Record, payloads: PayloadStore) -> StoredWorkflow:
    content: dict[str, Any] = payloads.load(record["content"])
    compiled = Compiled(
        bindings=content["bindings"],
        outline=content["outline"],
        plan=content["plan"],
        functions=tuple(content["functions"]),
        machine_hash=record["machine_hash"],
        machine_arn=record["machine_arn"],
        compiler=record.get("compiler", ""),
        fan_out=content.get("fan_out", {}),  # workflows saved earlier have none
    )
    pause = None
    if "paused_at" in record:
        pause = Pause(record["paused_at"], record.get("paused_by"), record.get("pause_reason"))
    return StoredWorkflow(
        **known,
        document=content["document"],
        compiled=compiled,
        listed=record["listed"],
        pause=pause,
        resumed_at=record.get("resumed_at"),
        resumed_by=record.get("resumed_by"),
    )


def _pausing(pause: Pause | None, resumed_at: str | None, resumed_by: str | None) -> Record:
    return {
        "paused_at": pause.at if pause else None,
        "paused_by": pause.by if pause else None,
        "pause_reason": pause.reason if pause else None,
        "resumed_at": resumed_at,
        "resumed_by": resumed_by,
    }


def _list_entry(workflow: StoredWorkflow) -> Record:
    if not workflow.listed:
        return {}
    order = keys.ordered(workflow.created_at, workflow.id)
    pausing = _pausing(workflow.pause, workflow.resumed_at, workflow.resumed_by)
    tags = shown_tags(workflow.document.get("tags"))
    return {"tenant_list": keys.workflows(workflow.tenant_id), "tenant_order": order, "shown_tags": tags, **pausing}


WORKFLOWS: Final = Noun(
    word="workflow",
    id_attribute="workflow_id",
    version_attribute="workflow_version",
    name_attribute="workflow_name",
    newest=lambda tenant_id, id_: (keys.workflow(tenant_id, id_), keys.META),
    versions=keys.workflow,
    listed=keys.workflows,
    packed=_packed,
    unpacked=_unpacked,
    index=BY_TENANT,
    list_entry=_list_entry,
)


@dataclass(frozen=True, slots=True)
class WorkflowStore(VersionStore[StoredWorkflow]):
    """Workflows of all tenants; every call names the tenant."""

    noun: Noun[StoredWorkflow] = WORKFLOWS

    def in_use(self, tenant_id: str) -> Iterator[StoredWorkflow]:
        """All workflows of a tenant that are in use, in their newest versions. Reads them all, page by page, as they are
        asked for."""
        in_use = Query(self.noun.listed(tenant_id), self.noun.index)
        cursor = None
        while True:
            page = self.table.query(tenant_id, in_use, limit=_PAGE, cursor=cursor)
            newest = self.table.get_many(self.noun.newest(tenant_id, r[self.noun.id_attribute]) for r in page.records)
            yield from (self._version(record) for record in newest if not is_marked(record))
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def found(self, tenant_id: str, name: str | None, tag: str | None, limit: int, cursor: str | None) -> Page:
        """Summaries of workflows in use, with their `tags`, newest first: those with this text in the name, whatever the case of
        the letters, and with this tag (`run_lists.has_tag`). A page may be short, or empty, and go on: what a filter leaves out is
        read all the same.
        """
        in_use = Query(self.noun.listed(tenant_id), self.noun.index)
        found: list[Record] = []
        for _ in range(1 if name is None and tag is None else _MOST_QUERIES):
            page = self.table.query(tenant_id, in_use, limit=limit - len(found), cursor=cursor)
            summaries = self._summaries(page).records
            for record, summary in zip(page.records, summaries, strict=True):
                tags = self._tags(record)
                is_named = name is None or name.casefold() in summary["name"].casefold()
                if is_named and (tag is None or has_tag(tags, tag)):
                    found.append({**summary, "tags": tags})
            cursor = page.next_cursor
            if cursor is None or len(found) == limit:
                break
        return Page(found, cursor)

    def _tags(self, record: Record) -> Json:
        """The tags of a listed workflow; those that are too large for a list are read from the workflow itself."""
        text = record.get("shown_tags")
        if text == ELSEWHERE:
            newest = self.find(record["tenant_id"], record[self.noun.id_attribute])
            return None if newest is None else newest.document.get("tags")
        return json.loads(text) if text else None

    def add_version(self, following: StoredWorkflow) -> None:
        """Write a version, as `VersionStore.add_version` does. What is not to be started stays so: ConflictError, too, when it
        was paused or resumed since `following` was made of the newest version.
        """
        self._add_version(following, equals("paused_at", following.pause.at if following.pause else None))

    def set_pause(self, newest: StoredWorkflow, pause: Pause | None, at: str, by: str | None) -> None:
        """Pause a workflow, or with None resume it, unless that was done meanwhile. NotFoundError when it was deleted."""
        changes = _pausing(pause, None, None) if pause else _pausing(None, at, by)
        before = equals("paused_at", newest.pause.at if newest.pause else None)
        try:
            self.table.update(*self.noun.newest(newest.tenant_id, newest.id), changes, all_of(NOT_MARKED, before))
        except ConditionFailedError:
            self.newest(newest.tenant_id, newest.id)

    def replace_machine(self, workflow: StoredWorkflow, machine_arn: str) -> None:
        """Let a version and, if it is the newest, what stands for the newest point to a newer generation of its machine."""
        tenant_id, id_ = workflow.tenant_id, workflow.id
        is_this_version = equals(self.noun.version_attribute, workflow.version)
        for pk, sk in (
            (keys.workflow(tenant_id, id_), keys.version(workflow.version)),
            self.noun.newest(tenant_id, id_),
        ):
            try:
                self.table.update(pk, sk, {"machine_arn": machine_arn}, is_this_version)
            except ConditionFailedError:
                continue  # a newer version has its own machine
