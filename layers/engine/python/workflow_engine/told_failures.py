"""What compiler and reader of results share about failures that the machine itself tells: no event of a history does."""

from __future__ import annotations

from typing import Any, Final

WORKFLOW_FAILED_ERROR: Final = "WorkflowFailed"
"""The error of a run whose failure steps have run. Its cause is JSON of what had failed: `{step_id, type, message}`."""

ERRORS_OF_AWS: Final = "States."
"""What the names of Step Functions' own errors begin with (Handling errors in Step Functions workflows, "Error names")."""

_FAILED: Final = "_failed"
"""Key of what a Catcher tells, in an object that may have step ids as keys: none begins with an underscore."""


def told_as_failed(state: str, error: Any, message: Any) -> dict[str, Any]:
    """What the Catcher of a state gives as output inside of which a `fail` step may have failed. Inside a list later states
    may hand it on, so it names its state.
    """
    return {_FAILED: {"state": state, "error": error, "message": message}}


def failure_told(output: Any, state: str) -> tuple[str, str] | None:
    """The error and message that the output of a state tells if it is that of its Catcher; None if it is not."""
    told = output.get(_FAILED) if isinstance(output, dict) else None
    if not isinstance(told, dict) or told.get("state") != state:
        return None
    return str(told["error"]), str(told["message"])
