"""How a run ended, by its history: read with the events of the execution itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.event_words import ENDS_BY_EVENT, failure_of
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.outputs import Outputs
from workflow_engine.machines.timeline import Event, Failure, Timeline, Visit
from workflow_engine.run_output import is_of_a_run, run_output
from workflow_engine.state_names import WORKFLOW_FAILED
from workflow_engine.told_failures import WORKFLOW_FAILED_ERROR

_STATE_IN_CAUSE: Final = re.compile(r"(?:state|state/task) '([^']+)'")


@dataclass(frozen=True, slots=True)
class RunReader:
    """Notes in a timeline what becomes of the run. `_failed` are the visits that have failed, in the order in which they did,
    `_latest` the last visit of each state.
    """

    _timeline: Timeline
    _outputs: Outputs
    _failed: Sequence[Visit]
    _latest: Mapping[str, Visit]

    def read(self, event: Event, kind: str, before: Visit | None) -> None:
        """Read an event of the execution itself; `before` is the visit of the event that it follows."""
        line = self._timeline
        if kind == "ExecutionStarted":
            line.started_at = event.get("timestamp")
            line.run_input = (event.get("executionStartedEventDetails") or {}).get("input")
        elif kind == "ExecutionRedriven":
            line.redrive_count += 1
            line.redriven_at = event.get("timestamp")
            line.status, line.completed_at, line.failure, line.failed_visit = "running", None, None, None
            line.recovered = None
        elif kind in ENDS_BY_EVENT:
            line.status, line.completed_at = ENDS_BY_EVENT[kind], event.get("timestamp")
            if kind == "ExecutionSucceeded":
                self._succeeded(parsed(event["executionSucceededEventDetails"].get("output")))
            elif kind == "ExecutionTimedOut":
                line.failure = failure_of(event.get("executionTimedOutEventDetails") or {}, timed_out=True)
            elif kind == "ExecutionFailed":
                line.failure = failure_of(event.get("executionFailedEventDetails") or {}, timed_out=False)
                if before is not None and before.name == WORKFLOW_FAILED:
                    self._recovered(line.failure)
                else:
                    self._blame(event.get("executionFailedEventDetails") or {}, before)

    def _succeeded(self, value: Any) -> None:
        told = run_output(value)
        self._timeline.output_in_history = told.marked
        # Of a machine of an earlier version the whole may be the explicit output.
        self._timeline.output = self._outputs.add(told.output if is_of_a_run(value) else value)

    def _recovered(self, failure: Failure) -> None:
        """The end of a run after its failure steps: its cause says what had failed."""
        told = parsed(failure.message)
        if failure.type != WORKFLOW_FAILED_ERROR or not isinstance(told, dict):
            return
        line = self._timeline
        line.recovered = str(told.get("step_id"))
        line.failure = failure_of({"error": told.get("type"), "cause": told.get("message")}, timed_out=False)
        # The step itself; of a list, which has no failure of its own, the part with the cause that begins as this message.
        cause = str(told.get("message"))
        alike = [v for v in line.visits if v.failure and v.failure.type == line.failure.type and not v.superseded]
        own = (v for v in alike if v.step_id == line.recovered)
        line.failed_visit = next(own, None) or next((v for v in alike if (v.cause or "").startswith(cause)), None)

    def _blame(self, details: Mapping[str, Any], before: Visit | None) -> None:
        """Find the visit that ended the run: its own failure event, else what the cause says, else the event before."""
        assert self._timeline.failure is not None
        failure, cause = self._timeline.failure, details.get("cause") or ""
        alike = [v for v in reversed(self._failed) if v.failure == failure]
        # Two steps may fail alike, one of them to be retried; only one has the very cause of the run's failure.
        visit = next((v for v in alike if v.cause == details.get("cause")), alike[0] if alike else None)
        # A `fail` step says what it likes, also what another step has failed with.
        visit = self._uncaught_fail() or visit
        if visit is None:
            visit = self._timeline.visit_named_in(cause)
        if visit is None and (named := _STATE_IN_CAUSE.search(cause)):
            visit = self._latest.get(named[1])
        if visit is None:
            visit = before if before is not None and before.kind != "Map" else None
        if visit is None and self._failed:
            visit = self._failed[-1]
        if visit is None:
            return
        visit.failure, visit.outcome = failure, "failed"
        visit.left_at = visit.left_at or self._timeline.completed_at
        self._timeline.failed_visit = visit
        for iteration in self._timeline.around(visit.frames):
            iteration.failure = failure

    def _uncaught_fail(self) -> Visit | None:
        """A Fail state that nothing around it has caught: entering it ends the run."""
        return next(
            (v for v in self._timeline.visits if v.kind == "Fail" and not v.superseded and not _caught(v)), None
        )


def _caught(visit: Visit) -> bool:
    around = visit.inside
    return around is not None and (around.left or _caught(around))
