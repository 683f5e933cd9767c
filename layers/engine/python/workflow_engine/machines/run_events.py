"""What happens in a run, told as it happens: the events of its history in the words of its workflow. Pure.

Events are a function of the history alone, event by event: whoever reads the same history gets the same ones, in the same
order and under the same ids, however often the reader was restarted and wherever it had stopped. Each is named after the
event of the history that brought it: `17` is the first that event 17 brought, `17.1` the second.

A step is told as soon as the history says so. What it says only in the end is told then, before the run's own end: which steps
were skipped or aborted. So the last event of every step agrees with its result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, get_args

from workflow_engine.errors import StepOutputError
from workflow_engine.language.diagnostics import Json
from workflow_engine.machines.costs import NOTHING, Account
from workflow_engine.machines.event_words import FAILED_ATTEMPT, NEW_ATTEMPT, task_output
from workflow_engine.machines.failure_messages import FailureMessages
from workflow_engine.machines.history_text import parsed
from workflow_engine.machines.outcomes import Outcome, taken_over
from workflow_engine.machines.outlines import KnownSteps, step_in
from workflow_engine.machines.outputs import Joined, Outputs
from workflow_engine.machines.read_timeline import TimelineReader
from workflow_engine.machines.results import RunReport, failure_of_fail_state, report_of
from workflow_engine.machines.step_details import may_name_a_secret
from workflow_engine.machines.timeline import Event, Failure, Visit
from workflow_engine.machines.values_read import ValuesRead
from workflow_engine.redaction import Redactor
from workflow_engine.state_names import EACH, FAIL, LATE, OUTPUT, PARALLEL, START, SWITCH, TRY, UNTIL, WHILE
from workflow_engine.statuses import StepStatus
from workflow_engine.timestamps import iso

RunEventType = Literal[
    "run.started",
    "run.redriven",
    "run.completed",
    "run.failed",
    "run.cancelled",
    "run.timed_out",
    "step.started",
    "step.waiting",
    "step.attempt_failed",
    "step.retried",
    "step.completed",
    "step.failed",
    "step.skipped",
    "step.aborted",
    "agent.turn",
    "agent.tool_called",
    "log",
]
RUN_EVENT_TYPES: Final[tuple[RunEventType, ...]] = get_args(RunEventType)

MAX_TEXT: Final = 2_000
"""Characters of a message or an argument in an event; the results have the whole of it."""

AGENT: Final = "agent_execution"
APPROVAL: Final = "human_approval"

Position = tuple[int, int]
"""Where an event stands among those of its run: the number of the history's event, and which of those that this one brought."""

BEGINNING: Final[Position] = (0, 0)

_OWN: Final = ("", EACH)
_OPENS: Final = frozenset({START, WHILE, UNTIL, SWITCH})
_ENDS_LATER: Final = (LATE, FAIL)
_POSITION: Final = re.compile(r"(\d{1,6})(?:\.(\d{1,6}))?")


class RunEvent(NamedTuple):
    """One event. `step` is a key of results (`outer[3].inner`), None for an event of the run itself; `attempt` counts from 1."""

    position: Position
    type: RunEventType
    timestamp: str | None
    step: str | None = None
    step_id: str | None = None
    attempt: int | None = None
    details: Mapping[str, Json] = {}

    @property
    def id(self) -> str:
        return position_text(self.position)


def position_text(position: Position) -> str:
    """`17`, `17.1`."""
    number, part = position
    return f"{number}.{part}" if part else str(number)


def position_of(text: str) -> Position | None:
    """The position of an event's id; None for what is none."""
    found = _POSITION.fullmatch(text)
    return (int(found[1]), int(found[2] or 0)) if found else None


