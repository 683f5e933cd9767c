"""Streams of the local server over sockets: broken, slow, many, and left by their clients."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import infra.local.streams
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from tests.support.event_source import EventSource
from tests.support.http_client import ApiClient
from tests.support.local_server import running_server
from tests.support.looking import awaited
from tests.support.processes import address_of, command

pytestmark = pytest.mark.xdist_group("streams")


def waiting(seconds: float, **fields: Any) -> dict[str, Any]:
    return {
        "name": "Waits",
        "steps": [
            {"step_id": "a", "step_type": "data_input", "config": {"data": {}}},
            {
                "step_id": "b",
                "step_type": "delay",
                "config": {"delay_seconds": seconds},
                "dependencies": ["a"],
            },
            {"step_id": "c", "step_type": "data_input", "config": {"data": {}}, "dependencies": ["b"]},
        ],
        **fields,
    }


BEFORE = ["run.started", "step.completed", "step.started", "step.waiting"]
AFTER = ["step.completed", "step.completed", "run.completed"]


class Served:
    def __init__(self, cloud: LocalCloud, url: str) -> None:
        self.cloud, self.url, self.api = cloud, url, ApiClient(url)

    def start(self, seconds: float) -> str:
        return str(self.api.post("/workflows/execute", waiting(seconds)).body["execution_id"])

    def raw(self, execution_id: str) -> socket.socket:
        """A connection that has asked for a stream, and read its beginning."""
        url = urlsplit(self.url)
        assert url.hostname is not None
        connection = socket.create_connection((url.hostname, url.port or 0), timeout=60)
        head = f"GET /executions/{execution_id}/stream HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n"
        connection.sendall(head.encode())
        read = b""
        while b"step.waiting" not in read:
            read += connection.recv(4096)
        return connection

    @property
    def open_streams(self) -> int:
        return 0 if self.cloud._streams is None else self.cloud._streams.count


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with LocalCloud(data=DataFolder(tmp_path)) as cloud, running_server(cloud.gateway) as url:
        yield Served(cloud, url)


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_a_stream_stays_open_until_the_run_ends(served: Served) -> None:
    source = EventSource(served.url, f"/executions/{served.start(1.5)}/stream")
    assert types(list(source)) == BEFORE + AFTER
    assert source.statuses == [200, 204]
    assert source.parser.retry_ms == 1000


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stopped"])
def test_a_client_goes_on_when_the_server_is_there_again(tmp_path: Path, is_killed: bool) -> None:
    arguments = ("serve", "--data", tmp_path / "data", "--port")
    with command(*arguments, "0") as process:
        url = address_of(process)
        started = ApiClient(url).post("/workflows/execute", waiting(3)).body
        source = EventSource(url, f"/executions/{started['execution_id']}/stream", timeout=60)
        events = iter(source)
        found = [next(events) for _ in BEFORE]
        process.send_signal(signal.SIGKILL if is_killed else signal.SIGTERM)
        process.wait(60)
    with command(*arguments, "0") as process:
        source.move_to(address_of(process))
        found += list(events)
    assert types(found) == BEFORE + AFTER
    assert source.statuses == [200, 200, 204]


def test_streams_cost_no_threads_and_clients_that_leave_leave_nothing(served: Served) -> None:
    execution_id = served.start(600)
    served.raw(execution_id).close()
    awaited(lambda: served.open_streams == 0)
    threads, changes = threading.active_count(), served.cloud._changes
    connections = [served.raw(execution_id) for _ in range(60)]
    awaited(lambda: served.open_streams == 60)
    awaited(lambda: threading.active_count() <= threads + 8)
    assert len(changes._listeners) == 1
    for number, connection in enumerate(connections):
        if number % 2:  # a reset, as of a client that is killed
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    awaited(lambda: served.open_streams == 0)
    assert changes._listeners == {}
    streams = served.cloud._streams
    assert streams is not None
    assert streams._channels == {}


def test_clients_that_are_gone_before_their_stream_begins_leave_nothing(served: Served) -> None:
    execution_id, url = served.start(600), urlsplit(served.url)
    for _ in range(40):
        connection = socket.create_connection((url.hostname or "", url.port or 0))
        connection.sendall(f"GET /executions/{execution_id}/stream HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    connection = served.raw(execution_id)
    awaited(lambda: served.open_streams == 1)
    connection.close()
    awaited(lambda: served.open_streams == 0)
    assert served.cloud._changes._listeners == {}


def test_a_client_that_leaves_a_wait_for_events_leaves_nothing_when_it_is_over(served: Served) -> None:
    execution_id = served.start(600)
    cursor = served.api.get(f"/executions/{execution_id}/events?limit=100").body["next_cursor"]
    url = urlsplit(served.url)
    connection = HTTPConnection(url.netloc)
    connection.request("GET", f"/executions/{execution_id}/events?wait=1&cursor={cursor}")
    connection.close()
    awaited(lambda: served.cloud._changes._listeners == {})


def test_a_slow_client_holds_up_nobody(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infra.local.streams, "HEARTBEAT", ":" + " " * 4_000_000 + "\n\n")
    monkeypatch.setattr(infra.local.streams, "HEARTBEAT_SECONDS", 0.1)
    execution_id = served.start(600)
    slow = served.raw(execution_id)
    monkeypatch.setattr(infra.local.streams, "HEARTBEAT", ": \n\n")
    source = EventSource(served.url, f"/executions/{served.start(2)}/stream")
    assert types(list(source)) == BEFORE + AFTER
    assert source.parser.comments > 3
    assert served.open_streams == 1
    slow.close()


def test_a_client_that_takes_nothing_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infra.local.streams, "HEARTBEAT", ":" + " " * 20_000_000 + "\n\n")
    monkeypatch.setattr(infra.local.streams, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(infra.local.streams, "STALLED_SECONDS", 0.5)
    slow = served.raw(served.start(600))
    awaited(lambda: served.open_streams == 1)
    awaited(lambda: served.open_streams == 0)
    slow.close()


def test_beyond_the_most_streams_clients_come_back_for_pieces(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infra.local.streams, "MOST_STREAMS", 1)
    execution_id = served.start(3)
    connection = served.raw(execution_id)
    awaited(lambda: served.open_streams == 1)
    source = EventSource(served.url, f"/executions/{execution_id}/stream")
    assert types(list(source)) == BEFORE + AFTER
    assert source.connections > 2
    connection.close()


def test_a_server_that_stops_lets_no_one_wait(tmp_path: Path) -> None:
    with LocalCloud(data=DataFolder(tmp_path)) as cloud, running_server(cloud.gateway) as url:
        served = Served(cloud, url)
        execution_id = served.start(600)
        connection = served.raw(execution_id)
        page = served.api.get(f"/executions/{execution_id}/events?limit=100").body
        answers: list[Any] = []
        path = f"/executions/{execution_id}/events?wait=25&cursor={page['next_cursor']}"
        poll = threading.Thread(target=lambda: answers.append(served.api.get(path).body))
        poll.start()
        awaited(lambda: len(cloud._changes._listeners.get(execution_id, ())) == 2)
        cloud.stop_waiting()
        poll.join(60)
        assert answers == [page | {"items": []}]
        while connection.recv(4096):
            pass
        connection.close()


def test_a_head_of_a_stream_has_no_body(served: Served) -> None:
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=60)
    connection.request("HEAD", f"/executions/{served.start(600)}/stream")
    response = connection.getresponse()
    assert (response.status, response.getheader("content-type"), response.read()) == (200, "text/event-stream", b"")
    connection.close()


def test_another_site_is_refused_a_stream(served: Served) -> None:
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=60)
    path = f"/executions/{served.start(600)}/stream"
    connection.request("GET", path, headers={"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"})
    assert connection.getresponse().status == 403
    connection.close()
    assert served.open_streams == 0


def test_many_events_come_in_order_and_each_once(served: Served) -> None:
    workflow = {
        "name": "Many",
        "variables": {"rows": [{"text": f"row {number}"} for number in range(40)]},
        "steps": [
            {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 1}},
            {
                "step_id": "each",
                "step_type": "data_processing",
                "dependencies": ["pause"],
                "for_each": "variables.rows",
                "input_mapping": {"input": "item"},
                "config": {"processing_type": "uppercase"},
            },
        ],
    }
    started = served.api.post("/workflows/execute", workflow)
    assert started.status == 202, started.body
    execution_id = started.body["execution_id"]
    sources = [EventSource(served.url, f"/executions/{execution_id}/stream") for _ in range(10)]
    found: list[list[dict[str, Any]]] = [[] for _ in sources]

    def follow(number: int) -> None:
        found[number] = list(sources[number])

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found[0][-1]["type"] == "run.completed"
    assert len({event["id"] for event in found[0]}) == len(found[0])
    assert all(each == found[0] for each in found)
    assert json.dumps(found[0]).count("step.completed") == 42


PRINTS = """
import time
from pathlib import Path

