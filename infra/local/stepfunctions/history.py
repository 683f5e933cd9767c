"""A run's history as its chains of states write it, and as they read it back.

Each chain of states (the machine, a branch, an iteration) has a path of its own, so what it recorded can be read back in
order, however the chains were interleaved. A chain that is read back asks before it acts: `taken` gives the entry that
is there, `record` writes the one that is not.
"""

from __future__ import annotations

import asyncio
import functools
import re
import sys
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from infra.local.stepfunctions.failures import HistoryLimitError, StateError, decorated
from infra.local.stepfunctions.journal import Entry
from infra.local.stepfunctions.limits import Variables
from workflow_engine.aws_quotas import HISTORY_EVENTS

if TYPE_CHECKING:
    from infra.local.stepfunctions.definition import State
    from infra.local.stepfunctions.ports import Run

LAST_EVENTS: Final = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"})

# Events after which the next one still names their predecessor (recorded).
UNCHAINED: Final = frozenset(
    {
        "ExecutionStarted",
        "ParallelStateSucceeded",
        "MapStateSucceeded",
        "MapIterationSucceeded",
        "MapIterationFailed",
        "MapIterationAborted",
        "TaskStateAborted",
        "WaitStateAborted",
        "ParallelStateAborted",
        "MapStateAborted",
    }
)

# The states that AWS reports as aborted; the others take no time.
_ABORTABLE: Final = frozenset({"Task", "Wait", "Parallel", "Map"})

# Notes of the engine, which no reader of a history sees.
WAIT: Final = "_Wait"
RETRY: Final = "_Retry"
CONTAINER_FAILED: Final = "_Failed"
ANSWER: Final = "_Answer"
REPEATED: Final = "_Repeated"
QUEUED: Final = "_Queued"


# What says, in the past of a chain, what goes on in it.
_WHAT_IT_DOES: Final = re.compile(
    f"{CONTAINER_FAILED}$|MapIteration(Started|Succeeded|Failed|Aborted)$|State(Entered|Started|Exited|Aborted)$"
)


class NotTheSameMachineError(RuntimeError):
    """A history tells of another machine than the one that reads it."""


class Frame:
    """One chain of states while it runs: where it is, what it knows, and its part of the history."""

    __slots__ = (
        "_is_closed",
        "before",
        "chain",
        "children",
        "entered",
        "iteration",
        "map_item",
        "past",
        "path",
        "run",
        "state",
        "variables",
    )

    def __init__(self, run: Run, path: str, *, chain: int, variables: Variables, map_item: Any = None) -> None:
        self.run = run
        self.path = path
        self.past: deque[Entry] | None = run.past.pop(path, None)
        self.chain = chain
        # The event before the state was entered, and the one by which it was.
        self.before = chain
        self.entered = 0
        self.state: State | None = None
        self.iteration: dict[str, Any] | None = None
        self.map_item = map_item
        self.variables = variables
        self.children: list[Frame] = []
        self._is_closed = False

    def taken(self, *types: str) -> Entry | None:
        """The next entry of the past, if it is of one of these types."""
        if not self.past or self.past[0].type not in types:
            return None
        entry = self.past.popleft()
        if entry.id and entry.type not in UNCHAINED:
            self.chain = entry.id
        return entry

    def record(
        self,
        event_type: str,
        data: str | None = None,
        fields: Mapping[str, Any] | None = None,
        private: Mapping[str, Any] | None = None,
        *,
        previous: int | None = None,
    ) -> Entry:
        """Write an event, or a note, after what this chain wrote last (or `previous`)."""
        if self._is_closed:
            # Another chain has ended this one; whoever still works for it stops here.
            raise asyncio.CancelledError
        if self.past:
            raise NotTheSameMachineError(f"The history goes on with {self.past[0].type}, the run with {event_type}.")
        entry = self.run.append(
            self.path, event_type, data, fields or {}, private or {}, self.chain if previous is None else previous
        )
        if entry.id and event_type not in UNCHAINED:
            self.chain = entry.id
        return entry

    def once(
        self,
        event_type: str,
        data: str | None = None,
        fields: Mapping[str, Any] | None = None,
        private: Mapping[str, Any] | None = None,
    ) -> Entry:
        """The entry of this type that the past goes on with, else a new one."""
        return self.taken(event_type) or self.record(event_type, data, fields, private)

    def skip_to_exit(self) -> Entry | None:
        """The exit of the state that was just entered, with all before it left out; None where the past has none."""
        if not self.past:
            return None
        for index, entry in enumerate(self.past):
            if entry.type.endswith("StateExited"):
                for _ in range(index + 1):
                    self.past.popleft()
                self.chain = entry.id
                return entry
        return None

    def evaluation_failed(self, error: str, cause: str, location: str | None) -> StateError:
        """Record that an expression of the current state could not be evaluated; gives the failure to raise."""
        state = self.state
        assert state is not None
        told = decorated(state.name, self.entered, cause)
        fields = {"cause": told, "error": error, "state": state.name}
        if location is not None:
            fields["location"] = location
        # AWS chains it to what came before the state when nothing else has happened in it yet (recorded).
        is_first = location != "Timestamp" and self.chain == self.entered
        self.record("EvaluationFailed", None, fields, previous=self.before if is_first else None)
        return StateError(error, told, is_recorded=True)

    def past_evaluation_failure(self) -> StateError | None:
        """The failure of an evaluation that the past goes on with."""
        entry = self.taken("EvaluationFailed")
        return None if entry is None else StateError(entry.fields["error"], entry.fields["cause"], is_recorded=True)

    def abort(self, previous: int) -> None:
        """Record that what goes on in this chain was aborted, outer things first, and let nothing follow."""
        if self._is_closed:
            return
        kind, containers = self._catch_up()
        if self.iteration is not None:
            self.record("MapIterationAborted", None, self.iteration, previous=previous)
            self.iteration = None
        if kind in _ABORTABLE:
            self.record(f"{kind}StateAborted", previous=previous)
        for child in [*self.children, *self.told_of(containers)]:
            child.abort(previous)
        self.close()

    def _catch_up(self) -> tuple[str, set[str]]:
        """Leave the past behind. Gives the kind of the state that this chain is in and the containers that go on in it.

        A server that goes on with a run may come to the failure of a chain before it has come to what others beside it had
        begun, or finished.
        """
        kind = "" if self.state is None else self.state.kind
        containers = {container_of(child.path) for child in self.children}
        for entry in self.past or ():
            told = _WHAT_IT_DOES.search(entry.type)
            done = "" if told is None else told[0]
            if not done:
                continue
            if done == "MapIterationStarted":
                self.iteration = dict(entry.fields)
            elif done.startswith("MapIteration"):
                self.iteration = None
            elif done == "StateEntered":
                kind = entry.type.removesuffix(done)
            elif done == "StateStarted":
                containers.add(str(entry.id))
            else:
                containers = set()
                kind = kind if done == CONTAINER_FAILED else ""
        self.past = None
        return kind, containers

    def told_of(self, containers: Collection[str]) -> list[Frame]:
        """Chains of these containers that the past tells of, and that nobody has come to yet."""
        paths = [path for path in self.run.past if container_of(path) in containers]
        return [Frame(self.run, path, chain=0, variables=self.variables) for path in paths]

    @property
    def is_closed(self) -> bool:
        """Whether another chain has ended this one."""
        return self._is_closed

    def close(self) -> None:
        """Let nothing follow in this chain or those inside it."""
        self._is_closed = True
        for child in self.children:
            child.close()

    def newest(self) -> int:
        """The last event of this chain and those inside it."""
        return max((self.chain, *(child.newest() for child in self.children)))