class RunEvents:
    """Reads a history, and gives what each of its events brings."""

    def __init__(
        self,
        outline: Mapping[str, Any],
        reused: Mapping[str, Outcome] = MappingProxyType({}),
        known_secrets: Iterable[str] = (),
    ) -> None:
        """`outline` is that of the version that runs (`compiler.reports.outline`), `reused` and `known_secrets` are as in
        `results.report`. Messages and arguments are told without secrets, those among them that the run had received till then.
        """
        self._outline = outline
        self._reused = reused
        self._redactor = Redactor(known_secrets)
        self._known = KnownSteps.of(outline)
        # Outputs are not looked at, and none is kept.
        self._outputs = Outputs(lambda _: "", spool_bytes=-1)
        self._reader = TimelineReader(self._known.enclosing, self._known.loops, self._outputs, self._known.checked)
        self._messages = FailureMessages(self._reader.timeline, self._known.entries, self._values_read)
        self._told: dict[str, StepStatus] = {}
        self._account, self._entered_states = Account(self._known), 0
        self._told_costs: dict[str, dict[str, float | None]] = {}
        self._open: dict[str, Visit] = {}
        self._held: dict[int, Visit] = {}
        self._failing: dict[str, Visit] = {}
        self._event: Event = {}
        self._brought: list[RunEvent] = []

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended, as far as its history was read."""
        return self._reader.timeline.status != "running"

    @property
    def redrives(self) -> int:
        """How often it was redriven, as far as its history was read."""
        return self._reader.timeline.redrive_count

    def read(self, event: Event) -> list[RunEvent]:
        """What the next event of the history brings: nothing, or one event, or several."""
        self._event, self._brought = event, []
        self._learn(event)
        kind, before = event["type"], self._reader.visit_of(event["previousEventId"])
        self._reader.read(event)
        self._note_costs()
        visit = self._reader.visit_of(event["id"])
        self._release(kind, visit)
        if kind.startswith("Execution"):
            self._run(kind)
        elif visit is not None:
            self._happened(kind, visit, before)
        return self._brought

    def _note_costs(self) -> None:
        """Note what was entered since the event before."""
        visits = self._reader.timeline.visits
        while self._entered_states < len(visits):
            self._account.add(visits[self._entered_states])
            self._entered_states += 1

    def _happened(self, kind: str, visit: Visit, before: Visit | None) -> None:
        if kind.endswith("StateEntered"):
            self._leave(before, visit)
            self._entered(visit)
        elif kind.endswith("StateExited"):
            self._exited(visit)
        elif kind.startswith("MapIteration"):
            self._iterated(kind, visit)
        elif kind in NEW_ATTEMPT or kind in ("MapStateStarted", "ParallelStateStarted"):
            self._attempted(kind, visit)
        elif FAILED_ATTEMPT.fullmatch(kind) and visit.role in _OWN and visit.failure is not None:
            if visit.in_check and visit.failure.type != StepOutputError.__name__:
                return  # a fault on the way to our own function, which is asked again
            self._tell("step.attempt_failed", visit, error=self._error(visit.failure, visit))
        elif kind == "TaskSubmitted":
            self._submitted(visit)
        elif kind == "TaskSucceeded":
            self._agent(visit)

    def _learn(self, event: Event) -> None:
        """Note the secrets in what the run and its tasks receive and give."""
        for name, told in event.items():
            if not name.endswith("EventDetails"):
                continue
            for text in (told.get("input"), told.get("parameters"), told.get("output")):
                if isinstance(text, str) and may_name_a_secret(text):
                    self._redactor.learn(parsed(text))

    # Steps

    def _entered(self, visit: Visit) -> None:
        key = self._key(visit)
        if visit.role in _OWN and visit.kind in ("Task", "Map", "Parallel", "Wait", "Fail"):
            self._start(key, visit)
            if visit.kind == "Wait":
                self._tell("step.waiting", visit, **{"for": "time"})
        elif visit.role in _OPENS and self._told.get(key) != "running":
            self._open[key] = visit
            self._start(key, visit)
        elif visit.role == FAIL:
            self._failing[key] = visit

    def _start(self, key: str, visit: Visit) -> None:
        if self._told.get(key) != "running":
            self._told[key] = "running"
            self._add("step.started", key, visit.step_id, 1 if visit.kind == "Task" else None, {})

    def _exited(self, visit: Visit) -> None:
        if not visit.left:  # it goes on in its check
            return
        failed = visit.outcome == "failed" or (visit.role in (TRY, FAIL) and visit.failure is not None)
        for key in [key for key, opened in self._open.items() if opened.is_inside(visit)]:
            if failed:
                del self._open[key]
            else:
                self._close(key)
        if self._type_of(visit) == APPROVAL and visit.role in _OWN:
            # Whether it fails, or what it comes to although nobody has decided, is up to the state that follows.
            self._held[self._event["id"]] = visit
        else:
            self._end(visit, failed=failed)

    def _end(self, visit: Visit, *, failed: bool) -> None:
        """Tell what a state comes to that was left."""
        if failed or visit.role == FAIL:
            if visit.role in (*_OWN, TRY, FAIL):
                self._ended("failed", visit, error=self._error(visit.failure, visit))
        elif visit.role in _OWN and visit.kind in ("Task", "Map", "Parallel", "Wait"):
            self._ended("completed", visit, **_duration(visit))
        elif visit.role in (EACH, LATE):
            self._ended("completed", visit)
        elif visit.role == OUTPUT:
            self._close(self._key(visit))
        elif isinstance(visit.output, Joined) and not visit.suffix:
            for step_id in (name for name, _ in visit.output.fields() if name in self._known.entries):
                key = self._known.key(step_id, visit.frames)
                self._ended_at(key, step_id, "completed", {})

    def _leave(self, before: Visit | None, visit: Visit) -> None:
        """Loops and switches around the state before, and not around this one, have ended."""
        if before is None or not self._open:
            return
        around = self._known.containers
        still = {*around.get(visit.step_id, ()), visit.step_id}
        # A Parallel is named after the first step in it, which it says nothing of.
        own = () if before.role == PARALLEL else (before.step_id,)
        for container in (*around.get(before.step_id, ()), *own):
            if container not in still:
                self._close(self._key(before, container))

    def _close(self, key: str) -> None:
        opened = self._open.pop(key, None)
        if opened is not None:
            self._ended_at(key, opened.step_id, "completed", {})

    def _iterated(self, kind: str, visit: Visit) -> None:
        index = self._event[f"m{kind[1:]}EventDetails"]["index"]
        frames = (*visit.frames, (visit.step_id, index))
        if kind == "MapIterationSucceeded":
            for key in [k for k, opened in self._open.items() if opened.frames[: len(frames)] == frames]:
                self._close(key)
            key = self._known.key(visit.step_id, frames)
            if self._known.entries.get(visit.step_id, {}).get("each"):
                self._ended_at(key, visit.step_id, "completed" if key in self._told else "skipped", {})

    def _attempted(self, kind: str, visit: Visit) -> None:
        if visit.role in (*_OWN, TRY) and visit.attempts > 1 and not visit.in_check:
            self._told[self._key(visit)] = "running"
            error = {"error": self._error(visit.failure, visit)} if visit.failure is not None else {}
            self._tell("step.retried", visit, **error)
        if kind == "ActivityScheduled" and visit.role in _OWN:
            self._tell("step.waiting", visit, **{"for": "worker"})

    def _submitted(self, visit: Visit) -> None:
        resource = str((self._event.get("taskSubmittedEventDetails") or {}).get("resource"))
        if resource.endswith(".waitForTaskToken"):
            self._tell("step.waiting", visit, **{"for": "decision" if self._type_of(visit) == APPROVAL else "answer"})
        elif resource.endswith((".sync", ".sync:2")):
            self._tell("step.waiting", visit, **{"for": "run"})

    def _release(self, kind: str, visit: Visit | None) -> None:
        """Tell what was held until the event after it."""
        held = self._held.pop(self._event["previousEventId"], None)
        if held is None and kind.startswith("Execution"):
            for late in self._held.values():
                self._end(late, failed=late.outcome == "failed")
            self._held.clear()
        if held is None:
            return
        goes_on = kind.endswith("StateEntered") and visit is not None and visit.step_id == held.step_id
        if not (goes_on and visit is not None and visit.role in _ENDS_LATER):
            self._end(held, failed=held.outcome == "failed")

    def _ended(self, status: StepStatus, visit: Visit, **details: Json) -> None:
        self._ended_at(self._key(visit), visit.step_id, status, details)

    def _ended_at(self, key: str, step_id: str, status: StepStatus, details: Mapping[str, Json]) -> None:
        if self._told.get(key) != status:
            self._told[key] = status
            self._add(f"step.{status}", key, step_id, None, details)  # type: ignore[arg-type]  # of an end

    # Agents

    def _agent(self, visit: Visit) -> None:
        """Turns and tool calls, which the output of an agent tells in the end."""
        if self._type_of(visit) != AGENT:
            return
        output = task_output(self._event.get("taskSucceededEventDetails") or {})
        if not isinstance(output, dict):
            return
        calls = [call for call in _listed(output.get("tool_calls_trace")) if isinstance(call, dict)]
        turns = sorted({call["iteration"] for call in calls if isinstance(call.get("iteration"), int)})
        for turn in turns:
            self._tell("agent.turn", visit, turn=turn)
            for call in calls:
                if call.get("iteration") == turn:
                    self._tell("agent.tool_called", visit, turn=turn, **self._redactor.value(_tool_call(call)))
        last = {name: output[name] for name in ("finish_reason", "usage", "model") if name in output}
        self._tell("agent.turn", visit, turn=turns[-1] + 1 if turns else 1, **last)

    # The run

    def _run(self, kind: str) -> None:
        line = self._reader.timeline
        if kind == "ExecutionStarted":
            self._add("run.started", None, None, None, {})
            self._tell_reused()
        elif kind == "ExecutionRedriven":
            self._add("run.redriven", None, None, None, {"redrive_count": line.redrive_count})
        elif self.has_ended:
            report = report_of(line, self._outline, self._known, self._outputs, self._reused)
            self._settle(report)
            error = {} if report.error is None else {"error": self._cut(report.error)}
            costs = self._last_costs(report)
            self._add(f"run.{line.status}", None, None, None, {**error, **costs})  # type: ignore[arg-type]  # of an end

    def _last_costs(self, report: RunReport) -> dict[str, Json]:
        """What the run has cost, and of its steps those of which that was not told, or has become more since."""
        owns = ((key, spent.as_dict()) for key, spent in self._account.owns().items() if key is not None)
        steps: dict[str, Json] = {key: {**cost} for key, cost in owns if cost != self._told_costs.get(key)}
        return {"cost_usd": report.spent.as_dict(), **({"step_costs_usd": steps} if steps else {})}

    def _tell_reused(self) -> None:
        """The steps that an earlier run has done, and their parts."""
        for step in self._outline["steps"]:
            if "reused" in step:
                for key, outcome in taken_over(step["id"], step["reused"], self._reused).items():
                    self._ended_at(key, step_in(key), outcome.status, {"reused": True})

    def _settle(self, report: RunReport) -> None:
        """Tell how each step ended of which that was not told, or something else was."""
        self._open.clear()
        steps = report.steps
        for key, outcome in zip(steps.keys, steps.outcomes, strict=True):
            if outcome.status in ("pending", "running"):
                continue
            error: dict[str, Json] = {}
            if outcome.failure is not None:
                message = steps.messages.message(outcome.failure, outcome.timed)
                error = {"error": self._cut({"type": outcome.failure.type, "message": message})}
            self._ended_at(key, step_in(key), outcome.status, error)

    # Words

    def _tell(self, type_: RunEventType, visit: Visit, **details: Json) -> None:
        self._add(type_, self._key(visit), visit.step_id, visit.attempts or None, details)

    def _add(
        self,
        type_: RunEventType,
        key: str | None,
        step_id: str | None,
        attempt: int | None,
        details: Mapping[str, Json],
    ) -> None:
        position = (self._event["id"], len(self._brought))
        moment = iso(self._event.get("timestamp"))
        if key is not None and type_.startswith("step."):
            details = {**details, **self._cost(key)}
        self._brought.append(RunEvent(position, type_, moment, key, step_id, attempt, details))

    def _cost(self, key: str) -> dict[str, Json]:
        """What a step itself has cost so far, where that has become more since it was told."""
        spent = self._account.own(key)
        cost = spent.as_dict()
        if spent == NOTHING or cost == self._told_costs.get(key):
            return {}
        self._told_costs[key] = cost
        return {"cost_usd": {**cost}}

    def _key(self, visit: Visit, step_id: str | None = None) -> str:
        """The key of a visit's step, or of a container around it: without the turn of the loop that it is."""
        return self._known.key_around(step_id or visit.step_id, visit.frames)

    def _type_of(self, visit: Visit) -> str | None:
        found = self._known.entries.get(visit.step_id)
        return None if found is None else found.get("type")

    def _error(self, failure: Failure | None, visit: Visit) -> dict[str, Json]:
        failing = self._failing.get(self._key(visit))
        if failure is None and failing is not None:
            own = visit.step_id in self._known.loops
            failure = failure_of_fail_state(failing, looped=own, late=self._type_of(visit) == APPROVAL)
        if failure is None:
            return {"type": "States.TaskFailed", "message": None}
        return self._cut({"type": failure.type, "message": self._messages.message(failure, visit)})

    def _cut(self, error: Mapping[str, Json]) -> dict[str, Json]:
        message = error.get("message")
        return {**error, "message": self._redactor.text(message)[:MAX_TEXT] if isinstance(message, str) else message}

    def _values_read(self) -> ValuesRead:
        return ValuesRead(self._known.entries, self._known.enclosing, lambda *_: None, self._outputs, None)


def _duration(visit: Visit) -> dict[str, Json]:
    if visit.entered_at is None or visit.left_at is None:
        return {}
    return {"duration_ms": max(0, round((visit.left_at - visit.entered_at).total_seconds() * 1000))}


def _listed(value: Any) -> Iterator[Any]:
    return iter(value if isinstance(value, list) else ())


def _tool_call(call: Mapping[str, Any]) -> dict[str, Json]:
    told = {name: call.get(name) for name in ("tool", "is_error", "duration_ms")}
    return {**told, "arguments": call.get("arguments")}
