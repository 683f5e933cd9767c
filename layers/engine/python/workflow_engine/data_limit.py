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


def is_caught(output: Any, state: str) -> bool:
    """Whether the output of a state is that of its Catcher for `DATA_LIMIT_EXCEEDED`."""
    return isinstance(output, dict) and output.get(_CAUGHT) == state
