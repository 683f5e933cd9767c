"""The client against servers on this machine: real connections, threads, processes and event loops."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest

from infra.local.client_transport import GatewayTransport
from infra.local.cloud import LocalCloud
from tests.support.local_server import running_server
from tests.support.looking import awaited
from workflow_engine.client import (
    ApiProblem,
    AsyncClient,
    AuthenticationError,
    BearerToken,
    Client,
    ConnectionLostError,
    RefusedError,
    Retries,
    SigV4,
    TimedOutError,
    TlsError,
    UnreachableError,
)
from workflow_engine.client.calls import new_key
from workflow_engine.client.http import HttpTransport
from workflow_engine.client.transport import Request, Response

pytestmark = pytest.mark.xdist_group("client")

ONCE = Retries(attempts=1)
AT_ONCE = Retries(first_pause=0.0)
HELLO = json.loads(
    (Path(__file__).parents[2] / "statemachines" / "examples" / "hello-world" / "workflow.json").read_text("utf-8")
)
PAUSE = {"name": "Pause", "steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 0.2}}]}
FOREVER = {"name": "Long", "steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 600}}]}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as opened:
        yield opened


@pytest.fixture(scope="module")
def url(cloud: LocalCloud) -> Iterator[str]:
    with running_server(cloud.gateway) as address:
        yield address


@pytest.fixture(scope="module", params=["in process", "http"])
def client(request: pytest.FixtureRequest, cloud: LocalCloud, url: str) -> Iterator[Client]:
    """One client over each transport: nobody can tell them apart."""
    with Client(GatewayTransport(cloud) if request.param == "in process" else url) as opened:
        yield opened


def test_a_workflow_is_deployed_run_and_read(client: Client) -> None:
    saved = client.workflows.deploy(HELLO, "hello")
    assert client.workflows.deploy(HELLO, "hello")["version"] == saved["version"]
    results = client.runs.execute("hello", {"name": "x"}, timeout=20, tags=["daily"])
    assert results["status"] == "completed"
    assert results["step_results"].keys() == client.runs.get(results["execution_id"])["step_statuses"].keys()  # type: ignore[union-attr]  # it has ended here
    assert client.runs.workflow(results["execution_id"])["workflow"] == HELLO
    assert [build["number"] for build in client.workflows.builds("hello")] == [1]
    found = [run["execution_id"] for run in client.runs.list(workflow_id="hello", tag="daily")]
    assert found[0] == results["execution_id"]
    assert "hello" in [workflow["workflow_id"] for workflow in client.workflows.list()]


def test_a_change_of_what_somebody_else_has_changed_is_refused(client: Client) -> None:
    client.workflows.deploy(HELLO, "shared")
    etag = client.workflows.etag("shared")
    client.workflows.deploy(HELLO | {"description": "another"}, "shared", if_match=etag)
    with pytest.raises(ApiProblem) as raised:
        client.workflows.deploy(HELLO | {"description": "mine"}, "shared", if_match=etag)
    assert (raised.value.status, raised.value.code) == (412, "precondition_failed")
    client.workflows.delete("shared")


def test_events_come_while_the_run_goes_on_and_end_with_it(client: Client) -> None:
    started = client.runs.start(PAUSE)
    types = [event["type"] for event in client.runs.events(started["execution_id"])]
    assert types == ["run.started", "step.started", "step.waiting", "step.completed", "run.completed"]
    assert [event["type"] for event in client.runs.events(started["execution_id"], follow=False)] == types


def test_a_stream_goes_on_from_a_place(client: Client) -> None:
    started = client.runs.start(PAUSE)
    events = list(client.runs.stream(started["execution_id"]))
    rest = list(client.runs.stream(started["execution_id"], last_event_id=events[1].last_event_id))
    assert rest == events[2:]


def test_a_run_is_waited_for_and_cancelled(client: Client) -> None:
    execution_id = client.runs.start(FOREVER)["execution_id"]
    waiting = ThreadPoolExecutor(1).submit(client.runs.wait, execution_id, 60)
    assert client.runs.cancel(execution_id, "enough")["cancel_cause"] == "enough"
    assert waiting.result(timeout=30)["status"] == "cancelled"
    assert client.runs.cancel(execution_id)["cancel_cause"] == "enough"


def test_a_question_is_found_and_answered(client: Client) -> None:
    asks = {"steps": [{"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Well?"}}]}
    execution_id = client.runs.start(asks)["execution_id"]
    open_ones = awaited(lambda: list(client.approvals.list(execution_id=execution_id)))
    assert open_ones[0]["prompt"] == "Well?"
    assert client.approvals.approve(execution_id, "ask", comment="yes")["decision"] == "approved"
    assert client.runs.wait(execution_id, 20)["status"] == "completed"


def test_more_runs_than_a_page_holds_are_listed(client: Client) -> None:
    several = new_key()
    for _ in range(5):
        client.runs.start(HELLO, {"name": "x"}, correlation_id=several)
    assert len(list(client.runs.list(correlation_id=several, page_size=2))) == 5


def test_runs_are_counted_and_summed(client: Client) -> None:
    client.workflows.deploy(HELLO, "counted")
    client.runs.execute("counted", {"name": "x"}, timeout=20)
    assert client.runs.count(workflow_id="counted")["counts"]["completed"] >= 1
    since = datetime.now(UTC) - timedelta(hours=2)
    assert client.workflows.stats("counted", since, bucket="hour")["bucket"] == "hour"
    assert client.stats(since, bucket="hour")["total"].keys() == client.stats()["total"].keys()


def test_prompts_agents_and_step_types_are_reached(client: Client) -> None:
    prompt = client.prompts.create({"name": "Greeting", "query_template": "Hello {{ name }}"})
    rendered = client.prompts.render(prompt["prompt_id"], {"name": "you"})
    assert rendered["query"] == "Hello you"
    assert prompt["prompt_id"] in [listed["prompt_id"] for listed in client.prompts.list()]
    assert {"delay", "merge"} <= {step["step_type"] for step in client.steps.list()}
    assert client.steps.schema("delay")["config_schema"]["type"] == "object"
    assert client.call("health") == {"status": "healthy", "service": "unified-workflow-execution-engine"}


# What users of peers' clients have run into


class LosesFirstAnswer:
    """A transport that carries each request out, and loses the first answer."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport
        self._has_lost = False

    def send(self, request: Request) -> Response:
        response = self._transport.send(request)
        if not self._has_lost:
            self._has_lost = True
            raise ConnectionLostError("lost")
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def test_a_start_whose_answer_is_lost_starts_one_run(url: str) -> None:
    with Client(LosesFirstAnswer(HttpTransport(url)), retries=AT_ONCE) as client:
        started = client.runs.start(HELLO, {"name": "x"}, correlation_id="lost-answer")
        assert [run["execution_id"] for run in client.runs.list(correlation_id="lost-answer")] == [
            started["execution_id"]
        ]


