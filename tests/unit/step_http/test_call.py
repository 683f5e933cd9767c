"""What an endpoint is sent, and what its answers mean for the step."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from typing import Any

import pytest

from functions.step_http.call import World, attempt_group_key, call_endpoint
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply
from tests.unit.step_http.calls import HERE, PAYLOAD, call, event
from workflow_engine import endpoint_errors as errors
from workflow_engine.outbound import AddressPolicy, AddressRefusedError
from workflow_engine.outbound_http import Answer, Request
from workflow_engine.sdk import InvalidStepInput, StepContext
from workflow_engine.sdk.testing import FakeLambdaContext


def test_an_endpoint_is_sent_what_a_lambda_step_receives_and_its_json_is_the_output() -> None:
    with VendorServer(json_reply({"score": 0.5}, 201)) as server:
        assert call(event(f"{server.url}/score?v=1", headers={"X-Team": "risk"})) == {"score": 0.5}
    (received,) = server.requests
    assert (received.method, received.path, received.query) == ("POST", "/score", "v=1")
    assert received.body == PAYLOAD
    assert received.headers["content-type"] == "application/json"
    assert received.headers["x-team"] == "risk"
    assert received.headers["host"] == server.url.removeprefix("http://")


def test_a_header_is_sent_once_in_whatever_case_it_is_written() -> None:
    sent: list[Request] = []

    def send(request: Request, *_: Any, **__: Any) -> Answer:
        sent.append(request)
        return Answer(200, {}, b"")

    auth = {"type": "api_key", "header": "x-team-key", "secret": "STEP_SECRET_A"}
    headers = {"user-agent": "risk", "ACCEPT": "text/csv", "X-Team-Key": "theirs"}
    given = event("https://a.example/", headers=headers, auth=auth)
    call_endpoint(given, StepContext.from_event(given), World(HERE, lambda *_: "ours", send=send))
    names = [name.lower() for name in sent[0].headers]
    assert sorted(set(names)) == sorted(names)
    assert sent[0].headers["user-agent"] == "risk"
    assert sent[0].headers["ACCEPT"] == "text/csv"
    assert sent[0].headers["x-team-key"] == "ours"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_method_is_that_of_the_registration(method: str) -> None:
    with VendorServer(json_reply(None)) as server:
        call(event(server.url, method=method))
    assert server.requests[0].method == method


def typed(content_type: str | None, raw: bytes, **headers: str) -> Reply:
    return Reply(200, ({} if content_type is None else {"content-type": content_type}) | headers, raw=raw)


@pytest.mark.parametrize(
    ("reply", "output"),
    [
        (typed("application/json; charset=utf-8", b'{"a": 1}'), {"a": 1}),
        (typed("application/vnd.api+json", b"[1, null]"), [1, None]),
        (typed("text/csv", b"a,b\n"), {"content_type": "text/csv", "text": "a,b\n"}),
        (typed("text/plain; charset=latin-1", b"caf\xe9"), {"content_type": "text/plain", "text": "café"}),
        (typed("application/xml", b"<a/>"), {"content_type": "application/xml", "text": "<a/>"}),
        (typed("image/png", b"\x89PNG"), {"content_type": "image/png", "base64": "iVBORw=="}),
        (typed("text/plain", b"\xff\xfe\xfa"), {"content_type": "text/plain", "base64": "//76"}),
        (typed("", b'{"a": 1}'), {"a": 1}),
        (typed("", b"hello"), {"content_type": "application/octet-stream", "base64": "aGVsbG8="}),
        (Reply(204, raw=b""), None),
        (typed("application/json", gzip.compress(b'{"a": 2}', mtime=0), **{"content-encoding": "gzip"}), {"a": 2}),
        (
            typed("text/csv", gzip.compress(b"a\n", mtime=0) + gzip.compress(b"b\n"), **{"content-encoding": "gzip"}),
            {"content_type": "text/csv", "text": "a\nb\n"},
        ),
    ],
    ids=[
        "json",
        "vnd+json",
        "csv",
        "latin-1",
        "xml",
        "png",
        "no text",
        "untyped json",
        "untyped",
        "empty",
        "gzip",
        "gzips",
    ],
)
def test_a_2xx_answer_is_the_output_by_its_type(reply: Reply, output: Any) -> None:
    with VendorServer(reply) as server:
        assert call(event(server.url)) == output


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"a": ', "line 1, column"),
        (b"<html>oops</html>", "line 1, column 1"),
        (b'{"a": NaN}', "holds NaN"),
        (b'{"a": 1e400}', "larger than a double"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "larger than a double"),
    ],
)
def test_an_answer_that_calls_itself_json_and_is_not_is_final(raw: bytes, says: str) -> None:
    with VendorServer(typed("application/json", raw)) as server, pytest.raises(errors.HttpAnswerError, match=says):
        call(event(server.url))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.HttpClientError),
        (401, errors.HttpClientError),
        (404, errors.HttpClientError),
        (408, errors.HttpClientError),
        (500, errors.HttpServerError),
        (503, errors.HttpServerError),
    ],
)
def test_another_status_fails_the_step_with_what_the_endpoint_says(status: int, error: type[Exception]) -> None:
    with VendorServer(json_reply({"detail": "no such model"}, status)) as server, pytest.raises(error) as raised:
        call(event(server.url))
    assert str(raised.value) == f'The endpoint answered {status}: {{"detail": "no such model"}}'


def test_the_first_kilobyte_of_the_body_is_told() -> None:
    with VendorServer(Reply(400, raw=b"x" * 5000)) as server, pytest.raises(errors.HttpClientError) as raised:
        call(event(server.url))
    assert str(raised.value) == "The endpoint answered 400: " + "x" * 1024


def throttled(after: str | None) -> Reply:
    return Reply(429, {} if after is None else {"retry-after": after}, {"detail": "slow down"})


@pytest.mark.parametrize(
    ("after", "pause"),
    [("7", 7.0), ("0", 1.0), ("Thu, 01 Jan 2026 00:00:09 GMT", 9.0)],
)
def test_an_endpoint_that_asks_to_wait_is_asked_again_in_the_same_attempt(after: str, pause: float) -> None:
    slept: list[float] = []
    with VendorServer(throttled(after), json_reply(1)) as server:
        assert call(event(server.url), sleep=slept.append) == 1
    assert slept == [pause]
    keys = {received.headers["idempotency-key"] for received in server.requests}
    assert len(server.requests) == 2
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("after", "says"),
    [
        ("60", "60 seconds"),
        (None, "does not say"),
        ("soon", "does not say"),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", "does not say"),
    ],
)
def test_a_wait_that_the_step_has_no_time_for_fails_at_once(after: str | None, says: str) -> None:
    with VendorServer(throttled(after)) as server, pytest.raises(errors.HttpThrottledError, match=says):
        call(event(server.url))
    assert len(server.requests) == 1


def test_waits_end_with_the_steps_time() -> None:
    slept: list[float] = []
    with VendorServer(answer=lambda _: throttled("10")) as server, pytest.raises(errors.HttpThrottledError):
        call(event(server.url, timeout_seconds=35), sleep=slept.append)
    assert slept == [10, 10, 10]
    assert len(server.requests) == 4


def test_waits_end_with_the_time_that_lambda_leaves() -> None:
    given, slept, passed = event("https://a.example/", timeout_seconds=900), [], [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        passed[0] += seconds

    world = World(
        HERE,
        lambda *_: "",
        now=lambda: passed[0],
        sleep=sleep,
        send=lambda *_, **__: Answer(429, {"retry-after": "10"}, b""),
    )
    with pytest.raises(errors.HttpThrottledError):
        call_endpoint(given, StepContext.from_event(given, FakeLambdaContext(seconds_left=30)), world)
    assert slept == [10, 10]


def test_an_answer_that_takes_too_long_is_a_timeout() -> None:
    with (
        VendorServer(Reply(200, body={}, delay_seconds=30)) as server,
        pytest.raises(errors.HttpTimeoutError, match=r"within 0\.9 s"),
    ):
        call(event(server.url, timeout_seconds=1))


def test_a_byte_now_and_then_does_not_outlast_the_time() -> None:
    drip = Reply(200, chunks=(b" ",) * 1000, chunk_delay_seconds=0.05)
    with VendorServer(drip) as server, pytest.raises(errors.HttpTimeoutError):
        call(event(server.url, timeout_seconds=1))


@pytest.mark.parametrize(
    "reply",
    [Reply(drop=True), Reply(body="x" * 10_000, drop=True), Reply(chunks=(b"[1,",), drop=True)],
    ids=["no head", "half a body", "half of the chunks"],
)
def test_a_connection_that_breaks_is_told_as_such(reply: Reply) -> None:
    with VendorServer(reply) as server, pytest.raises(errors.HttpConnectionError):
        call(event(server.url))


def test_nobody_there_is_a_connection_error() -> None:
    with VendorServer() as server:
        url = server.url
    with pytest.raises(errors.HttpConnectionError, match="refused"):
        call(event(url))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, raw=b"x" * 5_000_001),
        Reply(200, chunks=(b"x" * 1_000_000,) * 6),
        Reply(200, {"content-encoding": "gzip"}, raw=gzip.compress(b"x" * 50_000_000, mtime=0)),
        typed("image/png", b"x" * 4_000_000),
    ],
    ids=["announced", "in chunks", "packed", "as base64"],
)
def test_an_answer_that_is_too_large_is_final(reply: Reply) -> None:
    with VendorServer(reply) as server, pytest.raises(errors.HttpAnswerTooLargeError):
        call(event(server.url))


def moved(status: int, location: str) -> Reply:
    return Reply(status, {"location": location}, raw=b"")


def test_a_redirect_on_the_same_host_keeps_method_body_and_secret() -> None:
    auth = {"type": "bearer", "secret": "STEP_SECRET_A"}
    with VendorServer(moved(307, "/new"), moved(308, "newer?x=1"), json_reply(1)) as server:
        assert call(event(f"{server.url}/old", auth=auth), secrets={"STEP_SECRET_A": "s3cr3t-token"}) == 1
    assert [(r.method, r.path, r.query) for r in server.requests] == [
        ("POST", "/old", ""),
        ("POST", "/new", ""),
        ("POST", "/newer", "x=1"),
    ]
    assert all(r.body == PAYLOAD for r in server.requests)
    assert {r.headers["authorization"] for r in server.requests} == {"Bearer s3cr3t-token"}


@pytest.mark.parametrize(
    ("status", "location", "says"),
    [
        (302, "/login", "lose the body"),
        (303, "/done", "lose the body"),
        (301, "/score/", "lose the body"),
        (307, "http://elsewhere.example/", "another host"),
        (307, "http://127.0.0.1:1/", "another host, port"),
        (308, "//169.254.169.254/latest", "another host"),
        (307, "file:///etc/passwd", "another host"),
        (304, "", "without a Location header"),
    ],
)
def test_another_redirect_is_refused_and_says_what_to_register(status: int, location: str, says: str) -> None:
    with VendorServer(moved(status, location)) as server, pytest.raises(errors.HttpRedirectError, match=says):
        call(event(server.url))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"plain", "cannot be unpacked"),
        (gzip.compress(b"{}" * 99, mtime=0)[:-4], "ends too early"),
        (gzip.compress(b"{}", mtime=0)[:-8] + b"\0" * 8, "cannot be unpacked"),
        (gzip.compress(b"{}", mtime=0) + b"more", "cannot be unpacked"),
    ],
)
def test_an_answer_that_calls_itself_gzip_and_is_not_is_final(raw: bytes, says: str) -> None:
    with (
        VendorServer(typed("application/json", raw, **{"content-encoding": "gzip"})) as server,
        pytest.raises(errors.HttpAnswerError, match=says),
    ):
        call(event(server.url))


def test_redirects_in_a_circle_end() -> None:
    circle = VendorServer(answer=lambda _: moved(307, "/again"))
    with circle as server, pytest.raises(errors.HttpRedirectError, match="more than 5"):
        call(event(server.url))
    assert len(server.requests) == 6


def test_an_address_that_is_not_public_is_refused_and_nothing_is_sent() -> None:
    with VendorServer() as server, pytest.raises(AddressRefusedError, match="STEP_HTTP_ALLOWED_HOSTS"):
        call(event(server.url), policy=AddressPolicy())
    assert server.requests == []


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "bearer", "secret": "STEP_SECRET_A"}, "authorization", "Bearer s3cr3t-token"),
        ({"type": "api_key", "header": "X-API-Key", "secret": "STEP_SECRET_A"}, "x-api-key", "s3cr3t-token"),
        (
            {"type": "basic", "username": "ann", "secret": "STEP_SECRET_A"},
            "authorization",
            "Basic " + base64.b64encode(b"ann:s3cr3t-token").decode(),
        ),
    ],
)
def test_the_secret_is_sent_and_what_the_endpoint_repeats_of_it_is_left_out(
    auth: dict[str, str], header: str, value: str
) -> None:
    def echo(received: Any) -> Reply:
        return json_reply({"seen": received.headers[header]}, 200 if received.path == "/ok" else 400)

    with VendorServer(answer=echo) as server:
        output = call(event(f"{server.url}/ok", auth=auth), secrets={"STEP_SECRET_A": "s3cr3t-token\n"})
        with pytest.raises(errors.HttpClientError) as raised:
            call(event(server.url, auth=auth), secrets={"STEP_SECRET_A": "s3cr3t-token"})
    assert server.requests[0].headers[header] == value
    for shown in (json.dumps(output), str(raised.value)):
        assert "[secret]" in shown
        assert "s3cr3t-token" not in shown
        assert value.removeprefix("Basic ") not in shown


def test_a_secret_is_hidden_as_json_writes_it_too() -> None:
    auth = {"type": "bearer", "secret": "STEP_SECRET_A"}
    with VendorServer(answer=lambda received: json_reply({"seen": received.headers["authorization"]})) as server:
        output = call(event(server.url, auth=auth), secrets={"STEP_SECRET_A": 'quo"ted\\secret'})
    assert output == {"seen": "Bearer [secret]"}


def test_a_secret_that_would_be_a_second_header_is_refused() -> None:
    auth = {"type": "bearer", "secret": "STEP_SECRET_A"}
    with pytest.raises(errors.SecretNotSetError, match="no header can carry") as raised:
        call(event("http://127.0.0.1:1/", auth=auth), secrets={"STEP_SECRET_A": "a\r\nX-Evil: 1"})
    assert "X-Evil" not in str(raised.value)


def test_the_trace_of_the_run_goes_on_at_the_endpoint() -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    with VendorServer(json_reply(1)) as server:
        call(event(server.url), trace=f"{trace};Lineage=1:abc:0")
    headers = server.requests[0].headers
    assert headers["traceparent"] == "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
    assert headers["x-amzn-trace-id"] == trace


def key(given: dict[str, Any]) -> str:
    return attempt_group_key(given, StepContext.from_event(given))


def test_attempts_of_one_step_share_a_key_and_elements_and_turns_do_not() -> None:
    first = event("http://a/")
    context = PAYLOAD["execution_context"]
    again = {**first, "execution_context": {**context, "attempt": 2}}
    element = {**first, "execution_context": {**context, "index": 1}}
    turn = {**first, "call": {**first["call"], "entered_at": "2026-01-01T00:00:01.000Z"}}
    outer = {**first, "input_data": {"amount": 13}}
    assert key(again) == key(first)
    assert key(first).startswith("exe-1:score:")
    assert len({key(each) for each in (first, element, turn, outer)}) == 4


def test_an_event_without_an_endpoint_is_refused() -> None:
    with pytest.raises(InvalidStepInput, match="names no endpoint"):
        call(PAYLOAD)


def test_what_is_no_http_is_final() -> None:
    import socket
    import threading

    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(errors.HttpAnswerError, match="does not answer in HTTP"):
        call(event(f"http://127.0.0.1:{listening.getsockname()[1]}/"))
    thread.join(5)
    listening.close()


def test_the_function_stands_on_the_standard_library_alone() -> None:
    program = (
        "import sys, functions.step_http.handler;"
        "print(sorted({'pydantic', 'aws_lambda_powertools', 'boto3', 'botocore', 'urllib3', 'httpx2', 'jsonschema'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
