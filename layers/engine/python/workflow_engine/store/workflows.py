"""Workflows: versions with what they were compiled to, so that starting a stored workflow reads one item.

What a version was compiled to may change, though what it means never does: a *build* is one of its compiled forms. The first
is made by the save, further ones are appended (`WorkflowStore.append_build`). The newest stands with the version, where a start
finds it, and all of them stand by themselves once there are several, for those who read runs that were started on them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from workflow_engine.errors import NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Exists, Missing, all_of, any_of, below, equals
from workflow_engine.store.deletions import NOT_MARKED, is_marked
from workflow_engine.store.items import Record, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.run_lists import ELSEWHERE, has_tag, shown_tags
from workflow_engine.store.schema import BY_TENANT, PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Page, Query, SortPrefix, Write
from workflow_engine.store.versions import Noun, Version, VersionStore

if TYPE_CHECKING:
    from workflow_engine.store.executions import Execution

SNAPSHOT_PREFIX: Final = "adhoc-"
"""Begins the ids of workflows that were only posted to be run once."""

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
        """Whether runs of the two are the same: equal but for the compiler, the plan, what functions cost, and which generation of
        the machine it is.
        """
        return self._meaning() == other._meaning()

    def _meaning(self) -> str:
        # What the plan tells of a machine may be more, or another price, in a later release; the machine is the same.
        return dump([self.bindings, _unpriced(self.outline), self.fan_out, list(self.functions), self.machine_hash])


def _unpriced(outline: Json) -> Json:
    """An outline without the memory of functions: it tells what they cost, and earlier versions of this service did not note it."""
    match outline:
        case Mapping():
            return {name: _unpriced(value) for name, value in outline.items() if name != "memory_mb"}
        case list():
            return [_unpriced(value) for value in outline]
        case _:
            return outline


@dataclass(frozen=True, slots=True)
class Build:
    """A build after the first. `gain` is the share of a run's time that it was expected to save against the build before it, by
    the steps of `samples` runs.
    """

    number: int
    created_at: str
    gain: float
    samples: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when a workflow is not to be started, who paused it, and why."""

    at: str
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWorkflow(Version):
    """One version of a workflow, with its newest build or the one that was asked for; `build` is None for the first. `listed` is
    false for workflows posted to be run once. `pause` is told with the newest version only, and so is when, and by whom, the
    last one was ended. `first_version` is the first one since the id is in use, None where that is this one.
    """

    compiled: Compiled
    first_version: int | None = None
    build: Build | None = None
    listed: bool = True
    pause: Pause | None = None
    resumed_at: str | None = None
    resumed_by: str | None = None

    @property
    def build_number(self) -> int:
        """The number of its build, from 1."""
        return 1 if self.build is None else self.build.number

    @property
    def in_use_since_version(self) -> int:
        """The version from which on versions are of this workflow, and not of one that had its id and was deleted."""
        return self.first_version or self.version

    @property
    def content_hash(self) -> str:
        return content_hash(self.document)


def content_hash(document: Json) -> str:
    """SHA-256 of the document's JSON text, spaces left out. The order of keys counts: it is the order of a step's inputs."""
    return hashlib.sha256(dump(document).encode()).hexdigest()


def _packed(workflow: StoredWorkflow, payloads: PayloadStore) -> Record:
    return {
        "content_hash": workflow.content_hash,
        "listed": workflow.listed,
        "first_version": workflow.in_use_since_version,
        **_packed_build(workflow, payloads),
    }


def _packed_build(workflow: StoredWorkflow, payloads: PayloadStore, **further: Json) -> Record:
    """The attributes that a newer build replaces, with further content."""
    compiled, build = workflow.compiled, workflow.build
    content = {
        "document": workflow.document,
        "bindings": compiled.bindings,
        "outline": compiled.outline,
        "plan": compiled.plan,
        "functions": list(compiled.functions),
        "fan_out": compiled.fan_out,
        **further,
    }
    if build is not None:
        content["build"] = {"gain": build.gain, "samples": build.samples}
    return {
        "content": payloads.store(workflow.tenant_id, content),
        "machine_hash": compiled.machine_hash,
        "machine_arn": compiled.machine_arn,
        "compiler": compiled.compiler,
        "build": None if build is None else build.number,
        "built_at": None if build is None else build.created_at,
    }