def handler(event, context):
    print("half way, password=correct-horse")
    while not Path(__file__).with_name("go_on").exists():
        time.sleep(0.01)
    return {}
"""


def test_what_a_step_prints_is_told_while_it_runs(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "chatty.py").write_text(PRINTS)
    data = DataFolder(tmp_path / "data")
    workflow = {"name": "Chatty", "steps": [{"step_id": "a", "step_type": "chatty", "config": {}}]}
    with LocalCloud(steps_directory=tmp_path / "steps", data=data) as cloud, running_server(cloud.gateway) as url:
        execution_id = ApiClient(url).post("/workflows/execute", workflow).body["execution_id"]
        found: list[dict[str, Any]] = []
        for event in EventSource(url, f"/executions/{execution_id}/stream"):
            found.append(event)
            if event["type"] == "log":
                (tmp_path / "steps" / "go_on").touch()
        assert types(found) == ["run.started", "step.started", "log", "step.completed", "run.completed"]
        assert found[2]["details"]["message"] == "half way, password=[redacted]"
        assert (found[2]["step"], found[2]["attempt"], found[2]["details"]["stream"]) == ("a", 1, "stdout")
        pages: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = ApiClient(url).get(f"/executions/{execution_id}/events?limit=1{cursor}").body
            pages += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert pages == found
