"""Step results of an execution, from its history and the outline of its workflow. Pure, linear in events and iterations.

The outline says which steps there are:
`{"steps": [{"id", "type", "each"?, "reads"?, "body"?: {"kind", "steps", "sinks"}}], "sinks", "after_failure"?: [steps]}`.
Those after a failure stand behind the others in results. A step's own state has its id as name (`<id>.each` inside a
for_each); a Pass computes one or more steps, its output is `{step id: output}`.
Keys of results: `s`, and for the parts `s[0]`, `outer[3].inner`, `loop[0].inner`, `switch.inner`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.costs import Spent, spent_on
from workflow_engine.machines.failure_messages import FailureMessages, needs_values
from workflow_engine.machines.outcomes import Outcome, taken_over
from workflow_engine.machines.outlines import KnownSteps
from workflow_engine.machines.outputs import Output, Outputs
from workflow_engine.machines.read_timeline import read_timeline
from workflow_engine.machines.step_outcomes import StepOutcomes
from workflow_engine.machines.timeline import Event, Failure, Frames, Iteration, Timeline, Usage, Visit
from workflow_engine.machines.visits_by_place import Place, VisitsByPlace
from workflow_engine.state_names import PARALLEL, WORKFLOW_OUTPUT
from workflow_engine.statuses import RunStatus, StepEnd, StepStatus
from workflow_engine.timestamps import iso

if TYPE_CHECKING:
    from workflow_engine.machines.values_read import ValuesRead


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a history tells. `error` is {step_id, type, message}; what `output` and the steps' outputs refer to is in `outputs`.
    `spent` is what it cost, `usage` what models took.
    """

    status: RunStatus
    output: Output | None
    error: dict[str, Json] | None
    started_at: str | None
    completed_at: str | None
    redrive_count: int
    redriven_at: datetime | None
    ended_in_fail: bool
    """Whether a Fail state ended it: that of a step, or the one after failure steps. A redrive would only enter it again."""
    steps: StepOutcomes
    outputs: Outputs
    spent: Spent
    usage: Usage


def report(
    events: Iterable[Event],
    outline: Mapping[str, Any],
    outputs: Outputs,
    reused: Mapping[str, Outcome] = MappingProxyType({}),
    known_secrets: Iterable[str] = (),
) -> RunReport:
    """Everything a history says about a run. `events` are those of GetExecutionHistory, oldest first; they are read
    once, as they come. `reused` are the outcomes, by key and in order, of steps that an earlier run has done and of their
    parts; their outputs are held by `outputs`. Messages and details are told without secrets, those that the run received and
    `known_secrets`.
    """
    known = KnownSteps.of(outline)
    timeline = read_timeline(events, known.enclosing, known.loops, outputs, known.checked)
    return report_of(timeline, outline, known, outputs, reused, known_secrets)


def report_of(
    timeline: Timeline,
    outline: Mapping[str, Any],
    known: KnownSteps,
    outputs: Outputs,
    reused: Mapping[str, Outcome] = MappingProxyType({}),
    known_secrets: Iterable[str] = (),
) -> RunReport:
    """What a history says that was read so far; what is `reused` and `known_secrets` as in `report`."""
    results = _Results(timeline, known, outputs, reused, tuple(known_secrets))
    outcomes = results.walk(outline["steps"], (), "", _absent_status(timeline.status))
    after_failure = outline.get("after_failure", ())
    results.walk(after_failure, (), "", "skipped" if timeline.recovered else _absent_status(timeline.status))
    return RunReport(
        status=timeline.status,
        output=results.run_output(outline.get("sinks"), outcomes),
        error=results.error(),
        started_at=iso(timeline.started_at),
        completed_at=iso(timeline.completed_at),
        redrive_count=timeline.redrive_count,
        redriven_at=timeline.redriven_at,
        ended_in_fail=_ended_in_fail(timeline),
        steps=results.steps,
        outputs=outputs,
        spent=spent_on(timeline.visits, known),
        usage=reduce(Usage.plus, (v.usage for v in timeline.visits if v.usage is not None), Usage()),
    )


