"""How steps ended, as results and messages of failures are made of it."""

from __future__ import annotations

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
