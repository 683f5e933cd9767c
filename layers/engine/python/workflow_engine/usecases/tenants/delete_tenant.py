"""Delete all that a tenant has, a bounded part at a time.

One call works for some seconds and tells what is left, and whoever calls again goes on from there: nothing is remembered but what
is still there. Within each thing what leads to the rest goes last. What stays is who deleted what, and the tenant's quota.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from workflow_engine.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError, ThrottledError
from workflow_engine.statuses import has_ended
from workflow_engine.store import keys
from workflow_engine.store.audit import AuditStore
from workflow_engine.store.definitions import AGENTS, PROMPTS
from workflow_engine.store.payloads import owned_folders
from workflow_engine.store.run_deletions import delete_run, empty_partition, remove
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.schema import BY_TENANT
from workflow_engine.store.table import Query, Write
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.cancel_run import cancel
from workflow_engine.usecases.runs.delete_run import ADMIN

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

SECONDS: Final = 15.0
"""How long a call works; the step that it then is at is ended, and the function of the API has 29 s."""

_PAGE: Final = 25
Part = Callable[[Engine, Caller], Iterator[int]]
"""Deletes one kind of thing; gives, after each step of its work, how many of them have gone by it."""


def delete_tenant(engine: Engine, caller: Caller, confirm: str | None) -> answers.TenantDeletion:
    """Delete a part of what the caller's tenant has; `is_complete` when nothing was left. Runs that go on are cancelled, and
    deleted by a later call.

    Raises ForbiddenError for who is no admin, InvalidRequestError unless `confirm` is the tenant's name.
    """
    if not caller.has_role(ADMIN):
        raise ForbiddenError(f"Only callers with the role '{ADMIN}' delete a tenant.")
    if confirm != caller.tenant_id:
        raise InvalidRequestError(
            f"All that the tenant '{caller.tenant_id}' has is deleted for good. To confirm that give ?confirm= and its name."
        )
    AuditStore(engine.executions.table).record(
        caller.tenant_id, "delete_tenant", caller.tenant_id, caller.user_id, engine.timestamp()
    )
    end = engine.now() + timedelta(seconds=SECONDS)
    gone: Counter[str] = Counter()
    for name, part in PARTS.items():
        for count in part(engine, caller):
            gone[name] += count
            if engine.now() >= end:
                return _answer(gone, is_complete=False)
        if name == "executions" and _has_runs(engine, caller):
            # They need their workflows and their objects to come to an end.
            return _answer(gone, is_complete=False)
    return _answer(gone, is_complete=True)


def _answer(gone: Mapping[str, int], *, is_complete: bool) -> answers.TenantDeletion:
    return {"is_complete": is_complete, "deleted": {name: gone.get(name, 0) for name in PARTS}}


def _runs(engine: Engine, caller: Caller) -> Iterator[int]:
    """What they ran is written down before they go, since workflows that were only posted are on no list."""
    table, tenant_id, cursor = engine.executions.table, caller.tenant_id, None
    while True:
        page = engine.executions.page(tenant_id, RunFilter(), _PAGE, cursor)
        for run in page.runs:
            workflow = keys.workflow(tenant_id, run.record["workflow_id"])
            table.put(Write({"pk": keys.deletion(tenant_id), "sk": workflow, "tenant_id": tenant_id}))
            yield _ended_and_gone(engine, caller, run.record["execution_id"], run.record["status"])
        cursor = page.next_cursor
        if cursor is None:
            return


def _ended_and_gone(engine: Engine, caller: Caller, execution_id: str, status: str) -> bool:
    try:
        if not has_ended(status):
            cancel(engine, caller, execution_id)
        engine.fold.discard(caller.tenant_id, execution_id)
        is_gone = delete_run(engine.executions.table, caller.tenant_id, execution_id, engine.now().timestamp())
        engine.logs.delete(execution_id)
    except NotFoundError:
        return False  # the list shows what has gone a moment ago
    except (ConflictError, ThrottledError):
        return False  # it ends, and the next call finds that
    return is_gone


def _has_runs(engine: Engine, caller: Caller) -> bool:
    """Whether runs are left. Lists lag behind by moments, so what they show is looked up."""
    page = engine.executions.page(caller.tenant_id, RunFilter(), _PAGE)
    ids = [run.record["execution_id"] for run in page.runs]
    return bool(engine.executions.find_many(caller.tenant_id, ids)) or page.next_cursor is not None


def _workflows(engine: Engine, caller: Caller) -> Iterator[int]:
    table, tenant_id = engine.executions.table, caller.tenant_id
    listed = Query(keys.workflows(tenant_id), BY_TENANT)
    cursor = None
    while True:
        page = table.query(tenant_id, listed, limit=_PAGE, cursor=cursor)
        for record in page.records:
            yield from (0 for _ in engine.figures.delete(tenant_id, *keys.figures_of(record["pk"])))
            if empty_partition(table, tenant_id, record["pk"]):
                yield 1
        cursor = page.next_cursor
        if cursor is None:
            break
    while records := table.query(tenant_id, Query(keys.deletion(tenant_id)), limit=_PAGE).records:
        for record in records:
            yield from (0 for _ in engine.figures.delete(tenant_id, *keys.figures_of(record["sk"])))
            is_there = empty_partition(table, tenant_id, record["sk"]) > 0
            remove(table, [(record["pk"], record["sk"])])
            yield int(is_there)


def _in_versions(partition: Callable[[str], str]) -> Part:
    """What has versions in partitions of their own, and as a step type an activity."""

    def delete(engine: Engine, caller: Caller) -> Iterator[int]:
        table, tenant_id = engine.executions.table, caller.tenant_id
        while records := table.query(tenant_id, Query(partition(tenant_id)), limit=_PAGE).records:
            for record in records:
                empty_partition(table, tenant_id, keys.below(tenant_id, record["sk"]))
                kind, _, name = record["sk"].partition("#")
                if kind == "STEP":
                    empty_partition(table, tenant_id, keys.below(tenant_id, f"ACTIVITY#{name}"))
                remove(table, [(record["pk"], record["sk"])])
                yield 1

    return delete


def _whole(partition: Callable[[str], str]) -> Part:
    """All records of one partition."""

    def delete(engine: Engine, caller: Caller) -> Iterator[int]:
        if count := empty_partition(engine.executions.table, caller.tenant_id, partition(caller.tenant_id)):
            yield count

    return delete


def _objects(engine: Engine, caller: Caller) -> Iterator[int]:
    for folder in owned_folders(caller.tenant_id):
        while count := engine.payloads.objects.delete_below(folder):
            yield count


PARTS: Final[Mapping[str, Part]] = {
    "executions": _runs,
    "workflows": _workflows,
    "steps": _in_versions(keys.steps),
    "agents": _in_versions(AGENTS.listed),
    "prompts": _in_versions(PROMPTS.listed),
    "mcp_servers": _whole(keys.mcp_servers),
    "files": _whole(keys.files),
    "usage": _whole(keys.usage),
    "figures": lambda engine, caller: engine.figures.delete(caller.tenant_id, keys.run_figures(caller.tenant_id)),
    "run_slots": _whole(keys.run_slots),
    "objects": _objects,
}
"""What a tenant has, in the order in which it goes."""