def _absent_status(run_status: RunStatus) -> StepStatus:
    """The status of a step that was never entered: a completed run passed it by, any other has not come to it."""
    return "skipped" if run_status == "completed" else "pending"


def _run_error(timeline: Timeline, failed_steps: set[str], messages: FailureMessages) -> dict[str, Json] | None:
    """`step_id` is a step that failed, or null: what failed may be what joins steps, or the workflow's output."""
    if timeline.failure is None:
        return None
    if timeline.recovered:
        return _error_before_recovery(timeline, messages)
    visit = timeline.failed_visit
    message = messages.message(timeline.failure, visit) or ""
    if visit is not None and visit.step_id not in failed_steps:
        if visit.name == WORKFLOW_OUTPUT:
            message = f"The workflow's output could not be made. {message}"
        elif visit.role == PARALLEL:
            message = f"The outputs of the steps that ran in parallel could not be joined. {message}"
        visit = None
    return {"step_id": visit.step_id if visit else None, "type": timeline.failure.type, "message": message}


def _error_before_recovery(timeline: Timeline, messages: FailureMessages) -> dict[str, Json]:
    """The failure that failure steps dealt with: its message as the history has it, which is the whole of it."""
    told, visit = timeline.failure, timeline.failed_visit
    assert told is not None
    failure = visit.failure if visit is not None and visit.failure is not None else told
    return {
        "step_id": timeline.recovered,
        "type": failure.type,
        "message": messages.message(failure, visit) or told.message or "",
    }


def _ended_in_fail(timeline: Timeline) -> bool:
    blamed = timeline.failed_visit
    return timeline.recovered is not None or (blamed is not None and blamed.kind == "Fail")


_ABSENT: Final = {status: Outcome(status) for status in ("skipped", "pending")}
_PENDING: Final = _ABSENT["pending"]


