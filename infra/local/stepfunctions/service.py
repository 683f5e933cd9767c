"""Step Functions as its clients know it: the actions of the AWS API, answered by the engine in a thread of its own.

Requests and answers have the names and shapes of the API reference, dates are datetimes as boto3 gives them. What is
answered is durable. Who is refused gets a ServiceError with the code of the API.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.history import shown
from infra.local.stepfunctions.journal import Head, Journal, JournalError, MemoryJournal
from infra.local.stepfunctions.lambdas import Functions
from infra.local.stepfunctions.limits import check_name
from infra.local.stepfunctions.news import OnEnd
from infra.local.stepfunctions.payloads import Payloads
from infra.local.stepfunctions.shapes import (
    PAGE_DEFAULT,
    Answer,
    date,
    described,
    listed,
    page_size,
    paged,
    position,
    without_data,
)
from infra.local.stepfunctions.validation import check_definition, diagnostics
from infra.local.stepfunctions.waiting import SkippingLoop

# API reference, GetActivityTask: the service holds the connection open for 60 seconds.
ACTIVITY_POLL_SECONDS: Final = 60.0

# Closing takes no longer, and requests that wait for nothing but the journal are answered in so many turns of the loop.
CLOSING_SECONDS: Final = 4.0
_TURNS_TO_ANSWER: Final = 100

T = TypeVar("T")

LOG = logging.getLogger(__name__)


class Actions:
    """The actions, to be awaited in the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._journal = engine.journal
        self._prefix = f"arn:aws:states:{engine.region}:{engine.account}"

    # Machines

    async def create_state_machine(
        self, *, name: str, definition: str, roleArn: str = "", type: str = "STANDARD", **_options: Any
    ) -> Answer:
        arn = f"{self._prefix}:stateMachine:{check_name(name)}"
        check_definition(definition, type)
        existing = self._journal.record("machine", arn)
        if existing is None:
            key = self.engine.keep_definition(definition)
            created = self.engine.now()
            existing = {"definition": key, "role": roleArn, "type": type, "created": created, "updated": created}
            self._journal.put_record("machine", arn, existing)
        elif (self._journal.record("definition", existing["definition"]), existing["type"]) != (definition, type):
            raise ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
        await self._journal.durable()
        return {"stateMachineArn": arn, "creationDate": date(existing["created"])}

    async def update_state_machine(
        self, *, stateMachineArn: str, definition: str | None = None, roleArn: str | None = None, **_options: Any
    ) -> Answer:
        record = dict(self._machine(stateMachineArn))
        if definition is not None:
            check_definition(definition, record["type"])
            record["definition"] = self.engine.keep_definition(definition)
        if roleArn is not None:
            record["role"] = roleArn
        record["updated"] = self.engine.now()
        self._journal.put_record("machine", stateMachineArn, record)
        await self._journal.durable()
        return {"updateDate": date(record["updated"])}

    async def describe_state_machine(self, *, stateMachineArn: str, **_options: Any) -> Answer:
        record = self._machine(stateMachineArn)
        return {
            "stateMachineArn": stateMachineArn,
            "name": stateMachineArn.split(":")[6],
            "status": "ACTIVE",
            "definition": self._journal.record("definition", record["definition"]),
            "roleArn": record["role"],
            "type": record["type"],
            "creationDate": date(record["created"]),
        }

    async def list_state_machines(self, *, maxResults: int = 0, nextToken: str | None = None) -> Answer:
        machines = [
            {
                "stateMachineArn": arn,
                "name": arn.split(":")[6],
                "type": record["type"],
                "creationDate": date(record["created"]),
            }
            for arn, record in self._journal.records("machine").items()
        ]
        start, size = position(nextToken), page_size(maxResults)
        return paged({"stateMachines": machines[start : start + size]}, start, size, len(machines) - start)

    async def delete_state_machine(self, *, stateMachineArn: str) -> Answer:
        """Runs that go on keep their definition, and end as they would have."""
        self._journal.put_record("machine", stateMachineArn, None)
        await self._journal.durable()
        return {}

    async def validate_state_machine_definition(
        self, *, definition: str, type: str = "STANDARD", maxResults: int = 0, **_options: Any
    ) -> Answer:
        found = diagnostics(definition, type)
        size = maxResults or PAGE_DEFAULT
        return {"result": "FAIL" if found else "OK", "diagnostics": found[:size], "truncated": len(found) > size}

    def _machine(self, arn: str) -> dict[str, Any]:
        record: dict[str, Any] | None = self._journal.record("machine", arn)
        if record is None:
            raise ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return record

    # Executions

    async def start_execution(
        self, *, stateMachineArn: str, name: str | None = None, input: str = "{}", **_options: Any
    ) -> Answer:
        head = self.engine.start(stateMachineArn, input, name)
        await self._journal.durable()
        return {"executionArn": head.arn, "startDate": date(head.started)}

    async def start_sync_execution(
        self, *, stateMachineArn: str, name: str | None = None, input: str = "{}", **_options: Any
    ) -> Answer:
        if self._machine(stateMachineArn)["type"] != "EXPRESS":
            told = "This operation is not supported by this type of state machine"
            raise ServiceError("StateMachineTypeNotSupported", told)
        head = await self.engine.end_of(self.engine.start(stateMachineArn, input, name).arn)
        answer = self._described(head)
        for field in ("redriveCount", "redriveStatus", "redriveStatusReason"):
            answer.pop(field, None)
        spent = 100 * -(-int((answer["stopDate"] - answer["startDate"]).total_seconds() * 1000) // 100)
        answer["billingDetails"] = {"billedDurationInMilliseconds": max(100, spent), "billedMemoryUsedInMB": 64}
        return answer

    async def describe_execution(self, *, executionArn: str, **_options: Any) -> Answer:
        return self._described(self.engine.head(executionArn))

    def _described(self, head: Head) -> Answer:
        return described(head, self.engine.why_not_redrivable(head))

    async def list_executions(
        self,
        *,
        stateMachineArn: str = "",
        statusFilter: str | None = None,
        maxResults: int = 0,
        nextToken: str | None = None,
        mapRunArn: str = "",
        **_options: Any,
    ) -> Answer:
        if not mapRunArn:
            self._machine(stateMachineArn)
        start, size = position(nextToken), page_size(maxResults)
        heads = self._journal.heads(stateMachineArn, statusFilter, start, size + 1, map_run=mapRunArn)
        return paged({"executions": [listed(head) for head in heads[:size]]}, start, size, len(heads))

    async def get_execution_history(
        self,
        *,
        executionArn: str,
        maxResults: int = 0,
        reverseOrder: bool = False,
        nextToken: str | None = None,
        includeExecutionData: bool = True,
    ) -> Answer:
        if self.engine.head(executionArn).kind == "EXPRESS":
            raise ServiceError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {executionArn}'")
        start, size = position(nextToken), page_size(maxResults)
        entries = self._journal.events(executionArn, start, size + 1, newest_first=reverseOrder)
        events = [shown(entry) for entry in entries[:size]]
        for event in events:
            event["timestamp"] = date(event["timestamp"])
        if not includeExecutionData:
            events = [without_data(event) for event in events]
        return paged({"events": events}, start, size, len(entries))

    async def stop_execution(self, *, executionArn: str, error: str | None = None, cause: str | None = None) -> Answer:
        head = self.engine.stop_run(executionArn, error, cause)
        await self._journal.durable()
        return {"stopDate": date(head.stopped or head.started)}

    async def redrive_execution(self, *, executionArn: str, clientToken: str | None = None) -> Answer:
        redriven = self.engine.redrive(executionArn, clientToken)
        await self._journal.durable()
        return {"redriveDate": date(redriven)}

    # Tasks and activities

    async def send_task_success(self, *, taskToken: str, output: str) -> Answer:
        await self.engine.answers.send_success(taskToken, output)
        return {}

    async def send_task_failure(self, *, taskToken: str, error: str | None = None, cause: str | None = None) -> Answer:
        await self.engine.answers.send_failure(taskToken, error, cause)
        return {}

    async def send_task_heartbeat(self, *, taskToken: str) -> Answer:
        await self.engine.answers.send_heartbeat(taskToken)
        return {}

    async def create_activity(self, *, name: str, **_options: Any) -> Answer:
        arn = f"{self._prefix}:activity:{check_name(name)}"
        created = (self._journal.record("activity", arn) or {}).get("created", self.engine.now())
        self._journal.put_record("activity", arn, {"created": created})
        await self._journal.durable()
        return {"activityArn": arn, "creationDate": date(created)}

    async def delete_activity(self, *, activityArn: str) -> Answer:
        self.engine.answers.forget_activity(activityArn)
        await self._journal.durable()
        return {}

    async def get_activity_task(self, *, activityArn: str, workerName: str | None = None) -> Answer:
        task = await self.engine.answers.next_activity_task(activityArn, workerName, ACTIVITY_POLL_SECONDS)
        return task or {}


class ClosedError(RuntimeError):
    """The engine was closed before it answered."""

    def __init__(self) -> None:
        super().__init__("This Step Functions is closed.")


class StepFunctions:
    """A client of the engine, for any thread: `client.start_execution(stateMachineArn=...)`, as boto3's.

    The engine lives as long as the client is open. Runs that a former one left go on.
    """

    def __init__(
        self,
        functions: Functions,
        *,
        journal: Callable[[], Journal] = MemoryJournal,
        payloads: Payloads | None = None,
        skips_time: bool = False,
        loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
        on_end: OnEnd | None = None,
        **options: Any,
    ) -> None:
        """`journal` opens the journal, in the thread of the engine; `loop` makes its loop; `options` are those of `Engine`."""
        self._loop = (loop or (SkippingLoop if skips_time else asyncio.new_event_loop))()
        self._open = journal
        self._options = {"payloads": payloads, "on_end": on_end, **options}
        self._functions = functions
        self._actions: Actions | None = None
        # Why nothing more is answered, once that is so.
        self._problem: BaseException | None = None
        self._lock = threading.Lock()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="step functions")
        self._thread.start()
        self._is_ready.wait()
        if self._problem is not None:
            raise self._problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, action: str) -> Callable[..., Answer]:
        method: Callable[..., Coroutine[Any, Any, Answer]] = getattr(self.__dict__["_actions"], action)

        return lambda **request: self._wait(method(**request))

    def _wait(self, request: Coroutine[Any, Any, T]) -> T:
        """The answer to a request. Raises ServiceError, JournalError when nothing can be kept any more, and ClosedError."""
        answer: concurrent.futures.Future[T] | None = None
        with self._lock:
            # What is accepted before it is seen to end is run, and so is answered or cancelled.
            if self._problem is None:
                answer = asyncio.run_coroutine_threadsafe(request, self._loop)
        try:
            if answer is not None:
                return answer.result()
        except concurrent.futures.CancelledError:
            pass
        request.close()
        assert self._problem is not None
        raise self._problem.with_traceback(None)

    @property
    def engine(self) -> Engine:
        """The engine, for what runs in its loop."""
        assert self._actions is not None
        return self._actions.engine

    def wait_for_end(self, execution_arn: str) -> Head:
        """Wait until an execution has ended. Raises ServiceError (ExecutionDoesNotExist)."""
        assert self._actions is not None
        return self._wait(self._actions.engine.end_of(execution_arn))

    def close(self) -> None:
        """Answer what was asked, as far as that takes no waiting, and let runs leave memory where they are.

        What was answered is kept. It lasts at most `CLOSING_SECONDS`, whatever functions do.
        """
        with self._lock:
            if self._problem is None:
                self._problem = ClosedError()
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSING_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._tell_unheard)
        journal: Journal | None = None
        try:
            journal = self._open()
            journal.on_failure = self._fail
            engine = self._loop.run_until_complete(self._begin(journal))
            self._is_ready.set()
            self._loop.run_forever()
            self._loop.run_until_complete(_end(engine, answers=isinstance(self._problem, ClosedError)))
        except BaseException as error:
            self._end(error)
        finally:
            if journal is not None:
                with contextlib.suppress(JournalError):  # which `_fail` has told of
                    journal.close()
            self._loop.close()
            self._is_ready.set()

    def _end(self, problem: BaseException) -> None:
        """Whoever asks is told so from here on."""
        with self._lock:
            self._problem = problem

    def _fail(self, problem: JournalError) -> None:
        """Nothing can be kept any more, so nothing goes on."""
        LOG.critical("Step Functions stops: %s", problem)
        self._end(problem)
        self._loop.stop()

    def _tell_unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What ends a task that nobody waits for; but not that nothing can be kept any more, once that is told."""
        if not isinstance(context.get("exception"), JournalError) or not isinstance(self._problem, JournalError):
            loop.default_exception_handler(context)

    async def _begin(self, journal: Journal) -> Engine:
        engine = Engine(journal, self._functions, **self._options)
        self._actions = Actions(engine)
        engine.recover()
        return engine


async def _end(engine: Engine, *, answers: bool) -> None:
    """Let requests be answered, where that may be, and then all that is left see that it is over."""
    for _ in range(_TURNS_TO_ANSWER if answers else 0):
        await asyncio.sleep(0)
    engine.close()
    # What hears of them uses what is closed after this.
    await engine.last_told(CLOSING_SECONDS / 4)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=CLOSING_SECONDS / 2)


def sqlite_in(folder: Path) -> Callable[[], Journal]:
    """Opens the journal of a data folder, for `StepFunctions(journal=...)`."""

    def open_journal() -> Journal:
        from infra.local.stepfunctions.sqlite_journal import SqliteJournal

        return SqliteJournal(folder / "stepfunctions.db")

    return open_journal
