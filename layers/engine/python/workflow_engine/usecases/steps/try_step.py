"""Run one step of a type by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import InvalidWorkflowError, Json
from workflow_engine.language.document import Seconds, Whole
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.bodies.fields import one_of
from workflow_engine.usecases.bodies.run import RunFields, WorkflowRunFields, read_run
from workflow_engine.usecases.bodies.workflow import PostedWorkflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.launch import launch_once
from workflow_engine.usecases.runs.start_run import prepared
from workflow_engine.usecases.steps.read_steps import get

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted

STEP_ID: Final = "step"
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class StepTestRequest(RunFields):
    """What `POST /steps/{step_type}/test` takes."""

    config: dict[str, Any] | None = None
    """The step's configuration."""
    parameters: dict[str, Any] | None = None
    """Another name of `config`."""
    input_data: dict[str, Any] | None = None
    """What the step receives; `input` is another name."""
    timeout_seconds: Seconds | None = None
    """The step type's when absent."""
    version: Annotated[int, Field(ge=1), Whole] | None = None
    """Of a registered step type; the one in use when absent."""


def try_out(
    engine: Engine, caller: Caller, step_type: str, body: Json, idempotency_key: str | None = None
) -> ExecutionStarted:
    """Start a run of one step of this type; gives what `launch_once` gives. Its result is that of the step `step`.

    Raises NotFoundError, InvalidRequestError for a configuration that does not fit (with its place in the body), and what
    `launch_once` raises.
    """

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        fields = read_run(StepTestRequest, body)
        get(engine, caller, step_type, fields.version)
        posted = _workflow_of(step_type, fields)
        try:
            return prepared(engine, caller, posted)
        except InvalidWorkflowError as error:
            raise _placed(error, fields) from None

    return launch_once(engine, caller, f"test_step/{step_type}", idempotency_key, body, prepare)


def _workflow_of(step_type: str, fields: StepTestRequest) -> PostedWorkflow:
    from workflow_engine.steps import builtin_catalogue

    given = one_of(fields, "input_data", "input") or {}
    if not isinstance(given, dict):
        raise InvalidRequestError.at("/input", "A step receives an object: its input by name.")
    spec = builtin_catalogue().find(step_type)
    step: dict[str, Any] = {
        "step_id": STEP_ID,
        "step_type": step_type if fields.version is None else f"{step_type}@{fields.version}",
        "config": one_of(fields, "config", "parameters") or {},
    }
    if spec is None or spec.takes_input:
        step["input_mapping"] = {name: _source(name, value) for name, value in given.items()}
    if fields.timeout_seconds is not None:
        step["timeout_seconds"] = fields.timeout_seconds
    about = {name: getattr(fields, name) for name in RunFields.model_fields}
    run = WorkflowRunFields.model_construct(**about | {"input": given})  # checked as the fields they come from
    return PostedWorkflow({"name": f"Test of {step_type}", "steps": [step]}, "", run)


def _source(name: str, value: Json) -> Json:
    """Where the step finds a part of its input: in the run's, so that tests with other values share one compiled workflow."""
    return f"input.{name}" if _PLAIN.fullmatch(name) else {"value": value}


def _placed(error: InvalidWorkflowError, fields: StepTestRequest) -> InvalidRequestError:
    """What is wrong with the step, with pointers into the body of the request."""
    config = "/config" if fields.parameters is None else "/parameters"
    places = {
        "/steps/0/config": config,
        "/steps/0/input_mapping": "/input_data" if fields.input_data is not None else "/input",
        "/steps/0/timeout_seconds": "/timeout_seconds",
    }
    errors = []
    for found in error.diagnostics:
        if found.severity == "error":
            start = next((p for p in places if found.pointer.startswith(p)), None)
            pointer = "" if start is None else places[start] + found.pointer.removeprefix(start)
            errors.append({"code": found.code, "pointer": pointer, "detail": found.detail})
    return InvalidRequestError(errors[0]["detail"], errors=errors)
