"""The cloud on this machine: the embedded engine is its Step Functions, a table in SQLite its DynamoDB, files are its S3; the
functions of the catalogue are called in this process.

No account, no credentials and no network are used, and nothing of AWS's SDK is loaded.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote

from infra.catalog import FUNCTIONS
from infra.function import Function
from infra.local.data import DataFolder
from infra.local.ended_runs import Ends, queued_event
from infra.local.extras import told_by_extra
from infra.local.gateway import (
    ACCOUNT,
    ARN_OF_FUNCTIONS,
    REGION,
    Gateway,
    HttpRequest,
    context_of,
    function_arn,
    load_handler,
)
from infra.local.lambda_context import request_id
from infra.local.run_changes import Changes
from infra.local.steps import Found, StepHandler, StepsDirectory, StepsDirectoryError, registered_handlers, unavailable
from workflow_engine.errors import MisconfiguredError
from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.subflows import is_subflow
from workflow_engine.usecases.engine import Engine, Laptop, use_laptop

if TYPE_CHECKING:
    from infra.local.mocking.desk import Desk
    from infra.local.process_lock import ProcessLock
    from infra.local.stepfunctions.calls import Attempt, Call, Target
    from infra.local.stepfunctions.journal import Head
    from infra.local.stepfunctions.lambdas import CalledIn, LambdaFunctions
    from infra.local.stepfunctions.service import StepFunctions
    from infra.local.streams import Streams
    from workflow_engine.store.logs import LogLine
    from workflow_engine.store.logs.files import FileLogs
    from workflow_engine.store.payloads import ObjectStore

LOG = logging.getLogger(__name__)

NAME: Final = "workflow-local"
IDLE_DAYS: Final = 30
OPENAPI_FILE: Final = Path(__file__).parents[1] / "openapi.json"

PAUSES_BETWEEN_RECORDINGS: Final = (0.1, 1.0, 5.0, 15.0)
"""Seconds before the end of a run is recorded again that could not be, as a queue would deliver it again."""

FIRST_HOUSEKEEPING_SECONDS: Final = 60.0

_one_at_a_time: Final = threading.Lock()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalCloud:
    """The whole system on this machine, for as long as the context lasts; one at a time in a process.

    `gateway` answers HTTP requests as the deployed API would. `found` is what the folder of steps holds, None without one. Each
    start is a cold start: functions are imported afresh.
    """

    def __init__(
        self,
        *,
        steps_directory: Path | None = None,
        data: DataFolder | None = None,
        skips_time: bool = False,
        now: Callable[[], datetime] | None = None,
        machine_options: Mapping[str, Any] | None = None,
    ) -> None:
        """`steps_directory` is what `--steps` gives (`infra.local.steps`). Without `data` nothing outlasts the context. With
        `skips_time` nothing waits: when all that could happen is that time passes, it has passed. `now` is the clock of all but the
        machines, and `machine_options` are further ones of `stepfunctions.service.StepFunctions`.
        """
        self.gateway = Gateway(FUNCTIONS, self._object, self._open_streams)
        self._steps = None if steps_directory is None else StepsDirectory(steps_directory.resolve())
        self.found: Found | None = None
        self._data = data
        self._lock: ProcessLock | None = None
        self._skips_time = skips_time
        self._now = now or _utc_now
        self._machine_options = dict(machine_options or {})
        self._desk: Desk | None = None
        self._functions: LambdaFunctions | None = None
        self._called_in: CalledIn | None = None
        self._step_functions: StepFunctions | None = None
        self._starting = threading.Lock()
        self._ends = Ends()
        self._changes = Changes()
        self._streams: Streams | None = None
        self._closing = threading.Event()
        self._objects: ObjectStore | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("Another local cloud is open in this process; functions are modules of the process.")
        with contextlib.ExitStack() as opening:
            opening.callback(_one_at_a_time.release)
            self._start(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_waiting()
        self._open.close()

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request through the gateway; gives the status and the JSON answer, None when it has no body. Follows 303."""
        headers = (("content-type", "application/json"), ("host", "localhost"))
        content = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        response = self.gateway.handle(HttpRequest(method, unquote(path), query, headers, content))
        if response.status == HTTPStatus.SEE_OTHER:
            return self.call("GET", response.headers["location"])
        return response.status, json.loads(response.body) if response.body else None

    def wait_for_an_end(self, seconds: float) -> bool:
        """Wait until some run has ended and was recorded since the last call. False when `seconds` passed without one."""
        return self._ends.wait_for_any(seconds)

    def stop_waiting(self) -> None:
        """Let requests that wait for the end of a run be answered now, and everything that happens now and then cease."""
        self._closing.set()
        self._ends.close()
        self._changes.close()
        if self._streams is not None:
            self._streams.close()

    def lost_folder(self) -> str | None:
        """Says so when the data folder has been removed or replaced, so that nothing is kept any more."""
        if self._data is None or self._lock is None or self._lock.is_in_place():
            return None
        return (
            f"The data folder '{self._data.path}' was removed or replaced under the server. It has stopped, since nothing that it "
            "does would be kept."
        )

    def _open_streams(self) -> Streams:
        """What holds the streams of events that are open."""
        with self._starting:
            if self._streams is None:
                from infra.local.streams import Streams

                self._streams = Streams(self._changes)
            return self._streams

    def step_functions(self) -> StepFunctions:
        """Step Functions, started when first asked for. Runs that an earlier process left go on then."""
        with self._starting:
            if self._step_functions is None:
                self._step_functions = self._open.enter_context(self._started())
            return self._step_functions

    def keep_house(self) -> None:
        """From now on call the functions that a schedule calls in the cloud, for as long as this lasts; first soon, since a server
        on a laptop may never last as long as the pause of a schedule.
        """
        for function in FUNCTIONS:
            if function.schedule_minutes is not None:
                name = f"schedule of {function.name}"
                threading.Thread(target=self._repeat, args=(function,), daemon=True, name=name).start()

    # Opening

    def _start(self, opening: contextlib.ExitStack) -> None:
        if self._data is not None:
            self._lock = opening.enter_context(self._data.held())
        opening.enter_context(_environment(_settings()))
        opening.enter_context(_fresh_functions())
        self._open = opening
        self._set_up(opening)
        if self._steps is not None:
            # At the end, so that a file of the folder cannot take the place of a module of anybody else.
            sys.path.append(str(self._steps.path))
            opening.callback(sys.path.remove, str(self._steps.path))
            opening.callback(self._steps.forget)
            self._register_all(self._steps)
        if self._data is not None:
            self._load_registered()
            if self._data.mocks.is_dir():
                self.desk()
            self.step_functions()

    def _set_up(self, opening: contextlib.ExitStack) -> None:
        """What stands behind the ports."""
        from infra.local.capture import capturing
        from infra.local.machines import EmbeddedMachines
        from infra.local.table_stream import TableStream, tell_functions
        from workflow_engine.store.aggregates.stream import streamed
        from workflow_engine.store.logs.files import FileLogs
        from workflow_engine.store.payloads.files import FileObjects
        from workflow_engine.store.payloads.memory import MemoryObjects
        from workflow_engine.store.tables.sqlite import SqliteTable
        from workflow_engine.store.vectors.sqlite import SqliteVectors

        table = SqliteTable(self._data.table if self._data else None, streamed=streamed)
        opening.callback(table.close)
        self._objects = FileObjects(self._data.objects) if self._data else MemoryObjects()
        vectors = SqliteVectors(self._data.vectors if self._data else None)
        opening.callback(vectors.close)
        logs = FileLogs(self._data.logs if self._data else None)
        opening.callback(logs.close)
        self._called_in = opening.enter_context(capturing(self._writing(logs)))
        load_step = None if self._steps is None else self._load_step
        opening.callback(use_laptop, None)
        use_laptop(
            Laptop(
                table,
                self._objects,
                EmbeddedMachines(self.step_functions),
                self._invoke,
                self._ends.watching,
                load_step,
                vectors,
                logs,
                self._changes.following,
                self._now,
                lambda execution_id, mocks, document: self.desk().mock(execution_id, mocks, document),
            )
        )
        # It calls functions, which stand on all of this.
        opening.callback(TableStream(table, tell_functions).close)

    def _writing(self, logs: FileLogs) -> Callable[[str, LogLine], None]:
        """Writes a line of a run, and tells those who watch that."""

        def write(execution_id: str, line: LogLine) -> None:
            logs.write(execution_id, line)
            self._changes.tell(execution_id)

        return write

    def _started(self) -> StepFunctions:
        from infra.local.stepfunctions.journal import MemoryJournal
        from infra.local.stepfunctions.service import StepFunctions, sqlite_in

        return StepFunctions(
            self.functions(),
            journal=MemoryJournal if self._data is None else sqlite_in(self._data.path),
            skips_time=self._skips_time,
            on_end=self._record,
            on_child=self._record_child,
            on_change=self._changes.tell,
            region=REGION,
            account=ACCOUNT,
            stand_in=self._stand_in,
            **self._machine_options,
        )

    def desk(self) -> Desk:
        """Where mocked runs are known."""
        with self._starting:
            if self._desk is None:
                from infra.local.mocking.desk import Desk

                self._desk = Desk(None if self._data is None else self._data.mocks)
            return self._desk

    def _stand_in(self, attempt: Attempt, target: Target) -> Call | None:
        return None if self._desk is None else self._desk.stand_in(attempt, target)

    def functions(self) -> LambdaFunctions:
        """The step functions of the catalogue and those of `--steps`, under their ARNs."""
        if self._functions is None:
            from infra.local.stepfunctions.lambdas import LambdaFunctions

            self._functions = LambdaFunctions(region=REGION, account=ACCOUNT, called_in=self._called_in)
            for function in FUNCTIONS:
                if function.kind == "step":
                    self._functions.register(function_arn(function.name), _at_first_call(function))
        return self._functions

    # While it lasts

    def _invoke(self, arn: str, event: Mapping[str, Any]) -> tuple[Any, bool]:
        done = self.functions().invoke(arn, json.dumps(event))
        if done.error is None:
            return done.payload, False
        try:
            return json.loads(done.cause or ""), True
        except ValueError:  # Lambda's own refusal is a sentence
            return {"errorType": done.error, "errorMessage": done.cause}, True

    def _record(self, ended: Head) -> None:
        """What EventBridge and SQS do on AWS: hand the end of a run to the recorder, again if that fails.

        Raises RuntimeError for one that could not be recorded; it is told of again when the next server starts, unless the run
        has no record any more.
        """
        recorder = next(f for f in FUNCTIONS if f.name == "execution_recorder")
        for pause in (*PAUSES_BETWEEN_RECORDINGS, None):
            if not load_handler(recorder)(queued_event(ended), context_of(recorder, request_id()))["batchItemFailures"]:
                break
            # It is written before the run is started, but for subflows, and what was written is found at once here.
            if not is_subflow(ended.name) and Engine.from_environment().executions.find_by_arn(ended.arn) is None:
                LOG.warning("The run '%s' has ended, and its record is gone.", ended.name)
                break
            if pause is None or self._closing.wait(pause):
                raise RuntimeError(f"The end of {ended.arn} could not be recorded.")
        self._ends.tell(ended.name)

    def _record_child(self, begun: Head) -> None:
        """Hand the start of a subflow to the recorder, once: what fails here is made up for at its end."""
        recorder = next(f for f in FUNCTIONS if f.name == "execution_recorder")
        load_handler(recorder)(queued_event(begun), context_of(recorder, request_id()))

    def _repeat(self, function: Function) -> None:
        assert function.schedule_minutes is not None
        pause = FIRST_HOUSEKEEPING_SECONDS
        while not self._closing.wait(pause):
            try:
                load_handler(function)({}, context_of(function, request_id()))
            except Exception:
                LOG.exception("%s failed", function.name)
            pause = function.schedule_minutes * 60

    def _load_step(self, handler: str) -> str:
        """The ARN under which machines call a Python function. Raises `StepsDirectoryError` for one that is not there."""
        assert self._steps is not None
        return self._put_step(handler, self._steps.load(handler))

    def _put_step(self, handler: str, function: StepHandler) -> str:
        arn = local_step_arn(handler)
        self.functions().register(arn, function)
        return arn

    def _object(self, key: str) -> bytes | None:
        """An object of the bucket, None when there is none of this key."""
        assert self._objects is not None
        try:
            return self._objects.get(key)
        except MisconfiguredError as error:
            if error.aws_code != "NoSuchKey":
                raise
            return None

    def _load_registered(self) -> None:
        """Load the Python functions that step types name which an earlier process registered. What cannot be loaded is told, and
        a step of it fails saying why.
        """
        for step_type, handler in registered_handlers(Engine.from_environment().steps):
            try:
                if self._steps is None:
                    raise StepsDirectoryError("This server was started without a folder of steps (--steps DIR).")
                self._load_step(handler)
            except StepsDirectoryError as error:
                told = f"Step type '{step_type}' cannot run its handler '{handler}'. {error}"
                LOG.warning("%s Bring it back, or delete the step type (DELETE /steps/%s).", told, step_type)
                self._put_step(handler, unavailable(told))

    def _register_all(self, directory: StepsDirectory) -> None:
        self.found = directory.found()
        for registration in self.found.registrations:
            status, answer = self.call("POST", "/steps/register", registration)
            if status >= 400:
                reasons = " ".join(f"{e['pointer']} {e['detail']}".strip() for e in answer["errors"])
                raise StepsDirectoryError(f"Step type '{registration.get('step_type')}' is refused: {reasons}")


