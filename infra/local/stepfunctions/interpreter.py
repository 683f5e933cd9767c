"""One run: chains of states, each state entered, done and left, with what the history already holds taken from it."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from infra.local.stepfunctions.attempts import attempt_until_done
from infra.local.stepfunctions.calls import begins_child
from infra.local.stepfunctions.definition import Machine, State
from infra.local.stepfunctions.evaluation import Leaving, Payload, Scope, evaluated, evaluated_as, leave, wrong_value
from infra.local.stepfunctions.failures import (
    RUNTIME,
    TIMEOUT,
    HistoryLimitError,
    StateError,
    decorated,
    given,
)
from infra.local.stepfunctions.history import WAIT, Frame, NotTheSameMachineError, Numbers, by_path
from infra.local.stepfunctions.journal import Entry, Head, JournalError
from infra.local.stepfunctions.limits import Variables, parsed
from infra.local.stepfunctions.redrive import REDRIVEN, what_remains
from infra.local.stepfunctions.waiting import (
    DelayTooLongError,
    WrongWaitError,
    moment_to_wait_for,
    seconds_to_wait,
    sleep_until,
    timestamp_text,
)
from workflow_engine.aws_quotas import EXPRESS_SECONDS

if TYPE_CHECKING:
    from infra.local.stepfunctions.ports import Engine

LOG = logging.getLogger(__name__)

# A chain that waits for nothing lets others run after so many states.
_STATES_IN_A_TURN: Final = 32

_UNREAD: Final = object()


class Run:
    """One execution while it is in memory."""

    def __init__(self, engine: Engine, head: Head, machine: Machine, entries: list[Entry]) -> None:
        """`entries` is what the journal holds of the run."""
        self.engine = engine
        self.head = head
        self.machine = machine
        self.journal = engine.journal_of(head)
        self.numbers = Numbers(entries, is_limited=head.kind == "STANDARD")
        self.past = by_path(what_remains(entries, is_express=head.kind == "EXPRESS"))
        self.has_children = any(begins_child(entry) for entry in entries)
        self.last_redrive = max((entry.id for entry in entries if entry.type == REDRIVEN), default=0)
        self.input = Payload(parsed(head.input), head.input)
        self.root = Frame(self, "/", chain=0, variables=Variables())
        self.task: asyncio.Task[None] | None = None
        self.shared_context = self._context()
        # How many chains do something just now, and until when the others wait.
        self.active = 1
        self.dues: dict[object, float] = {}
        # Those who need it in memory although it waits.
        self.visitors = 0
        self.is_parked = False

    def _context(self) -> dict[str, Any]:
        head = self.head
        execution = {
            "Id": head.arn,
            "Input": self.input.value,
            "Name": head.name,
            "RoleArn": head.role,
            "StartTime": timestamp_text(head.started),
        }
        if head.kind == "STANDARD":
            execution["RedriveCount"] = head.redrives
            if head.redriven is not None:
                execution["RedriveTime"] = timestamp_text(head.redriven)
        machine = {"Id": head.machine, "Name": head.machine.split(":")[6]}
        return {"Execution": execution, "StateMachine": machine}

    def append(
        self,
        path: str,
        event_type: str,
        data: str | None,
        fields: Mapping[str, Any],
        private: Mapping[str, Any],
        previous: int,
    ) -> Entry:
        """Write a line of this run. Raises HistoryLimitError."""
        position, event_id = self.numbers.next(event_type)
        entry = Entry(position, event_id, self.engine.now(), previous, path, event_type, data, fields, private)
        self.journal.append(self.head.arn, entry)
        self.has_children = self.has_children or begins_child(entry)
        if event_id:
            self.engine.on_change(self.head.arn)
        return entry

    @contextmanager
    def waiting(self, due: float = math.inf, *, may_park: bool = True) -> Iterator[None]:
        """A chain does nothing itself while the block lasts, at the latest until `due`.

        A run of which all chains wait for long is parked, unless one of them may not be.
        """
        key = object()
        self.dues[key] = due if may_park else -math.inf
        self.active -= 1
        if not self.active:
            self.engine.consider_parking(self)
        try:
            yield
        finally:
            del self.dues[key]
            self.active += 1

    def next_due(self) -> float:
        """When a run of which all chains wait has something to do, seconds since the epoch: at the latest when its own time
        is over. Infinity where only somebody else can make it go on.
        """
        return min([*self.dues.values(), self.deadline() or math.inf])

    async def wait_until(self, due: float) -> None:
        """Wait for a moment, seconds since the epoch."""
        if due > self.engine.now():
            with self.waiting(due):
                await sleep_until(due, self.engine.now)

    async def execute(self) -> None:
        """Run to the end, and record it. Whatever goes wrong, the run has an end."""
        end: dict[str, Any]
        try:
            deadline = self.deadline()
            async with asyncio.timeout(None if deadline is None else max(0.0, deadline - self.engine.now())):
                output = await self.chain(self.root, self.machine, self.input)
            status, event, end = "SUCCEEDED", "ExecutionSucceeded", {"output": output.text}
        except StateError as failure:
            status, event, end = "FAILED", "ExecutionFailed", failure.details()
        except TimeoutError:
            status, event, end = "TIMED_OUT", "ExecutionTimedOut", {}
        except HistoryLimitError:
            cause = f"The execution reached the maximum number of history events ({self.numbers.limit})."
            status, event, end = "FAILED", "ExecutionFailed", {"error": RUNTIME, "cause": cause}
        except JournalError:
            # Nothing can be recorded any more, an end neither; the engine stops, and says why.
            return
        except Exception as error:
            LOG.exception("The interpreter failed in %s", self.head.arn)
            cause = f"{type(error).__name__}: {error}"
            status, event, end = "FAILED", "ExecutionFailed", {"error": RUNTIME, "cause": cause}
        self.end(status, event, 0 if status == "TIMED_OUT" else self.root.chain, **end)

    def end(
        self,
        status: str,
        event: str,
        previous: int,
        *,
        output: str | None = None,
        error: str | None = None,
        cause: str | None = None,
    ) -> None:
        """Record how the run ends: its last event and its head, together. Nothing follows."""
        self.root.close()
        if self.has_children and status != "SUCCEEDED":
            # First, so that none of them is left behind where all is over in between.
            self.engine.stop_children(self.head)
        # API reference, ExecutionFailedEventDetails: an error has at most 256 characters, a cause 32,768.
        error, cause = error and error[:256], cause and cause[:32768]
        # That the run's own time was over is told by its last event alone.
        fields = given(error=TIMEOUT if status == "TIMED_OUT" else error, cause=cause)
        last = self.append("", event, output, fields, {}, previous)
        self.head = self.head.changed(
            status=status, output=output, error=error, cause=cause, stopped=last.moment, wakes_at=None
        )
        self.engine.note_end(self)

    def deadline(self) -> float | None:
        """When the run's own time is over, seconds since the epoch. A redrive begins it anew."""
        seconds = self.machine.timeout_seconds if not self.head.fragment else None
        if self.head.kind == "EXPRESS":
            seconds = min(seconds or EXPRESS_SECONDS, EXPRESS_SECONDS)
        return None if seconds is None else (self.head.redriven or self.head.started) + seconds

    async def chain(self, frame: Frame, machine: Machine, payload: Payload) -> Payload:
        """Run the states of a machine, a branch or an iteration from the first to an end. Raises StateError."""
        name: str | None = machine.start
        states = 0
        while name is not None:
            name, payload = await _run_state(frame, machine.states[name], payload)
            states += 1
            if states % _STATES_IN_A_TURN == 0:
                await asyncio.sleep(0)
        return Payload(json.loads(payload.text), payload.text) if payload.value is _UNREAD else payload


