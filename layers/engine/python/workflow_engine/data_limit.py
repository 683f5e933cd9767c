"""What compiler and reader of results share about values over 256 KiB: the error, and how a machine tells that it was caught.

No page of AWS says which events a history has when a Catcher takes this error: a Map may look as if it had succeeded, a
Parallel as if nothing in it had failed. So the Catcher says it in the output of the state that it leaves, whose exit is
in every history.
"""

from __future__ import annotations

from typing import Any, Final

DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
"""The error of a task, state or execution whose input or result is too large. States.ALL leaves it out, its own name matches
it. Step Functions developer guide, Handling errors in Step Functions workflows, "Error names"."""

_CAUGHT: Final = "_caught"
"""Key of what a Catcher tells, in an object that may have step ids as keys: none begins with an underscore."""


def told_as_caught(state: str) -> dict[str, str]:
    """What the Catcher of a state gives as output. Inside a list later states may hand it on, so it names its state."""
    return {_CAUGHT: state}


_FAILED: Final = "_failed"
"""The same of a state inside of which a `fail` step has failed: no event of the history tells that one's error."""


def told_as_failed(state: str, error: Any, message: Any) -> dict[str, Any]:
    """What the Catcher of such a state gives as output."""
    return {_FAILED: {"state": state, "error": error, "message": message}}


def failure_told(output: Any, state: str) -> tuple[str, str] | None:
    """The error and message that the output of a state tells if it is that of its Catcher; None if it is not."""
    told = output.get(_FAILED) if isinstance(output, dict) else None
    if not isinstance(told, dict) or told.get("state") != state:
        return None
    return str(told["error"]), str(told["message"])


def is_caught(output: Any, state: str) -> bool:
    """Whether the output of a state is that of its Catcher for `DATA_LIMIT_EXCEEDED`."""
    return isinstance(output, dict) and output.get(_CAUGHT) == state
