"""`workflow worker`: a function of yours does the steps of an activity, for a server on this machine or a deployed API.

One task at a time; start several workers for more. While the function works, a thread keeps the task's heartbeat going. A worker
that is stopped ends its task first; one that is killed loses it, and the step's timeout decides.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from workflow_engine.client.authentication import Auth
from workflow_engine.client.errors import ConnectionFailedError, NoCredentialsError
from workflow_engine.client.http import HttpTransport
from workflow_engine.client.transport import Request
from workflow_engine.lazy_dataclass import dataclass

StepHandler = Callable[[Any, Any], Any]
Tell = Callable[[str], None]

POLL_SECONDS: Final = 20
HEARTBEAT_SECONDS: Final = 20.0
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
MAX_MESSAGE: Final = 32_000

_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class WorkerError(Exception):
    """The worker cannot work. The message says why."""


class WorkerRefusedError(WorkerError):
    """The API does not know the worker, or does not let it."""


class TaskGoneError(Exception):
    """Nobody needs the work any more: the step's time is over, or its run has ended."""


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a function gets beside the event, where Lambda gives its own context. `heartbeat` raises TaskGoneError once the task
    is not wanted any more, so that a long job may end early.
    """

    heartbeat: Callable[[], None]


def load(reference: str) -> StepHandler:
    """The function that `module:function` names, found as Python finds modules, and in the current folder. Raises WorkerError."""
    module, _, name = reference.partition(":")
    if not module or not name.isidentifier():
        raise WorkerError(f"'{reference}' names no function. Write it as module:function.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # the developer's code: whatever it raises, it is what they want to read
        raise WorkerError(f"Module '{module}' cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(function):
        raise WorkerError(f"Module '{module}' has no function '{name}'.")
    handler: StepHandler = function
    return handler


class Api:
    """An API at an address. Requests are sent once: what is to be tried again, and when, is for the worker to say."""

    def __init__(self, url: str, auth: Auth | None = None) -> None:
        """`auth` says in whose name; a server of this machine asks for none."""
        self.url = url
        self._transport = HttpTransport(url, auth, timeout=POLL_SECONDS + 15)

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON answer. Raises ConnectionFailedError when there is none, NoCredentialsError."""
        content = b"" if body is None else json.dumps(body, allow_nan=False).encode()
        path, _, query = path.partition("?")
        request = Request("POST", path, parse_qsl(query), {"content-type": "application/json"}, content)
        response = self._transport.send(request)
        try:
            return response.status, json.loads(response.body) if response.body else None
        except ValueError:
            return response.status, None


@dataclass(slots=True)
class Worker:
    """Asks for tasks of one activity and does them, until `stop` is set."""

    api: Api
    activity: str
    handler: StepHandler
    tell: Tell
    stop: threading.Event = field(default_factory=threading.Event)
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:16])

    def run(self) -> None:
        """Work until stopped. Raises WorkerError when the API refuses this worker."""
        pause = FIRST_PAUSE_SECONDS
        path = f"{self._path}/poll?wait={POLL_SECONDS}&worker={self.name}"
        while not self.stop.is_set():
            status, answer = self._post(path)
            if status == HTTPStatus.OK:
                if not isinstance(answer, dict) or "task_id" not in answer:
                    raise WorkerError(f"{self.api.url} answers as no API of workflows does. Is the address right?")
                self._do(answer["task_id"], answer.get("input"))
            if status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
                pause = FIRST_PAUSE_SECONDS
                continue
            if status in _REFUSED:
                raise WorkerRefusedError(f"{self.api.url} refuses this worker: {_detail(status, answer)}")
            self.tell(f"{_detail(status, answer)} Asking again in {pause:g} s.")
            self.stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    @property
    def _path(self) -> str:
        return f"/activities/{quote(self.activity, safe='')}"

    def _post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer; 0 and the reason where there was none."""
        try:
            return self.api.post(path, body)
        except NoCredentialsError as error:
            raise WorkerRefusedError(str(error)) from None
        except ConnectionFailedError as error:
            return 0, {"detail": str(error)}

    def _do(self, task_id: str, event: Any) -> None:
        path = f"{self._path}/tasks/{task_id}"
        done = threading.Event()

        def heartbeat() -> None:
            status, answer = self._post(f"{path}/heartbeat")
            if status in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
                raise TaskGoneError(_detail(status, answer))

        threading.Thread(target=self._beat, args=(heartbeat, done), daemon=True).start()
        try:
            verb, body = "success", {"output": self.handler(event, TaskContext(heartbeat))}
            json.dumps(body, allow_nan=False)
        except Exception as error:  # the developer's code: whatever it raises fails the step, by its name
            self.tell(f"{task_id}: {type(error).__name__}: {error}")
            verb, body = "failure", _failure(error)
        finally:
            done.set()
        self._answer(f"{path}/{verb}", body, task_id)

    def _beat(self, heartbeat: Callable[[], None], done: threading.Event) -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            try:
                heartbeat()
            except TaskGoneError as error:
                self.tell(str(error))
                return

    def _answer(self, path: str, body: Any, task_id: str) -> None:
        """Hand over an answer. What passes is tried again, also while the worker is being stopped: the work is done."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            status, answer = self._post(path, body)
            if status == HTTPStatus.OK:
                self.tell(f"{task_id}: {path.rpartition('/')[2]}")
                return
            if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and path.endswith("/success"):
                path, body = (
                    path.removesuffix("success") + "failure",
                    {"error": "OutputTooLarge", "message": _detail(status, answer)},
                )
                continue
            if status and status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS:
                self.tell(f"{task_id}: {_detail(status, answer)}")
                return
            self.tell(f"{task_id}: {_detail(status, answer)} Answering again in {pause:g} s.")
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _failure(error: Exception) -> dict[str, str]:
    return {"error": type(error).__name__[:256], "message": str(error)[:MAX_MESSAGE]}


def _detail(status: int, answer: Any) -> str:
    told = answer.get("detail") or answer.get("message") if isinstance(answer, dict) else None
    return str(told or f"The API answered {status}.")
