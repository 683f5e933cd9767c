"""Read stored workflows and their versions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from workflow_engine.store import workflows
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import (
        ListedWorkflowPage,
        Plan,
        StoredWorkflow,
        WorkflowBuild,
        WorkflowBuildPage,
        WorkflowPage,
        WorkflowSummary,
    )


def describe(workflow: workflows.StoredWorkflow) -> StoredWorkflow:
    """A version as the API shows it: what was saved, under `workflow` and `configuration`, and what the service knows about it."""
    return {
        "workflow_id": workflow.id,
        "id": workflow.id,
        "version": workflow.version,
        "name": workflow.name,
        "content_hash": workflow.content_hash,
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
        "created_by": workflow.created_by,
        "paused_at": workflow.pause.at if workflow.pause else None,
        "paused_by": workflow.pause.by if workflow.pause else None,
        "pause_reason": workflow.pause.reason if workflow.pause else None,
        "resumed_at": workflow.resumed_at,
        "resumed_by": workflow.resumed_by,
        "build": describe_build(workflow),
        "plan": cast("Plan", dict(workflow.compiled.plan)),  # as it was kept
        "workflow": dict(workflow.document),
        "configuration": dict(workflow.document),
    }


def describe_build(workflow: workflows.StoredWorkflow) -> WorkflowBuild:
    """The build of a version as the API shows it."""
    build = workflow.build
    return {
        "number": workflow.build_number,
        "since": build.created_at if build else workflow.updated_at,
        "expected_gain": build.gain if build else None,
        "samples": build.samples if build else None,
    }


def get(engine: Engine, caller: Caller, workflow_id: str, version: int | None = None) -> StoredWorkflow:
    """The newest version, or the one asked for. Raises NotFoundError, also for a deleted workflow."""
    newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    if version is None or version == newest.version:
        return describe(newest)
    earlier = engine.workflows.get(caller.tenant_id, workflow_id, version)
    return describe(replace(earlier, pause=newest.pause, resumed_at=newest.resumed_at, resumed_by=newest.resumed_by))


def list_workflows(
    engine: Engine,
    caller: Caller,
    limit: int,
    cursor: str | None = None,
    *,
    name: str | None = None,
    tag: str | None = None,
) -> ListedWorkflowPage:
    """`{items: [{workflow_id, id, version, name, description, tags, created_at, updated_at}], next_cursor}`, newest first: of all,
    or of those with this text in the name, and with this tag. A filtered page may be short and go on.
    """
    page = engine.workflows.found(caller.tenant_id, name, tag, limit, cursor)
    return {"items": [{**_summary(r), "tags": r["tags"]} for r in page.records], "next_cursor": page.next_cursor}


def list_versions(
    engine: Engine, caller: Caller, workflow_id: str, limit: int, cursor: str | None = None
) -> WorkflowPage:
    """Summaries of the versions, newest first. Raises NotFoundError."""
    engine.workflows.newest(caller.tenant_id, workflow_id)
    page = engine.workflows.versions(caller.tenant_id, workflow_id, limit, cursor)
    return {"items": [_summary(r) for r in page.records], "next_cursor": page.next_cursor}


def list_builds(
    engine: Engine, caller: Caller, workflow_id: str, version: int | None, limit: int, cursor: str | None = None
) -> WorkflowBuildPage:
    """The builds of the newest version, or of the one asked for, newest first. Raises NotFoundError."""
    newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    wanted = newest
    if version not in (None, newest.version):
        wanted = engine.workflows.get(caller.tenant_id, workflow_id, version)
    page = engine.workflows.builds(caller.tenant_id, workflow_id, wanted.version, limit, cursor)
    # A version that has only the first has no list of them; an empty page after others ends theirs.
    only = (wanted,) if cursor is None else ()
    return {"items": [*map(describe_build, page.workflows or only)], "next_cursor": page.next_cursor}


def _summary(record: dict[str, Any]) -> WorkflowSummary:
    return {
        "workflow_id": record["id"],
        "id": record["id"],
        "version": record["version"],
        "name": record["name"],
        "description": record["description"],
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
    }
