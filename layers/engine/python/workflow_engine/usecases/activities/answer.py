"""Take a worker's answer to a task."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from workflow_engine.aws_quotas import PAYLOAD_BYTES
from workflow_engine.errors import (
    AlreadyDecidedError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    StepOutputError,
    TooLateError,
)
from workflow_engine.language.catalogue import split_version
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import DocumentModel
from workflow_engine.machines.port import TaskGoneError
from workflow_engine.store.activity_tasks import Answer, Task
from workflow_engine.store.items import canonical, dump
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

MAX_ERROR: Final = 256
MAX_MESSAGE: Final = 32_768
"""SendTaskFailure, `error` and `cause`."""


MOST_VERSIONS: Final = 50
"""Of a step type, that are looked through for the one that a run was started with."""


class TaskSuccess(DocumentModel):
    """What `POST /activities/{name}/tasks/{task_id}/success` takes."""

    output: Any = None
    """The step's output; any JSON value of at most 256 KiB."""


class TaskFailure(DocumentModel):
    """What `POST /activities/{name}/tasks/{task_id}/failure` takes."""

    error: Annotated[str, Field(min_length=1, max_length=MAX_ERROR)]
    """The error's name, which retries and conditions go by. None that begins with `States.`."""
    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""


def succeed(engine: Engine, caller: Caller, activity: str, task_id: str, body: Json) -> answers.TaskAnswer:
    """The task is done, with this output; one that does not fit the step type's output_schema, where outputs are held to it, fails
    the step. Raises NotFoundError, TooLateError, AlreadyDecidedError, PayloadTooLargeError.
    """
    given = read_fields(TaskSuccess, body).output
    output = dump(given)
    if (size := len(output.encode())) > PAYLOAD_BYTES:
        raise PayloadTooLargeError(
            f"The output has {size:,} bytes; a step's output takes {PAYLOAD_BYTES:,}. Put large data into S3 and return its "
            "address."
        )

    def send(task: Task, token: str) -> None:
        try:
            _check_output(engine, task, given)
        except StepOutputError as error:
            engine.runs.send_failure(token, StepOutputError.__name__, str(error)[:MAX_MESSAGE])
        else:
            engine.runs.send_success(token, output)

    return _answered(engine, caller, activity, task_id, "success", body, send)


def _check_output(engine: Engine, task: Task, output: Json) -> None:
    """Raises StepOutputError for an output that the version of the step type does not allow with which the run was started."""
    if task.step_type is None or task.execution_id is None:
        return
    name, pinned = split_version(task.step_type)
    versions, _ = engine.steps.versions(task.tenant_id, name, MOST_VERSIONS, None)
    if not any(version.get("validate_output") for version in versions):
        return
    bound_at = _bound_at(engine, task.tenant_id, task.execution_id)
    older = (v for v in versions if v["updated_at"] <= bound_at)  # the newest first
    used = next(older if pinned is None else (v for v in versions if v["version"] == pinned), None)
    if used is not None and used.get("validate_output"):
        from workflow_engine.steps.output_schema import check_output

        check_output(output, used["output_schema"])


def _bound_at(engine: Engine, tenant_id: str, execution_id: str) -> str:
    """When the step types of a run were fixed: as it started, or the run above all of its levels, of a subflow. Now, where there
    is no record of it yet, which that of a subflow has moments after its beginning.
    """
    bound_at = engine.timestamp()
    above: str | None = execution_id
    while above is not None and (run := engine.executions.find(tenant_id, above)) is not None:
        bound_at, above = run.started_at, run.parent_execution_id
    return bound_at


def fail(engine: Engine, caller: Caller, activity: str, task_id: str, body: Json) -> answers.TaskAnswer:
    """The task failed. Raises as `succeed` does, and InvalidRequestError for an error's name that is not for workers."""
    fields = read_fields(TaskFailure, body)
    if fields.error.startswith("States."):
        detail = "Names that begin with 'States.' are errors of Step Functions itself. Use a name of your own."
        raise InvalidRequestError.at("/error", detail)
    return _answered(
        engine,
        caller,
        activity,
        task_id,
        "failure",
        body,
        lambda _task, token: engine.runs.send_failure(token, fields.error, fields.message),
    )


def heartbeat(engine: Engine, caller: Caller, activity: str, task_id: str) -> answers.TaskAnswer:
    """The task is being worked on. Raises NotFoundError, TooLateError: then nobody needs the work any more."""
    task = _task(engine, caller, activity, task_id)
    if task.token is None:
        raise _too_late(task)
    try:
        engine.runs.send_heartbeat(task.token)
    except TaskGoneError:
        raise _too_late(task) from None
    return {"task_id": task_id}


def _answered(
    engine: Engine,
    caller: Caller,
    activity: str,
    task_id: str,
    answer: Answer,
    body: Json,
    send: Callable[[Task, str], None],
) -> answers.TaskAnswer:
    """Once only; the same answer again is no error, so that a worker that did not hear of its success may repeat it."""
    task = _task(engine, caller, activity, task_id)
    told = f"{answer} {hashlib.sha256(canonical(body).encode()).hexdigest()}"
    if task.token is None:
        if task.answer == told:
            return {"task_id": task_id}
        if task.answer is None or task.answer == "gone":
            raise _too_late(task)
        raise AlreadyDecidedError(f"Task '{task_id}' was answered by {task.answer.partition(' ')[0]} already.")
    seconds = int(engine.now().timestamp())
    try:
        send(task, task.token)
    except TaskGoneError:
        engine.activity_tasks.answered(task, "gone", seconds)
        raise _too_late(task) from None
    engine.activity_tasks.answered(task, told, seconds)
    return {"task_id": task_id}


def _task(engine: Engine, caller: Caller, activity: str, task_id: str) -> Task:
    task = engine.activity_tasks.find(caller.tenant_id, activity, task_id)
    if task is None:
        raise NotFoundError(f"Activity '{activity[:100]}' has no task '{task_id[:100]}' that a worker has taken.")
    return task


def _too_late(task: Task) -> TooLateError:
    return TooLateError(
        f"Nobody waits for task '{task.task_id}' any more: it has an answer, its time is over, or its run has ended."
    )
