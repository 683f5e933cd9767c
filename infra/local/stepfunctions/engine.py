"""The engine: runs that begin, go on, wait, end, are stopped and are redriven. All of it happens in one event loop.

`service` is the door for other threads, in the shapes of the AWS API.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import math
import random
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Final

from infra.local.stepfunctions.answers import Answers
from infra.local.stepfunctions.calls import children_waited_for
from infra.local.stepfunctions.definition import Machine, read_definition
from infra.local.stepfunctions.distributed import MOST_CHILDREN_AT_ONCE
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.interpreter import Run
from infra.local.stepfunctions.journal import Entry, Head, Journal, JournalError, NoJournal
from infra.local.stepfunctions.jsonata import Evaluator
from infra.local.stepfunctions.lambdas import Functions
from infra.local.stepfunctions.limits import check_name, checked_input, in_utf8
from infra.local.stepfunctions.news import News, OnChild, OnEnd, tell_of_child
from infra.local.stepfunctions.payloads import NoPayloads, Payloads
from infra.local.stepfunctions.ports import Denied, OnChoice, StandIn
from infra.local.stepfunctions.redrive import REDRIVEN, asked_before, what_remains, why_not_redrivable
from infra.local.stepfunctions.waiting import Now, SkippingLoop, Sleepers
from infra.local.stepfunctions.workers import MOST_THREADS, Workers

LOG = logging.getLogger(__name__)

# A run that waits for longer than this leaves memory, and comes back by the way of a crash.
PARK_AFTER_SECONDS: Final = 60.0

# Threads for what is not the functions': slow expressions, items and results of a distributed Map.
HELPERS: Final = 2

# A run that is to be parked is gone after this.
_TURNS_TO_PARK: Final = 3

_CHILDREN: Final = uuid.UUID("5b2a3d0e-3f63-4d38-9f0b-6c9a54f7b2c1")


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
        on_child: OnChild | None = None,
        on_change: Callable[[str], None] = lambda _arn: None,
        denied: Denied = lambda _role, _action, _resource: None,
        stand_in: StandIn = lambda _attempt, _target: None,
        on_choice: OnChoice = lambda _arn, _state, _rule: None,
        region: str = "us-east-1",
        account: str = "123456789012",
    ) -> None:
        """`on_end` is called in a thread for each run that has ended, when that is durable: once, or again after it
        failed or the engine ended meanwhile; `on_child` for each that a task has started, at least once, if all goes
        well. `on_change` is called, in the loop, for each event of a run, with its ARN, before that is durable: who reads the
        history then reads it. `denied` is asked, in the loop, before a function is called or a child is started; without it a
        role may do everything. `stand_in` is asked, in the loop, who makes an attempt; `on_choice` is told, in the
        loop, of decisions.
        """
        self.loop = asyncio.get_running_loop()
        self.journal = journal
        self.functions = functions
        self.denied = denied
        self.stand_in = stand_in
        self.on_choice = on_choice
        self.payloads: Payloads = payloads or NoPayloads()
        # In a loop that skips time, its time is the only one.
        self.now: Now = self.loop.now if isinstance(self.loop, SkippingLoop) else now
        self.randomness = randomness or random.Random()
        self.evaluator = Evaluator(self.now, self.randomness)
        # Steps, which may take all the threads that they have, keep nobody from what is the engine's own work.
        self.workers = Workers(self.loop, threads)
        self.helpers = Workers(self.loop, HELPERS)
        self.region, self.account = region, account
        self._park_after = math.inf if isinstance(self.loop, SkippingLoop) else park_after
        self.on_change = on_change
        self._news = None if on_end is None else News(self.loop, journal, on_end)
        self._express = NoJournal()
        self._runs: dict[str, Run] = {}
        self.answers = Answers(self)
        self._ends: dict[str, list[asyncio.Future[Head]]] = {}
        self._sleepers = Sleepers(self.loop, self.now, self._wake)
        self._telling: set[asyncio.Task[None]] = set()
        self._on_child = on_child
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
        first = Entry(1, 1, head.started, 0, "", "ExecutionStarted", head.input, {"roleArn": head.role}, {})
        run = Run(self, head, self.machine_of(head), [first])
        run.journal.put_head(head)
        run.journal.append(head.arn, first)
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
            if head.status != "RUNNING":
                self._tell_later(head)
                continue
            self._tell_of_child(head)
            if head.wakes_at is not None and head.wakes_at > self.now():
                self._sleepers.add(head.arn, head.wakes_at)
            else:
                self._recover(head)
        return len(heads)

    def _recover(self, head: Head) -> None:
        try:
            self._come_back(head)
        except Exception:
            # What is wrong with one run must not keep the others from going on.
            LOG.exception("%s cannot go on", head.arn)

    def note_end(self, run: Run) -> None:
        """A run has recorded its end: keep it, and tell those who wait for it."""
        # Express executions send no event "Step Functions Execution Status Change".
        head = run.head = run.head.changed(is_told=self._news is None or run.head.kind == "EXPRESS")
        self.journal_of(head).put_head(head)
        self._runs.pop(head.arn, None)
        self._tell_later(head)

    def _tell_later(self, head: Head) -> None:
        self._keep(self._tell(head))

    def _tell_of_child(self, head: Head) -> None:
        if self._on_child is not None and head.parent and not head.map_run:
            self._keep(tell_of_child(head, self.journal_of(head), self.helpers, self._on_child))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        telling = self.loop.create_task(work)
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
        if self._news is not None and not head.is_told:
            self._news.add(head.arn)

    async def _wake_parent(self, arn: str) -> None:
        """Let the parent of a run that has ended go on, if it is parked, or about to be."""
        for _ in range(_TURNS_TO_PARK):
            await asyncio.sleep(0)
        if arn not in self._runs and not self._is_closing:
            parent = self.journal.head(arn)
            if parent is not None and parent.status == "RUNNING":
                self._come_back(parent)

    async def end_of(self, arn: str) -> Head:
        """Wait for the end of a run. Raises ServiceError (ExecutionDoesNotExist)."""
        head = self.head(arn)
        if head.status != "RUNNING":
            return head
        waiter: asyncio.Future[Head] = self.loop.create_future()
        waiters = self._ends.setdefault(arn, [])
        waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # A parent that is parked, and comes back, again and again waits anew each time.
            waiters.remove(waiter)
            if not waiters and self._ends.get(arn) is waiters:
                del self._ends[arn]
            raise

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
        return run.head

    def stop_children(self, head: Head, container: str = "") -> None:
        """Stop what the tasks of a run, or of a container in it, wait for: by its history, since a run that has only just
        come back may not know of them yet. `container` is the id of the event that began it.
        """
        entries = what_remains(self.journal_of(head).entries(head.arn), is_express=head.kind == "EXPRESS")
        for child in children_waited_for(entries, container):
            arns = [child]
            if ":mapRun:" in child:
                going_on = self.journal.heads("", "RUNNING", 0, MOST_CHILDREN_AT_ONCE, map_run=child)
                arns = [each.arn for each in going_on]
            for arn in arns:
                try:
                    self.stop_run(arn, None, None)
                except JournalError:
                    raise
                except Exception:
                    # What is wrong with one run must not keep its parent from ending.
                    LOG.exception("%s cannot be stopped", arn)

    def redrive(self, arn: str, token: str | None = None) -> float:
        """Let a run that did not succeed go on where it failed; gives when it does, seconds since the epoch.

        Asked again with a client token, it gives the answer that it gave.
        Raises ServiceError: ExecutionDoesNotExist, ExecutionNotRedrivable.
        """
        head = self.head(arn)
        if token is not None and (asked := asked_before(self.journal.entries(arn), token, self.now())) is not None:
            return asked
        reason = self.why_not_redrivable(head)
        if reason is not None:
            raise ServiceError("ExecutionNotRedrivable", reason)
        return self.redrive_unasked(head, token).redriven or 0.0

    def redrive_unasked(self, head: Head, token: str | None = None) -> Head:
        """Redrive a run that may be, or the child of a Map Run whose parent is."""
        entries = self.journal.entries(head.arn)
        head = head.changed(status="RUNNING", error=None, cause=None, stopped=None, redrives=head.redrives + 1)
        machine = self.machine_of(head)
        last = max(entry.id for entry in entries)
        private = {} if token is None else {"token": token}
        redriven = Run(self, head, machine, entries).append(
            "", REDRIVEN, None, {"redriveCount": head.redrives}, private, last
        )
        head = head.changed(redriven=redriven.moment)
        self.journal.put_head(head)
        self._go_on(Run(self, head, machine, [*entries, redriven]))
        return head

    def why_not_redrivable(self, head: Head) -> str | None:
        """Why RedriveExecution refuses a run; None where it takes it."""

        newest = functools.partial(self.journal.events, head.arn, 0, 1, newest_first=True)
        return why_not_redrivable(head, self.now(), lambda: sum(entry.id for entry in newest()))

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
        child = self.start(machine_arn, text, name, parent=parent, event=event)
        self._tell_of_child(child)
        return child

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
            and run.next_due() - self.now() > self._park_after
        )

    def _park(self, run: Run) -> None:
        if not self._may_park(run):
            return
        run.is_parked = True
        due = run.next_due()
        head = run.head.changed(wakes_at=due)
        self.journal.put_head(head)
        self._leave(run)
        self._sleepers.add(head.arn, due)

    def _leave(self, run: Run) -> None:
        """Take a run out of memory without a word in its history."""
        run.is_parked = True
        run.root.close()
        if run.task is not None:
            run.task.cancel()
        self._runs.pop(run.head.arn, None)

    def _wake(self, arn: str, due: float) -> None:
        head = self.journal.head(arn)
        # It may have come back, and gone to sleep again, for another reason in the meantime.
        if head is not None and head.status == "RUNNING" and head.wakes_at == due and arn not in self._runs:
            self._recover(head)

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

    def in_memory(self) -> list[Run]:
        """The runs that go on in memory."""
        return list(self._runs.values())

    def close(self) -> None:
        """Let all runs leave memory; the journal holds them."""
        self._is_closing = True
        self.workers.close()
        self.helpers.close()
        for run in self.in_memory():
            self._leave(run)
        self._sleepers.close()
        for telling in self._telling:
            telling.cancel()
        if self._news is not None:
            self._news.close()

    async def last_told(self, seconds: float) -> None:
        """Wait, so long at most, until those have heard who were being told of an end when this was closed."""
        if self._news is not None:
            await self._news.last_told(seconds)
