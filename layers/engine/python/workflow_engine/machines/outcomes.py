"""How steps ended, as results and messages of failures are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.outputs import Output
from workflow_engine.machines.timeline import Failure, Visit
from workflow_engine.statuses import StepStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended, at one place. `timed` is the visit that gives its times."""

    status: StepStatus
    output: Output | None = None
    failure: Failure | None = None
    timed: Visit | None = None


def outcome_of(result: Mapping[str, Any], output: Output | None) -> Outcome:
    """The outcome that a result of a step tells (`StepOutcomes.read`), without its times."""
    failed = result["status"] == "failed"
    failure = Failure(result["error_type"] or "", result["error_message"]) if failed else None
    return Outcome(result["status"], output, failure)
