"""Let an earlier version of a workflow be the newest again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from workflow_engine.errors import ConflictError
from workflow_engine.language.diagnostics import InvalidWorkflowError, Json
from workflow_engine.language.document import DocumentModel, Whole
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.bodies.run import WorkflowRunFields
from workflow_engine.usecases.bodies.workflow import PostedWorkflow
from workflow_engine.usecases.workflows.save_workflow import save_next

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import StoredWorkflow
    from workflow_engine.usecases.engine import Caller, Engine


class RollbackRequest(DocumentModel):
    """What `POST /workflows/{workflow_id}/rollback` takes."""

    version: Annotated[int, Field(ge=1), Whole]
    """The version whose content is to be the newest again."""


def roll_back(engine: Engine, caller: Caller, workflow_id: str, body: Json) -> StoredWorkflow:
    """Save the content of an earlier version as a new one, compiled as of now; gives it as a save does, or the newest where that
    has this content already. Raises NotFoundError, InvalidRequestError, ConflictError when another save came between or what the
    version uses is no longer there.
    """
    wanted = read_fields(RollbackRequest, body).version
    newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    earlier = engine.workflows.get(caller.tenant_id, workflow_id, wanted)
    posted = PostedWorkflow(dict(earlier.document), "", WorkflowRunFields())
    try:
        return save_next(engine, caller, posted, newest)
    except InvalidWorkflowError as error:
        first = next(d for d in error.diagnostics if d.severity == "error")
        raise ConflictError(
            f"Version {wanted} can be compiled no longer. At {first.pointer or 'its top'}: {first.detail}",
            errors=[d.as_dict() for d in error.diagnostics],
        ) from None
