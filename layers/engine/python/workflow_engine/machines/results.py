"""Step results of an execution, from its history and the outline of its workflow. Pure, linear in events and
iterations.

The outline says which steps there are: `{"steps": [{"id", "type", "each"?, "body"?: {"kind", "steps", "sinks"}}],
"sinks"}`. A step's own state has its id as name (`<id>.each` inside a for_each); a Pass computes one or more steps,
its output is `{step id: output}`. Keys of results: `s`, and for the parts `s[0]`, `outer[3].inner`, `loop[0].inner`,
`switch.inner`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.machines.outputs import Joined, Output, Outputs
from workflow_engine.machines.timeline import Event, Failure, Frames, Iteration, Timeline, Visit, read_timeline
from workflow_engine.machines.too_large import in_words
from workflow_engine.state_names import EACH, FAIL, OUTPUT, PARALLEL, START, SWITCH, TRY, UNTIL, WHILE, WORKFLOW_OUTPUT

_EVALUATION_ERROR: Final = "States.QueryEvaluationError"
_RAISED_BY_AUTHOR: Final = "D3137: "
"""JSONata's code of what `$error` raised: the text after it is written for people."""
_INPUT_FIELD: Final = "Arguments/Payload/input_data/"
"""Where the compiler puts each entry of an input_mapping that has an author's own expressions."""
_EXPRESSION_IN_CAUSE: Final = re.compile(
    r".*The JSONata expression '.*' specified for the field '(?P<field>[^']*)' "
    r"(?:threw an error during evaluation\.\s*(?P<raised>.+)|(?P<rest>.+))",
    re.DOTALL,
)

_OF_A_CONTAINER: Final = frozenset({START, WHILE, UNTIL, SWITCH, OUTPUT, TRY})
"""Suffixes of the states of a loop or switch itself. Other derived states are entered whether or not the step runs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended, at one place. `timed` is the visit that gives its times."""

    status: str
    output: Output | None = None
    failure: Failure | None = None
    timed: Visit | None = None


@dataclass(slots=True)
class StepOutcomes:
    """Outcomes of all steps by the keys of their results, in the order of the workflow: a step stands before its parts.

    What a run of many iterations passed by shares one outcome, and results are made of outcomes when they are read.
    """

    timeline: Timeline
    keys: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    tops: dict[str, int] = field(default_factory=dict)
    """Places of the workflow's own steps in these lists, by step id."""

    is_stopping: bool = False
    """True while the run is being stopped and its history does not show it: what runs is told as aborted."""

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
        duration = round((ended_at - started_at).total_seconds() * 1000) if ended_at and started_at else None
        return {
            "status": status,
            "output_data": None,
            "error_type": outcome.failure.type if outcome.failure else None,
            "error_message": outcome.failure.message if outcome.failure else None,
            "execution_time_ms": duration,
            "retry_count": max(visit.attempts - 1, 0) if visit is not None else 0,
            "started_at": iso(started_at),
            "completed_at": iso(ended_at),
        }


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a history tells. `error` is {step_id, type, message}; what `output` and the steps' outputs refer to is in
    `outputs`.
    """

    status: str
    output: Output | None
    error: dict[str, Json] | None
    started_at: str | None
    completed_at: str | None
    redrive_count: int
    redriven_at: datetime | None
    steps: StepOutcomes
    outputs: Outputs


def report(events: Iterable[Event], outline: Mapping[str, Any], outputs: Outputs) -> RunReport:
    """Everything a history says about a run. `events` are those of GetExecutionHistory, oldest first; they are read
    once, as they come.
    """
    enclosing: dict[str, tuple[str, ...]] = {}
    loops: set[str] = set()
    _enclose(outline["steps"], (), enclosing, loops)
    timeline = read_timeline(events, enclosing, frozenset(loops), outputs)
    results = _Results(timeline, enclosing, frozenset(loops), outputs)
    outcomes = results.walk(outline["steps"], (), "", _absent_status(timeline.status))
    return RunReport(
        status=timeline.status,
        output=results.run_output(outline.get("sinks"), outcomes),
        error=_run_error(timeline, results.failed_steps),
        started_at=iso(timeline.started_at),
        completed_at=iso(timeline.completed_at),
        redrive_count=timeline.redrive_count,
        redriven_at=timeline.redriven_at,
        steps=results.steps,
        outputs=outputs,
    )


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _enclose(
    steps: Iterable[Mapping[str, Any]], around: tuple[str, ...], enclosing: dict[str, tuple[str, ...]], loops: set[str]
) -> None:
    for step in steps:
        enclosing[step["id"]] = around
        body = step.get("body")
        if body is None:
            continue
        inner = (*around, step["id"]) if step.get("each") else around
        if body["kind"] == "loop":
            loops.add(step["id"])
        if body["kind"] != "switch":
            inner = (*inner, step["id"])
        _enclose(body["steps"], inner, enclosing, loops)


def _absent_status(run_status: str) -> str:
    """The status of a step that was never entered: a completed run passed it by, any other has not come to it."""
    return "skipped" if run_status == "completed" else "pending"


def _run_error(timeline: Timeline, failed_steps: set[str]) -> dict[str, Json] | None:
    """`step_id` is a step that failed, or null: what failed may be what joins steps, or the workflow's output."""
    if timeline.failure is None:
        return None
    visit = timeline.failed_visit
    message = _message(timeline.failure, visit, timeline) or ""
    if visit is not None and visit.step_id not in failed_steps:
        if visit.name == WORKFLOW_OUTPUT:
            message = f"The workflow's output could not be made. {message}"
        elif visit.role == PARALLEL:
            message = f"The outputs of the steps that ran in parallel could not be joined. {message}"
        visit = None
    return {"step_id": visit.step_id if visit else None, "type": timeline.failure.type, "message": message}


