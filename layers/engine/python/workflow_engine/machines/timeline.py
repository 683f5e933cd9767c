"""What happened in an execution: visits of states, each with the place it happened at.

Terms:

* A *visit* is one entry into one state: a Task with all its attempts, a Pass, a Map with its iterations.
* A *frame* is `(step id of a map, for_each or loop, index of the iteration or turn)`; a visit's *frames* are those
  around it, outermost first. A state name stands once in a machine, so name and frames tell visits apart.
* Map iterations announce themselves in the history. A loop is a back edge: a turn ends when a state of the loop itself
  (named by its id, or `<id>.<suffix>`) is entered from inside, and the next inner state begins a new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.outputs import Output, Text
from workflow_engine.state_names import role_of, step_of, suffix_of
from workflow_engine.statuses import RunStatus, StepStatus

Frames = tuple[tuple[str, int], ...]
Event = Mapping[str, Any]

_ENTERED_AT: Final = re.compile(r"entered at the event id #(\d+)")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a state or a run failed. `type` is the error's name; `message` never holds a stack trace."""

    type: str
    message: str | None


@dataclass(slots=True)
class Attempt:
    """One attempt at a state. `started_at` is when it had a worker or a thread, `cause` the whole cause of its failure where that
    has a stack trace, `request_id` by which the function's log names it. `repeats` is how often it was made once more.
    """

    scheduled_at: datetime | None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: StepStatus = "running"
    failure: Failure | None = None
    cause: Text | None = None
    request_id: str | None = None
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What models took. `cost_usd` is None where the price of one is not known."""

    tokens_in: int = 0
    tokens_out: int = 0
    llm_calls: int = 0
    cost_usd: float | None = 0.0

    def as_dict(self) -> dict[str, int | float | None]:
        """`{tokens_in, tokens_out, total_tokens, llm_calls, cost_usd}`."""
        return {
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "total_tokens": self.tokens_in + self.tokens_out,
            "llm_calls": self.llm_calls,
            "cost_usd": self.cost_usd,
        }

    def plus(self, other: Usage) -> Usage:
        """Both together."""
        unknown = self.cost_usd is None or other.cost_usd is None
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.llm_calls + other.llm_calls,
            None if unknown else (self.cost_usd or 0) + (other.cost_usd or 0),
        )


@dataclass(slots=True)
class Visit:
    """One entry into one state. `outcome` is that of the last attempt; `output` a Task's result or the state's own
    output. `left` says that the run went on from it, `ended` that a Map or Parallel succeeded, failed or was aborted.
    `inside` is the visit of the Map or Parallel around it, `inside_attempt` which of that one's attempts it belongs to.
    `repeats` is how often an attempt was made once more because the server of a laptop ended meanwhile, which AWS never does.
    `cause` is that of the last failure as the history has it: with the id of the request, if a function failed. `received` is
    the JSON text that was sent to the task at first, `earlier` are the attempts at the same step before the Map or Parallel
    around it was tried again. With `in_check` the visit is in a second state, which holds its output to a schema; `checks` is
    how often that was tried. `calls` are those of its function that have ended, `call_ms` how long they took together.
    """

    name: str
    kind: str
    frames: Frames
    entered_at: datetime | None
    over: str | None = None
    attempts: int = 0
    repeats: int = 0
    outcome: str | None = None
    output: Output | None = None
    failure: Failure | None = None
    cause: str | None = None
    left_at: datetime | None = None
    left: bool = False
    ended: bool = False
    length: int | None = None
    inside: Visit | None = None
    inside_attempt: int = 0
    tries: list[Attempt] = field(default_factory=list)
    earlier: list[Attempt] = field(default_factory=list)
    received: Text | None = None
    usage: Usage | None = None
    in_check: bool = False
    checks: int = 0
    calls: int = 0
    call_ms: int = 0
    call_began_at: datetime | None = None

    def is_inside(self, other: Visit) -> bool:
        """True if `other` is a Map or Parallel around this visit, at whatever distance."""
        return self.inside is not None and (self.inside is other or self.inside.is_inside(other))

    @property
    def superseded(self) -> bool:
        """True if the Map or Parallel around it was tried again since."""
        around = self.inside
        return around is not None and (self.inside_attempt != around.attempts or around.superseded)

    @property
    def transitions(self) -> int:
        """How often AWS counts it: a state that is entered is one, and each retry (pricing page, "Standard Workflows")."""
        return 1 + max(self.attempts - 1, 0) + self.checks

    @property
    def is_element(self) -> bool:
        """True for a state of one element of its step's own for_each, which gives the bare output of that."""
        return bool(self.frames) and self.frames[-1][0] == self.step_id

    @property
    def step_id(self) -> str:
        return step_of(self.name)

    @property
    def suffix(self) -> str:
        return suffix_of(self.name)

    @property
    def role(self) -> str:
        """What a derived state is for: `guard` of `a.guard2`, "" for a step's own state."""
        return role_of(self.name)


@dataclass(slots=True)
class Iteration:
    """One iteration of a Map: `status` is running, completed, failed or aborted; `output` that of its last state."""

    status: StepStatus = "running"
    output: Output | None = None
    failure: Failure | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(slots=True)
class Timeline:
    """A whole history. `failed_visit` is the visit whose failure ended the run, where that can be told; `run_input` the
    text of the execution's input. `output` is what the end told of the run's output; `output_in_history` says that it is that of
    the sinks, which their own events tell. `recovered` is the step that failed where failure steps ran to their end after it;
    `failure` and `failed_visit` are then those of that step.
    """

    visits: list[Visit] = field(default_factory=list)
    iterations: dict[tuple[Frames, str], dict[int, Iteration]] = field(default_factory=dict)
    status: RunStatus = "running"
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: Output | None = None
    output_in_history: bool = False
    failure: Failure | None = None
    failed_visit: Visit | None = None
    redrive_count: int = 0
    redriven_at: datetime | None = None
    run_input: str | None = None
    recovered: str | None = None
    _entered: dict[int, Visit] = field(default_factory=dict)

    def enter(self, event_id: int, visit: Visit) -> None:
        """Note a visit by the event of its state's entry."""
        self._entered[event_id] = visit
        self.visits.append(visit)

    def go_on(self, event_id: int, visit: Visit) -> None:
        """Note the entry of the check that a visit goes on in."""
        self._entered[event_id] = visit

    def visit_named_in(self, cause: str) -> Visit | None:
        """The visit whose entry a cause names: Step Functions says so where an evaluation failed."""
        found = _ENTERED_AT.search(cause)
        return self._entered.get(int(found[1])) if found else None

    def around(self, frames: Frames) -> Iterator[Iteration]:
        """The iterations around these frames, outermost first."""
        for depth, (container, index) in enumerate(frames):
            iteration = self.iterations.get((frames[:depth], container), {}).get(index)
            if iteration is not None:
                yield iteration
