"""Pause a stored workflow: nobody starts it until it is resumed. Runs that are under way go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from workflow_engine.errors import NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import DocumentModel
from workflow_engine.store.workflows import Pause
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.workflows.read_workflows import describe

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import StoredWorkflow
    from workflow_engine.usecases.engine import Caller, Engine


class PauseRequest(DocumentModel):
    """What `POST /workflows/{workflow_id}/pause` takes."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """Why; whoever starts the workflow meanwhile is told."""


def pause(engine: Engine, caller: Caller, workflow_id: str, body: Json) -> StoredWorkflow:
    """Let starts be refused; gives the workflow. One that is paused stays as it is. Raises NotFoundError, InvalidRequestError."""
    reason = read_fields(PauseRequest, body).reason
    return _set(engine, caller, workflow_id, Pause(engine.timestamp(), caller.user_id, reason))


def resume(engine: Engine, caller: Caller, workflow_id: str) -> StoredWorkflow:
    """Let the workflow be started again; gives it. One that is not paused stays as it is. Raises NotFoundError."""
    return _set(engine, caller, workflow_id, None)


def _set(engine: Engine, caller: Caller, workflow_id: str, pause: Pause | None) -> StoredWorkflow:
    newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    if not newest.listed:
        raise NotFoundError(f"There is no workflow '{workflow_id}'.")
    if (newest.pause is None) != (pause is None):
        engine.workflows.set_pause(newest, pause, engine.timestamp(), caller.user_id)
        newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    return describe(newest)
