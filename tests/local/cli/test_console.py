"""The console of a deployed API on this machine: its requests are signed here, and only its own page may make any."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from infra.local.cli.console import make_console_server
from tests.local.cli.commands import workflow
from tests.local.cli.fake_api import FakeApi
from tests.local.cli.sigv4_check import signature_problem
from workflow_engine.client.authentication import SigV4
from workflow_engine.client.http import HttpTransport
from workflow_engine.client.transport import Request, Response, Transport

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


@contextmanager
def console_of(api: Transport) -> Iterator[int]:
    server = make_console_server(api, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def port(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with console_of(HttpTransport(f"{fake.url}/prod", SigV4(region="eu-west-1"))) as own:
        yield own


def asked(
    port: int, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] = {}
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, target, body, dict(headers))
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def test_what_the_page_asks_is_signed_and_sent_on(fake: FakeApi, port: int) -> None:
    fake.always(200, {"n": 1}, etag='"7"')
    sent = {"if-match": '"6"', "content-type": "application/json", "origin": f"http://127.0.0.1:{port}"}
    status, headers, body = asked(port, "PUT", "/workflows/a%2Fb?tag=x%3Ay&tag=&q=a+b", b'{"name":"\xc3\xa4"}', sent)
    assert (status, headers["etag"], json.loads(body)) == (200, '"7"', {"n": 1})
    (there,) = fake.asked
    assert signature_problem(there, SECRET, region="eu-west-1") is None
    assert (there.method, there.target) == ("PUT", "/prod/workflows/a%2Fb?tag=x%3Ay&tag=&q=a%20b")
    assert (there.body, there.headers["if-match"]) == (b'{"name":"\xc3\xa4"}', '"6"')
    assert "origin" not in there.headers


@pytest.mark.parametrize(
    "headers",
    [{"host": "rebound.test"}, {"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}],
    ids=["another host", "another origin", "a page of another site"],
)
def test_for_somebody_else_nothing_is_signed(fake: FakeApi, port: int, headers: dict[str, str]) -> None:
    status, _, _ = asked(port, "POST", "/executions/1/cancel", b"{}", headers)
    assert (status, fake.asked) == (403, [])


def test_the_console_itself_comes_from_here_and_asks_nobody_to_sign_in(fake: FakeApi, port: int) -> None:
    status, headers, _ = asked(port, "GET", "/")
    assert (status, headers["location"]) == (302, "console/")
    status, _, body = asked(port, "GET", "/console/config.json")
    assert (status, json.loads(body)["auth"], fake.asked) == (200, "none", [])


def test_a_problem_of_the_api_comes_through_as_it_is(fake: FakeApi, port: int) -> None:
    fake.always(422, {"detail": "no"}, content_type="application/problem+json")
    status, headers, body = asked(port, "POST", "/workflows/validate", b"{}")
    assert (status, headers["content-type"], json.loads(body)) == (422, "application/problem+json", {"detail": "no"})


def test_without_credentials_the_page_is_told_why(fake: FakeApi) -> None:
    with console_of(HttpTransport(fake.url, SigV4(region="eu-west-1"))) as port:
        status, _, body = asked(port, "GET", "/executions")
    told = json.loads(body)
    assert (status, told["code"], fake.asked) == (401, "no_credentials", [])
    assert "Set AWS_PROFILE" in told["detail"]


def test_an_api_that_is_away_is_told() -> None:
    with console_of(HttpTransport("http://127.0.0.1:9")) as port:
        status, _, body = asked(port, "GET", "/executions")
    assert (status, json.loads(body)["code"]) == (502, "unreachable")


class _Piece:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self._rest = status, headers, [body]

    def read(self) -> bytes | None:
        return self._rest.pop() if self._rest else None

    def close(self) -> None:
        self._rest.clear()


class _LinksToS3:
    """An API that answers an output by a link to S3."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def open(self, request: Request) -> Any:
        self.asked.append(request.path)
        if request.is_elsewhere:
            return _Piece(200, {"content-type": "application/json"}, b"[1]")
        return _Piece(303, {"location": "https://bucket.s3.test/key?signed=1"}, b"")

    def send(self, request: Request) -> Response:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def test_an_output_that_lies_at_s3_is_fetched_for_the_page() -> None:
    api = _LinksToS3()
    with console_of(api) as port:
        status, _, body = asked(port, "GET", "/executions/1/output")
    assert (status, body) == (200, b"[1]")
    assert api.asked == ["/executions/1/output", "https://bucket.s3.test/key?signed=1"]


def test_a_console_that_is_not_built_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.api_console.settings.has_build", lambda: False)
    done = workflow("console", "--api", "http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "make console" in done.stderr
