"""The engine: runs that begin, go on, wait, end, are stopped and are redriven. All of it happens in one event loop.

`service` is the door for other threads, in the shapes of the AWS API.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import logging
import math
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from infra.local.stepfunctions.answers import Answers
from infra.local.stepfunctions.calls import children_waited_for
from infra.local.stepfunctions.definition import Machine, read_definition
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.interpreter import Run
from infra.local.stepfunctions.journal import Head, Journal, NoJournal
from infra.local.stepfunctions.jsonata import Evaluator
from infra.local.stepfunctions.lambdas import Functions
from infra.local.stepfunctions.limits import in_utf8, parsed, utf8_size
from infra.local.stepfunctions.payloads import NoPayloads, Payloads
from infra.local.stepfunctions.ports import Denied
from infra.local.stepfunctions.redrive import REDRIVEN
from infra.local.stepfunctions.waiting import Now, SkippingLoop, sleep_until
from infra.local.stepfunctions.workers import MOST_THREADS, Workers
from workflow_engine.aws_quotas import EXECUTION_NAME_LENGTH, HISTORY_EVENTS, PAYLOAD_BYTES

LOG = logging.getLogger(__name__)

# A run that waits for longer than this leaves memory, and comes back by the way of a crash.
PARK_AFTER_SECONDS: Final = 60.0

# AWS page "Restarting state machine executions with redrive": within 14 days of the end.
REDRIVABLE_SECONDS: Final = 14 * 24 * 3600

# A run that is to be parked is gone after this.
_TURNS_TO_PARK: Final = 3

_CHILDREN: Final = uuid.UUID("5b2a3d0e-3f63-4d38-9f0b-6c9a54f7b2c1")
# API reference, CreateStateMachine, `name`.
_NAME: Final = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]+""")

OnEnd = Callable[[Head], None]


