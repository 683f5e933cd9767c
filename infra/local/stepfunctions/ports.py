"""What the parts of the engine know of what is above them: the run that a chain belongs to, and the engine of a run.

`interpreter.Run`, `engine.Engine`, `answers.Answers` and `pending.PendingTask` are what stands behind these. Where they take
what is defined on top of this module the type is left open.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from infra.local.stepfunctions.definition import Machine
from infra.local.stepfunctions.journal import Entry, Head, Journal
from infra.local.stepfunctions.jsonata import Evaluator
from infra.local.stepfunctions.lambdas import Functions
from infra.local.stepfunctions.payloads import Payloads
from infra.local.stepfunctions.waiting import Now
from infra.local.stepfunctions.workers import Workers

Denied = Callable[[str, str, str], str | None]
"""Why a machine's role may not do an action ("lambda:InvokeFunction") on what is named, a sentence; None where it may."""


StandIn = Callable[[Any, Any], Callable[[Any], Any] | None]
"""What does the work of a task's attempt in the place of its target (`calls.Attempt`, `calls.Target`, `calls.Call`); None where
the target does it itself.
"""

OnChoice = Callable[[str, str, int | None], None]
"""Told of each decision: the run's ARN, the Choice state, and the index of the rule that was taken; None of its Default."""


class PendingTask(Protocol):
    """An attempt that waits for an answer."""

    async def answered(self) -> str:
        """The output that it was answered with."""

    async def taken_by_worker(self) -> str | None:
        """Wait until a worker of its activity takes it; gives the worker's name."""

    def hand_over(self) -> None:
        """Its start is durable: the worker may have it."""


class Answers(Protocol):
    """Who waits for an answer."""

    def open_task(self, attempt: Any) -> AbstractContextManager[PendingTask]:
        """A `calls.Attempt` waits for an answer while the block lasts."""

    def has_activity(self, arn: str) -> bool:
        """Whether an activity exists."""


class Engine(Protocol):
    """The engine, as a run and its chains use it."""

    loop: asyncio.AbstractEventLoop
    journal: Journal
    functions: Functions
    denied: Denied
    on_change: Callable[[str], None]
    on_choice: OnChoice
    stand_in: StandIn
    payloads: Payloads
    now: Now
    randomness: random.Random
    evaluator: Evaluator
    workers: Workers
    helpers: Workers
    region: str

    @property
    def answers(self) -> Answers:
        """Who waits for an answer."""

    def journal_of(self, head: Head) -> Journal:
        """What keeps a run."""

    def knows(self, arn: str) -> bool:
        """Whether there has been a run of this ARN."""

    def visit(self, arn: str) -> AbstractContextManager[Run | None]:
        """A run, in memory while the block lasts; None where it has ended."""

    def has_in_memory(self, run: Any) -> bool:
        """Whether an `interpreter.Run` goes on in memory."""

    def begin(self, head: Head) -> Head:
        """Begin a run of which nothing is known yet."""

    def start_child(self, parent: Head, event: int, machine_arn: str, name: str | None, text: str) -> Head:
        """Start the child of a task, or find the one that this very event has started."""

    async def end_of(self, arn: str) -> Head:
        """Wait for the end of a run."""

    def stop_run(self, arn: str, error: str | None, cause: str | None) -> Head:
        """Abort a run."""

    def stop_children(self, head: Head, container: str = "") -> None:
        """Stop what the tasks of a run, or of a container in it, wait for."""

    def redrive_unasked(self, head: Head) -> Head:
        """Redrive the child of a Map Run."""

    def consider_parking(self, run: Any) -> None:
        """All chains of an `interpreter.Run` wait."""

    def note_end(self, run: Any) -> None:
        """An `interpreter.Run` has recorded its end."""


class Run(Protocol):
    """The run that a chain belongs to."""

    head: Head
    journal: Journal
    past: dict[str, deque[Entry]]
    active: int
    is_parked: bool
    has_children: bool
    last_redrive: int
    shared_context: dict[str, Any]

    @property
    def engine(self) -> Engine:
        """The engine that it runs in."""

    def append(
        self,
        path: str,
        event_type: str,
        data: str | None,
        fields: Mapping[str, Any],
        private: Mapping[str, Any],
        previous: int,
    ) -> Entry:
        """Write a line."""

    def waiting(self, due: float = ..., *, may_park: bool = True) -> AbstractContextManager[None]:
        """A chain does nothing itself while the block lasts."""

    async def wait_until(self, due: float) -> None:
        """Wait for a moment."""

    async def chain(self, frame: Any, machine: Machine, payload: Any) -> Any:
        """Run a `history.Frame` through a machine with an `evaluation.Payload`; gives one."""
