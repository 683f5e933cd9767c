"""How steps ended, as results and messages of failures are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.outputs import Output
from workflow_engine.machines.timeline import Failure, Visit
from workflow_engine.statuses import StepEnd, StepStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended, at one place. `timed` is the visit that gives its times."""

    status: StepStatus
    output: Output | None = None
    failure: Failure | None = None
    timed: Visit | None = None


def taken_over(step_id: str, end: StepEnd, earlier: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """By key, the outcome of a step that an earlier run has done and that ended so for this one, and those of its parts, as far
    as they are still known. A step that the earlier run failed before it was passed over is pending there.
    """
    known = earlier.get(step_id)
    whole = known if known is not None and known.status == end else Outcome(end)
    parts = {key: one for key, one in earlier.items() if key.startswith((f"{step_id}[", f"{step_id}."))}
    return {step_id: whole, **parts}


def outcome_of(result: Mapping[str, Any], output: Output | None) -> Outcome:
    """The outcome that a result of a step tells (`StepOutcomes.read`), without its times."""
    failed = result["status"] == "failed"
    failure = Failure(result["error_type"] or "", result["error_message"]) if failed else None
    return Outcome(result["status"], output, failure)
