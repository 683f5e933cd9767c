"""Store workflows: new ones, new versions, and take them out of use."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from workflow_engine.errors import NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.store.workflows import StoredWorkflow, content_hash
from workflow_engine.usecases.bodies import PostedWorkflow, posted_workflow
from workflow_engine.usecases.compilation import compile_posted, is_plain, vocabulary, with_machine
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.read_workflows import describe


def create(engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None) -> dict[str, Any]:
    """Store a new workflow as version 1; gives it as `read_workflows.get` does.

    Raises InvalidWorkflowError, InvalidRequestError, ConflictError (idempotency key), ThrottledError.
    """

    def work() -> dict[str, Any]:
        workflow = _compiled(engine, caller, posted_workflow(body), str(uuid.uuid4()))
        engine.workflows.create(workflow)
        return describe(workflow)

    return dict(engine.idempotency.once(caller.tenant_id, "create_workflow", idempotency_key, body, work))


def update(engine: Engine, caller: Caller, workflow_id: str, body: Json) -> dict[str, Any]:
    """Store a new version, or give the newest one when the content is the same.

    Raises NotFoundError, ConflictError when another save came between, and what `create` raises.
    """
    posted = posted_workflow(body)
    newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    if not newest.listed:
        raise NotFoundError(f"There is no workflow '{workflow_id}'.")
    if is_plain(posted.document) and content_hash(posted.document) == newest.content_hash:
        return describe(newest)
    compiled = _compiled(engine, caller, posted, workflow_id)
    workflow = replace(compiled, version=newest.version + 1, created_at=newest.created_at)
    engine.workflows.add_version(workflow)
    return describe(workflow)


def delete(engine: Engine, caller: Caller, workflow_id: str) -> None:
    """Take a workflow out of use. Its executions, and the versions they ran, stay readable. Raises NotFoundError."""
    engine.workflows.delete(caller.tenant_id, workflow_id, engine.timestamp())


def _compiled(engine: Engine, caller: Caller, posted: PostedWorkflow, workflow_id: str) -> StoredWorkflow:
    compilation, _ = compile_posted(posted, vocabulary(engine, caller, posted.document))
    now = engine.timestamp()
    return StoredWorkflow(
        tenant_id=caller.tenant_id,
        workflow_id=workflow_id,
        version=1,
        name=posted.document["name"],
        document=posted.document,
        compiled=with_machine(engine, compilation),
        created_at=now,
        updated_at=now,
        created_by=caller.user_id,
    )