def _message(failure: Failure, visit: Visit | None, timeline: Timeline) -> str | None:
    """A failure's message without the generated expressions that Step Functions quotes; events tell the whole cause."""
    if failure.type != _EVALUATION_ERROR or failure.message is None:
        return in_words(failure, visit, timeline)
    told = _EXPRESSION_IN_CAUSE.fullmatch(failure.message)
    if told is None:
        return failure.message
    raised, entry = told["raised"], told["field"].removeprefix(_INPUT_FIELD)
    if raised and entry != told["field"]:
        return f"The expression of '{entry}' in the input_mapping{_of_step(visit)} failed. {raised}"
    return (raised or "").removeprefix(_RAISED_BY_AUTHOR) or f"The field '{told['field']}' {told['rest']}"


def _of_step(visit: Visit | None) -> str:
    return f" of step '{visit.step_id}'" if visit is not None else ""


_ABSENT: Final = {status: Outcome(status) for status in ("skipped", "pending")}
_PENDING: Final = _ABSENT["pending"]


@dataclass(slots=True)
class _Results:
    timeline: Timeline
    step_ids: Mapping[str, Any]
    loops: frozenset[str]
    outputs: Outputs
    steps: StepOutcomes = field(init=False)
    failed_steps: set[str] = field(default_factory=set)
    _own: dict[tuple[str, Frames], Visit] = field(default_factory=dict)
    _derived: dict[tuple[str, Frames], Visit] = field(default_factory=dict)
    _failing: dict[tuple[str, Frames], Visit] = field(default_factory=dict)
    _tried: dict[tuple[str, Frames], Visit] = field(default_factory=dict)
    _values: dict[tuple[str, Frames], tuple[Output | None, Visit]] = field(default_factory=dict)
    _turns: dict[tuple[str, Frames], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = StepOutcomes(self.timeline)
        for visit in self.timeline.visits:
            if not visit.superseded:
                self._index(visit)

    def _index(self, visit: Visit) -> None:
        step_id, frames = visit.step_id, visit.frames
        suffix = visit.role
        for depth, (container, index) in enumerate(frames):
            key = (container, frames[:depth])
            self._turns[key] = max(self._turns.get(key, 0), index + 1)
        outside = self._around(frames, step_id)
        if suffix in ("", EACH):
            self._own[step_id, frames] = visit
        elif suffix == FAIL:
            self._failing[step_id, outside] = visit
        elif suffix in _OF_A_CONTAINER:
            self._derived[step_id, outside] = visit
        if suffix == TRY:
            self._tried[step_id, outside] = visit
        self._read_values(visit, suffix, outside)

    def _read_values(self, visit: Visit, suffix: str, outside: Frames) -> None:
        """Outputs of the steps that a Pass, a Wait or a loop's Choice computed."""
        if visit.kind not in ("Pass", "Wait", "Choice") or visit.outcome != "succeeded":
            return
        if suffix == EACH:
            self._values[visit.step_id, visit.frames] = (visit.output, visit)
        elif isinstance(visit.output, Joined):
            for name, value in visit.output.fields():
                if name == visit.step_id:
                    self._values[name, outside] = (value, visit)
                elif not suffix and name in self.step_ids:
                    self._values[name, visit.frames] = (value, visit)

    def _around(self, frames: Frames, step_id: str) -> Frames:
        """The frames around a step, given those of one of its derived states: a loop's own stand in its last turn."""
        return frames[:-1] if step_id in self.loops and frames and frames[-1][0] == step_id else frames

    def walk(self, steps: Iterable[Mapping[str, Any]], frames: Frames, prefix: str, absent: str) -> dict[str, Outcome]:
        """Results of these steps at one place, and below them those of their parts. Gives the outcomes by step id."""
        outcomes = {}
        for step in steps:
            if not prefix:
                self.steps.tops[step["id"]] = len(self.steps.keys)
            outcomes[step["id"]] = self._placed(step, frames, prefix + step["id"], absent)
        return outcomes

    def _placed(self, step: Mapping[str, Any], frames: Frames, key: str, absent: str) -> Outcome:
        """The outcome of a step, in its place before those of its parts, which it follows from."""
        place = len(self.steps.keys)
        self.steps.keys.append(key)
        self.steps.outcomes.append(_PENDING)
        outcome = self._outcome(step, frames, key, absent)
        if outcome.failure is not None:
            told = _message(outcome.failure, outcome.timed, self.timeline)
            outcome = replace(outcome, failure=Failure(outcome.failure.type, told))
        self.steps.outcomes[place] = outcome
        if outcome.status == "failed":
            self.failed_steps.add(step["id"])
        return outcome

    def run_output(self, sinks: list[str] | None, outcomes: Mapping[str, Outcome]) -> Output | None:
        """The machine's own output, or those of the sinks."""
        if self.timeline.status != "completed":
            return None
        return self.timeline.output if sinks is None else self._completed_outputs(sinks, outcomes)

    def _completed_outputs(self, sinks: Iterable[str], outcomes: Mapping[str, Outcome]) -> Output:
        completed = (s for s in sinks if s in outcomes and outcomes[s].status == "completed")
        return self.outputs.named({s: outcomes[s].output for s in completed})

    def _outcome(self, step: Mapping[str, Any], frames: Frames, key: str, absent: str) -> Outcome:
        body = step.get("body")
        if step.get("each") or (body is not None and body["kind"] == "map"):
            return self._mapped(step, frames, key, absent)
        if body is None:
            return self._single(step["id"], frames, absent)
        if body["kind"] == "loop":
            return self._looped(step, frames, key, absent)
        inner = self.walk(body["steps"], frames, f"{key}.", absent)
        return self._contained(step["id"], frames, absent, body.get("sinks"), inner)

    def _single(self, step_id: str, frames: Frames, absent: str) -> Outcome:
        failing = self._failing.get((step_id, frames))
        if failing is not None:
            return Outcome("failed", None, _failure_of_fail_state(failing, looped=step_id in self.loops), failing)
        tried = self._tried.get((step_id, frames))
        if tried is not None and self._status(tried) == "failed":
            return Outcome("failed", None, tried.failure, tried)
        visit = self._own.get((step_id, frames))
        value, source = self._values.get((step_id, frames), (None, None))
        if source is not None:
            return Outcome("completed", value, None, source if source is visit else None)
        if visit is None:
            return self._never_entered(step_id, frames, absent)
        status = self._status(visit)
        output = visit.output if status == "completed" and visit.kind == "Task" else None
        return Outcome(status, output, visit.failure if status == "failed" else None, visit)

    def _never_entered(self, step_id: str, frames: Frames, absent: str) -> Outcome:
        """A step whose own state was not entered failed if what decides about it (`<id>.guard`, say) ended the run."""
        blamed = self.timeline.failed_visit
        decides = blamed is not None and blamed.step_id == step_id and blamed.role not in ("", PARALLEL)
        if decides and blamed is not None and self._around(blamed.frames, step_id) == frames:
            return Outcome("failed", None, self.timeline.failure)
        return _ABSENT[absent]

    def _status(self, visit: Visit) -> str:
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

    def _mapped(self, step: Mapping[str, Any], frames: Frames, key: str, absent: str) -> Outcome:
        step_id = step["id"]
        visit = self._own.get((step_id, frames))
        if visit is None:
            return self._single(step_id, frames, absent)
        iterations = self.timeline.iterations.get((frames, step_id), {})
        size = max(visit.length or 0, max(iterations, default=-1) + 1)
        parts = [self._iteration(step, i, iterations.get(i), frames, f"{key}[{i}]") for i in range(size)]
        status = self._status(visit)
        blamed = self.timeline.failed_visit
        if status == "aborted" and blamed is not None and _is_within(blamed.frames, frames, step_id):
            status = "failed"
        if status == "completed":
            return Outcome(status, self.outputs.listed(parts), None, visit)
        return Outcome(status, None, _map_failure(visit, iterations) if status == "failed" else None, visit)

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

    def _looped(self, step: Mapping[str, Any], frames: Frames, key: str, absent: str) -> Outcome:
        step_id, body = step["id"], step["body"]
        turns = self._turns.get((step_id, frames), 0)
        inner: dict[str, Outcome] = {}
        for turn in range(turns):
            passed = "skipped" if turn + 1 < turns else _absent_status(self.timeline.status)
            inner = self.walk(body["steps"], (*frames, (step_id, turn)), f"{key}[{turn}].", passed)
        return self._contained(step_id, frames, absent, body.get("sinks"), inner, entered=turns > 0)

    def _contained(
        self,
        step_id: str,
        frames: Frames,
        absent: str,
        sinks: list[str] | None,
        inner: Mapping[str, Outcome],
        *,
        entered: bool = False,
    ) -> Outcome:
        """A loop or switch, which has no Map of its own: its status follows from its parts, its output from its sinks.

        `<id>.try` is the Parallel around one that may fail or is retried; it gives the times.
        """
        key = (step_id, frames)
        tried = self._tried.get(key)
        if tried is not None and self._status(tried) == "failed":
            failing = self._failing.get(key)
            told = tried.failure or (_failure_of_fail_state(failing, looped=True) if failing else None)
            return Outcome("failed", None, told, tried)
        if key in self._failing:
            return self._single(step_id, frames, absent)
        statuses = {o.status for o in inner.values()}
        visit = self._own.get(key) or self._derived.get(key)
        if visit is None and not entered and statuses <= {"skipped", "pending"}:
            return self._never_entered(step_id, frames, absent)
        blamed = self.timeline.failed_visit
        if blamed is not None and (blamed.step_id in inner or _is_within(blamed.frames, frames, step_id)):
            return Outcome("failed", None, self.timeline.failure, tried)
        for status in ("running", "aborted"):
            if status in statuses:
                return Outcome(status, None, None, tried)
        value = self._values[key][0] if key in self._values else None
        if value is None and sinks is not None and inner:
            value = self._completed_outputs(sinks, inner)
        return Outcome("completed", value, None, tried)


def _failure_of_fail_state(visit: Visit, *, looped: bool) -> Failure:
    """Why a step failed that ended in its `<id>.fail` state: a Fail that ended the run or a Parallel, or a Pass in
    its place where the run goes on. The history tells the error of the first and the last; a Parallel's failure
    carries none.
    """
    from workflow_engine.compiler.lower.leaf import INVALID_DELAY, INVALID_DELAY_CAUSE
    from workflow_engine.compiler.lower.loops import OUT_OF_TURNS

    if visit.failure is not None:
        return visit.failure
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
