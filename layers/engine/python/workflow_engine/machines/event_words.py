"""What the types of a history's events say of attempts and runs, and what their details say of outputs and failures. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.machines.history_text import parsed, readable
from workflow_engine.machines.timeline import Failure
from workflow_engine.statuses import RunEnd
from workflow_engine.subflows import child_failure, output_of

ENDS_BY_EVENT: Final[Mapping[str, RunEnd]] = {
    "ExecutionSucceeded": "completed",
    "ExecutionFailed": "failed",
    "ExecutionAborted": "cancelled",
    "ExecutionTimedOut": "timed_out",
}

NEW_ATTEMPT: Final = frozenset({"TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled"})
SUCCEEDED_ATTEMPT: Final = frozenset({"TaskSucceeded", "LambdaFunctionSucceeded", "ActivitySucceeded"})
FAILED_ATTEMPT: Final = re.compile(r"(Task|LambdaFunction|Activity)(Failed|TimedOut|(Start|Submit|Schedule)Failed)")


def task_output(details: Mapping[str, Any]) -> Any:
    """A step's output: what a function returned (`Payload` of lambda:invoke), what a callback or activity sent, or what
    is told of a child.
    """
    output = parsed(details.get("output"))
    if not isinstance(output, dict):
        return output
    if details.get("resourceType") == "lambda" and details.get("resource") == "invoke":
        return output.get("Payload")
    return output_of(output) if details.get("resourceType") == "states" else output


def failure_of(details: Mapping[str, Any], *, timed_out: bool) -> Failure:
    """The failure of an event's details `{error, cause}`. A function's cause is JSON: its `errorMessage` is the message."""
    error = readable(details.get("error") or ("States.Timeout" if timed_out else "States.TaskFailed"))
    timed_out = timed_out or error == "States.Timeout"
    cause = readable(details.get("cause") or "")
    if (of_child := child_failure(error, cause)) is not None:
        return Failure(*of_child)
    told = parsed(cause)
    if isinstance(told, dict) and "errorMessage" in told:
        message = told["errorMessage"]
        return Failure(error, message if isinstance(message, str) else json.dumps(message))
    return Failure(error, cause or ("It did not end within its timeout." if timed_out else None))
