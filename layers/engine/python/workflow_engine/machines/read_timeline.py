"""Read a history into its timeline, in one pass, oldest event first. Pure.

The frames of an event follow from those of the event before it, `previousEventId`; Step Functions chains branches and
iterations to the event that opened them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workflow_engine.data_limit import DATA_LIMIT_EXCEEDED, is_caught
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.attempts import note_attempt, note_block, note_check, usage_of
from workflow_engine.machines.event_words import FAILED_ATTEMPT, NEW_ATTEMPT, SUCCEEDED_ATTEMPT, failure_of, task_output
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.outputs import Output, Outputs
from workflow_engine.machines.run_ends import RunReader
from workflow_engine.machines.timeline import Event, Failure, Frames, Iteration, Timeline, Visit
from workflow_engine.run_output import assigned_record
from workflow_engine.state_names import EACH, FAIL, HELD, LATE, step_of, suffix_of
from workflow_engine.statuses import StepStatus
from workflow_engine.told_failures import failure_told

_ITERATION_ENDS: Final[Mapping[str, StepStatus]] = {
    "Succeeded": "completed",
    "Failed": "failed",
    "Aborted": "aborted",
}


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where an event stands: the visit it belongs to, and the frames that what follows it inherits."""

    frames: Frames = ()
    over: str | None = None
    visit: Visit | None = None


_NOWHERE: Final = _Origin()


def read_timeline(
    events: Iterable[Event],
    enclosing: Mapping[str, tuple[str, ...]],
    loops: frozenset[str],
    outputs: Outputs,
    checked: frozenset[str] = frozenset(),
) -> Timeline:
    """The timeline of a history, oldest event first. Events are not held, nor what they carry: that goes to `outputs`.

    `enclosing` gives for each step the maps, for_each steps and loops around it, outermost first; `loops` are the loops, `checked`
    the steps whose output a second state holds to a schema: both states are one visit.
    """
    reader = TimelineReader(enclosing, loops, outputs, checked)
    for event in events:
        reader.read(event)
    return reader.timeline