def local_step_arn(handler: str) -> str:
    """ARN of a Python function `module:function`. It names the function, so that runs in flight keep theirs when the step type is
    registered with another one.
    """
    return f"{ARN_OF_FUNCTIONS}workflow-step-local-{handler.replace(':', '--').replace('.', '-')}"  # no identifier holds either


def _at_first_call(function: Function) -> Any:
    """A handler that is imported when it is first called, as a function that is not warm is."""

    def handler(event: Any, context: Any) -> Any:
        with told_by_extra(function):
            return load_handler(function)(event, context)

    return handler


def _settings() -> dict[str, str]:
    """The environment that the functions of the catalogue read."""
    return {
        "TABLE_NAME": NAME,
        "BUCKET_NAME": NAME,
        "MACHINE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/workflow-machines",
        "MACHINE_PREFIX": "workflow",
        "MACHINE_IDLE_DAYS": str(IDLE_DAYS),
        "STAGE": "local",
        "STEP_FUNCTIONS": json.dumps({f.name: function_arn(f.name) for f in FUNCTIONS if f.kind == "step"}),
        "ALLOW_LOCAL_STEPS": "1",
        "AUTH_MODE": "local",
        "LLM_OWNER_TENANT": LOCAL_TENANT,
        "OPENAPI_FILE": str(OPENAPI_FILE),
    }


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _fresh_functions() -> Iterator[None]:
    """Functions keep engines and settings for as long as they are warm; none of them may outlive this cloud or the last."""

    def forget() -> None:
        for module in [m for m in sys.modules if m.startswith("functions.")]:
            del sys.modules[module]

    forget()
    try:
        yield
    finally:
        forget()
