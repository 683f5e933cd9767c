"""The record of a step, as a variable of the machine holds it: `{"status", "output"?, "error"?}`.

`status` is always there; the rest is kept only while something reads it.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.ir import Template
from workflow_engine.compiler.jsonata.children import CAUGHT_CHILD_ERROR, CAUGHT_CHILD_MESSAGE
from workflow_engine.compiler.jsonata.fragments import (
    Call,
    Conditional,
    Fragment,
    Text,
    call,
    json_literal,
    object_fragment,
)
from workflow_engine.lazy_dataclass import dataclass

SKIPPED_RECORD: Final[Template] = {"status": "skipped"}
PENDING_RECORD: Final[Template] = {"status": "pending"}

_CAUSE: Final = Text("$states.errorOutput.Cause")
CAUGHT_ERROR: Final = Text("$states.errorOutput.Error")
CAUGHT_MESSAGE: Final = Conditional((Call("$exists", (_CAUSE,)), _CAUSE, Text("''")))
CAUGHT_TEXT: Final = Text("$states.errorOutput.Cause&''")
"""What a Catcher has caught; the last is the message in fewer bytes, for what stands in every Task. The cause of a function's
failure is JSON with its message, stack trace and ids."""
_MESSAGE: Final = call("m", CAUGHT_MESSAGE)


@dataclass(frozen=True, slots=True)
class Caught:
    """What Catchers take for the error and the message of a failure, which is that of the function as in results; `text` is all of
    the cause, where bytes count.
    """

    error: Fragment = CAUGHT_ERROR
    message: Fragment = _MESSAGE
    text: Fragment = CAUGHT_TEXT


CAUGHT_AS_TOLD: Final = Caught()
CAUGHT_OF_CHILD: Final = Caught(CAUGHT_CHILD_ERROR, CAUGHT_CHILD_MESSAGE, CAUGHT_CHILD_MESSAGE)
"""Where the failure may be that of a subflow."""


def completed_record(output: Template, *, keeps_output: bool) -> dict[str, Template]:
    """Record of a completed step."""
    return {"status": "completed", "output": output} if keeps_output else {"status": "completed"}


def as_fragment(template: Template) -> Fragment:
    """A template inside of an expression."""
    match template:
        case Fragment():
            return template
        case dict():
            return object_fragment({name: as_fragment(value) for name, value in template.items()})
        case _:
            return json_literal(template)


def completed_fragment(output: Fragment, *, keeps_output: bool) -> Fragment:
    """The same inside of an expression."""
    status = {"status": Text('"completed"')}
    return object_fragment({**status, "output": output} if keeps_output else status)


def failed_record(
    error: Template = CAUGHT_ERROR, message: Template = CAUGHT_MESSAGE, *, keeps_error: bool
) -> dict[str, Template]:
    """Record of a failed step, by default as a Catcher assigns it."""
    return {"status": "failed", "error": {"type": error, "message": message}} if keeps_error else {"status": "failed"}