async def _run_state(frame: Frame, state: State, payload: Payload) -> tuple[str | None, Payload]:
    """Enter a state, do it and leave it; gives the next state's name (None at an end) and the output."""
    frame.before = frame.chain
    entered = frame.taken(f"{state.kind}StateEntered")
    if entered is None:
        entered = frame.record(f"{state.kind}StateEntered", payload.text, {"name": state.name})
    elif entered.fields["name"] != state.name:
        raise NotTheSameMachineError(f"The history is in {entered.fields['name']}, the run in {state.name}.")
    frame.state, frame.entered = state, entered.id
    past = frame.skip_to_exit()
    if past is not None:
        return _left_before(frame, past)
    if payload.value is _UNREAD or entered.data != payload.text:
        text = entered.data or "null"
        payload = Payload(json.loads(text), text)
    context = {
        **frame.run.shared_context,
        "State": {"EnteredTime": timestamp_text(entered.moment), "Name": state.name},
    }
    if frame.map_item is not None:
        context["Map"] = {"Item": frame.map_item}
    scope = Scope({"input": payload.value, "context": context}, frame.variables, payload)
    leaving = await _BEHAVIOURS[state.kind](frame, state, scope)
    fields: dict[str, Any] = {"name": state.name}
    if leaving.texts:
        fields["assignedVariables"] = leaving.texts
        frame.variables.assign(leaving.values, leaving.texts)
    frame.record(f"{state.kind}StateExited", leaving.output.text, fields, {"next": leaving.next})
    frame.state = None
    return leaving.next, leaving.output


