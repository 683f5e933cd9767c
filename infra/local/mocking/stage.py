"""A mocked run: who stands in for its tasks, and what was called.

A reply stands where a call leaves the process. For most steps that is the task; of a step of `step_http` it is the request, of an
agent the answer of its model and the call of a tool, while their functions run as they are.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field, replace
from typing import Any, Final

from infra.local.mocking.mocks import Book, ExhaustedError, ExpressionError, Facts
from infra.local.mocking.model import Mock, Place, Reply
from infra.local.mocking.tasks import Task
from infra.local.mocking.virtual_time import VirtualLoop
from infra.local.stepfunctions.calls import Attempt, Call, HeartbeatMissedError, Target, TaskError, invoke_result
from infra.local.stepfunctions.jsonata import Evaluator, JsonataError
from infra.local.stepfunctions.lambdas import Invocation
from infra.local.stepfunctions.limits import json_text
from workflow_engine.lazy_dataclass import dataclass

_OF_THE_STEP: Final = frozenset({"output", "output_from", "expression", "decision", "real"})
_OF_THE_REQUEST: Final = frozenset({"status"})


@dataclass(slots=True)
class Called:
    """One call that was counted. `value` is what it was called with; times are seconds after the run's start."""

    step_id: str
    address: str
    facts: Facts
    value: Any
    at: float
    ended: float | None = None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a case fails whatever its flow made of it: a sentence, and the line that it is about."""

    told: str
    place: Place | None = None
    is_fatal: bool = True


class MockError(Exception):
    """A mock cannot answer, which is not the flow's doing: the problem is noted, and fails the case. The class's name is the
    error that the flow sees.
    """


class UnmockedStepError(MockError):
    """What has effects outside was called, and nobody stands in for it."""


@dataclass(slots=True)
class Stage:
    """What stands around one run. Used in the engine's loop and in the threads of its functions."""

    book: Book
    loops: frozenset[str] = frozenset()
    tolerated: frozenset[str] = frozenset()
    secrets: Mapping[str, str] = field(default_factory=dict)
    unmocked: str = "fail"
    schema_of: Callable[[str], Any] = lambda _step_type: None
    decide: Callable[[Task, Reply], None] = lambda _task, _reply: None
    world_of: Callable[[Stage, Task, asyncio.AbstractEventLoop], Any] = lambda _stage, _task, _loop: None
    elapsed: Callable[[], float] = lambda: 0.0
    calls: list[Called] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    most_at_once: Counter[str] = field(default_factory=Counter)
    replaced: set[str] = field(default_factory=set)
    """Places whose output is a mock's, which is held to its schema here."""
    hanging: dict[asyncio.Future[None], Attempt] = field(default_factory=dict)
    """The attempts that nobody answers."""
    _under_way: Counter[str] = field(default_factory=Counter)
    _children: Counter[str] = field(default_factory=Counter)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # What is counted

    def begin(self, task: Task, value: Any, facts: Facts, *addresses: str) -> Called:
        """A call begins."""
        called = Called(task.step_id, addresses[0] if addresses else task.step_id, facts, value, self.elapsed())
        with self._lock:
            self.calls.append(called)
            for name in {called.step_id, called.address}:
                self._under_way[name] += 1
                self.most_at_once[name] = max(self.most_at_once[name], self._under_way[name])
        return called

    def end(self, called: Called) -> None:
        """A call has ended, in whatever way."""
        with self._lock:
            called.ended = self.elapsed()
            for name in {called.step_id, called.address}:
                self._under_way[name] -= 1

    def note(self, told: str, place: Place | None = None, *, is_fatal: bool = True) -> None:
        """Keep a problem, once."""
        problem = Problem(told, place, is_fatal)
        with self._lock:
            if problem not in self.problems:
                self.problems.append(problem)

    def take(self, mock: Mock, facts: Facts) -> Reply:
        """The reply to a call. Raises MockError."""
        try:
            return self.book.take(mock, facts)
        except ExhaustedError as error:
            self.note(str(error), mock.place)
            raise MockError(str(error)) from None
        except ExpressionError as error:
            raise self.wrong(error.reply, str(error)) from None

    def peek(self, mock: Mock, facts: Facts) -> Reply | None:
        """The reply that a call would get; None at the end of a list. Raises MockError."""
        try:
            return self.book.peek(mock, facts)
        except ExpressionError as error:
            raise self.wrong(error.reply, str(error)) from None

    def wrong(self, reply: Reply, told: str) -> MockError:
        """The failure of a reply that cannot be given."""
        self.note(told, reply.place)
        return MockError(told)

    def missing(self, what: str, paste: str, value: Any, *, is_tolerated: bool = False) -> MockError:
        """The failure of a call with effects outside that nobody stands in for."""
        told = (
            f"{what} has effects outside and no mock; it was called with {_short(value)}. Add to 'mocks':\n    {paste}"
        )
        self.note(told, is_fatal=not is_tolerated)
        return UnmockedStepError(f"{what} has no mock.")

    def value_of(self, reply: Reply, facts: Facts) -> Any:
        """What an `output`, `output_from` or `expression` gives. Raises MockError."""
        if reply.kind != "expression":
            return reply.value
        try:
            return self.book.evaluate(reply.value, facts.as_document())
        except ValueError as error:
            raise self.wrong(reply, f"'expression' cannot be evaluated: {error}") from None

    def checked(self, reply: Reply, output: Any, schema: Any) -> Any:
        """An output whose fields fit the schema of its step, those that it has. Raises MockError."""
        if schema:
            from infra.local.mocking.outputs import misfit_of

            if told := misfit_of(output, schema):
                raise self.wrong(reply, f"The mock does not fit the output_schema of its step: {told}")
        return output

    # Tasks

    def call_of(self, attempt: Attempt, target: Target) -> Call | None:
        """Who makes an attempt; None where its target does."""
        task = Task.of(attempt, target, self.loops)
        task = replace(task, is_tolerated=task.step_id in self.tolerated)
        if task.kind == "child":
            self._children[task.place] += 1
            task = replace(task, facts=replace(task.facts, attempt=self._children[task.place]))
        if task.kind == "check":
            return self._check if task.place in self.replaced else None
        if task.kind == "plain" and self.book.mock(task.addresses) is None:
            return self._in_this_world(task, target)
        return lambda attempt: self._answered(task, attempt, target)

    def _in_this_world(self, task: Task, target: Target, done: asyncio.Event | None = None) -> Call:
        """Run one of our own functions as it is, on the clock and with the servers of this run. `done` is set when it has returned,
        which what waits for a token outlasts.
        """

        async def call(attempt: Attempt) -> str:
            engine = attempt.frame.run.engine
            world = self.world_of(self, task, engine.loop)

            def invoke(function: str, event: str) -> Invocation:
                answer: Invocation = world.around(engine.functions.invoke, function, event)
                if done is not None:
                    engine.loop.call_soon_threadsafe(done.set)
                return answer

            attempt.invoke = invoke
            try:
                return await target.call(attempt)
            finally:
                world.close()

        return call

    async def _check(self, attempt: Attempt) -> str:
        """The check of a step's output that a mock gave: held to its schema already, as far as it is there."""
        attempt.start()
        event = attempt.parameters["Payload"]
        return invoke_result(Invocation("mocked", event["input_data"]["output"]))

    async def _answered(self, task: Task, attempt: Attempt, target: Target) -> str:
        try:
            mock = self.book.mock(task.addresses)
            reply = None if mock is None else self.peek(mock, task.facts)
            if self._runs_its_function(task, mock, reply):
                return await self._in_this_world(task, target)(attempt)
            if mock is None:
                return await self._unmocked(task, attempt, target)
            return await self._replaced(task, mock, attempt, target)
        except MockError as error:
            attempt.start()
            raise _failure(task, type(error).__name__, str(error)) from None

    def _runs_its_function(self, task: Task, mock: Mock | None, reply: Reply | None) -> bool:
        """Whether what is replaced lies within the step's function."""
        if mock is None:
            return task.kind in ("http", "tool")
        if reply is None:
            return False
        if task.kind == "http":
            return reply.kind in _OF_THE_REQUEST
        return task.kind == "agent" and reply.kind not in _OF_THE_STEP

    async def _unmocked(self, task: Task, attempt: Attempt, target: Target) -> str:
        if task.kind == "child":
            return await target.call(attempt)  # its own steps are mocked or not
        if self.unmocked == "real":
            return await self._really(task, task.facts, None, attempt, target)
        raise self.missing(f"Step '{task.place}'", task.paste, task.value, is_tolerated=task.is_tolerated)

    async def _really(self, task: Task, facts: Facts, reply: Reply | None, attempt: Attempt, target: Target) -> str:
        called = self.begin(task, task.value, facts)
        called.reply = reply
        loop = attempt.frame.run.engine.loop
        passing: Callable[[], AbstractContextManager[None]] = (
            loop.real if isinstance(loop, VirtualLoop) else nullcontext
        )
        invoke = attempt.frame.run.engine.functions.invoke

        def real(function: str, event: str) -> Invocation:
            with passing():
                return invoke(function, event)

        attempt.invoke = real
        try:
            return await target.call(attempt)
        finally:
            self.end(called)

    async def _replaced(self, task: Task, mock: Mock, attempt: Attempt, target: Target) -> str:
        facts = task.facts
        reply = self.take(mock, facts)
        if reply.kind == "real":
            return await self._really(task, facts, reply, attempt, target)
        if task.kind == "approval" and reply.kind in ("decision", "hang"):
            return await self._decided(task, mock, reply, attempt, target)
        called = self.begin(task, task.value, facts, mock.address)
        called.reply = reply
        try:
            attempt.start()
            await attempt.frame.run.journal.durable()
            await asyncio.sleep(0)  # those that begin at the same moment are under way at once
            if reply.kind == "hang":
                await self.hang(attempt)
            if reply.after:
                await asyncio.sleep(reply.after)
            return self._result(task, reply, facts)
        finally:
            self.end(called)

    def _result(self, task: Task, reply: Reply, facts: Facts) -> str:
        if reply.kind == "error":
            if "retry_after" in reply.more:
                raise self.wrong(
                    reply,
                    "'retry_after' is what a model or a server asks for; this is the failure of a step. Leave it out.",
                )
            raise _failure(task, reply.value, reply.more.get("message", ""))
        if reply.kind not in ("output", "output_from", "expression"):
            raise self.wrong(
                reply, f"'{reply.kind}' is no answer to step '{task.step_id}' of type '{task.step_type}'.{task.advice}"
            )
        output = self.value_of(reply, facts)
        if task.kind == "child":
            if not isinstance(output, dict):
                raise self.wrong(reply, "The output of a workflow is an object.")
            return task.child_result(output)
        output = self.checked(reply, output, task.output_schema or self.schema_of(task.step_type))
        self.replaced.add(task.place)
        return (
            json_text(output) if task.kind in ("activity", "approval") else invoke_result(Invocation("mocked", output))
        )

    async def _decided(self, task: Task, mock: Mock, reply: Reply, attempt: Attempt, target: Target) -> str:
        """Let a step ask, and somebody decide after a while."""
        engine = attempt.frame.run.engine
        called = self.begin(task, task.value, task.facts, mock.address)
        called.reply = reply
        deciding: asyncio.Task[None] | None = None
        asked = asyncio.Event()
        has_begun = False

        async def decide() -> None:
            nonlocal has_begun
            await asked.wait()
            await asyncio.sleep(reply.after)
            has_begun = True
            try:
                await engine.helpers.call(self.decide, task, reply)
            except Exception as error:
                self.note(f"The decision about '{task.place}' is refused: {error}", reply.place)

        asking = self._in_this_world(task, target, asked)
        waits: asyncio.Future[None] = engine.loop.create_future()
        try:
            if reply.kind == "decision":
                deciding = asyncio.ensure_future(decide())
            else:
                self.hanging[waits] = attempt
            return await asking(attempt)
        finally:
            self.hanging.pop(waits, None)
            if deciding is not None and not has_begun:
                deciding.cancel()
            self.end(called)

    async def hang(self, attempt: Attempt) -> None:
        """Never answer, nor send a heartbeat. Raises HeartbeatMissedError where one was asked for."""
        seconds = attempt.scheduled.fields.get("heartbeatInSeconds")
        if seconds is not None:
            await asyncio.sleep(seconds)
            raise HeartbeatMissedError
        waits: asyncio.Future[None] = attempt.frame.run.engine.loop.create_future()
        self.hanging[waits] = attempt
        try:
            await waits
        finally:
            del self.hanging[waits]


def _failure(task: Task, error: str, message: str) -> TaskError:
    """A failed attempt, as what is called tells it."""
    if task.kind in ("activity", "approval", "child"):
        return TaskError(error, message)
    return TaskError(error, json_text({"errorMessage": message, "errorType": error}))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else text[:199] + "…"


def evaluate_with(evaluator: Evaluator) -> Callable[[str, Any], Any]:
    """`mocks.Evaluate` on the clock and the randomness of an engine."""

    def evaluate(source: str, document: Any) -> Any:
        try:
            return evaluator.evaluate_on(source, document)
        except JsonataError as error:
            raise ValueError(str(error)) from error

    return evaluate
