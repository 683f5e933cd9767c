"""Start runs: of a workflow posted with the request, or of a stored one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_engine.errors import ConflictError
from workflow_engine.language.diagnostics import Json
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.bodies.check_input import check_fan_out
from workflow_engine.usecases.bodies.run import StoredRunRequest, WorkflowRunFields, read_run
from workflow_engine.usecases.bodies.workflow import PostedWorkflow, posted_workflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.launch import launch_once
from workflow_engine.usecases.runs.paused import refuse_paused
from workflow_engine.usecases.workflows.compilation import (
    Vocabulary,
    compile_posted,
    first_version,
    is_plain,
    snapshot_id,
    vocabulary,
)

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted


def start(engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None) -> ExecutionStarted:
    """Start a run of the workflow in the body; gives what `launch_once` gives.

    The workflow is kept, unlisted, under a hash of its content, so posting it again compiles nothing and creates no
    machine. Raises InvalidWorkflowError and what `launch_once` raises.
    """

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        return posted_run(engine, caller, body)

    return launch_once(engine, caller, "execute", idempotency_key, body, prepare)


def posted_run(engine: Engine, caller: Caller, body: Json) -> tuple[StoredWorkflow, WorkflowRunFields]:
    """The workflow of a body in its stored form, and what the body says of the run.
    Raises InvalidWorkflowError, InvalidRequestError.
    """
    return prepared(engine, caller, posted_workflow(body))


def prepared(engine: Engine, caller: Caller, posted: PostedWorkflow) -> tuple[StoredWorkflow, WorkflowRunFields]:
    """A workflow in its stored form, and what is said of the run. Raises InvalidWorkflowError, InvalidRequestError."""
    return _snapshot(engine, caller, posted, vocabulary(engine, caller, posted.document)), posted.run


def start_stored(
    engine: Engine, caller: Caller, workflow_id: str, body: Json, idempotency_key: str | None = None
) -> ExecutionStarted:
    """Start a run of a stored workflow, by default of its newest version; gives what `launch_once` gives.

    Three AWS calls for a workflow of built-in step types: read the version with all that starting needs, write the
    record, start. Raises NotFoundError, PausedError and what `launch_once` raises.
    """

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        fields = read_run(StoredRunRequest, body)
        workflow = engine.workflows.newest(caller.tenant_id, workflow_id)
        refuse_paused(workflow)
        if fields.version not in (None, workflow.version):
            workflow = engine.workflows.get(caller.tenant_id, workflow_id, fields.version)
        return workflow, fields

    return launch_once(engine, caller, f"execute/{workflow_id}", idempotency_key, body, prepare)


def _snapshot(engine: Engine, caller: Caller, posted: PostedWorkflow, words: Vocabulary) -> StoredWorkflow:
    """The posted workflow in its stored form, compiled now or when it was posted first."""
    known = None
    if is_plain(posted.document):
        known = engine.workflows.find(caller.tenant_id, snapshot_id(posted.document, words))
    if known is not None:
        return known
    compilation, _ = compile_posted(posted, words)
    check_fan_out(compilation.fan_out, posted.run)
    workflow_id = snapshot_id(posted.document, words)
    workflow = first_version(engine, caller, posted, workflow_id, compilation, words, listed=False)
    try:
        return engine.workflows.create(workflow)
    except ConflictError:  # the same workflow was posted twice at once; both compiled it to the same
        return engine.workflows.newest(caller.tenant_id, workflow_id)
