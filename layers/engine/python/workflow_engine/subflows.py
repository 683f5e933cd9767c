"""What compiler, reader of results and recorder share about subflows: runs that a step of another run starts.

A subflow is a nested execution of Step Functions (`startExecution.sync:2`): its Task gives the description of the ended child
(DescribeExecution's answer), and fails with that description, as JSON text in alphabetical order, for its cause. Nested
failures nest these texts, escaped once more at each level, so that the innermost is the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.run_output import run_output
from workflow_engine.told_failures import WORKFLOW_FAILED_ERROR

START_EXECUTION: Final = "arn:aws:states:::states:startExecution.sync:2"
"""The resource of a Task that starts a child and waits for its end."""

NAME_PREFIX: Final = "sub-"
"""Begins the names of children, which EventBridge and the recorder know them by."""

NAME_DIGITS: Final = 32
"""Of a hash, after the prefix: such a name is as long as any other run's."""

MAX_DEPTH: Final = 10
"""Levels of subflows below a run."""

OUTPUT_FIELDS: Final = ("subflow_id", "subflow_execution_id", "subflow_status", "subflow_output")

CHILD_CANCELLED: Final = "SubflowCancelled"
"""The error of a step whose child was stopped, which by itself has none."""

TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"

FAILED_RUN: Final = "The subflow's run "

# Read by JSONata as well as by Python. Every quotation mark may have backslashes in front of it. A description has "Cause",
# "Error" and "ExecutionArn" first, and in this order; then "Input", of any length. JSONata takes a bracket after a backslash for
# a character of the text, so none closes a class there.
CHILD_PATTERN: Final = r'"ExecutionArn":"[^"]*:([^":]*)"'
ERROR_PATTERN: Final = r'\\*"Error\\*":\\*"([^\\"]*)\\*",\\*"ExecutionArn'
CAUSE_PATTERN: Final = r'^((?:\{\\*"Cause\\*":\\*")+)([\s\S]*?)\\*",\\*"E(?:rror|xecutionArn)\\*":'
NO_CAUSE_PATTERN: Final = r'^\{\\*"E(?:rror|xecutionArn)\\*":'
INNER_TYPE_PATTERN: Final = r'\\*"type\\*":\\*"([^\\"]*)\\*",\\*"message'
INNER_MESSAGE_PATTERN: Final = r'\\*"message\\*":\\*"([\s\S]*?)\\*"\}$'
FUNCTION_MESSAGE_PATTERN: Final = (
    r'^\{(?:\\*"errorType\\*": ?\\*"[^\\"]*\\*", ?)?\\*"errorMessage\\*": ?\\*"([\s\S]*?)\\*"'
    r'(?:, ?\\*"(?:errorType|requestId|stackTrace|trace|cause)\\*":|\}$)'
)
"""Finds the message in the cause of a function that failed, which is JSON with a stack trace behind it,
in the order of its runtimes for Python and Node.js.
"""
INPUT_KEY: Final = '"Input":'
"""What stands behind it is the child's input, which may hold anything. Inside of a text the quotation marks are escaped."""
TIMED_OUT: Final = '"Status":"TIMED_OUT"'


def is_subflow(execution_id: str) -> bool:
    """Whether a run is one that a step of another run has started."""
    return execution_id.startswith(NAME_PREFIX)


def output_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a subflow step, of what its Task gave. `compiler.lower.subflows` says the same in JSONata."""
    started_with = description.get("Input")
    run = started_with.get("run") if isinstance(started_with, dict) else None
    values = (
        run.get("workflow_id") if isinstance(run, dict) else None,
        description.get("Name"),
        "completed",
        run_output(description.get("Output")).output,
    )
    return dict(zip(OUTPUT_FIELDS, values, strict=True))


def child_failure(error: str, cause: str) -> tuple[str, str] | None:
    """The error and the message of a failure that is that of a child, or of a child's child; None of any other.
    `compiler.lower.subflows` says the same in JSONata.
    """
    if error != TASK_FAILED or not (child := re.search(CHILD_PATTERN, cause)):
        return None
    told_first = cause.partition(INPUT_KEY)[0]
    named = re.search(ERROR_PATTERN, told_first)
    kind = named[1] if named else TIMEOUT if TIMED_OUT in cause else CHILD_CANCELLED
    told = re.search(CAUSE_PATTERN, told_first)
    text, levels = (told[2], told[1].count("{")) if told else ("", 0)
    if re.search(NO_CAUSE_PATTERN, text):
        text = ""
    if kind == WORKFLOW_FAILED_ERROR and (inner := re.search(INNER_TYPE_PATTERN, text)):
        kind = inner[1]
        message = re.search(INNER_MESSAGE_PATTERN, text)
    else:
        message = re.search(FUNCTION_MESSAGE_PATTERN, text)
    if message:
        text, levels = message[1], levels + 1
    text = _unescaped(text, levels)
    return kind, f"{FAILED_RUN}'{child[1]}' failed{': ' if text else '.'}{text}"


def _unescaped(text: str, levels: int) -> str:
    """A text out of JSON texts inside of each other, so many."""
    for _ in range(levels):
        try:
            text = json.loads(f'"{text}"', strict=False)
        except ValueError:
            break
    return text