@dataclass(slots=True)
class _Results:
    timeline: Timeline
    known: KnownSteps
    outputs: Outputs
    reused: Mapping[str, Outcome]
    known_secrets: tuple[str, ...]
    steps: StepOutcomes = field(init=False)
    visits: VisitsByPlace = field(init=False)
    failed_steps: set[str] = field(default_factory=set)
    _places: dict[Place, int] = field(default_factory=dict)
    _keeps_places: bool = field(init=False)

    def __post_init__(self) -> None:
        messages = FailureMessages(self.timeline, self.known.entries, self._values_read)
        self.steps = StepOutcomes(self.timeline, self.known, messages, self.outputs, self.known_secrets)
        self._keeps_places = any(map(needs_values, self.timeline.visits))
        self.visits = VisitsByPlace(self.timeline, self.known)

    def error(self) -> dict[str, Json] | None:
        """Why the run failed."""
        told = _run_error(self.timeline, self.failed_steps, self.steps.messages)
        return told and {**told, "message": self.steps.without_secrets(str(told["message"]))}

    def walk(
        self, steps: Iterable[Mapping[str, Any]], frames: Frames, prefix: str, absent: StepStatus
    ) -> dict[str, Outcome]:
        """Results of these steps at one place, and below them those of their parts. Gives the outcomes by step id."""
        outcomes = {}
        for step in steps:
            if not prefix:
                self.steps.tops[step["id"]] = len(self.steps.keys)
            if "reused" in step:
                outcomes[step["id"]] = self._reused(step["id"], step["reused"], frames)
                continue
            outcomes[step["id"]] = self._placed(step, frames, prefix + step["id"], absent)
        return outcomes

    def _reused(self, step_id: str, end: StepEnd, frames: Frames) -> Outcome:
        """The outcome of a step that an earlier run has done, and those of its parts, as far as they are still known."""
        outcomes = taken_over(step_id, end, self.reused)
        if self._keeps_places:
            self._places[step_id, frames] = len(self.steps.keys)
        self.steps.keys += outcomes
        self.steps.outcomes += outcomes.values()
        return outcomes[step_id]

    def _placed(self, step: Mapping[str, Any], frames: Frames, key: str, absent: StepStatus) -> Outcome:
        """The outcome of a step, in its place before those of its parts, which it follows from."""
        place = len(self.steps.keys)
        self.steps.keys.append(key)
        self.steps.outcomes.append(_PENDING)
        if self._keeps_places:
            self._places[step["id"], frames] = place
        outcome = self.steps.outcomes[place] = self._outcome(step, frames, key, absent)
        if outcome.status == "failed":
            self.failed_steps.add(step["id"])
        return outcome

    def _values_read(self) -> ValuesRead:
        from workflow_engine.machines.values_read import ValuesRead  # slow to import, and few runs need it

        return ValuesRead(self.known.entries, self.known.enclosing, self._find, self.outputs, self.timeline.run_input)

    def _find(self, step_id: str, frames: Frames) -> Outcome | None:
        """How a step ended at a place; None if it is not there."""
        place = self._places.get((step_id, frames))
        return None if place is None else self.steps.outcomes[place]

    def run_output(self, sinks: list[str] | None, outcomes: Mapping[str, Outcome]) -> Output | None:
        """What the end of the run told, or where it had the marker for it the outputs of the sinks; None of those that are
        explicit.
        """
        if self.timeline.status != "completed":
            return None
        if sinks is None or not self.timeline.output_in_history:
            return self.timeline.output
        return self._completed_outputs(sinks, outcomes)

    def _completed_outputs(self, sinks: Iterable[str], outcomes: Mapping[str, Outcome]) -> Output:
        completed = (s for s in sinks if s in outcomes and outcomes[s].status == "completed")
        return self.outputs.named({s: outcomes[s].output for s in completed})

    def _outcome(self, step: Mapping[str, Any], frames: Frames, key: str, absent: StepStatus) -> Outcome:
        body = step.get("body")
        if step.get("each") or (body is not None and body["kind"] == "map"):
            return self._mapped(step, frames, key, absent)
        if body is None:
            return self._single(step["id"], frames, absent)
        if body["kind"] == "loop":
            return self._looped(step, frames, key, absent)
        inner = self.walk(body["steps"], frames, f"{key}.", absent)
        return self._contained(step["id"], frames, absent, body.get("sinks"), inner)

    def _single(self, step_id: str, frames: Frames, absent: StepStatus) -> Outcome:
        failing = self.visits.failing.get((step_id, frames))
        if failing is not None:
            task = self.visits.own.get((step_id, frames))
            told = failure_of_fail_state(failing, looped=step_id in self.known.loops, late=task is not None)
            return Outcome("failed", None, told, task or failing)
        tried = self.visits.tried.get((step_id, frames))
        if tried is not None and self._status(tried) == "failed":
            return Outcome("failed", None, tried.failure, tried)
        visit = self.visits.own.get((step_id, frames))
        value, source = self.visits.values.get((step_id, frames), (None, None))
        if source is not None:
            return Outcome("completed", value, None, source if source is visit else None)
        if visit is None:
            return self._never_entered(step_id, frames, absent)
        status = self._status(visit)
        output = visit.output if status == "completed" and visit.kind == "Task" else None
        return Outcome(status, output, visit.failure if status == "failed" else None, visit)

    def _ends_what_holds(self, part: str, frames: Frames, container: str, outcome: Outcome) -> bool:
        """Whether the failure of a part of a loop or switch fails that: nothing has caught it, or, where failure steps follow and
        the run goes on after it, the outline tells it.
        """
        if outcome.status != "failed" or self.known.entries[part].get("critical", False) is True:
            return outcome.status == "failed"
        inside = frames
        if container in self.known.loops:
            inside = (*frames, (container, self.visits.turns.get((container, frames), 1) - 1))
        ended_by = self.visits.tried.get((part, inside)) or outcome.timed
        return ended_by is None or not ended_by.left

    def _never_entered(self, step_id: str, frames: Frames, absent: StepStatus) -> Outcome:
        """A step whose own state was not entered failed if what decides about it (`<id>.guard`, say) ended the run."""
        blamed = self.timeline.failed_visit
        decides = blamed is not None and blamed.step_id == step_id and blamed.role not in ("", PARALLEL)
        if decides and blamed is not None and self.visits.around(blamed.frames, step_id) == frames:
            return Outcome("failed", None, self.timeline.failure)
        return _ABSENT[absent]

    def _status(self, visit: Visit) -> StepStatus:
        ended = visit.left or self.timeline.status != "running"
        if visit.outcome == "failed":
            return "failed" if ended else "running"
        if visit.outcome == "aborted":
            return "aborted"
        if visit.left:
            return "completed"
        if self.timeline.status == "running":
            return "running"
        return "completed" if visit.outcome == "succeeded" and visit.kind != "Map" else "aborted"

    def _mapped(self, step: Mapping[str, Any], frames: Frames, key: str, absent: StepStatus) -> Outcome:
        step_id = step["id"]
        visit = self.visits.own.get((step_id, frames))
        if visit is None:
            return self._single(step_id, frames, absent)
        iterations = self.timeline.iterations.get((frames, step_id), {})
        size = max(visit.length or 0, max(iterations, default=-1) + 1)
        before = len(self.steps.outcomes)
        parts = [self._iteration(step, i, iterations.get(i), frames, f"{key}[{i}]") for i in range(size)]
        elements = self.steps.outcomes[before:] if step.get("each") else []  # of a map there are also parts of elements
        status = self._status(visit)
        if status == "completed":
            # Elements that are undone one by one fail alone; the step fails when all have ended.
            alone = next((o for o in elements if o.status == "failed"), None)
            if alone is not None:
                return Outcome("failed", None, alone.failure, visit)
        blamed = self.timeline.failed_visit
        if status == "aborted" and blamed is not None and _is_within(blamed.frames, frames, step_id):
            status = "failed"
        if status == "completed":
            return Outcome(status, self.outputs.listed(parts), None, visit)
        if status != "failed":
            return Outcome(status, None, None, visit)
        failed = _failed_element(elements, iterations) if visit.failure is None else None
        return Outcome(status, None, failed or _map_failure(visit, iterations), visit)

    def _iteration(
        self, step: Mapping[str, Any], index: int, iteration: Iteration | None, frames: Frames, key: str
    ) -> Output | None:
        """Results of one iteration's parts, and its output."""
        inner = (*frames, (step["id"], index))
        passed = iteration is not None and iteration.status == "completed"
        absent = "skipped" if passed else _absent_status(self.timeline.status)
        if step.get("each"):
            part = {k: v for k, v in step.items() if k != "each"}
            return self._placed(part, inner, key, absent).output
        body = step["body"]
        outcomes = self.walk(body["steps"], inner, f"{key}.", absent)
        if body.get("sinks") is not None:
            return self._completed_outputs(body["sinks"], outcomes)
        return iteration.output if iteration is not None else None

    def _looped(self, step: Mapping[str, Any], frames: Frames, key: str, absent: StepStatus) -> Outcome:
        step_id, body = step["id"], step["body"]
        turns = self.visits.turns.get((step_id, frames), 0)
        inner: dict[str, Outcome] = {}
        for turn in range(turns):
            passed = "skipped" if turn + 1 < turns else _absent_status(self.timeline.status)
            inner = self.walk(body["steps"], (*frames, (step_id, turn)), f"{key}[{turn}].", passed)
        return self._contained(step_id, frames, absent, body.get("sinks"), inner, entered=turns > 0)

    def _holds(self, step_id: str, frames: Frames, visit: Visit) -> bool:
        """Whether a visit is of something inside of a container at this place, however deep."""
        is_inside = step_id in self.known.containers.get(visit.step_id, ())
        return (is_inside and visit.frames[: len(frames)] == frames) or _is_within(visit.frames, frames, step_id)

    def _contained(
        self,
        step_id: str,
        frames: Frames,
        absent: StepStatus,
        sinks: list[str] | None,
        inner: Mapping[str, Outcome],
        *,
        entered: bool = False,
    ) -> Outcome:
        """A loop or switch, which has no Map of its own: its status follows from its parts, its output from its sinks.

        `<id>.try` is the Parallel around one that may fail or is retried; it gives the times.
        """
        key = (step_id, frames)
        tried = self.visits.tried.get(key)
        if tried is not None and self._status(tried) == "failed":
            failing = self.visits.failing.get(key)
            told = tried.failure or (failure_of_fail_state(failing, looped=True, late=False) if failing else None)
            return Outcome("failed", None, told, tried)
        if key in self.visits.failing:
            return self._single(step_id, frames, absent)
        statuses = {o.status for o in inner.values()}
        visit = self.visits.own.get(key) or self.visits.derived.get(key)
        if visit is None and not entered and statuses <= {"skipped", "pending"}:
            return self._never_entered(step_id, frames, absent)
        failed = next((o for step, o in inner.items() if self._ends_what_holds(step, frames, step_id, o)), None)
        if failed is not None:
            return Outcome("failed", None, failed.failure, tried)
        blamed = self.timeline.failed_visit
        if blamed is not None and self._holds(step_id, frames, blamed):
            return Outcome("failed", None, self.timeline.failure, tried)
        open_status: StepStatus = "running" if self.timeline.status == "running" else "aborted"
        if self._status(tried) == open_status if tried is not None else self.visits.is_open(step_id, frames):
            return Outcome(open_status, None, None, tried)
        for status in ("running", "aborted"):
            if status in statuses:
                return Outcome(status, None, None, tried)
        value = self.visits.values[key][0] if key in self.visits.values else None
        if value is None and sinks is not None and inner:
            value = self._completed_outputs(sinks, inner)
        return Outcome("completed", value, None, tried)