def container_of(path: str) -> str:
    """The container that a chain is in: the id of the event that started it."""
    return path.partition(".")[0]


class Numbers:
    """Counts the lines and events of a run, and holds it to the quota on events."""

    __slots__ = ("event", "limit", "position")

    def __init__(self, entries: Iterable[Entry], *, is_limited: bool) -> None:
        self.position = self.event = 0
        self.limit = HISTORY_EVENTS if is_limited else sys.maxsize
        for entry in entries:
            self.position = max(self.position, entry.position)
            self.event = max(self.event, entry.id)

    def next(self, event_type: str) -> tuple[int, int]:
        """Position and id of the next line. Raises HistoryLimitError where only the end of the run may still follow."""
        if not event_type.startswith("_"):
            if self.event + 1 >= self.limit and event_type not in LAST_EVENTS:
                raise HistoryLimitError
            self.event += 1
        self.position += 1
        return self.position, 0 if event_type.startswith("_") else self.event


def by_path(entries: Iterable[Entry]) -> dict[str, deque[Entry]]:
    """The lines of each chain, in order."""
    paths: dict[str, deque[Entry]] = {}
    for entry in entries:
        if entry.path:
            paths.setdefault(entry.path, deque()).append(entry)
    return paths


# Which of an event's details its `data` is.
_DATA: Final = {
    "ExecutionStarted": "input",
    "ActivityScheduled": "input",
    "LambdaFunctionScheduled": "input",
    "TaskScheduled": "parameters",
}
_WITHOUT_DETAILS: Final = frozenset(
    {
        "ParallelStateStarted",
        "ParallelStateSucceeded",
        "ParallelStateFailed",
        "MapStateSucceeded",
        "MapStateFailed",
        "LambdaFunctionStarted",
        "MapRunSucceeded",
    }
)


def shown(entry: Entry) -> dict[str, Any]:
    """An event as GetExecutionHistory gives it. `timestamp` is in seconds since the epoch, to the millisecond."""
    event: dict[str, Any] = {
        "timestamp": int(entry.moment * 1000) / 1000,
        "type": entry.type,
        "id": entry.id,
        "previousEventId": entry.previous,
    }
    where, name = _names_in(entry.type)
    if where is None:
        return event
    details = dict(entry.fields)
    if entry.data is not None:
        details[name] = entry.data
        if name != "parameters":
            details[f"{name}Details"] = {"truncated": False}
    if "assignedVariables" in details:
        details["assignedVariablesDetails"] = {"truncated": False}
    event[where] = details
    return event


@functools.cache
def _names_in(event_type: str) -> tuple[str | None, str]:
    """Under which name an event of a type has its details, if it has any, and under which they have its data."""
    if event_type in _WITHOUT_DETAILS or event_type.endswith("StateAborted"):
        return None, ""
    name = "input" if event_type.endswith("StateEntered") else _DATA.get(event_type, "output")
    kind = event_type
    for ending in ("StateEntered", "StateExited"):
        if kind.endswith(ending):
            kind = ending
    return f"{kind[0].lower()}{kind[1:]}EventDetails", name