class _KeepsConnections(BaseHTTPRequestHandler):
    """Answers with the id that is asked for, and keeps its connections open, as API Gateway does and werkzeug does not."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"execution_id": self.path.rpartition("/")[2]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def keeping() -> Iterator[str]:
    """The address of a server that keeps connections open."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _KeepsConnections) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_and_its_parent_use_the_same_client(keeping: str) -> None:
    program = f"""
import os, sys
from workflow_engine.client import Client
client = Client({keeping!r}, timeout=10)
def ask(who):
    for n in range(100):
        assert client.runs.get(f"{{who}}-{{n}}")["execution_id"] == f"{{who}}-{{n}}"
ask("before")  # now there is an open connection
children = []
for child in range(3):
    if (pid := os.fork()) == 0:
        status = 1
        try:
            ask(child)
            status = 0
        finally:
            os._exit(status)
    children.append(pid)
ask("parent")
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_asynchronous_client_serves_several_event_loops(keeping: str) -> None:
    client = AsyncClient(keeping, retries=ONCE)

    async def look() -> list[str]:
        found = await asyncio.gather(client.runs.get("e1"), client.runs.get("e2"))
        return [run["execution_id"] for run in found]

    for _ in range(3):
        assert asyncio.run(look()) == ["e1", "e2"]


def test_an_asynchronous_client_closes_its_connections(url: str) -> None:
    program = f"""
