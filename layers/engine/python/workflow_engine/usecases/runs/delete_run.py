"""Delete runs, and tell who deleted what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workflow_engine.errors import ForbiddenError, NotFoundError
from workflow_engine.store.audit import AuditStore, audit_write
from workflow_engine.store.run_deletions import delete_run
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

ADMIN: Final = "admin"
"""The role of those who may see who deleted what."""


def delete(engine: Engine, caller: Caller, execution_id: str) -> None:
    """Delete a run that has ended, with its results, its decisions and, on a laptop, its logs. It may be repeated for a day.

    Raises NotFoundError, ConflictError while the run goes on.
    """
    audit = audit_write(caller.tenant_id, "delete_execution", execution_id, caller.user_id, engine.timestamp())
    table = engine.executions.table
    if not delete_run(table, caller.tenant_id, execution_id, engine.now().timestamp(), audit):
        raise NotFoundError(f"There is no execution '{execution_id}'.")
    engine.logs.delete(execution_id)


def list_audit(engine: Engine, caller: Caller, limit: int, cursor: str | None = None) -> answers.AuditPage:
    """`{items, next_cursor}`: who deleted what, newest first. Raises ForbiddenError for who is no admin."""
    if not caller.has_role(ADMIN):
        raise ForbiddenError(f"Only callers with the role '{ADMIN}' see who deleted what.")
    records, following = AuditStore(engine.executions.table).page(caller.tenant_id, limit, cursor)
    return {
        "items": [
            {
                "action": record["action"],
                "target": record["target"],
                "done_by": record.get("done_by"),
                "done_at": record["done_at"],
            }
            for record in records
        ],
        "next_cursor": following,
    }