class TimelineReader:
    """Reads a history event by event; `timeline` is what has been read."""

    def __init__(
        self,
        enclosing: Mapping[str, tuple[str, ...]],
        loops: frozenset[str],
        outputs: Outputs,
        checked: frozenset[str] = frozenset(),
    ) -> None:
        self.timeline = Timeline()
        self._outputs = outputs
        self._enclosing = enclosing
        self._loops = loops
        self._checked = checked
        self._origins: dict[int, _Origin] = {}
        self._visits: dict[tuple[str, Frames], Visit] = {}
        self._latest: dict[str, Visit] = {}
        self._failed: list[Visit] = []
        self._open: dict[int, Visit] = {}
        self._stopped: list[Visit] = []  # Maps and Parallels that failed or were aborted, and were not left
        self._run = RunReader(self.timeline, outputs, self._failed, self._latest)
        self._untold: dict[int, Visit] = {}  # Fail states of which no event has the error, until a Catcher tells it

    def visit_of(self, event_id: int) -> Visit | None:
        """The visit that an event which was read belongs to."""
        return self._origins.get(event_id, _NOWHERE).visit

    def read(self, event: Event) -> None:
        """Read the next event."""
        kind = event["type"]
        origin = self._origins.get(event["previousEventId"], _NOWHERE)
        if kind.endswith("StateEntered"):
            origin = self._enter(event, kind.removesuffix("StateEntered"), origin)
        elif kind.endswith("StateExited"):
            origin = self._exit(event, origin)
        elif kind.startswith("MapIteration"):
            origin = self._iterate(event, kind.removeprefix("MapIteration"), origin)
        elif kind.startswith("MapState"):
            origin = self._map(event, kind.removeprefix("MapState"), origin)
        elif kind.startswith("ParallelState"):
            origin = self._parallel(event, kind.removeprefix("ParallelState"), origin)
        elif kind.startswith("Execution"):
            if kind == "ExecutionRedriven":
                self._reopen()
            self._run.read(event, kind, origin.visit)
        elif kind == "EvaluationFailed":
            origin = self._evaluation_failed(event, origin)
        elif origin.visit is not None:
            self._attempt(origin.visit, event, kind)
        self._origins[event["id"]] = origin

    def _enter(self, event: Event, kind: str, origin: _Origin) -> _Origin:
        before = origin.visit
        if suffix_of(event["stateEnteredEventDetails"]["name"]) == HELD:
            return self._enter_check(event, origin)
        if before is not None and before.kind not in ("Map", "Parallel") and not before.left:
            before.left, before.left_at = True, event.get("timestamp")
        name = event["stateEnteredEventDetails"]["name"]
        frames, over = self._place(name, origin)
        visit = Visit(name, kind, frames, event.get("timestamp"), over)
        if kind == "Fail":
            self._untold[id(visit)] = visit
        if before is not None:
            opened = before.kind in ("Map", "Parallel") and not before.left
            visit.inside = before if opened else before.inside
            visit.inside_attempt = visit.inside.attempts if visit.inside is not None else 0
        if kind in ("Map", "Parallel"):
            self._open[id(visit)] = visit
        self._visits[name, frames] = self._latest[name] = visit
        self.timeline.enter(event["id"], visit)
        return _Origin(frames, over, visit)

    def _enter_check(self, event: Event, origin: _Origin) -> _Origin:
        """The step goes on in the state that holds its output to a schema."""
        name = event["stateEnteredEventDetails"]["name"]
        visit = origin.visit
        if visit is None or visit.step_id != step_of(name):
            visit = self._find(name, origin.frames)
        if visit is None:
            return origin
        visit.in_check = True
        visit.left, visit.left_at, visit.outcome = False, None, None
        self._visits[name, visit.frames] = self._latest[name] = visit
        self.timeline.go_on(event["id"], visit)
        return _Origin(visit.frames, visit.over, visit)

    def _awaits_check(self, visit: Visit) -> bool:
        """Whether what its function has given is still to be checked."""
        return (
            visit.step_id in self._checked and visit.role in ("", EACH) and visit.kind == "Task" and not visit.in_check
        )

    def _place(self, name: str, origin: _Origin) -> tuple[Frames, str | None]:
        """The frames of a state that is entered next, and the loop whose turn has ended there."""
        step_id = step_of(name)
        enclosing = self._enclosing.get(step_id)
        if enclosing is None:
            return origin.frames, origin.over
        frames, known = origin.frames, 0
        while known < min(len(enclosing), len(frames)) and frames[known][0] == enclosing[known]:
            loop, turn = frames[known]
            known += 1
            if loop == origin.over:
                frames = (*frames[: known - 1], (loop, turn + 1))
        own = known == len(enclosing) < len(frames) and frames[known][0] == step_id
        if own and (step_id in self._loops or name != step_id):
            return frames[: known + 1], step_id if step_id in self._loops else None
        frames = frames[:known]
        for container in enclosing[known:]:
            if container not in self._loops:
                break
            frames = (*frames, (container, 0))
        return frames, None

    def _find(self, name: str, frames: Frames) -> Visit | None:
        for depth in range(len(frames), -1, -1):
            visit = self._visits.get((name, frames[:depth]))
            if visit is not None:
                return visit
        return self._latest.get(name)

    def _exit(self, event: Event, origin: _Origin) -> _Origin:
        details = event["stateExitedEventDetails"]
        visit = self._find(details["name"], origin.frames)
        if visit is None:
            return origin
        value = parsed(assigned_record(details.get("assignedVariables") or {}) or details.get("output"))
        if self._awaits_check(visit) and visit.outcome is None and not is_caught(value, visit.name):
            return _Origin(visit.frames, visit.over, visit)
        visit.left, visit.left_at = True, event.get("timestamp")
        self._open.pop(id(visit), None)
        if visit.kind == "Pass" and visit.role == FAIL and isinstance(value, dict) and "error_type" in value:
            visit.failure = Failure(value["error_type"], value.get("error_message"))
        output = self._state_output(value, visit)
        if visit.outcome is None:
            visit.outcome = "succeeded"
            visit.output = output
        if is_caught(value, visit.name):
            visit.outcome = "failed"
            visit.failure = visit.failure or Failure(DATA_LIMIT_EXCEEDED, None)
        if (told := failure_told(value, visit.name)) is not None:
            self._tell(visit, failure_of({"error": told[0], "cause": told[1]}, timed_out=False))
        for iteration in self.timeline.around(visit.frames):
            iteration.output = output
        return _Origin(visit.frames, visit.over, visit)

    def _tell(self, visit: Visit, failure: Failure) -> None:
        """Note what a Catcher tells, also of the `fail` step inside, of whose error no event has anything."""
        visit.failure = visit.failure or failure
        failed = next((v for v in self._untold.values() if v.is_inside(visit)), None)
        if failed is not None:
            self._untold.pop(id(failed))
            failed.failure = failure

    def _state_output(self, value: Any, visit: Visit) -> Output | None:
        """A state's output; that of one which computes steps in parts, since each is the output of a step."""
        is_bare = visit.suffix == EACH or (visit.role == LATE and visit.is_element)
        computes = isinstance(value, dict) and not is_bare and not value.keys().isdisjoint(self._enclosing)
        if not computes:
            return self._outputs.add(value)
        return self._outputs.named({name: self._outputs.add(part) for name, part in value.items()})

    def _iterate(self, event: Event, what: str, origin: _Origin) -> _Origin:
        details = event[f"mapIteration{what}EventDetails"]
        map_visit = self._find(details["name"], origin.frames)
        if map_visit is None:
            return origin
        key = (map_visit.frames, map_visit.step_id)
        iterations = self.timeline.iterations.setdefault(key, {})
        if what == "Started":
            iterations[details["index"]] = Iteration(started_at=event.get("timestamp"))
        else:
            iteration = iterations.setdefault(details["index"], Iteration())
            iteration.status = _ITERATION_ENDS[what]
            iteration.ended_at = event.get("timestamp")
        return _Origin((*map_visit.frames, (map_visit.step_id, details["index"])), None, map_visit)

    def _map(self, event: Event, what: str, origin: _Origin) -> _Origin:
        visit = self._block("Map", what, event, origin)
        if visit is None:
            return origin
        if what == "Started":
            self.timeline.iterations.pop((visit.frames, visit.step_id), None)
            visit.length = event.get("mapStateStartedEventDetails", {}).get("length")
        return _Origin(visit.frames, visit.over, visit)

    def _parallel(self, event: Event, what: str, origin: _Origin) -> _Origin:
        visit = self._block("Parallel", what, event, origin)
        if visit is None:
            return origin
        if what == "Failed":
            visit.failure = next((v.failure for v in reversed(self._failed) if v.is_inside(visit)), None)
        return _Origin(visit.frames, visit.over, visit)

    def _block(self, kind: str, what: str, event: Event, origin: _Origin) -> Visit | None:
        """Start (again), success, failure or abortion of the innermost Map or Parallel around an event that has not ended.

        Only the entry of a state carries its name. An abortion is chained to what caused it, a failure beside the state that it
        is of. It may also come after the failure of the same state, and then says nothing; where several are aborted, one
        inside the other, it is the innermost's turn.
        """
        visit = origin.visit
        if what == "Aborted" and (beside := self._open_beside(kind, visit)) is not None:
            visit = beside
        elif what == "Aborted":
            while visit is not None and (visit.kind != kind or visit.outcome == "aborted"):
                visit = visit.inside
        else:
            while visit is not None and (visit.kind != kind or visit.ended or visit.left):
                visit = visit.inside
        if visit is None or visit.ended:
            return None
        visit.ended = what != "Started"
        if visit.ended:
            self._open.pop(id(visit), None)
        if what == "Started":
            visit.attempts += 1
            visit.outcome = None
        else:
            visit.outcome, visit.left_at = what.lower(), event.get("timestamp")
            if what in ("Failed", "Aborted"):
                self._stopped.append(visit)
        note_block(visit, what, event.get("timestamp"), (v for v in reversed(self._failed) if v.is_inside(visit)))
        return visit

    def _reopen(self) -> None:
        """A redrive goes on inside of the Maps and Parallels that it finds stopped, which do not start again: the next event of
        theirs is how they end.
        """
        for visit in self._stopped:
            if not visit.left and not visit.superseded:
                visit.ended, visit.outcome, visit.left_at, visit.failure = False, None, None, None
                self._open[id(visit)] = visit
        self._stopped.clear()

    def _open_beside(self, kind: str, visit: Visit | None) -> Visit | None:
        """A Map or Parallel that goes on inside of the innermost one around a visit that has not ended; the last entered."""
        around = visit
        while around is not None and (around.kind not in ("Map", "Parallel") or around.ended):
            around = around.inside
        if around is None:
            return None
        inside = (
            v for v in reversed(self._open.values()) if v.kind == kind and v.is_inside(around) and not v.superseded
        )
        return next(inside, None)

    def _attempt(self, visit: Visit, event: Event, kind: str) -> None:
        details_name = f"{kind[0].lower()}{kind[1:]}EventDetails"
        details = event.get(details_name) or {}
        visit.repeats += details.get("repeatedAfterRestart", 0)
        if kind in NEW_ATTEMPT:
            visit.attempts += not visit.in_check
            visit.outcome = None
        elif kind in SUCCEEDED_ATTEMPT:
            value = task_output(details)
            visit.failure, visit.usage = None, usage_of(value)
            if not self._awaits_check(visit):
                visit.outcome, visit.left_at = "succeeded", event.get("timestamp")
                visit.output = self._outputs.add(value)
        elif FAILED_ATTEMPT.fullmatch(kind):
            self._fail(visit, event, details_name)
        elif kind.endswith("StateAborted") and visit.outcome is None and kind.startswith(visit.kind):
            visit.outcome = "aborted"
            visit.left_at = event.get("timestamp")
        if visit.in_check:
            note_check(visit, event)
        else:
            note_attempt(visit, event, details, self._outputs)

    def _evaluation_failed(self, event: Event, origin: _Origin) -> _Origin:
        visit = self._evaluated(event, origin)
        self._fail(visit, event, "evaluationFailedEventDetails")
        return origin if visit is None else _Origin(visit.frames, visit.over, visit)

    def _evaluated(self, event: Event, origin: _Origin) -> Visit | None:
        """The visit of an EvaluationFailed event, which is chained to the event before the state's entry."""
        details = event["evaluationFailedEventDetails"]
        entered = self.timeline.visit_named_in(details.get("cause") or "")
        if entered is not None:
            return entered
        name = details.get("state")
        return self._find(name, origin.frames) if name else origin.visit

    def _fail(self, visit: Visit | None, event: Event, details_name: str) -> None:
        if visit is None:
            return
        details = event.get(details_name, {})
        visit.failure = failure_of(details, timed_out=event["type"].endswith("TimedOut"))
        visit.cause = details.get("cause")
        visit.outcome = "failed"
        visit.left_at = event.get("timestamp")
        self._failed.append(visit)
        for iteration in self.timeline.around(visit.frames):
            iteration.failure = visit.failure