def _failed_element(elements: Sequence[Outcome], iterations: Mapping[int, Iteration]) -> Failure | None:
    """Why the first element failed of a for_each that failed for it: its last failure may be that of a Fail, of which the
    history of an iteration says nothing.
    """
    failed = (i for i, iteration in sorted(iterations.items()) if iteration.status == "failed")
    return next((elements[i].failure for i in failed if i < len(elements)), None)


def failure_of_fail_state(visit: Visit, *, looped: bool, late: bool) -> Failure:
    """Why a step failed that ended in its `<id>.fail` state: a Fail that ended the run or a Parallel, or a Pass in its
    place where the run goes on. The history tells the error of the first and the last; a Parallel's failure carries none,
    unless a Catcher tells it (`told_failures.told_as_failed`). A `late` one had begun before.
    """
    from workflow_engine.approval_errors import APPROVAL_DENIED, NOBODY_DECIDED
    from workflow_engine.compiler.lower.loops import OUT_OF_TURNS
    from workflow_engine.compiler.lower.waits import INVALID_DELAY, INVALID_DELAY_CAUSE

    if visit.failure is not None:
        return visit.failure
    if late:
        return Failure(APPROVAL_DENIED, NOBODY_DECIDED)
    if looped:
        return Failure(OUT_OF_TURNS, "The loop took all its turns and its condition asks for more.")
    return Failure(INVALID_DELAY, INVALID_DELAY_CAUSE)


def _is_within(inner: Frames, frames: Frames, container: str) -> bool:
    return len(inner) > len(frames) and inner[: len(frames)] == frames and inner[len(frames)][0] == container


def _map_failure(visit: Visit, iterations: Mapping[int, Iteration]) -> Failure | None:
    """Why a Map failed: its own evaluation, else the iteration that failed."""
    if visit.failure is not None:
        return visit.failure
    failed = [i for i in iterations.values() if i.failure is not None]
    failed.sort(key=lambda i: i.status != "failed")
    return failed[0].failure if failed else None