import asyncio, gc, warnings
warnings.simplefilter("error")
from workflow_engine.client import AsyncClient
async def main():
    async with AsyncClient({url!r}) as client:
        await client.steps.get("delay")
        started = await client.runs.start({PAUSE!r})
        async for event in client.runs.events(started["execution_id"]):
            pass
        await client.runs.wait(started["execution_id"])
asyncio.run(main())
gc.collect()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stream_that_is_cancelled_lets_go(url: str) -> None:
    async def watch() -> str:
        async with AsyncClient(url) as client:
            started = await client.runs.start(FOREVER)
            with anyio.move_on_after(0.3) as scope:
                async for _ in client.runs.events(started["execution_id"]):
                    pass
            assert scope.cancelled_caught
            await client.runs.cancel(started["execution_id"])
            return str((await client.runs.wait(started["execution_id"], 20))["status"])

    assert asyncio.run(watch()) == "cancelled"


def test_threads_share_a_client(url: str) -> None:
    with Client(url) as client, ThreadPoolExecutor(8) as threads:
        names = ["delay", "merge"] * 20
        found = threads.map(client.steps.get, names)
        assert [step["step_type"] for step in found] == names


def test_a_proxy_for_the_world_is_not_asked_for_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Client(url, retries=ONCE) as client:
        assert client.steps.get("delay")["step_type"] == "delay"


def test_a_closed_client_says_so(url: str) -> None:
    client = Client(url)
    client.close()
    with pytest.raises(RuntimeError, match="The client is closed"):
        client.steps.get("delay")