class Engine:
    """Runs state machines. To be made, and used, inside the event loop whose time its runs are on."""

    def __init__(
        self,
        journal: Journal,
        functions: Functions,
        *,
        payloads: Payloads | None = None,
        now: Now = time.time,
        randomness: random.Random | None = None,
        threads: int = MOST_THREADS,
        park_after: float = PARK_AFTER_SECONDS,
        on_end: OnEnd | None = None,
        denied: Denied = lambda _role, _action, _resource: None,
        region: str = "us-east-1",
        account: str = "123456789012",
    ) -> None:
        """`on_end` is called in a thread for each run that has ended, when that is durable: once, or again after it
        failed or the engine ended meanwhile. `denied` is asked, in the loop, before a function is called or a child is
        started; without it a role may do everything.
        """
        self.loop = asyncio.get_running_loop()
        self.journal = journal
        self.functions = functions
        self.denied = denied
        self.payloads: Payloads = payloads or NoPayloads()
        # In a loop that skips time, its time is the only one.
        self.now: Now = self.loop.now if isinstance(self.loop, SkippingLoop) else now
        self.randomness = randomness or random.Random()
        self.evaluator = Evaluator(self.now, self.randomness)
        self.workers = Workers(self.loop, threads)
        self.region, self.account = region, account
        self._park_after = math.inf if isinstance(self.loop, SkippingLoop) else park_after
        self._on_end = on_end
        self._express = NoJournal()
        self._runs: dict[str, Run] = {}
        self.answers = Answers(self)
        self._ends: dict[str, list[asyncio.Future[Head]]] = {}
        self._sleepers: list[tuple[float, str]] = []
        self._waker: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._is_closing = False

    # Runs

    def journal_of(self, head: Head) -> Journal:
        """What keeps a run: Express executions have no history."""
        return self._express if head.kind == "EXPRESS" and not head.map_run else self.journal

    def head(self, arn: str) -> Head:
        """What is known of a run. Raises ServiceError (ExecutionDoesNotExist)."""
        run = self._runs.get(arn)
        found = run.head if run is not None else self.journal.head(arn) or self._express.head(arn)
        if found is None:
            raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return found

    def start(
        self, machine_arn: str, text: str, name: str | None = None, *, parent: Head | None = None, event: int = 0
    ) -> Head:
        """Begin a run with an input of JSON text; it is durable when the journal is.

        Raises ServiceError: StateMachineDoesNotExist, InvalidName, InvalidExecutionInput, ValidationException,
        ExecutionAlreadyExists for a name that was taken with another input or by a run that has ended.
        """
        record = self.journal.record("machine", machine_arn)
        if record is None:
            raise ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine_arn}'")
        text = checked_input(text)
        name = check_name(name or str(uuid.uuid4()))
        kind = record["type"]
        machine_name = machine_arn.split(":")[6]
        end = f"{name}:{uuid.uuid4()}" if kind == "EXPRESS" else name
        arn = f"arn:aws:states:{self.region}:{self.account}:{'express' if kind == 'EXPRESS' else 'execution'}:{machine_name}:{end}"
        existing = self.journal.head(arn)
        if existing is not None:
            if existing.status == "RUNNING" and existing.input == text:
                return existing
            raise ServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        head = Head(
            arn=arn,
            machine=machine_arn,
            definition=record["definition"],
            input=text,
            started=self.now(),
            name=name,
            role=record["role"],
            kind=kind,
            parent=parent.arn if parent else "",
            event=event,
        )
        return self.begin(head)

    def begin(self, head: Head) -> Head:
        """Begin a run of which nothing is known yet."""
        self.journal_of(head).put_head(head)
        run = Run(self, head, self.machine_of(head), [])
        run.append("", "ExecutionStarted", head.input, {"roleArn": head.role}, {}, 0)
        self._go_on(run)
        return head

    def machine_of(self, head: Head) -> Machine:
        """The states that a run goes through."""
        machine = read_definition(self.journal.record("definition", head.definition))
        if not head.fragment:
            return machine
        return next(state for state in machine.every_state() if state.name == head.fragment).branches[0]

    def keep_definition(self, text: str) -> str:
        """Keep a definition, once; gives its key."""
        key = hashlib.sha256(text.encode()).hexdigest()
        if self.journal.record("definition", key) is None:
            self.journal.put_record("definition", key, text)
        return key

    def _go_on(self, run: Run) -> None:
        self._runs[run.head.arn] = run
        run.task = self.loop.create_task(run.execute(), name=run.head.arn)

    def _come_back(self, head: Head) -> Run:
        """Let a run that is not in memory go on from what the journal holds of it."""
        if head.wakes_at is not None:
            head = head.changed(wakes_at=None)
            self.journal.put_head(head)
        run = Run(self, head, self.machine_of(head), self.journal.entries(head.arn))
        self._go_on(run)
        return run

    def recover(self) -> int:
        """Let all runs go on that had not ended when the last engine did; gives how many.

        Parked ones stay parked, and who has not been told of an end is told.
        """
        heads = self.journal.unfinished()
        for head in heads:
            try:
                self._recover(head)
            except Exception:
                # What is wrong with one run must not keep the others from going on.
                LOG.exception("%s cannot go on", head.arn)
        return len(heads)

    def _recover(self, head: Head) -> None:
        if head.status != "RUNNING":
            self._tell_later(head)
        elif head.wakes_at is not None and head.wakes_at > self.now():
            self._sleep(head)
        else:
            self._come_back(head)

    def note_end(self, run: Run) -> None:
        """A run has recorded its end: keep it, and tell those who wait for it."""
        # Express executions send no event "Step Functions Execution Status Change".
        head = run.head = run.head.changed(is_told=self._on_end is None or run.head.kind == "EXPRESS")
        self.journal_of(head).put_head(head)
        self._runs.pop(head.arn, None)
        self._tell_later(head)

    def _tell_later(self, head: Head) -> None:
        telling = self.loop.create_task(self._tell(head))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _tell(self, head: Head) -> None:
        await self.journal_of(head).durable()
        for waiter in self._ends.pop(head.arn, ()):
            if not waiter.done():
                waiter.set_result(head)
        if head.parent:
            await self._wake_parent(head.parent)
        self._express.forget([head.arn])
        if self._on_end is not None and not head.is_told:
            try:
                await self.workers.call(self._on_end, head)
            except Exception:
                # Told again when the next engine begins, as a queue would.
                LOG.exception("A callback for the end of %s failed", head.arn)
            else:
                self._note_told(head)

    async def _wake_parent(self, arn: str) -> None:
        """Let the parent of a run that has ended go on, if it is parked, or about to be."""
        for _ in range(_TURNS_TO_PARK):
            await asyncio.sleep(0)
        if arn not in self._runs and not self._is_closing:
            parent = self.journal.head(arn)
            if parent is not None and parent.status == "RUNNING":
                self._come_back(parent)

    def _note_told(self, told: Head) -> None:
        head = self.head(told.arn)
        # A redrive may have begun meanwhile, whose end is another piece of news.
        if head.redrives == told.redrives:
            self.journal_of(head).put_head(head.changed(is_told=True))

    async def end_of(self, arn: str) -> Head:
        """Wait for the end of a run. Raises ServiceError (ExecutionDoesNotExist)."""
        head = self.head(arn)
        if head.status != "RUNNING":
            return head
        waiter: asyncio.Future[Head] = self.loop.create_future()
        self._ends.setdefault(arn, []).append(waiter)
        return await waiter

    def stop_run(self, arn: str, error: str | None, cause: str | None) -> Head:
        """Abort a run; one that has ended stays as it is. Raises ServiceError (ExecutionDoesNotExist)."""
        head = self.head(arn)
        if head.status != "RUNNING":
            return head
        run = self._runs.get(arn) or self._come_back(head)
        error, cause = error and in_utf8(error), cause and in_utf8(cause)
        # Recorded on AWS: the event of a stopped run is chained to nothing.
        run.end("ABORTED", "ExecutionAborted", 0, error=error, cause=cause)
        if run.task is not None:
            run.task.cancel()
        # A run that has only just come back does not know of them yet.
        for child in children_waited_for(self.journal.entries(arn)):
            self.stop_run(child, None, None)
        return run.head

    def redrive(self, arn: str) -> Head:
        """Let a run that did not succeed go on where it failed.

        Raises ServiceError: ExecutionDoesNotExist, ExecutionNotRedrivable.
        """
        head = self.head(arn)
        reason = self.why_not_redrivable(head)
        if reason is not None:
            raise ServiceError("ExecutionNotRedrivable", reason)
        return self.redrive_unasked(head)

    def redrive_unasked(self, head: Head) -> Head:
        """Redrive a run that may be, or the child of a Map Run whose parent is."""
        entries = self.journal.entries(head.arn)
        head = head.changed(
            status="RUNNING", error=None, cause=None, stopped=None, redrives=head.redrives + 1, redriven=self.now()
        )
        machine = self.machine_of(head)
        last = max(entry.id for entry in entries)
        redriven = Run(self, head, machine, entries).append(
            "", REDRIVEN, None, {"redriveCount": head.redrives}, {}, last
        )
        self.journal.put_head(head)
        self._go_on(Run(self, head, machine, [*entries, redriven]))
        return head

    def why_not_redrivable(self, head: Head) -> str | None:
        """Why RedriveExecution refuses a run, in AWS's words; None where it takes it."""
        if head.kind == "EXPRESS":
            return "Execution is EXPRESS and cannot be redriven"
        if head.status in ("RUNNING", "SUCCEEDED"):
            return f"Execution is {head.status} and cannot be redriven"
        if head.map_run:
            return "Execution is a child of a Map Run and is redriven with its parent"
        if head.stopped is not None and self.now() - head.stopped > REDRIVABLE_SECONDS:
            return "Execution redrivable period exceeded"
        entries = self.journal.events(head.arn, 0, 1, newest_first=True)
        if entries and entries[0].id >= HISTORY_EVENTS - 1:
            return "Execution history event limit exceeded"
        return None

    def start_child(self, parent: Head, event: int, machine_arn: str, name: str | None, text: str) -> Head:
        """Start the child of a task, or find the one that this very event has started.

        Raises ServiceError: what `start` raises, AWSStepFunctionsException where the parent's role may not start it.
        """
        name = name or str(uuid.uuid5(_CHILDREN, f"{parent.arn} {event}"))
        if len(machine_arn.split(":")) == 7:
            arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
            existing = self.journal.head(arn)
            if existing is not None and (existing.parent, existing.event) == (parent.arn, event):
                return existing
        refusal = self.denied(parent.role, "states:StartExecution", machine_arn)
        if refusal is not None:
            raise ServiceError("AWSStepFunctionsException", refusal)
        return self.start(machine_arn, text, name, parent=parent, event=event)

    # Waiting for long

    def consider_parking(self, run: Run) -> None:
        """All chains of a run wait: let it leave memory, if that is for long."""
        if self._may_park(run):
            self.loop.call_soon(self._park, run)

    def _may_park(self, run: Run) -> bool:
        return (
            not run.active
            and not run.visitors
            and run.head.kind == "STANDARD"
            and self.has_in_memory(run)
            and min(run.dues.values()) - self.now() > self._park_after
        )

    def _park(self, run: Run) -> None:
        if not self._may_park(run):
            return
        run.is_parked = True
        dues = [*run.dues.values(), run.deadline() or math.inf]
        head = run.head.changed(wakes_at=min(dues))
        self.journal.put_head(head)
        self._leave(run)
        self._sleep(head)

    def _leave(self, run: Run) -> None:
        """Take a run out of memory without a word in its history."""
        run.is_parked = True
        run.root.close()
        if run.task is not None:
            run.task.cancel()
        self._runs.pop(run.head.arn, None)

    def _sleep(self, head: Head) -> None:
        if head.wakes_at is None or head.wakes_at == math.inf:
            return
        is_first = not self._sleepers or head.wakes_at < self._sleepers[0][0]
        heapq.heappush(self._sleepers, (head.wakes_at, head.arn))
        if is_first:
            if self._waker is not None:
                self._waker.cancel()
            self._waker = self.loop.create_task(self._wake_sleepers())

    async def _wake_sleepers(self) -> None:
        while self._sleepers:
            await sleep_until(self._sleepers[0][0], self.now)
            due, arn = heapq.heappop(self._sleepers)
            head = self.journal.head(arn)
            # It may have come back, and gone to sleep again, for another reason in the meantime.
            if head is not None and head.status == "RUNNING" and head.wakes_at == due and arn not in self._runs:
                self._come_back(head)

    def knows(self, arn: str) -> bool:
        """Whether there has been a run of this ARN."""
        return arn in self._runs or self.journal.head(arn) is not None

    def has_in_memory(self, run: Run) -> bool:
        """Whether a run goes on in memory."""
        return self._runs.get(run.head.arn) is run

    @contextmanager
    def visit(self, arn: str) -> Iterator[Run | None]:
        """A run, in memory while the block lasts; None where it has ended."""
        run = self._runs.get(arn)
        if run is None:
            head = self.journal.head(arn)
            run = self._come_back(head) if head is not None and head.status == "RUNNING" else None
        if run is None:
            yield None
            return
        run.visitors += 1
        try:
            yield run
        finally:
            run.visitors -= 1
            if not run.active:
                self.consider_parking(run)

    def close(self) -> None:
        """Let all runs leave memory; the journal holds them."""
        self._is_closing = True
        for run in list(self._runs.values()):
            self._leave(run)
        for waiting in (self._waker, *self._telling):
            if waiting is not None:
                waiting.cancel()


def check_name(name: str) -> str:
    """A name for a machine or an execution. Raises ServiceError (InvalidName)."""
    if len(name) > EXECUTION_NAME_LENGTH or _NAME.fullmatch(name) is None or name != in_utf8(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
    return name


def checked_input(text: str) -> str:
    """The input of an execution. Raises ServiceError (ValidationException, InvalidExecutionInput) for what is refused."""
    if utf8_size(text) > PAYLOAD_BYTES:
        rule = f"Member must have length less than or equal to {PAYLOAD_BYTES}"
        message = f"1 validation error detected: Value at 'input' failed to satisfy constraint: {rule}"
        raise ServiceError("ValidationException", message)
    try:
        parsed(text)
    except (ValueError, RecursionError) as error:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
    return in_utf8(text)
