"""Workers of activities as processes, and approvals over a restart of the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from infra.local import worker as workers
from infra.local.worker import Api, Worker, WorkerError, load
from tests.local.test_killed_server import results, server
from tests.support.http_client import ApiClient
from tests.support.processes import REPOSITORY, command
from workflow_engine.sdk import StepContext, step

pytestmark = pytest.mark.xdist_group("killed-server")

MOST_LOOKS: Final = 600
FUNCTIONS: Final = """
import os

def scan(event, context):
    page = event["input_data"]["page"]
    if page == 0:
        raise KeyError("blank")
    return {"page": page, "worker": os.getpid()}

def endless(event, context):
    return {1, 2}
"""


@contextmanager
def working(folder: Path, url: str, function: str = "scanning:scan") -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    arguments = ("worker", function, "--activity", "scan", "--api", url)
    with command(*arguments, cwd=folder, environment=environment) as process:
        yield process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "steps").mkdir()
    (tmp_path / "scanning.py").write_text(FUNCTIONS)
    return tmp_path


def register(api: ApiClient) -> None:
    assert api.post("/steps/register", {"step_type": "scan", "execution_type": "activity"}).status == 201


def scan(api: ApiClient, *pages: int) -> str:
    step = {
        "step_id": "each",
        "step_type": "scan",
        "for_each": "input.pages",
        "max_items": 9,
        "input_mapping": {"page": "item"},
    }
    answer = api.post("/workflows/execute", {"name": "Scan", "steps": [step], "input": {"pages": pages}})
    assert answer.status == 202, answer.body
    return str(answer.body["execution_id"])


def open_approvals(api: ApiClient, execution_id: str) -> list[dict[str, Any]]:
    for _ in range(MOST_LOOKS):
        items: list[dict[str, Any]] = api.get(f"/approvals?execution_id={execution_id}").body["items"]
        if items:
            return items
        time.sleep(0.05)
    raise AssertionError(f"{execution_id} does not ask")


def test_a_worker_process_does_the_steps_of_its_activity_and_ends_when_it_is_told_to(folder: Path) -> None:
    with server(folder) as (_, api):
        register(api)
        with working(folder, api.base_url) as process:
            found = results(api, scan(api, 1, 2, 3))
            output = found["step_results"]["each"]["output_data"]
            assert output == [{"page": page, "worker": process.pid} for page in (1, 2, 3)]
            failed = results(api, scan(api, 0))
            assert (failed["error"]["type"], failed["error"]["message"]) == ("KeyError", "'blank'")
            process.send_signal(signal.SIGTERM)
            scan(api, 4)  # it asks for a task still, for as long as a server lets it wait
            assert process.wait(60) == 0
            assert process.stderr is not None
            assert "KeyError: 'blank'" in process.stderr.read()


def test_a_worker_goes_on_with_a_server_that_was_killed_and_started_again(folder: Path) -> None:
    with server(folder) as (process, api):
        register(api)
        execution_id = scan(api, 1, 2)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    with server(folder) as (_, api), working(folder, api.base_url):
        assert [o["page"] for o in results(api, execution_id)["step_results"]["each"]["output_data"]] == [1, 2]


def test_an_approval_outlasts_a_server_that_is_killed(folder: Path) -> None:
    step = {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Well?"}}
    with server(folder) as (process, api):
        execution_id = str(api.post("/workflows/execute", {"name": "Ask", "steps": [step]}).body["execution_id"])
        before = open_approvals(api, execution_id)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    with server(folder) as (process, api):
        assert [item["place"] for item in open_approvals(api, execution_id)] == [before[0]["place"]]
        assert api.get(f"/executions/{execution_id}").body["status"] == "waiting"
        answer = api.post(f"/executions/{execution_id}/steps/ask/approve", {"comment": "Yes."})
        assert (answer.status, answer.body["is_delivered"]) == (200, True)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    with server(folder) as (_, api):
        assert results(api, execution_id)["step_results"]["ask"]["output_data"]["comment"] == "Yes."
        assert api.post(f"/executions/{execution_id}/steps/ask/deny", {}).body["code"] == "already_decided"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("json", "module:function"),
        ("json:no-name", "module:function"),
        ("no_such_module_here:f", "cannot be imported"),
        ("json:nothing", "has no function 'nothing'"),
    ],
)
def test_a_function_that_is_none_is_told(reference: str, told: str) -> None:
    with pytest.raises(WorkerError, match=told):
        load(reference)


class Script:
    """An API that answers requests in turn, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.asked: list[tuple[str, Any]] = []
        self._answers = list(answers)
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length") or 0))
                script.asked.append((self.path.partition("?")[0], json.loads(content) if content else None))
                status, body = script._answers.pop(0) if script._answers else (401, {"message": "Unauthorized"})
                self.send_response(status)
                raw = b"" if body is None else json.dumps(body).encode()
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