# Ways that do not lead there


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections `answer` is called with, one after another."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def http(status: str, body: bytes = b"", **headers: str) -> Callable[[socket.socket], None]:
    """Answers each request so; `received` of the function is what came last."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def answer(connection: socket.socket) -> None:
        answer.received = connection.recv(65536).decode("latin-1")  # type: ignore[attr-defined]  # what the test looks at
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


def both_raise(url: str, kind: type[Exception], timeout: float = 5) -> str:
    """What both clients raise for a request to an address."""
    with pytest.raises(kind) as raised, Client(url, retries=ONCE, timeout=timeout) as client:
        client.runs.get("e1")

    async def look() -> None:
        async with AsyncClient(url, retries=ONCE, timeout=timeout) as asynchronous:
            await asynchronous.runs.get("e1")

    with pytest.raises(kind):
        asyncio.run(look())
    return str(raised.value)


def test_a_server_that_does_not_run_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert both_raise(f"http://127.0.0.1:{port}", RefusedError).endswith("Is the server running?")


def test_a_host_that_there_is_not_is_told() -> None:
    assert "cannot be reached" in both_raise("http://there-is-no-such-host.invalid", UnreachableError)


def test_a_server_without_tls_is_told() -> None:
    with listening(http("400 Bad Request")) as port:
        assert "secure connection" in both_raise(f"https://127.0.0.1:{port}", TlsError)


def test_a_connection_that_is_cut_is_told() -> None:
    def cut(connection: socket.socket) -> None:
        connection.recv(65536)

    with listening(cut) as port:
        assert "ended before the answer did" in both_raise(f"http://127.0.0.1:{port}", ConnectionLostError)


def test_an_answer_that_stops_in_the_middle_is_told() -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

    with listening(half) as port:
        both_raise(f"http://127.0.0.1:{port}", ConnectionLostError)


def test_a_server_that_does_not_answer_is_told() -> None:
    released = threading.Event()

    def silent(_: socket.socket) -> None:
        released.wait(20)

    with listening(silent) as port:
        told = both_raise(f"http://127.0.0.1:{port}", TimedOutError, timeout=0.2)
        released.set()
    assert "has not answered it in time" in told


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_refused_caller_is_told(status: str) -> None:
    with listening(http(status, b'{"message":"Forbidden"}', content_type="application/json")) as port:
        assert "Forbidden" in both_raise(f"http://127.0.0.1:{port}/prod", AuthenticationError)


NO_ADDRESSES = [
    "",
    "127.0.0.1:8006",
    "ftp://host/",
    "http://",
    "http://host:0",
    "http://host:x",
    "https://host/prod?x=1",
]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address of an API|Port"):
        Client(address)


def test_credentials_in_an_address_are_refused_and_not_told() -> None:
    with pytest.raises(ValueError, match="Give them as `auth`") as raised:
        Client("https://me:s3cr3t@host/prod")
    assert "s3cr3t" not in str(raised.value)


def test_what_cannot_be_sent_is_told_as_that(url: str) -> None:
    with Client(url) as client, pytest.raises(ValueError, match="cannot be sent"):
        client.runs.start(HELLO, idempotency_key="a\nb")


def test_an_output_that_cannot_be_fetched_is_told_without_its_signature() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Client("http://127.0.0.1:9") as client, pytest.raises(RefusedError) as raised:
        client._transport.send(Request("GET", f"http://127.0.0.1:{port}/x?X-Amz-Signature=s3cr3t"))
    assert str(raised.value) == "Nobody listens at http://127.0.0.1. Is the server running?"


def test_a_method_shows_what_it_takes() -> None:
    assert [*inspect.signature(Client("http://127.0.0.1:9").runs.wait).parameters] == ["execution_id", "timeout"]


# In whose name


def test_a_token_is_sent_below_the_stage_of_the_api_and_asked_for_anew_each_time() -> None:
    tokens = iter(["first", "second"])
    answer = http("200 OK", b"{}", content_type="application/json")
    with (
        listening(answer) as port,
        Client(f"http://127.0.0.1:{port}/prod/", auth=BearerToken(lambda: next(tokens))) as client,
    ):
        for token in ("first", "second"):
            client.runs.get("e1")
            received: str = answer.received  # type: ignore[attr-defined]  # as above
            assert received.startswith("GET /prod/executions/e1 HTTP/1.1\r\n")
            assert f"authorization: Bearer {token}\r\n" in received.replace("Authorization", "authorization")


def test_a_short_timeout_is_not_that_of_what_was_asked_to_be_held_back(url: str) -> None:
    pause = {"steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 1.5}}]}
    with Client(url, timeout=0.5, retries=ONCE) as client:
        execution_id = client.runs.start(pause)["execution_id"]
        assert client.runs.wait(execution_id, timeout=20)["status"] == "completed"
        execution_id = client.runs.start(pause)["execution_id"]
        assert list(client.runs.events(execution_id))[-1]["type"] == "run.completed"


def test_an_event_loop_goes_on_while_credentials_are_fetched(url: str) -> None:
    may_go_on = threading.Event()

    def token() -> str:
        assert may_go_on.wait(20)
        return "token"

    async def look() -> None:
        async with AsyncClient(url, auth=BearerToken(token)) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(client.runs.count)
            await anyio.sleep(0)
            may_go_on.set()

    anyio.run(look)


def test_requests_are_signed_as_the_gateway_checks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ACCESS_KEY_ID": "AKIDEXAMPLE",
        "SECRET_ACCESS_KEY": "secret",
        "SESSION_TOKEN": "t0k3n",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    url = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"
    request = Request("GET", "/executions/e1", (("steps", "a b,c"),))
    headers = SigV4().headers(request.method, url + request.target, {"user-agent": "x"}, b"")
    assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in headers["authorization"]
    assert headers["x-amz-security-token"] == "t0k3n"


def test_nobody_else_is_told_who_asks() -> None:
    answer = http("200 OK", b"1", content_type="application/json")
    with listening(answer) as port, Client("http://127.0.0.1:9", auth=BearerToken("secret")) as client:
        client._transport.send(Request("GET", f"http://127.0.0.1:{port}/payloads/x"))
    assert "secret" not in answer.received  # type: ignore[attr-defined]  # as above


def test_addresses_that_hold_signatures_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with listening(http("200 OK", b"1")) as port, Client("http://127.0.0.1:9") as client:
        client._transport.send(Request("GET", f"http://127.0.0.1:{port}/x?X-Amz-Signature=s3cr3t"))
    assert "s3cr3t" not in caplog.text


def test_the_client_loads_nothing_of_the_engine_and_http_when_it_is_needed() -> None:
    program = """
import sys
from workflow_engine.client import Client
unwanted = ("boto3", "botocore", "pydantic", "aws_lambda_powertools", "httpx2", "jsonschema", "workflow_engine.usecases")
assert [name for name in unwanted if name in sys.modules] == []
Client("http://127.0.0.1:9")
assert [name for name in unwanted if name in sys.modules] == []
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
