"""Run a workflow again as it was run before: all of it, or from a step on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.errors import ConflictError
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.usecases.bodies.rerun import RerunRequest
from workflow_engine.usecases.bodies.run import read_run
from workflow_engine.usecases.runs.launch import Rerun, launch_once
from workflow_engine.usecases.runs.paused import refuse_paused

if TYPE_CHECKING:
    from workflow_engine.language.diagnostics import Json
    from workflow_engine.store.executions import Execution
    from workflow_engine.store.workflows import StoredWorkflow
    from workflow_engine.usecases.answers import ExecutionStarted
    from workflow_engine.usecases.engine import Caller, Engine

_TAKEN_OVER: Final = ("session_id", "user_id", "correlation_id", "tags", "metadata", "organization_id", "backend")
_ENTRIES: Final = ("trigger", "query")


def rerun(
    engine: Engine, caller: Caller, execution_id: str, body: Json, idempotency_key: str | None = None
) -> ExecutionStarted:
    """Start a new run of the version that an earlier run was of, with its input and what was said of it unless the body says
    otherwise; functions are called as they are registered now. With `from_step` the steps before are not run: what they
    gave is taken over. Gives what `launch_once` gives.

    Raises NotFoundError; InvalidRequestError for a `from_step` that is none of the workflow's own steps; ConflictError where the
    input or the results of the earlier run are no longer known, it has not ended, or the workflow is paused;
    PayloadTooLargeError; and what `launch_once` raises.
    """

    def prepare() -> tuple[StoredWorkflow, RerunRequest, Rerun]:
        asked = read_run(RerunRequest, body)
        earlier = engine.executions.get(caller.tenant_id, execution_id)
        refuse_paused(engine.workflows.find(caller.tenant_id, earlier.workflow_id))
        workflow = engine.workflows.get(caller.tenant_id, earlier.workflow_id, earlier.workflow_version)
        if asked.from_step is None:
            compiled, reused = workflow, None
        else:
            from workflow_engine.usecases.runs.rerun_variant import variant

            compiled, reused = variant(engine, caller, earlier, workflow, asked.from_step)
        fields = _taken_over(engine, earlier, asked, body)
        return compiled, fields, Rerun(execution_id, workflow, asked.from_step, reused)

    return launch_once(engine, caller, f"rerun/{execution_id}", idempotency_key, body, prepare)


def _taken_over(engine: Engine, earlier: Execution, asked: RerunRequest, body: Json) -> RerunRequest:
    """What is said of the run, with what the earlier one has where nothing is said."""
    said: dict[str, Any] = {name: getattr(earlier, name) for name in _TAKEN_OVER if getattr(asked, name) is None}
    if not any(name in body for name in ("input", "input_data")):
        value = _input_of(engine, earlier)
        replaced = [name for name in _ENTRIES if getattr(asked, name) is not None]
        if replaced and isinstance(value, dict):
            value = {name: entry for name, entry in value.items() if name not in replaced}
        said["input"] = value
    return asked.model_copy(update=said)


def _input_of(engine: Engine, earlier: Execution) -> Json:
    """The client's input of a run, which its history begins with."""
    try:
        events, _ = engine.runs.events(earlier.execution_arn, 1, None, with_data=True)
    except ExecutionGoneError:
        text = engine.executions.start_input(earlier)
        if text is None:
            raise ConflictError("The input of this run is no longer kept. Send one, as 'input'.") from None
        return json.loads(text)["input"]
    return json.loads(events[0]["executionStartedEventDetails"]["input"])["input"]
