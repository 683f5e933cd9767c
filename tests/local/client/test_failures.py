"""What went wrong is told apart."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from tests.local.client.support import HELLO, ONCE, http, listening
from workflow_engine.client import (
    AsyncClient,
    AuthenticationError,
    Client,
    ConnectionLostError,
    RefusedError,
    TimedOutError,
    TlsError,
    UnreachableError,
)
from workflow_engine.client.transport import Request

pytestmark = pytest.mark.xdist_group("client")


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
        released.wait(60)

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
