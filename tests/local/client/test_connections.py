"""Lost answers, forks, event loops, threads: connections as programs use them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import pytest

from tests.local.client.support import FOREVER, HELLO, ONCE, PAUSE
from workflow_engine.client import (
    AsyncClient,
    Client,
    ConnectionLostError,
    Retries,
)
from workflow_engine.client.http import HttpTransport
from workflow_engine.client.transport import Request, Response

pytestmark = pytest.mark.xdist_group("client")


AT_ONCE = Retries(first_pause=0.0)


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
    disable_nagle_algorithm = True  # a body that follows its headers would wait for the client to acknowledge them

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
client = Client({keeping!r}, timeout=60)
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
