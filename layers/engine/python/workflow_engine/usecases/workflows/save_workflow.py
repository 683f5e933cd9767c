"""Store workflows: new ones, new versions, and take them out of use."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from workflow_engine.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PreconditionFailedError,
    ThrottledError,
)
from workflow_engine.language.diagnostics import Diagnostic, Json
from workflow_engine.language.findings import quoted
from workflow_engine.language.workflow_ids import RESERVED_WORKFLOW_IDS, WORKFLOW_ID_PATTERN
from workflow_engine.store import keys
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.workflows import SNAPSHOT_PREFIX, StoredWorkflow, content_hash
from workflow_engine.usecases.bodies.workflow import PostedWorkflow, posted_workflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.workflows.compilation import (
    Vocabulary,
    compile_posted,
    compiler_of,
    findings,
    first_version,
    is_plain,
    vocabulary,
)
from workflow_engine.usecases.workflows.preconditions import NO_PRECONDITION, Precondition, entity_tag
from workflow_engine.usecases.workflows.read_workflows import describe

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

DELETING_SECONDS: Final = 15.0
"""How long one request deletes figures; the function of the API has 29 s."""


def create(engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None) -> answers.StoredWorkflow:
    """Store a new workflow as version 1, under its `workflow_id` if it has one; gives it as `read_workflows.get` does, with
    `warnings`: what may go wrong all the same, such as agents that do not exist now.

    Raises InvalidWorkflowError, InvalidRequestError, ConflictError (an id that is taken, idempotency key), ThrottledError.
    """

    def work(attempt: Attempt) -> answers.StoredWorkflow:
        posted = posted_workflow(body)
        made_id = attempt.made_id
        workflow_id = _chosen_id(posted) or made_id
        earlier = (
            engine.workflows.created_by_request(caller.tenant_id, workflow_id, made_id) if attempt.is_repeat else None
        )
        if earlier is not None:
            return _saved(earlier, ())
        return _saved(*_created(engine, caller, posted, workflow_id, attempt))

    return engine.idempotency.once(caller.tenant_id, "create_workflow", idempotency_key, body, work)


def update(
    engine: Engine, caller: Caller, workflow_id: str, body: Json, precondition: Precondition = NO_PRECONDITION
) -> tuple[answers.StoredWorkflow, bool]:
    """Store a new version, or give the newest one when the content is the same and compiling it again changes nothing; an id
    that no workflow has becomes that of a new one. Gives it as `read_workflows.get` does, and True if it is new.

    It is compiled again when the engine, or a registered step type that it uses, is another than then. With a precondition
    the newest version must meet it; a repeated save, whose content stands already, need not meet If-Match. Raises
    ConflictError, or with a precondition PreconditionFailedError, when another save came between, and what `create` raises.
    """
    try:
        return _update(engine, caller, workflow_id, body, precondition)
    except ConflictError as error:
        if precondition.is_given:
            raise PreconditionFailedError(error.detail) from None
        raise


def _update(
    engine: Engine, caller: Caller, workflow_id: str, body: Json, precondition: Precondition
) -> tuple[answers.StoredWorkflow, bool]:
    posted = posted_workflow(body)
    named = _chosen_id(posted)
    if named not in (None, workflow_id):
        detail = f"The path names '{workflow_id}', the body '{named}'. Leave the id out of the body."
        raise InvalidRequestError.at(f"{posted.prefix}/workflow_id", detail)
    newest = engine.workflows.find(caller.tenant_id, workflow_id)
    is_same = newest is not None and is_plain(posted.document) and content_hash(posted.document) == newest.content_hash
    needed = precondition._replace(match=None) if is_same else precondition
    needed.check(None if newest is None else tag_of(newest))
    if newest is None:
        _refuse_unusable_id(workflow_id, "")
        return _saved(*_created(engine, caller, posted, workflow_id, Attempt.first())), True
    if not newest.listed:
        raise NotFoundError(f"There is no workflow '{workflow_id}'.")
    return save_next(engine, caller, posted, newest), False


def save_next(engine: Engine, caller: Caller, posted: PostedWorkflow, newest: StoredWorkflow) -> answers.StoredWorkflow:
    """Store a workflow as the version after the newest, or give that when the content is the same and compiling it again changes
    nothing. Raises InvalidWorkflowError, ConflictError, ThrottledError.
    """
    is_same = is_plain(posted.document) and content_hash(posted.document) == newest.content_hash
    words = vocabulary(engine, caller, posted.document, looks_names_up=True)
    if is_same and newest.compiled.compiler == compiler_of(words):
        return _saved(newest, posted.placed(words.missing))
    compiled, warnings = _compiled(engine, caller, posted, words, newest.id)
    if is_same and engine.workflows.as_saved(newest).compiled.means_the_same(compiled.compiled):
        return _saved(newest, warnings)
    workflow = replace(
        compiled,
        version=newest.version + 1,
        created_at=newest.created_at,
        first_version=newest.in_use_since_version,
        pause=newest.pause,
        resumed_at=newest.resumed_at,
        resumed_by=newest.resumed_by,
    )
    engine.workflows.add_version(workflow)
    return _saved(workflow, warnings)


def delete(engine: Engine, caller: Caller, workflow_id: str, precondition: Precondition = NO_PRECONDITION) -> None:
    """Take a workflow out of use, and delete the figures of its runs. Its executions, and the versions they ran, stay readable.
    It may be repeated for a day.

    Raises NotFoundError, PreconditionFailedError unless the newest version meets the precondition, ThrottledError where figures are
    left after some seconds.
    """
    newest = engine.workflows.find(caller.tenant_id, workflow_id) if precondition.is_given else None
    if newest is not None:
        precondition.check(tag_of(newest))
    try:
        engine.workflows.delete(
            caller.tenant_id, workflow_id, engine.now().timestamp(), None if newest is None else newest.version
        )
    except NotFoundError:
        standing = None if newest is None else engine.workflows.find(caller.tenant_id, workflow_id)
        precondition.check(None if standing is None else tag_of(standing))
        raise
    _delete_figures(engine, caller, workflow_id)


def _delete_figures(engine: Engine, caller: Caller, workflow_id: str) -> None:
    """Delete the figures of a workflow's runs, thousands of records where it ran for years."""
    end = engine.now() + timedelta(seconds=DELETING_SECONDS)
    for _ in engine.figures.delete(caller.tenant_id, *keys.figures_of(keys.workflow(caller.tenant_id, workflow_id))):
        if engine.now() >= end:
            told = (
                "The workflow is deleted, and some of its figures are left. Send the request again to delete the rest."
            )
            raise ThrottledError(told)


