"""What tasks call: functions, somebody with a token, workers of activities, other state machines."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final, NamedTuple

from infra.local.stepfunctions.definition import State
from infra.local.stepfunctions.failures import RUNTIME, TASK_FAILED, ServiceError, StateError, decorated, given
from infra.local.stepfunctions.history import QUEUED, REPEATED, Frame
from infra.local.stepfunctions.journal import Entry, Head
from infra.local.stepfunctions.lambdas import Invocation, sdk_metadata, throttled
from infra.local.stepfunctions.limits import check_result, json_text
from infra.local.stepfunctions.workers import NoThreadLeftError
from workflow_engine.lazy_dataclass import dataclass

MOST_RECOVERIES: Final = 3


class Events(NamedTuple):
    """The types of events in which an attempt is told."""

    scheduled: str
    started: str
    succeeded: str
    failed: str
    timed_out: str


def _events(prefix: str) -> Events:
    return Events(*(prefix + ending for ending in ("Scheduled", "Started", "Succeeded", "Failed", "TimedOut")))


SERVICE: Final = _events("Task")
FUNCTION: Final = _events("LambdaFunction")
ACTIVITY: Final = _events("Activity")
SUBMITTED: Final = "TaskSubmitted"
_ENDS_OF_WAITING: Final = frozenset(
    {SERVICE.succeeded, SERVICE.failed, SERVICE.timed_out, "MapRunSucceeded", "MapRunFailed"}
)


class TaskError(Exception):
    """What a task calls has failed."""

    def __init__(self, error: str | None, cause: str | None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


class HeartbeatMissedError(Exception):
    """No heartbeat came in the time that a task has for one."""


@dataclass(slots=True)
class Attempt:
    """One attempt of a task: what is known of it, and what the history has of it already."""

    frame: Frame
    state: State
    events: Events
    # The fields by which every event of an integrated service names it.
    service: Mapping[str, str]
    scheduled: Entry
    submitted: Entry | None = None
    started: Entry | None = None
    answer: Mapping[str, Any] | None = None
    repeats: int = 0
    is_repeat: bool = False
    is_queued: bool = False
    clock: asyncio.Timeout | None = None
    # What calls its function, where that is not the engine's way.
    invoke: Callable[[str, str], Invocation] | None = None

    @property
    def parameters(self) -> Any:
        """The evaluated Arguments, as they were scheduled."""
        return json.loads(self.scheduled.data or "null")

    @property
    def due(self) -> float:
        """When its time is over, seconds since the epoch; infinity where it has no limit, or has not been started."""
        return math.inf if self.started is None else float(self.started.private.get("due", math.inf))

    @property
    def token(self) -> str:
        """The token by which somebody outside answers."""
        token: str = self.scheduled.private["token"]
        return token

    def start(self, **fields: Any) -> None:
        """Record that it is started, if it was not before. Its time begins with that, and not while it waits for a thread
        or a worker (AWS page "Task workflow state", TimeoutSeconds).
        """
        if self.started is None:
            seconds = self.scheduled.fields.get("timeoutInSeconds")
            private = {} if seconds is None else {"due": self.frame.run.engine.now() + seconds}
            self.started = self.frame.record(self.events.started, None, self.fields(**fields), private)
            self.begin_time()

    def begin_time(self) -> None:
        """Let its clock ring when its time is over."""
        engine = self.frame.run.engine
        if self.clock is not None and self.due < math.inf:
            self.clock.reschedule(engine.loop.time() + max(0.0, self.due - engine.now()))

    def fields(self, **more: Any) -> dict[str, Any]:
        """The details of an event of this attempt."""
        return {**self.service, **more}

    def end_fields(self, **more: Any) -> dict[str, Any]:
        """The details of its last event, which says when it was made more than once, which AWS never does."""
        repeated = {"repeatedAfterRestart": self.repeats} if self.repeats else {}
        return {**self.service, **more, **repeated}


Call = Callable[[Attempt], Awaitable[str]]
"""Does what a task is for, and gives the JSON text of its result. Raises TaskError, HeartbeatMissedError, StateError."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a Resource names."""

    events: Events
    call: Call
    service: Mapping[str, str] = field(default_factory=dict)
    takes_token: bool = False
    scheduled: Mapping[str, str] = field(default_factory=dict)


def failed_attempt(attempt: Attempt, error: str | None, cause: str | None) -> StateError:
    """Record that an attempt has failed; gives the failure to raise."""
    fields = attempt.end_fields(**given(error=error, cause=cause))
    attempt.frame.record(attempt.events.failed, None, fields)
    return StateError(error, cause, is_recorded=True)


def check_size(attempt: Attempt, text: str) -> None:
    """Fail an attempt whose result is too large, with its event. Raises StateError (States.DataLimitExceeded)."""
    try:
        check_result(attempt.service.get("resourceType", attempt.state.name), text)
    except StateError as failure:
        raise failed_attempt(attempt, failure.error, failure.cause) from None


