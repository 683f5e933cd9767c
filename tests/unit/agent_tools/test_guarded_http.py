"""The guarded clients, against servers on loopback."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from agent_tools import guarded_http
from agent_tools.guarded_http import OriginToken, ResponseTooLargeError
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply
from tests.unit.agent_tools.guarded import HERE, Get, both, get_in_a_task, get_in_a_thread
from workflow_engine.outbound import AddressPolicy, AddressRefusedError, Lookup


def redirect_to(url: str, status: int = 302) -> Reply:
    return Reply(status, {"location": url})


def named(name: str) -> Lookup:
    """A name service that knows one name, whose address is that of this machine."""

    def lookup(host: str, _port: int) -> list[str]:
        if host != name:
            raise OSError(f"asked for {host}")
        return ["127.0.0.1"]

    return lookup


@both
def test_an_allowed_address_is_reached_under_its_own_name(get: Get) -> None:
    with VendorServer(json_reply({"ok": True})) as server:
        port = server.url.rpartition(":")[2]
        response = get(f"http://api.example:{port}/a?b=c", lookup=named("api.example"))

    assert response.json() == {"ok": True}
    assert server.requests[0].path == "/a"
    assert server.requests[0].headers["host"] == f"api.example:{port}"


@both
def test_loopback_is_refused_unless_it_is_allowed(get: Get) -> None:
    with VendorServer() as server:
        with pytest.raises(AddressRefusedError, match="STEP_HTTP_ALLOWED_HOSTS"):
            get(server.url, AddressPolicy())
        with pytest.raises(AddressRefusedError):
            get(server.url.replace("127.0.0.1", "2130706433"), AddressPolicy())
    assert server.requests == []


@both
def test_a_name_that_resolves_inside_is_refused_before_anything_is_sent(get: Get) -> None:
    with VendorServer() as server:
        port = server.url.rpartition(":")[2]
        with pytest.raises(AddressRefusedError, match=r"'evil.example' has a loopback address"):
            get(f"http://evil.example:{port}/", AddressPolicy(), lookup=named("evil.example"))
    assert server.requests == []


@both
def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_not_looked_up_again(get: Get) -> None:
    answers = [["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    with VendorServer(json_reply({"ok": True})) as server:
        port = server.url.rpartition(":")[2]
        # The system's own name service knows no such name: whoever asked it would not get here.
        assert get(f"http://rebind.invalid:{port}/", lookup=rebinding).json() == {"ok": True}
    assert asked == ["rebind.invalid"]


@both
def test_the_next_address_is_tried_when_one_does_not_answer(get: Get) -> None:
    with VendorServer(json_reply({"ok": True})) as server:
        port = server.url.rpartition(":")[2]
        policy = AddressPolicy.from_text("127.0.0.0/8")
        response = get(f"http://two.example:{port}/", policy, lookup=lambda _h, _p: ["127.99.0.1", "127.0.0.1"])
    assert response.status_code == 200


@both
def test_a_host_that_does_not_exist_or_does_not_answer_is_a_connection_error(get: Get) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(httpx2.ConnectError):
            get(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    with pytest.raises(httpx2.ConnectError, match=r"'nobody.example' cannot be found"):
        get("http://nobody.example/", lookup=named("somebody.example"))


@both
@pytest.mark.parametrize("url", ["ftp://example.com/", "http://user:pw@127.0.0.1/", "ws://example.com/"])
def test_only_plain_http_urls_are_sent(get: Get, url: str) -> None:
    with pytest.raises(AddressRefusedError):
        get(url)


@both
def test_a_redirect_is_checked_like_any_other_request(get: Get) -> None:
    with VendorServer() as inside:
        with VendorServer(redirect_to(f"{inside.url}/secret")) as outside:
            only_outside = AddressPolicy.from_text(outside.url.removeprefix("http://"))
            with pytest.raises(AddressRefusedError):
                get(outside.url, only_outside)
        with (
            VendorServer(redirect_to("http://169.254.169.254/latest/meta-data/")) as outside,
            pytest.raises(AddressRefusedError, match="a link-local address"),
        ):
            get(outside.url)
        with VendorServer(redirect_to("file:///etc/passwd")) as outside, pytest.raises(AddressRefusedError):
            get(outside.url)
    assert inside.requests == []


@both
def test_redirects_are_followed_but_not_for_ever(get: Get) -> None:
    with VendorServer(redirect_to("/2"), redirect_to("/3"), json_reply({"ok": True})) as server:
        assert get(server.url).json() == {"ok": True}
    assert [asked.path for asked in server.requests] == ["/", "/2", "/3"]

    with (
        VendorServer(answer=lambda asked: redirect_to(asked.path + "x")) as server,
        pytest.raises(httpx2.TooManyRedirects),
    ):
        get(server.url)
    assert len(server.requests) == guarded_http.MAX_REDIRECTS + 1


@both
def test_authorization_stays_with_its_origin(get: Get) -> None:
    with VendorServer(json_reply({})) as other, VendorServer(redirect_to("/2"), redirect_to(f"{other.url}/3")) as own:
        get(own.url, headers={"Authorization": "Bearer abc"})

    assert [asked.headers.get("authorization") for asked in own.requests] == ["Bearer abc", "Bearer abc"]
    assert [asked.headers.get("authorization") for asked in other.requests] == [None]


def test_authorization_is_not_taken_along_from_http_to_https_either() -> None:
    """httpx2 takes it along when scheme and port alone change; the origin is another one all the same."""
    policy = AddressPolicy()
    first = httpx2.Request("GET", "http://example.com/", headers={"Authorization": "Basic abc"})
    assert b"Authorization" in dict(guarded_http.core_request(first, policy, None).headers)

    upgraded = httpx2.Request("GET", "https://example.com/", headers=first.headers, extensions=first.extensions)
    assert b"Authorization" not in dict(guarded_http.core_request(upgraded, policy, None).headers)


def test_a_token_is_sent_to_its_own_origin_and_shown_nowhere() -> None:
    with VendorServer(json_reply({})) as other, VendorServer(redirect_to("/2"), redirect_to(other.url)) as own:
        token = OriginToken(f"{own.url}/mcp", "hush-hush")
        response = get_in_a_task(own.url, token=token)

    assert [asked.headers.get("authorization") for asked in own.requests] == ["Bearer hush-hush"] * 2
    assert [asked.headers.get("authorization") for asked in other.requests] == [None]
    assert "hush-hush" not in repr(token)
    assert all("authorization" not in r.request.headers for r in (response, *response.history))


@both
def test_an_answer_that_is_too_long_is_broken_off(get: Get) -> None:
    announced = Reply(raw=b"x" * 1001)
    streamed = Reply(chunks=(b"x" * 600, b"x" * 600))
    for reply in (announced, streamed):
        with VendorServer(reply) as server, pytest.raises(ResponseTooLargeError, match="1,000 bytes allowed") as failed:
            get(server.url, max_bytes=1000)
        assert failed.value.code == "response_too_large"
    with VendorServer(Reply(raw=b"x" * 1000)) as server:
        assert len(get(server.url, max_bytes=1000).content) == 1000


@both
def test_packed_answers_are_unpacked_and_measured_unpacked(get: Get) -> None:
    packed = {"content-encoding": "gzip", "content-type": "text/plain"}
    with VendorServer(Reply(200, packed, raw=gzip.compress(b"hello"))) as server:
        response = get(server.url)
    assert response.text == "hello"
    assert "content-encoding" not in response.headers
    assert server.requests[0].headers["accept-encoding"] == "gzip"

    with (
        VendorServer(Reply(200, packed, raw=gzip.compress(b"0" * 20_000_000))) as server,
        pytest.raises(ResponseTooLargeError),
    ):
        get(server.url)
    with VendorServer(Reply(200, packed, raw=b"not gzip")) as server, pytest.raises(httpx2.DecodingError):
        get(server.url)
    with (
        VendorServer(Reply(200, {"content-encoding": "br"}, raw=b"x")) as server,
        pytest.raises(httpx2.DecodingError, match="'br', which was not asked for"),
    ):
        get(server.url)


@both
def test_a_silent_server_is_a_timeout(get: Get) -> None:
    with VendorServer(Reply(delay_seconds=60)) as server, pytest.raises(httpx2.ReadTimeout):
        get(server.url, seconds=0.2)


@both
def test_a_name_service_that_does_not_answer_is_a_timeout(get: Get) -> None:
    answered = threading.Event()

    def silent(_host: str, _port: int) -> list[str]:
        answered.wait(60)
        return ["127.0.0.1"]

    try:
        with pytest.raises(httpx2.ConnectTimeout, match=r"looking up 'slow.example' took too long"):
            get("http://slow.example/", seconds=0.1, lookup=silent)
    finally:
        answered.set()


@contextmanager
def dripping_server(head: bytes) -> Iterator[str]:
    """Sends a head, then a byte every 20 ms for as long as somebody listens."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                connection.sendall(head)
                for _ in range(500):
                    connection.sendall(b"x")
                    time.sleep(0.02)
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        thread.join()
        listening.close()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_server_that_drips_cannot_outlast_the_errand(head: bytes) -> None:
    with dripping_server(head) as url, pytest.raises(httpx2.ReadTimeout):
        get_in_a_thread(url, seconds=0.3)


@both
def test_a_broken_connection_is_an_error_of_httpx(get: Get) -> None:
    with VendorServer(Reply(raw=b"half of it", drop=True)) as server, pytest.raises(httpx2.RemoteProtocolError):
        get(server.url)


@both
def test_proxies_and_netrc_of_the_environment_are_not_heeded(
    get: Get, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with VendorServer(json_reply({"ok": True})) as server:
        assert get(server.url).json() == {"ok": True}
    assert "authorization" not in server.requests[0].headers


@both
def test_urls_are_not_logged_at_info(get: Get, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with VendorServer(json_reply({})) as server:
        get(f"{server.url}/?key=hush-hush")
    assert "hush-hush" not in caplog.text


def test_a_client_keeps_its_connection_for_the_next_request() -> None:
    asked: list[str] = []

    def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with (
        VendorServer(json_reply({}), json_reply({})) as server,
        guarded_http.client(HERE, seconds=5, max_response_bytes=100, lookup=lookup) as client,
    ):
        url = server.url.replace("127.0.0.1", "one.example")
        client.get(url)
        client.get(url)
    assert asked == ["one.example"]
