"""What a run and a step may be said to be: the words of the API, of the table, and of the language, each once."""

from __future__ import annotations

from typing import Final, Literal, get_args

RunEnd = Literal["completed", "failed", "cancelled", "timed_out"]
RunStatus = Literal["pending", "running", "waiting"] | RunEnd

StepEnd = Literal["completed", "skipped", "failed"]
"""How a step ends in a run that goes on: what trigger rules and `step.status` tell apart."""

StepStatus = Literal["pending", "running", "completed", "failed", "skipped", "aborted"]
"""`pending` is a step that the run has not come to, `aborted` one that ran when another ended the run."""

RUN_ENDS: Final[tuple[RunEnd, ...]] = get_args(RunEnd)
RUN_STATUSES: Final[tuple[RunStatus, ...]] = ("pending", "running", "waiting", *RUN_ENDS)
STEP_STATUSES: Final[tuple[StepStatus, ...]] = get_args(StepStatus)


def has_ended(status: str) -> bool:
    """True for statuses of a run that no further status of the same redrive follows."""
    return status in RUN_ENDS