def _unpacked(known: dict[str, Any], record: Record, payloads: PayloadStore) -> StoredWorkflow:
    content: dict[str, Any] = payloads.load(record["content"])
    build = None
    if "build" in record:
        build = Build(record["build"], record["built_at"], **content["build"])
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
    first_version = record.get("first_version", 1)  # that of workflows saved earlier is not known
    pause = None
    if "paused_at" in record:
        pause = Pause(record["paused_at"], record.get("paused_by"), record.get("pause_reason"))
    return StoredWorkflow(
        **known,
        document=content["document"],
        compiled=compiled,
        first_version=None if first_version == known["version"] else first_version,
        build=build,
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


class BuildPage(NamedTuple):
    """A page of builds, each with its version, and the cursor of the next."""

    workflows: list[StoredWorkflow]
    next_cursor: str | None


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

    def run_by(self, execution: Execution) -> StoredWorkflow:
        """What a run runs: the build of the version that its record names, or its variant. NotFoundError when it is gone."""
        tenant_id, build = execution.tenant_id, execution.workflow_build
        if execution.variant_id is not None:
            return self.of_build(tenant_id, execution.variant_id, 1, build)
        return self.of_build(tenant_id, execution.workflow_id, execution.workflow_version, build)

    def of_build(self, tenant_id: str, id_: str, version: int, build: int) -> StoredWorkflow:
        """A version with one of its builds, in one read if that is the newest. NotFoundError when there is none."""
        newest = self.get(tenant_id, id_, version)
        if newest.build_number == build:
            return newest
        record = self.table.get(keys.workflow(tenant_id, id_), keys.build(version, build))
        if record is None:
            raise NotFoundError(f"There is no build {build} of version {version} of workflow '{id_}'.")
        return self._version(record)

    def as_saved(self, workflow: StoredWorkflow) -> StoredWorkflow:
        """A version with its first build. No read where it has no other."""
        if workflow.build is None:
            return workflow
        return self.of_build(workflow.tenant_id, workflow.id, workflow.version, 1)

    def builds(self, tenant_id: str, id_: str, version: int, limit: int, cursor: str | None = None) -> BuildPage:
        """A version with each of its builds, newest first; none where it has no other than the first."""
        wanted = Query(keys.workflow(tenant_id, id_), sort=SortPrefix(keys.builds(version)))
        page = self.table.query(tenant_id, wanted, limit=limit, cursor=cursor)
        return BuildPage([self._version(record) for record in page.records], page.next_cursor)

    def structure(self, workflow: StoredWorkflow) -> Mapping[str, Json]:
        """The structure (`Compilation.structure`) of a build after the first, as it was appended."""
        key = keys.build(workflow.version, workflow.build_number)
        record = self.table.get(keys.workflow(workflow.tenant_id, workflow.id), key)
        content = self.payloads.load(record["content"]) if record else {}
        found: Mapping[str, Json] = content.get("structure", {})
        return found

    def append_build(
        self, earlier: StoredWorkflow, compiled: Compiled, build: Build, structure: Mapping[str, Json]
    ) -> bool:
        """Let a version run another build from now on. `earlier` is the version as it stands, read with its newest build. False
        when another build was appended since, or the version is gone.

        A build is written before anything leads to it, and the version before what stands for the newest version: whatever cuts
        this short, runs are read by what they run. `point_to_newest_build` does the rest then.
        """
        workflow = replace(earlier, compiled=compiled, build=build)
        partition = keys.workflow(workflow.tenant_id, workflow.id)
        builds = [
            self._record(one) | {"pk": partition, "sk": keys.build(one.version, one.build_number)}
            for one in ((workflow, earlier) if earlier.build is None else (workflow,))
        ]
        builds[0] |= _packed_build(workflow, self.payloads, structure=structure)
        version = self._record(workflow) | {"pk": partition, "sk": keys.version(workflow.version)}
        stands = all_of(Exists(PARTITION_KEY), equals("build", earlier.build.number if earlier.build else None))
        try:
            self.table.write_all([*map(Write, builds), Write(version, stands)])
        except ConditionFailedError:
            return False
        self.point_to_newest_build(workflow)
        return True

    def point_to_newest_build(self, workflow: StoredWorkflow) -> None:
        """Let starts take this build, the newest one of its version, unless another version is the newest or it was deleted."""
        is_older = any_of(Missing("build"), below("build", workflow.build_number))
        is_this_version = equals(self.noun.version_attribute, workflow.version)
        with suppress(ConditionFailedError):
            self.table.update(
                *self.noun.newest(workflow.tenant_id, workflow.id),
                _packed_build(workflow, self.payloads),
                all_of(NOT_MARKED, is_this_version, is_older),
            )

    def replace_machine(self, workflow: StoredWorkflow, machine_arn: str) -> None:
        """Let a version and, if it is the newest, what stands for the newest point to a newer generation of its machine, as long as
        they have this build.
        """
        tenant_id, id_ = workflow.tenant_id, workflow.id
        is_this_version = all_of(
            equals(self.noun.version_attribute, workflow.version),
            equals("machine_hash", workflow.compiled.machine_hash),
        )
        for pk, sk in (
            (keys.workflow(tenant_id, id_), keys.version(workflow.version)),
            self.noun.newest(tenant_id, id_),
        ):
            try:
                self.table.update(pk, sk, {"machine_arn": machine_arn}, is_this_version)
            except ConditionFailedError:
                continue  # a newer version or build has its own machine
