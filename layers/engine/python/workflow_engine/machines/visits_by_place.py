"""The visits of a history by what they tell about: a step, and the place it ran at. Pure."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.outlines import KnownSteps
from workflow_engine.machines.outputs import Joined, Output
from workflow_engine.machines.timeline import Attempt, Frames, Timeline, Visit
from workflow_engine.state_names import EACH, FAIL, LATE, OUTPUT, START, SWITCH, TRY, UNTIL, WHILE

Place = tuple[str, Frames]
"""A step id, and the frames around that step."""

_OF_A_CONTAINER: Final = frozenset({START, WHILE, UNTIL, SWITCH, OUTPUT, TRY})
"""Suffixes of the states of a loop or switch itself. Other derived states are entered whether or not the step runs."""


@dataclass(slots=True)
class VisitsByPlace:
    """The visits of a timeline that no later attempt superseded.

    `own` has those of steps' own states, `derived` those of the states of a loop or switch itself, `failing` those of
    `<id>.fail`, `tried` those of the Parallels around what may fail or is retried. `values` has the outputs of steps that a
    Pass, a Wait or a Choice computed, each with the visit that did; `turns` the number of turns or iterations begun. `open` has
    the places in which the history ends, unless the run has completed.
    """

    timeline: Timeline
    known: KnownSteps
    own: dict[Place, Visit] = field(default_factory=dict)
    derived: dict[Place, Visit] = field(default_factory=dict)
    failing: dict[Place, Visit] = field(default_factory=dict)
    tried: dict[Place, Visit] = field(default_factory=dict)
    values: dict[Place, tuple[Output | None, Visit]] = field(default_factory=dict)
    turns: dict[Place, int] = field(default_factory=dict)
    open: set[Place] = field(default_factory=set)

    def __post_init__(self) -> None:
        earlier: dict[Place, list[Attempt]] = {}
        for visit in self.timeline.visits:
            if not visit.superseded:
                self._index(visit)
            elif visit.tries and visit.role in ("", EACH):
                earlier.setdefault((visit.step_id, visit.frames), []).extend(visit.tries)
        for place, tries in earlier.items():
            if place in self.own:
                self.own[place].earlier = tries

    def _index(self, visit: Visit) -> None:
        step_id, frames = visit.step_id, visit.frames
        suffix = visit.role
        for depth, (container, index) in enumerate(frames):
            key = (container, frames[:depth])
            self.turns[key] = max(self.turns.get(key, 0), index + 1)
        outside = self.around(frames, step_id)
        if suffix in ("", EACH):
            self.own[step_id, frames] = visit
        elif suffix == FAIL:
            self.failing[step_id, outside] = visit
        elif suffix in _OF_A_CONTAINER:
            self.derived[step_id, outside] = visit
        if suffix == TRY:
            self.tried[step_id, outside] = visit
        if not visit.left and visit.outcome in (None, "succeeded") and self.timeline.status != "completed":
            for holder in (step_id, *self.known.containers.get(step_id, ())):
                self.open.add((holder, frames[: len(self.known.enclosing.get(holder, ()))]))
        self._read_values(visit, suffix, outside)

    def _read_values(self, visit: Visit, suffix: str, outside: Frames) -> None:
        """Outputs of the steps that a Pass, a Wait or a loop's Choice computed."""
        if visit.kind not in ("Pass", "Wait", "Choice") or visit.outcome != "succeeded":
            return
        if suffix == EACH:
            self.values[visit.step_id, visit.frames] = (visit.output, visit)
        elif suffix == LATE:
            self._read_late(visit)
        elif isinstance(visit.output, Joined):
            for name, value in visit.output.fields():
                if name == visit.step_id:
                    self.values[name, outside] = (value, visit)
                elif not suffix and name in self.known.entries:
                    self.values[name, visit.frames] = (value, visit)

    def _read_late(self, visit: Visit) -> None:
        """What a step came to whose answer did not come in time. Its own state tells when it began, and that it ended."""
        place = visit.step_id, visit.frames
        output = visit.output
        if not visit.is_element and isinstance(output, Joined):
            output = dict(output.fields()).get(visit.step_id)
        if place in self.own:
            self.values[place] = (output, self.own[place])

    def is_open(self, step_id: str, frames: Frames) -> bool:
        """Whether a loop or switch has not ended: something in it has not, or a loop has begun a turn, or is about to, after which
        nothing has looked whether there is another one.
        """
        place = step_id, frames
        if place in self.open:
            return True
        last = self.derived.get(place)
        if step_id not in self.known.loops or last is None or last.role not in (START, UNTIL):
            return False
        return last.role == START or last.frames[-1][1] + 1 < self.turns.get(place, 0)

    def around(self, frames: Frames, step_id: str) -> Frames:
        """The frames around a step, given those of one of its derived states: a loop's own stand in its last turn."""
        return frames[:-1] if step_id in self.known.loops and frames and frames[-1][0] == step_id else frames