def _left_before(frame: Frame, past: Entry) -> tuple[str | None, Payload]:
    """Leave a state as the history says that it was left."""
    texts = past.fields.get("assignedVariables", {})
    if texts:
        frame.variables.assign({name: json.loads(text) for name, text in texts.items()}, dict(texts))
    frame.state = None
    return past.private["next"], Payload(_UNREAD, past.data or "null")


async def _pass_on(frame: Frame, state: State, scope: Scope) -> Leaving:
    """Pass and Succeed: nothing but a way out."""
    return await leave(frame, state, scope, state.exit, scope.input)


async def _choose(frame: Frame, state: State, scope: Scope) -> Leaving:
    """Choice: the first rule whose condition holds, else the default with what the state itself assigns and gives."""
    for index, rule in enumerate(state.rules):
        assert rule.condition is not None
        if await evaluated_as(frame, rule.condition, scope, "Condition", "boolean"):
            frame.run.engine.on_choice(frame.run.head.arn, state.name, index)
            return await leave(frame, state, scope, rule, scope.input)
    if state.default is None:
        # Measured on AWS, in the place of the States.NoChoiceMatched that the documentation has for it.
        cause = "Failed to transition out of the state. The state does not point to a next state."
        raise StateError(RUNTIME, decorated(state.name, frame.entered, cause))
    frame.run.engine.on_choice(frame.run.head.arn, state.name, None)
    return await leave(frame, state, scope, state.default, scope.input)


async def _wait(frame: Frame, state: State, scope: Scope) -> Leaving:
    """Wait: until a moment that is evaluated once, and then kept."""
    note = frame.taken(WAIT)
    if note is None:
        note = frame.record(WAIT, private={"due": await _due(frame, state, scope)})
    await frame.run.wait_until(note.private["due"])
    return await leave(frame, state, scope, state.exit, scope.input)


async def _due(frame: Frame, state: State, scope: Scope) -> float:
    now = frame.run.engine.now()
    try:
        if state.seconds is not None:
            return now + seconds_to_wait(await evaluated(frame, state.seconds, scope))
        assert state.timestamp is not None
        return moment_to_wait_for(await evaluated(frame, state.timestamp, scope), now)
    except WrongWaitError as error:
        raise wrong_value(frame, str(error), "Timestamp" if state.seconds is None else "Seconds") from None
    except DelayTooLongError as error:
        raise StateError(RUNTIME, decorated(state.name, frame.entered, str(error))) from None


async def _fail(frame: Frame, state: State, scope: Scope) -> Leaving:
    """Fail: with an error and a cause, if it names them."""
    error = cause = None
    if state.error is not None:
        error = await evaluated_as(frame, state.error, scope, "Error", "string")
    if state.cause is not None:
        cause = await evaluated_as(frame, state.cause, scope, "Cause", "string")
    raise StateError(error, cause)


_BEHAVIOURS: Final[Mapping[str, Callable[[Frame, State, Scope], Awaitable[Leaving]]]] = {
    "Pass": _pass_on,
    "Succeed": _pass_on,
    "Choice": _choose,
    "Wait": _wait,
    "Fail": _fail,
    "Task": attempt_until_done,
    "Parallel": attempt_until_done,
    "Map": attempt_until_done,
}
