"""The loopback server behind the tests of the vendors: what it does that a test relies on without looking."""

from __future__ import annotations

import threading

import httpx2
import pytest

from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply, sse_event, sse_reply


def test_answers_come_in_order_and_then_from_the_function() -> None:
    def answer(received: Received) -> Reply:
        return json_reply({"path": received.path, "query": received.query, "body": received.body}, status=201, x_y="1")

    with VendorServer(json_reply(1), answer=answer) as server, httpx2.Client() as client:
        first = client.get(server.url)
        second = client.post(f"{server.url}/a%3Ab?c=d", json={"e": 1}, headers={"X-Key": "k"})

    assert first.json() == 1
    assert (second.status_code, second.headers["x-y"]) == (201, "1")
    assert second.json() == {"path": "/a%3Ab", "query": "c=d", "body": {"e": 1}}
    assert [received.method for received in server.requests] == ["GET", "POST"]
    assert server.requests[1].headers["x-key"] == "k"


def test_a_request_beyond_the_script_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="no answer for GET /more"), VendorServer() as server:
        assert httpx2.get(f"{server.url}/more").status_code == 501


def test_what_a_function_of_the_request_asserts_fails_the_test() -> None:
    def answer(received: Received) -> Reply:
        assert received.body == {}
        return json_reply({})

    with pytest.raises(AssertionError), VendorServer(answer) as server:
        httpx2.get(server.url)


def test_leaving_ends_pauses_and_joins_all_threads() -> None:
    before = threading.active_count()
    with httpx2.Client() as client:
        with VendorServer(sse_reply(sse_event(1), sse_event(2), chunk_delay_seconds=3600)) as server:
            pieces = client.send(client.build_request("GET", server.url), stream=True).iter_text()
            assert next(pieces) == "data: 1\n\n"
        assert threading.active_count() == before
        with pytest.raises(httpx2.RemoteProtocolError):
            next(pieces)


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(body="abcdef", drop=True), sse_reply(b"data: 1", drop=True)])
def test_a_drop_breaks_the_connection(reply: Reply) -> None:
    with VendorServer(reply) as server, pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(server.url)
