"""Store workflows: new ones, new versions, and take them out of use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.language.diagnostics import Diagnostic, Json
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.workflows import StoredWorkflow, content_hash
from workflow_engine.usecases.bodies import PostedWorkflow, posted_workflow
from workflow_engine.usecases.compilation import (
    Vocabulary,
    compile_posted,
    compiler_of,
    findings,
    is_plain,
    vocabulary,
    with_machine,
)
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.read_workflows import describe


def create(engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None) -> dict[str, Any]:
    """Store a new workflow as version 1; gives it as `read_workflows.get` does, with `warnings`: what may go wrong all the
    same, such as agents that do not exist now.

    Raises InvalidWorkflowError, InvalidRequestError, ConflictError (idempotency key), ThrottledError.
    """

    def work(attempt: Attempt) -> dict[str, Any]:
        earlier = _made_before(engine, caller, attempt) if attempt.is_repeat else None
        if earlier is not None:
            return _saved(earlier, ())
        return _saved(*_created(engine, caller, posted_workflow(body), attempt))

    return dict(engine.idempotency.once(caller.tenant_id, "create_workflow", idempotency_key, body, work))


def update(engine: Engine, caller: Caller, workflow_id: str, body: Json) -> dict[str, Any]:
    """Store a new version, or give the newest one when the content is the same and compiling it again changes nothing.

    It is compiled again when the engine, or a registered step type that it uses, is another than then. Raises NotFoundError,
    ConflictError when another save came between, and what `create` raises.
    """
    posted = posted_workflow(body)
    newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    if not newest.listed:
        raise NotFoundError(f"There is no workflow '{workflow_id}'.")
    words = vocabulary(engine, caller, posted.document, looks_names_up=True)
    is_same = is_plain(posted.document) and content_hash(posted.document) == newest.content_hash
    if is_same and newest.compiled.compiler == compiler_of(words):
        return _saved(newest, posted.placed(words.missing))
    compiled, warnings = _compiled(engine, caller, posted, words, workflow_id)
    if is_same and newest.compiled.means_the_same(compiled.compiled):
        return _saved(newest, warnings)
    workflow = replace(compiled, version=newest.version + 1, created_at=newest.created_at)
    engine.workflows.add_version(workflow)
    return _saved(workflow, warnings)


def delete(engine: Engine, caller: Caller, workflow_id: str) -> None:
    """Take a workflow out of use. Its executions, and the versions they ran, stay readable. It may be repeated for a day.

    Raises NotFoundError.
    """
    engine.workflows.delete(caller.tenant_id, workflow_id, engine.timestamp())


def _saved(workflow: StoredWorkflow, warnings: tuple[Diagnostic, ...]) -> dict[str, Any]:
    return {**describe(workflow), "warnings": findings(warnings)[1]}


def _created(
    engine: Engine, caller: Caller, posted: PostedWorkflow, attempt: Attempt
) -> tuple[StoredWorkflow, tuple[Diagnostic, ...]]:
    words = vocabulary(engine, caller, posted.document, looks_names_up=True)
    workflow, warnings = _compiled(engine, caller, posted, words, attempt.made_id)
    try:
        engine.workflows.create(workflow)
    except ConflictError:
        standing = _made_before(engine, caller, attempt)
        if standing is None:
            raise
        return standing, warnings
    return workflow, warnings


def _made_before(engine: Engine, caller: Caller, attempt: Attempt) -> StoredWorkflow | None:
    """What another attempt at the same request has stored, changed or deleted meanwhile or not."""
    return engine.workflows.find_version(caller.tenant_id, attempt.made_id, 1)


def _compiled(
    engine: Engine, caller: Caller, posted: PostedWorkflow, words: Vocabulary, workflow_id: str
) -> tuple[StoredWorkflow, tuple[Diagnostic, ...]]:
    compilation, warnings = compile_posted(posted, words)
    now = engine.timestamp()
    workflow = StoredWorkflow(
        tenant_id=caller.tenant_id,
        workflow_id=workflow_id,
        version=1,
        name=posted.document["name"],
        document=posted.document,
        compiled=with_machine(engine, compilation, words),
        created_at=now,
        updated_at=now,
        created_by=caller.user_id,
    )
    return workflow, warnings
