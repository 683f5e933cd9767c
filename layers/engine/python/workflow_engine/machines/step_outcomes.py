"""The outcomes of all steps of a run, and their results in the form of the API. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from itertools import islice

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.costs import Spent, costs_by_key
from workflow_engine.machines.failure_messages import FailureMessages
from workflow_engine.machines.outcomes import Outcome
from workflow_engine.machines.outlines import KnownSteps
from workflow_engine.machines.outputs import Output, Outputs
from workflow_engine.machines.step_details import StepDetails, attempts_of, function_of, input_of, learned
from workflow_engine.machines.timeline import Timeline
from workflow_engine.redaction import Redactor
from workflow_engine.timestamps import iso


@dataclass(slots=True)
class StepOutcomes:
    """Outcomes of all steps by the keys of their results, in the order of the workflow: a step stands before its parts.

    What a run of many iterations passed by shares one outcome, and results are made of outcomes when they are read.
    """

    timeline: Timeline
    known: KnownSteps
    messages: FailureMessages
    outputs: Outputs
    known_secrets: tuple[str, ...] = ()
    keys: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    tops: dict[str, int] = field(default_factory=dict)
    """Places of the workflow's own steps in these lists, by step id."""

    is_stopping: bool = False
    """True while the run is being stopped and its history does not show it: what runs is told as aborted."""

    _redactor: Redactor | None = None
    _costs: dict[str | None, Spent] | None = None

    @property
    def redactor(self) -> Redactor:
        """Takes secrets out. To make it all that the run received is looked through, once."""
        if self._redactor is None:
            self._redactor = learned(self.timeline, self.outputs, self.known_secrets)
        return self._redactor

    @property
    def costs(self) -> dict[str | None, Spent]:
        """What each has cost with its parts, by key; under None what belongs to no step. Made of the visits when asked for."""
        if self._costs is None:
            self._costs = costs_by_key(self.timeline.visits, self.known)
        return self._costs

    def without_secrets(self, message: str | None) -> str | None:
        """A message of a failure as it is told."""
        return self.redactor.text(message) if message else message

    def details(self, place: int) -> StepDetails | None:
        """What the step at a place received, and each attempt at it; None for one without a state of its own that tells any."""
        outcome = self.outcomes[place]
        visit = outcome.timed
        if visit is None or not (visit.tries or visit.earlier):
            return None
        goes_on = outcome.status == "running" and not self.is_stopping
        over_at = None if goes_on else visit.left_at or self.timeline.completed_at
        return StepDetails(
            input_of(visit, self.outputs, self.redactor),
            attempts_of(visit, outcome.failure, over_at, self.outputs, self.redactor),
            function_of(visit, self.outputs),
        )

    def failed(self, most: int) -> list[str]:
        """The keys of the first of those that failed."""
        ends = zip(self.keys, self.outcomes, strict=True)
        return list(islice((key for key, outcome in ends if outcome.status == "failed"), most))

    def read(
        self, start: int, stop: int, wanted: Callable[[str], bool]
    ) -> Iterator[tuple[int, str, dict[str, Json], Output | None]]:
        """Place, key, result and output of those from one place up to another. The result has no `output_data` yet."""
        for place in range(start, min(stop, len(self.keys))):
            if wanted(self.keys[place]):
                outcome = self.outcomes[place]
                yield place, self.keys[place], self._result(outcome), outcome.output

    def _result(self, outcome: Outcome) -> dict[str, Json]:
        status = "aborted" if self.is_stopping and outcome.status == "running" else outcome.status
        visit = outcome.timed
        ended_at = visit.left_at if visit is not None else None
        if outcome.status in ("aborted", "failed") and visit is not None:
            ended_at = ended_at or self.timeline.completed_at
        if outcome.status == "running":
            ended_at = None
        started_at = visit.entered_at if visit is not None else None
        duration = None
        if ended_at and started_at:  # a laptop's clock may have been set back meanwhile
            duration = max(0, round((ended_at - started_at).total_seconds() * 1000))
        more: dict[str, Json] = {}
        if visit is not None and visit.repeats:
            more["repeated_after_restart"] = visit.repeats
        if visit is not None and visit.usage is not None and outcome.status == "completed":
            more["usage"] = visit.usage.as_dict()
        return {
            "status": status,
            "output_data": None,
            "error_type": outcome.failure.type if outcome.failure else None,
            "error_message": self.without_secrets(self.messages.message(outcome.failure, visit))
            if outcome.failure
            else None,
            "execution_time_ms": duration,
            "retry_count": max(visit.attempts - 1, 0) if visit is not None else 0,
            "started_at": iso(started_at),
            "completed_at": iso(ended_at),
            **more,
        }
