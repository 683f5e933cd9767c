"""What the Task of a subflow gives, and how it fails, in JSONata; `workflow_engine.subflows` says the same in Python."""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.jsonata.fragments import (
    Conditional,
    Fragment,
    Group,
    Text,
    call,
    json_literal,
    object_fragment,
)
from workflow_engine.compiler.jsonata.run_outputs import output_is_marked, output_of_run
from workflow_engine.subflows import (
    CAUSE_PATTERN,
    CHILD_CANCELLED,
    CHILD_PATTERN,
    ERROR_PATTERN,
    FAILED_RUN,
    FUNCTION_MESSAGE_PATTERN,
    INNER_MESSAGE_PATTERN,
    INNER_TYPE_PATTERN,
    INPUT_KEY,
    NO_CAUSE_PATTERN,
    OUTPUT_FIELDS,
    TASK_FAILED,
    TIMED_OUT,
    TIMEOUT,
)
from workflow_engine.told_failures import WORKFLOW_FAILED_ERROR

_OUTPUT: Final = Text("$states.result.Output")


_LEFT_BEHIND: Final = (
    "The output of this subflow is only in the results of its own run: it is too large to be handed on, or put together of parts. "
    "Give its workflow an 'output' that names what is needed."
)


def _child_result(output: Fragment) -> Fragment:
    values = (
        Text("$states.result.Input.run.workflow_id"),
        Text("$states.result.Name"),
        json_literal("completed"),
        output,
    )
    return object_fragment(dict(zip(OUTPUT_FIELDS, values, strict=True)))


CHILD_RESULT: Final = _child_result(output_of_run(_OUTPUT))
"""The output of a subflow step. What the child has left to its history is a marker in it."""

READ_CHILD_RESULT: Final = _child_result(
    Group(
        (Conditional((output_is_marked(_OUTPUT), call("error", json_literal(_LEFT_BEHIND)), output_of_run(_OUTPUT))),)
    )
)
"""The same where a step works on it, which must not take a marker for data: it fails the step."""


def _in_child_failure(value: str, otherwise: str) -> Text:
    """A value of the failure that was caught, if it is that of a child, with `$run` (its name), `$kind` and `$text`."""
    return Text(
        '($cause:=$states.errorOutput.Cause&"";'
        f"$run:=$match($cause,/{CHILD_PATTERN}/,1);"
        f'$states.errorOutput.Error!="{TASK_FAILED}"or $not($exists($run))?{otherwise}:('
        f"$first:=$substringBefore($cause,'{INPUT_KEY}');"
        f"$named:=$match($first,/{ERROR_PATTERN}/,1);"
        f'$kind:=$exists($named)?$named.groups[0]:$contains($cause,\'{TIMED_OUT}\')?"{TIMEOUT}":"{CHILD_CANCELLED}";'
        f"$told:=$match($first,/{CAUSE_PATTERN}/,1);"
        '$text:=$exists($told)?$told.groups[1]:"";'
        f'$text:=$contains($text,/{NO_CAUSE_PATTERN}/)?"":$text;'
        f'$inner:=$kind="{WORKFLOW_FAILED_ERROR}"?$match($text,/{INNER_TYPE_PATTERN}/,1);'
        f"{value}))"
    )


CAUGHT_CHILD_ERROR: Final = _in_child_failure(
    "$exists($inner)?$inner.groups[0]:$kind",
    "$states.errorOutput.Error",
)
"""The error of a Catcher around a subflow: the child's own, or that of its own child."""

CAUGHT_CHILD_MESSAGE: Final = _in_child_failure(
    f"$message:=$match($text,$exists($inner)?/{INNER_MESSAGE_PATTERN}/:/{FUNCTION_MESSAGE_PATTERN}/,1);"
    "$text:=$replace($exists($message)?$message.groups[0]:$text,/\\\\+\"/,'\"');"
    f'"{FAILED_RUN}\'"&$run.groups[0]&"\' failed"&($text=""?".":": "&$text)',
    "$cause",
)
