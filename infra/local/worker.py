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
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import quote, urlsplit

from infra.local.access import LOOPBACK_NAMES
from workflow_engine.lazy_dataclass import dataclass

StepHandler = Callable[[Any, Any], Any]
Tell = Callable[[str], None]

POLL_SECONDS: Final = 20
HEARTBEAT_SECONDS: Final = 20.0
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
ACCESS_VARIABLE: Final = "WORKFLOW_API_TOKEN"
MAX_MESSAGE: Final = 32_000

_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class WorkerError(Exception):
    """The worker cannot work. The message says why."""


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


@dataclass(frozen=True, slots=True)
class Api:
    """An API: a loopback address needs no credentials; another takes the token of `WORKFLOW_API_TOKEN`, or requests that are
    signed with the AWS credentials of the environment.
    """

    url: str

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON answer. Raises OSError and HTTPException when there is none."""
        url = urlsplit(self.url)
        content = b"" if body is None else json.dumps(body, allow_nan=False).encode()
        target = url.path.rstrip("/") + path
        headers = {"content-type": "application/json", **self._credentials(target, content)}
        connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = connect(url.netloc, timeout=POLL_SECONDS + 15)
        try:
            connection.request("POST", target, content, headers)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(raw) if raw else None
        except ValueError:
            return response.status, None

    def _credentials(self, target: str, content: bytes) -> dict[str, str]:
        if token := os.environ.get(ACCESS_VARIABLE):
            return {"authorization": f"Bearer {token}"}
        url = urlsplit(self.url)
        if url.hostname in LOOPBACK_NAMES:
            return {}
        return _signed(f"{url.scheme}://{url.netloc}{target}", url.hostname or "", content)


def _signed(url: str, host: str, content: bytes) -> dict[str, str]:
    """Headers of a request that is signed for API Gateway (service `execute-api`)."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.session import get_session

    session = get_session()
    credentials = session.get_credentials()
    parts = host.split(".")
    region = parts[2] if parts[1:2] == ["execute-api"] else session.get_config_variable("region")
    if credentials is None or region is None:
        raise WorkerError(f"{host} needs credentials: set {ACCESS_VARIABLE}, or AWS credentials and a region.")
    request = AWSRequest("POST", url, {"content-type": "application/json"}, content)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


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
                raise WorkerError(f"{self.api.url} refuses this worker: {_detail(status, answer)}")
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
        except (OSError, HTTPException) as error:
            return 0, {"detail": f"{self.api.url} does not answer: {error or type(error).__name__}."}

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
