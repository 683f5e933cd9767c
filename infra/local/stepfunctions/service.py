"""Step Functions as its clients know it: the actions of the AWS API, answered by the engine in a thread of its own.

Requests and answers have the names and shapes of the API reference, dates are datetimes as boto3 gives them. What is
answered is durable. Who is refused gets a ServiceError with the code of the API.
"""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import logging
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from infra.local.stepfunctions.engine import Engine, OnEnd, check_name
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.history import shown
from infra.local.stepfunctions.journal import Head, Journal, JournalError, MemoryJournal
from infra.local.stepfunctions.lambdas import Functions
from infra.local.stepfunctions.payloads import Payloads
from infra.local.stepfunctions.validation import check_definition, diagnostics
from infra.local.stepfunctions.waiting import SkippingLoop
from workflow_engine.aws_quotas import EXECUTIONS_PAGE

# API reference, GetExecutionHistory and ListExecutions, maxResults
PAGE_DEFAULT: Final = 100
# API reference, GetActivityTask: the service holds the connection open for 60 seconds.
ACTIVITY_POLL_SECONDS: Final = 60.0

_EXECUTION_DATA: Final = frozenset({"input", "inputDetails", "output", "outputDetails", "parameters"})

Answer = dict[str, Any]
T = TypeVar("T")

LOG = logging.getLogger(__name__)