def tag_of(workflow: StoredWorkflow) -> str:
    """The ETag of a version."""
    return entity_tag(workflow.version, workflow.content_hash)


def _saved(workflow: StoredWorkflow, warnings: tuple[Diagnostic, ...]) -> answers.StoredWorkflow:
    return {**describe(workflow), "warnings": findings(warnings)[1]}


def _chosen_id(posted: PostedWorkflow) -> str | None:
    """The id that a document asks for. One of a wrong form is the language's to refuse."""
    workflow_id = posted.document.get("workflow_id") if isinstance(posted.document, dict) else None
    if not isinstance(workflow_id, str) or not re.fullmatch(WORKFLOW_ID_PATTERN, workflow_id):
        return None
    _refuse_unusable_id(workflow_id, f"{posted.prefix}/workflow_id")
    return workflow_id


def _refuse_unusable_id(workflow_id: str, place: str) -> None:
    if not re.fullmatch(WORKFLOW_ID_PATTERN, workflow_id):
        detail = f"{quoted(workflow_id)} is not a valid workflow id: use letters, digits, - and _, up to 64 characters."
        raise InvalidRequestError.at(place, detail)
    if workflow_id in RESERVED_WORKFLOW_IDS or workflow_id.startswith(SNAPSHOT_PREFIX):
        raise InvalidRequestError.at(place, f"The id '{workflow_id}' is kept for the service itself. Choose another.")


def _created(
    engine: Engine, caller: Caller, posted: PostedWorkflow, workflow_id: str, attempt: Attempt
) -> tuple[StoredWorkflow, tuple[Diagnostic, ...]]:
    words = vocabulary(engine, caller, posted.document, looks_names_up=True)
    compiled, warnings = _compiled(engine, caller, posted, words, workflow_id)
    return engine.workflows.create(replace(compiled, request_id=attempt.made_id)), warnings


def _compiled(
    engine: Engine, caller: Caller, posted: PostedWorkflow, words: Vocabulary, workflow_id: str
) -> tuple[StoredWorkflow, tuple[Diagnostic, ...]]:
    compilation, warnings = compile_posted(posted, words, workflow_id)
    return first_version(engine, caller, posted, workflow_id, compilation, words), warnings