TASK: Final = (200, {"task_id": "t", "input": {}})


def work(script: Script, handler: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a worker work until the API refuses it; gives what it told."""
    monkeypatch.setattr(workers, "FIRST_PAUSE_SECONDS", 0.01)
    told: list[str] = []
    with script as url, pytest.raises(WorkerError, match="Unauthorized"):
        Worker(Api(url), "scan", handler, told.append).run()
    return told


def test_an_answer_that_was_not_taken_is_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(TASK, (503, {"detail": "Later."}), (429, None), (200, {}))
    told = work(script, lambda event, context: 1, monkeypatch)
    success = ("/activities/scan/tasks/t/success", {"output": 1})
    assert script.asked[1:4] == [success] * 3
    assert "Later. Answering again" in told[0]


def test_an_output_that_is_too_large_or_no_json_fails_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    of_a_gateway = (413, {"message": "Request Entity Too Large"})
    script = Script(TASK, (413, {"detail": "Too large."}), (200, {}), TASK, (200, {}), TASK, of_a_gateway, (200, {}))
    outputs: list[Any] = ["x", {1, 2}, "x"]
    work(script, lambda event, context: outputs.pop(0), monkeypatch)
    failures = [body for path, body in script.asked if path.endswith("/failure")]
    assert failures[0] == {"error": "OutputTooLarge", "message": "Too large."}
    assert failures[1]["error"] == "TypeError"
    assert failures[2] == {"error": "OutputTooLarge", "message": "Request Entity Too Large"}


def test_a_task_that_nobody_needs_any_more_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(TASK, (409, {"detail": "Nobody waits for task 't' any more."}), (204, None))
    assert work(script, lambda event, context: 1, monkeypatch) == ["t: Nobody waits for task 't' any more."]
    assert len(script.asked) == 4


def test_a_heartbeat_goes_on_while_the_function_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "HEARTBEAT_SECONDS", 0.01)
    beaten = threading.Event()
    script = Script(TASK, *[(200, {})] * 3)

    def handler(event: Any, context: Any) -> int:
        for _ in range(MOST_LOOKS):
            if len(script.asked) >= 3:
                beaten.set()
                return 1
            time.sleep(0.01)
        return 0

    work(script, handler, monkeypatch)
    assert beaten.is_set()
    assert script.asked[1][0] == "/activities/scan/tasks/t/heartbeat"


def test_a_function_may_tell_its_heartbeat_and_learns_that_nobody_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        TASK, (200, {}), (409, {"detail": "Nobody waits for it."}), (409, {"detail": "Nobody waits for it."})
    )
    rounds: list[int] = []

    @step
    def handler(config: Any, input_data: Any, context: StepContext) -> None:
        for number in range(5):
            rounds.append(number)
            context.heartbeat()

    work(script, handler, monkeypatch)
    assert rounds == [0, 1]
    assert script.asked[3][1] == {"error": "TaskGoneError", "message": "Nobody waits for it."}


def test_an_address_that_answers_something_else_is_told() -> None:
    with Script((200, None)) as url, pytest.raises(WorkerError, match="Is the address right"):
        Worker(Api(url), "scan", lambda event, context: 1, print).run()