class Actions:
    """The actions, to be awaited in the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
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
            key = self._engine.keep_definition(definition)
            created = self._engine.now()
            existing = {"definition": key, "role": roleArn, "type": type, "created": created, "updated": created}
            self._journal.put_record("machine", arn, existing)
        elif (self._journal.record("definition", existing["definition"]), existing["type"]) != (definition, type):
            raise ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
        await self._journal.durable()
        return {"stateMachineArn": arn, "creationDate": _date(existing["created"])}

    async def update_state_machine(
        self, *, stateMachineArn: str, definition: str | None = None, roleArn: str | None = None, **_options: Any
    ) -> Answer:
        record = dict(self._machine(stateMachineArn))
        if definition is not None:
            check_definition(definition, record["type"])
            record["definition"] = self._engine.keep_definition(definition)
        if roleArn is not None:
            record["role"] = roleArn
        record["updated"] = self._engine.now()
        self._journal.put_record("machine", stateMachineArn, record)
        await self._journal.durable()
        return {"updateDate": _date(record["updated"])}

    async def describe_state_machine(self, *, stateMachineArn: str, **_options: Any) -> Answer:
        record = self._machine(stateMachineArn)
        return {
            "stateMachineArn": stateMachineArn,
            "name": stateMachineArn.split(":")[6],
            "status": "ACTIVE",
            "definition": self._journal.record("definition", record["definition"]),
            "roleArn": record["role"],
            "type": record["type"],
            "creationDate": _date(record["created"]),
        }

    async def list_state_machines(self, *, maxResults: int = 0, nextToken: str | None = None) -> Answer:
        machines = [
            {
                "stateMachineArn": arn,
                "name": arn.split(":")[6],
                "type": record["type"],
                "creationDate": _date(record["created"]),
            }
            for arn, record in self._journal.records("machine").items()
        ]
        start, size = _position(nextToken), _page(maxResults)
        return _paged({"stateMachines": machines[start : start + size]}, start, size, len(machines) - start)

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
        head = self._engine.start(stateMachineArn, input, name)
        await self._journal.durable()
        return {"executionArn": head.arn, "startDate": _date(head.started)}

    async def start_sync_execution(
        self, *, stateMachineArn: str, name: str | None = None, input: str = "{}", **_options: Any
    ) -> Answer:
        if self._machine(stateMachineArn)["type"] != "EXPRESS":
            told = "This operation is not supported by this type of state machine"
            raise ServiceError("StateMachineTypeNotSupported", told)
        head = await self._engine.end_of(self._engine.start(stateMachineArn, input, name).arn)
        answer = self._described(head)
        for field in ("redriveCount", "redriveStatus", "redriveStatusReason"):
            answer.pop(field, None)
        spent = 100 * -(-int((answer["stopDate"] - answer["startDate"]).total_seconds() * 1000) // 100)
        answer["billingDetails"] = {"billedDurationInMilliseconds": max(100, spent), "billedMemoryUsedInMB": 64}
        return answer

    async def describe_execution(self, *, executionArn: str, **_options: Any) -> Answer:
        return self._described(self._engine.head(executionArn))

    def _described(self, head: Head) -> Answer:
        answer: Answer = {
            "executionArn": head.arn,
            "stateMachineArn": head.machine,
            "name": head.name,
            "status": head.status,
            "startDate": _date(head.started),
            "input": head.input,
            "inputDetails": {"included": True},
            "redriveCount": head.redrives,
        }
        if head.stopped is not None:
            answer["stopDate"] = _date(head.stopped)
        if head.redriven is not None:
            answer["redriveDate"] = _date(head.redriven)
        if head.map_run:
            answer["mapRunArn"] = head.map_run
        for name in ("output", "error", "cause"):
            if getattr(head, name) is not None:
                answer[name] = getattr(head, name)
        if head.output is not None:
            answer["outputDetails"] = {"included": True}
        reason = self._engine.why_not_redrivable(head)
        answer["redriveStatus"] = "REDRIVABLE" if reason is None else "NOT_REDRIVABLE"
        if reason is not None:
            answer["redriveStatusReason"] = reason
        return answer

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
        start, size = _position(nextToken), _page(maxResults)
        heads = self._journal.heads(stateMachineArn, statusFilter, start, size + 1, map_run=mapRunArn)
        return _paged({"executions": [_listed(head) for head in heads[:size]]}, start, size, len(heads))

    async def get_execution_history(
        self,
        *,
        executionArn: str,
        maxResults: int = 0,
        reverseOrder: bool = False,
        nextToken: str | None = None,
        includeExecutionData: bool = True,
    ) -> Answer:
        if self._engine.head(executionArn).kind == "EXPRESS":
            raise ServiceError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {executionArn}'")
        start, size = _position(nextToken), _page(maxResults)
        entries = self._journal.events(executionArn, start, size + 1, newest_first=reverseOrder)
        events = [shown(entry) for entry in entries[:size]]
        for event in events:
            event["timestamp"] = _date(event["timestamp"])
        if not includeExecutionData:
            events = [_without_data(event) for event in events]
        return _paged({"events": events}, start, size, len(entries))

    async def stop_execution(self, *, executionArn: str, error: str | None = None, cause: str | None = None) -> Answer:
        head = self._engine.stop_run(executionArn, error, cause)
        await self._journal.durable()
        return {"stopDate": _date(head.stopped or head.started)}

    async def redrive_execution(self, *, executionArn: str, **_options: Any) -> Answer:
        head = self._engine.redrive(executionArn)
        await self._journal.durable()
        return {"redriveDate": _date(head.redriven or head.started)}

    # Tasks and activities

    async def send_task_success(self, *, taskToken: str, output: str) -> Answer:
        await self._engine.answers.send_success(taskToken, output)
        return {}

    async def send_task_failure(self, *, taskToken: str, error: str | None = None, cause: str | None = None) -> Answer:
        await self._engine.answers.send_failure(taskToken, error, cause)
        return {}

    async def send_task_heartbeat(self, *, taskToken: str) -> Answer:
        await self._engine.answers.send_heartbeat(taskToken)
        return {}

    async def create_activity(self, *, name: str, **_options: Any) -> Answer:
        arn = f"{self._prefix}:activity:{check_name(name)}"
        created = (self._journal.record("activity", arn) or {}).get("created", self._engine.now())
        self._journal.put_record("activity", arn, {"created": created})
        await self._journal.durable()
        return {"activityArn": arn, "creationDate": _date(created)}

    async def describe_activity(self, *, activityArn: str) -> Answer:
        record = self._journal.record("activity", activityArn)
        if record is None:
            raise ServiceError("ActivityDoesNotExist", f"Activity Does Not Exist: '{activityArn}'")
        return {"activityArn": activityArn, "name": activityArn.split(":")[6], "creationDate": _date(record["created"])}

    async def list_activities(self, *, maxResults: int = 0, nextToken: str | None = None) -> Answer:
        found = [await self.describe_activity(activityArn=arn) for arn in self._journal.records("activity")]
        start, size = _position(nextToken), _page(maxResults)
        return _paged({"activities": found[start : start + size]}, start, size, len(found) - start)

    async def delete_activity(self, *, activityArn: str) -> Answer:
        self._engine.answers.forget_activity(activityArn)
        await self._journal.durable()
        return {}

    async def get_activity_task(self, *, activityArn: str, workerName: str | None = None) -> Answer:
        task = await self._engine.answers.next_activity_task(activityArn, workerName, ACTIVITY_POLL_SECONDS)
        return task or {}


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
        on_end: OnEnd | None = None,
        **options: Any,
    ) -> None:
        """`journal` opens the journal, in the thread of the engine; `options` are those of `Engine`."""
        self._loop = SkippingLoop() if skips_time else asyncio.new_event_loop()
        self._open = journal
        self._options = {"payloads": payloads, "on_end": on_end, **options}
        self._functions = functions
        self._actions: Actions | None = None
        self._problem: BaseException | None = None
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
        """The answer to a request. Raises ServiceError, and JournalError when nothing can be kept any more."""
        if self._problem is None:
            try:
                return asyncio.run_coroutine_threadsafe(request, self._loop).result()
            except (concurrent.futures.CancelledError, RuntimeError):
                # It has ended before it answered.
                if self._problem is None:
                    raise
        request.close()
        raise self._problem

    def wait_for_end(self, execution_arn: str) -> Head:
        """Wait until an execution has ended. Raises ServiceError (ExecutionDoesNotExist)."""
        assert self._actions is not None
        return self._wait(self._actions._engine.end_of(execution_arn))

    def close(self) -> None:
        """Let runs leave memory where they are, and end. What was answered is kept."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        journal: Journal | None = None
        try:
            journal = self._open()
            journal.on_failure = self._fail
            engine = self._loop.run_until_complete(self._begin(journal))
            self._is_ready.set()
            self._loop.run_forever()
            engine.close()
            self._loop.run_until_complete(_cancelled(asyncio.all_tasks(self._loop)))
        except BaseException as error:
            self._problem = error
        finally:
            if journal is not None:
                journal.close()
            self._loop.close()
            self._is_ready.set()

    def _fail(self, problem: JournalError) -> None:
        """Nothing can be kept any more: whoever asks is told so from here on, and nothing goes on."""
        LOG.critical("Step Functions stops: %s", problem)
        self._problem = problem
        self._loop.stop()

    async def _begin(self, journal: Journal) -> Engine:
        engine = Engine(journal, self._functions, **self._options)
        self._actions = Actions(engine)
        engine.recover()
        return engine


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    """Let what is left see that it is over."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def sqlite_in(folder: Path) -> Callable[[], Journal]:
    """Opens the journal of a data folder, for `StepFunctions(journal=...)`."""

    def open_journal() -> Journal:
        from infra.local.stepfunctions.sqlite_journal import SqliteJournal

        return SqliteJournal(folder / "stepfunctions.db")

    return open_journal


def _listed(head: Head) -> Answer:
    listed: Answer = {
        "executionArn": head.arn,
        "stateMachineArn": head.machine,
        "name": head.name,
        "status": head.status,
        "startDate": _date(head.started),
        "redriveCount": head.redrives,
    }
    if head.stopped is not None:
        listed["stopDate"] = _date(head.stopped)
    if head.map_run:
        listed["mapRunArn"] = head.map_run
    return listed


def _without_data(event: Answer) -> Answer:
    return {
        key: {name: value for name, value in details.items() if name not in _EXECUTION_DATA}
        if isinstance(details, dict)
        else details
        for key, details in event.items()
    }


def _date(moment: float) -> datetime:
    return datetime.fromtimestamp(int(moment * 1000) / 1000, UTC)


def _page(size: int) -> int:
    return min(size or PAGE_DEFAULT, EXECUTIONS_PAGE)


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'") from error


def _paged(answer: Answer, start: int, size: int, found: int) -> Answer:
    """The answer with a token for what follows, if there was more than a page."""
    if found > size:
        answer["nextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return answer
