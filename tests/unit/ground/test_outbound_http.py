"""The guarded client of functions without an HTTP library: where it connects, and whom it trusts."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.llm.vendor_server import VendorServer, json_reply
from tests.unit.agent_tools.test_guarded_http_tls import certificate, tls_server
from workflow_engine import endpoint_errors as errors
from workflow_engine.outbound import AddressPolicy, AddressRefusedError, Lookup
from workflow_engine.outbound_http import Answer, Request, send

HERE = AddressPolicy.from_text("127.0.0.1")


def post(
    url: str,
    policy: AddressPolicy = HERE,
    *,
    seconds: float = 5,
    lookup: Lookup | None = None,
    verify: ssl.SSLContext | None = None,
) -> Answer:
    return send(Request("POST", url, {}, b"{}"), policy, seconds=seconds, max_bytes=1000, lookup=lookup, verify=verify)


def test_the_connection_goes_to_the_address_that_was_judged_and_the_name_is_looked_up_once() -> None:
    looked_up: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["169.254.169.254"]

    with VendorServer(json_reply(1)) as server:
        port = server.url.rpartition(":")[2]
        assert post(f"http://crm.example:{port}/", lookup=rebinding).body == b"1"
    assert looked_up == ["crm.example"]
    assert server.requests[0].headers["host"] == f"crm.example:{port}"


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254", "127.0.0.2"])
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    with pytest.raises(AddressRefusedError):
        post("http://crm.example/", lookup=lambda _host, _port: [address])


def test_a_second_address_is_tried_when_the_first_does_not_answer() -> None:
    with VendorServer(json_reply(1)) as server:
        port = server.url.rpartition(":")[2]
        local = AddressPolicy.from_text("127.0.0.0/8")
        answer = post(f"http://crm.example:{port}/", local, lookup=lambda _host, _port: ["127.0.0.9", "127.0.0.1"])
    assert answer.status == 200


def test_a_name_that_is_not_found_is_a_connection_error() -> None:
    with pytest.raises(errors.HttpConnectionError, match="cannot be found"):
        post("http://crm.example/", lookup=lambda _host, _port: (_ for _ in ()).throw(socket.gaierror()))


def test_name_servers_that_are_silent_do_not_outlast_the_time() -> None:
    answered = threading.Event()
    try:
        with pytest.raises(errors.HttpTimeoutError):
            post("http://crm.example/", seconds=0.2, lookup=lambda _host, _port: [str(answered.wait(30))])
    finally:
        answered.set()


def test_the_certificate_must_be_that_of_the_host(tmp_path: Path) -> None:
    public, private = certificate("good.example", tmp_path)
    trusting = ssl.create_default_context(cafile=str(public))
    names: list[str | None] = []

    def lookup(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    with tls_server(public, private, names) as port:
        answer = post(f"https://good.example:{port}/", lookup=lookup, verify=trusting)
        assert answer.body.lower() == f"host: good.example:{port}".encode()
        for url, verify in (
            (f"https://other.example:{port}/", trusting),
            (f"https://127.0.0.1:{port}/", trusting),
            (f"https://good.example:{port}/", None),
        ):
            with pytest.raises(errors.HttpCertificateError, match="is not accepted"):
                post(url, lookup=lookup, verify=verify)
    assert names[:2] == ["good.example", "other.example"]


@contextmanager
def raw_server(*pieces: bytes, pause: float = 0.0, reads: bool = True) -> Iterator[str]:
    """Sends these bytes to one client, as they are."""
    listening = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            if reads:
                connection.recv(65536)
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    return
                if stopped.wait(pause):
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        stopped.set()
        thread.join(5)
        listening.close()


def test_a_head_that_never_ends_does_not_outlast_the_time() -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"a" * 200
    with raw_server(*(head[i : i + 1] for i in range(len(head))), pause=0.05) as url:
        started = time.monotonic()
        with pytest.raises(errors.HttpTimeoutError):
            post(url, seconds=0.5)
        assert started < time.monotonic()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n12345\r\n",
        b"",
    ],
    ids=["short", "no last chunk", "no length of a chunk", "nothing"],
)
def test_a_truncated_answer_is_never_taken_for_a_whole_one(answer: bytes) -> None:
    with raw_server(answer) as url, pytest.raises(errors.HttpConnectionError):
        post(url)


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc"
    with raw_server(answer) as url, pytest.raises(errors.HttpAnswerError, match="'br'"):
        post(url)


def test_headers_without_end_are_refused() -> None:
    with (
        raw_server(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n") as url,
        pytest.raises(errors.HttpAnswerError),
    ):
        post(url)