async def _begin(attempt: Attempt) -> None:
    """Before something is called: what led to it is durable, and that it is called again is counted.

    Raises StateError when it was called again too often.
    """
    frame = attempt.frame
    # One that waited for a thread when the server ended has not been made.
    if attempt.is_repeat and (attempt.started is not None or not attempt.is_queued):
        if attempt.repeats >= MOST_RECOVERIES:
            cause = (
                f"The server ended {MOST_RECOVERIES + 1} times while this attempt was under way; it is not made again."
            )
            told = decorated(attempt.state.name, frame.entered, cause)
            raise failed_attempt(attempt, RUNTIME, told)
        attempt.repeats += 1
        frame.record(REPEATED, private={"count": attempt.repeats})
    await frame.run.journal.durable()


async def _invoke(attempt: Attempt, function: str, event: str) -> Invocation:
    """Call a function in a thread. Raises TaskError for what it raises, and where the machine's role may not call it."""
    await _begin(attempt)
    run = attempt.frame.run
    engine = run.engine
    refusal = engine.denied(run.head.role, "lambda:InvokeFunction", function)
    if refusal is not None:
        told = "(Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Proxy: null)"
        raise TaskError("Lambda.AWSLambdaException", f"{refusal} {told}")
    try:
        answer = await engine.workers.call(
            attempt.invoke or engine.functions.invoke,
            function,
            event,
            name=f"The function {function}",
            waits=lambda: attempt.frame.record(QUEUED),
            begins=attempt.start,
        )
    except NoThreadLeftError:
        answer = throttled()
    if answer.error is not None:
        raise TaskError(answer.error, answer.cause)
    return answer


async def _call_function(attempt: Attempt) -> str:
    """A task whose Resource is a function's ARN: its result is what the function returns."""
    answer = await _invoke(attempt, attempt.state.resource, attempt.scheduled.data or "{}")
    return json_text(answer.payload)


async def _call_invoke(attempt: Attempt) -> str:
    """lambda:invoke: the result is the answer of Lambda's Invoke API."""
    parameters = attempt.parameters
    function = parameters.get("FunctionName") if isinstance(parameters, dict) else None
    if not isinstance(function, str):
        cause = "The field 'FunctionName' is required but was missing"
        raise StateError(RUNTIME, decorated(attempt.state.name, attempt.frame.entered, cause))
    answer = await _invoke(attempt, function, json_text(parameters.get("Payload", {})))
    return invoke_result(answer)


def invoke_result(answer: Invocation) -> str:
    """The answer of Lambda's Invoke API as the result of a task."""
    return json_text(
        {
            "ExecutedVersion": "$LATEST",
            "Payload": answer.payload,
            **sdk_metadata(answer.request_id, answer.size),
            "StatusCode": 200,
        }
    )


async def _call_and_wait_for_token(attempt: Attempt) -> str:
    """lambda:invoke.waitForTaskToken: the function is called, and then somebody answers."""
    with attempt.frame.run.engine.answers.open_task(attempt) as pending:
        if attempt.submitted is None and attempt.answer is None:
            text = await _call_invoke(attempt)
            check_size(attempt, text)
            attempt.submitted = attempt.frame.record(SUBMITTED, text, attempt.fields())
        return await pending.answered()


async def _wait_for_worker(attempt: Attempt) -> str:
    """A task whose Resource is an activity: a worker takes it, and answers with its token."""
    frame = attempt.frame
    engine = frame.run.engine
    if not engine.answers.has_activity(attempt.state.resource):
        cause = f"The activity {attempt.state.resource} does not exist."
        raise StateError(RUNTIME, decorated(attempt.state.name, frame.entered, cause))
    with engine.answers.open_task(attempt) as pending:
        if attempt.started is None and attempt.answer is None:
            with frame.run.waiting(may_park=False):
                worker = await pending.taken_by_worker()
            attempt.start(**given(workerName=worker))
            await frame.run.journal.durable()
            pending.hand_over()
        return await pending.answered()


async def _start_execution(attempt: Attempt) -> str:
    """states:startExecution: the result is the answer of the StartExecution API."""
    await _begin_quietly(attempt)
    return json_text(_started(_child_of(attempt)))


async def _begin_quietly(attempt: Attempt) -> None:
    """As `_begin`, for a call that can be repeated without being made twice."""
    await attempt.frame.run.journal.durable()
    attempt.start()


def _child_of(attempt: Attempt) -> Head:
    """Start the child of an attempt, or find the one that it has started. Raises TaskError."""
    parameters = attempt.parameters
    if not isinstance(parameters, dict) or not isinstance(parameters.get("StateMachineArn"), str):
        raise TaskError("StepFunctions.ValidationException", "The field 'StateMachineArn' is required")
    run = attempt.frame.run
    name = parameters.get("Name")
    try:
        return run.engine.start_child(
            run.head,
            attempt.scheduled.id,
            parameters["StateMachineArn"],
            name if isinstance(name, str) else None,
            json_text(parameters.get("Input", {})),
        )
    except ServiceError as error:
        told = f"(Service: AWSStepFunctions; Status Code: 400; Error Code: {error.code}; Proxy: null)"
        name = error.code.removesuffix("Exception")
        raise TaskError(f"StepFunctions.{name}Exception", f"{error.message} {told}") from None


def _started(child: Head) -> dict[str, Any]:
    metadata = sdk_metadata(child.name, 0)
    return {"ExecutionArn": child.arn, **metadata, "StartDate": int(child.started * 1000)}


def _start_and_wait(*, parses_json: bool) -> Call:
    """states:startExecution.sync: the result is the description of the ended child, with `.sync:2` its JSON as values."""

    async def call(attempt: Attempt) -> str:
        frame = attempt.frame
        engine = frame.run.engine
        try:
            await _begin_quietly(attempt)
            child = _child_of(attempt)
            if attempt.submitted is None:
                attempt.submitted = frame.record(SUBMITTED, json_text(_started(child)), attempt.fields())
            with frame.run.waiting(attempt.due):
                child = await engine.end_of(child.arn)
        except asyncio.CancelledError:
            # AWS stops the child of a task that is aborted or timed out, as this one may be that has just come back. A parked
            # run only goes on later.
            if not frame.run.is_parked and attempt.submitted is not None:
                engine.stop_run(json.loads(attempt.submitted.data or "{}")["ExecutionArn"], None, None)
            raise
        if child.status != "SUCCEEDED":
            raise TaskError(TASK_FAILED, json_text(described(child, parses_json=False)))
        return json_text(described(child, parses_json=parses_json))

    return call


def begins_child(entry: Entry) -> bool:
    """Whether a run waits for a child, or the children of a Map Run, from this line on."""
    if entry.type == SUBMITTED:
        return str(entry.fields.get("resource", "")).startswith("startExecution.sync")
    return entry.type == "MapRunStarted"


def children_waited_for(entries: Sequence[Entry], container: str = "") -> list[str]:
    """The ARNs of the children that `.sync` tasks of a run wait for, and of its Map Runs that go on, by the run's history.

    `container` is the id of the event that began an attempt of a container, where only those inside it are asked for.
    """
    waited: dict[str, str] = {}
    paths: dict[str, str] = {}
    for entry in entries:
        if begins_child(entry):
            told = entry.fields.get("mapRunArn")
            waited[entry.path] = told or json.loads(entry.data or "{}")["ExecutionArn"]
        elif entry.type in _ENDS_OF_WAITING:
            waited.pop(entry.path, None)
        elif entry.type in ("ParallelStateStarted", "MapStateStarted"):
            paths[str(entry.id)] = entry.path

    def is_inside(path: str) -> bool:
        while (beginning := path.partition(".")[0]) in paths:
            if beginning == container:
                return True
            path = paths[beginning]
        return not container

    return [child for path, child in waited.items() if is_inside(path)]


def described(child: Head, *, parses_json: bool) -> dict[str, Any]:
    """What a `.sync` task returns of its child: JSON text for input and output, or with `parses_json` the values."""
    read: Callable[[str], Any] = json.loads if parses_json else str
    told: dict[str, Any] = {
        "ExecutionArn": child.arn,
        "Input": read(child.input),
        "InputDetails": {"Included": True},
        "Name": child.name,
        "RedriveCount": child.redrives,
        "StartDate": int(child.started * 1000),
        "StateMachineArn": child.machine,
        "Status": child.status,
        "StopDate": int((child.stopped or child.started) * 1000),
    }
    if child.output is not None:
        told["Output"] = read(child.output)
        told["OutputDetails"] = {"Included": True}
    told.update({name: text for name, text in (("Error", child.error), ("Cause", child.cause)) if text is not None})
    if child.status == "SUCCEEDED":
        told["RedriveStatus"] = "NOT_REDRIVABLE"
        told["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    else:
        told["RedriveStatus"] = "REDRIVABLE"
    return dict(sorted(told.items()))  # recorded: in alphabetical order, as the causes of failures have it


def _service(resource_type: str, resource: str, call: Call, *, takes_token: bool = False) -> Target:
    names = {"resource": resource, "resourceType": resource_type}
    return Target(SERVICE, call, names, takes_token)


_TARGETS: Final = {
    "arn:aws:states:::lambda:invoke": _service("lambda", "invoke", _call_invoke),
    "arn:aws:states:::lambda:invoke.waitForTaskToken": _service(
        "lambda", "invoke.waitForTaskToken", _call_and_wait_for_token, takes_token=True
    ),
    "arn:aws:states:::states:startExecution": _service("states", "startExecution", _start_execution),
    "arn:aws:states:::states:startExecution.sync": _service(
        "states", "startExecution.sync", _start_and_wait(parses_json=False)
    ),
    "arn:aws:states:::states:startExecution.sync:2": _service(
        "states", "startExecution.sync:2", _start_and_wait(parses_json=True)
    ),
}


def target_of(resource: str) -> Target:
    """What a Resource names; `check_definition` has let no other through."""
    found = _TARGETS.get(resource)
    if found is not None:
        return found
    if ":activity:" in resource:
        return Target(ACTIVITY, _wait_for_worker, takes_token=True, scheduled={"resource": resource})
    return Target(FUNCTION, _call_function, scheduled={"resource": resource})
