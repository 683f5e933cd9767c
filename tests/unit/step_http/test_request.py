"""The step type `http_request`: what is sent, what an answer becomes, page after page."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from functions.step_http.call import World
from functions.step_http.pages import next_url
from functions.step_http.request import make_request
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply
from tests.unit.step_http.calls import HERE, PAYLOAD
from workflow_engine import endpoint_errors as errors
from workflow_engine.outbound import AddressRefusedError
from workflow_engine.outbound_http import Answer
from workflow_engine.sdk import InvalidStepInput, StepContext

Texts = Mapping[str, list[dict[str, Any]]]


def ask(
    config: Mapping[str, Any],
    texts: Texts | None = None,
    *,
    input_data: Mapping[str, Any] | None = None,
    secret: str = "s3cret-value",
    attempt: int = 1,
    waited: list[float] | None = None,
) -> dict[str, Any]:
    """The output of the step."""
    given = {
        "step_config": {"step_id": "get", "step_type": "http_request", "config": config},
        "input_data": input_data or {},
        "execution_context": {**PAYLOAD["execution_context"], "attempt": attempt},
        "call": {"entered_at": "2026-01-01T00:00:00.000Z", "texts": texts or {}, "timeout_seconds": 35},
    }
    world = World(
        HERE,
        lambda _tenant, _name: secret,
        now=lambda: float(sum(waited or ())),
        utc_now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        sleep=lambda seconds: (waited if waited is not None else []).append(seconds),
    )
    return make_request(given, StepContext.from_event(given), world)


def value(filled: Any) -> dict[str, Any]:
    return {"value": filled}


def text(own: str) -> dict[str, Any]:
    return {"text": own}


def test_a_get_gives_status_headers_body_and_attempts() -> None:
    with VendorServer(json_reply({"a": [1]}, x_total="7", set_cookie="id=1")) as server:
        output = ask({"url": f"{server.url}/list?x=1", "query": {"q": "a b&c", "n": 3, "no": None, "many": [1, True]}})
    (received,) = server.requests
    assert (received.method, received.path, received.query) == ("GET", "/list", "x=1&q=a%20b%26c&n=3&many=1&many=true")
    assert "idempotency-key" not in received.headers
    assert "content-length" not in received.headers
    assert (output["status_code"], output["body"], output["attempts"]) == (200, {"a": [1]}, 1)
    assert output["headers"]["x-total"] == "7"
    assert "set-cookie" not in output["headers"]


def test_values_are_encoded_by_their_place_in_the_url() -> None:
    odd = "a/../b?c#d é&="
    with VendorServer(json_reply(None), json_reply(None)) as server:
        url = [text(f"{server.url}/users/"), value(odd), text("/x?q="), value(odd)]
        ask({"url": "..."}, {"/url": url})
        ask({"url": "..."}, {"/url": [value(f"{server.url}/whole?a=1"), text("&b="), value(2)]})
    escaped = "a%2F..%2Fb%3Fc%23d%20%C3%A9%26%3D"
    assert (server.requests[0].path, server.requests[0].query) == (f"/users/{escaped}/x", f"q={escaped}")
    assert (server.requests[1].path, server.requests[1].query) == ("/whole", "a=1&b=2")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ([text("http://127.0.0.1/users/"), value(None)], "path is empty"),
        ([text("http://127.0.0.1/users/"), value("..")], "path is '..'"),
        ([text("http://"), value("evil.example/x"), text(".example.com/")], "URL's host"),
        ([text("http://"), value("a@b"), text("/")], "URL's host"),
        ([value("ftp://a.example/")], "no address"),
        ([value(None)], "no address"),
        ([value("http://ann:pw@a.example/")], "no address"),
        ([value("http://[::1/")], "no address"),
    ],
)
def test_data_that_would_lead_elsewhere_fails_the_step(url: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(InvalidStepInput, match=says):
        ask({"url": "..."}, {"/url": url})


@pytest.mark.parametrize(
    "texts",
    [
        {"/url": [text("http://127.0.0.1/"), value("\ud800")]},
        {"/url": [value("http://" + "ü" * 80 + ".example/")]},
        {"/body": [value("\ud800")]},
    ],
)
def test_what_no_text_holds_fails_the_step_by_name(texts: Texts) -> None:
    with pytest.raises(InvalidStepInput, match="surrogate"):
        ask({"url": "http://127.0.0.1", "method": "POST", "body": "...", "body_format": "text"}, texts)


def test_an_address_that_data_bring_in_is_judged_as_any_other() -> None:
    with pytest.raises(AddressRefusedError):
        ask({"url": "..."}, {"/url": [value("http://169.254.169.254/latest/meta-data/")]})


def test_a_body_keeps_the_types_of_values_that_stand_alone() -> None:
    texts = {
        "/body/user": [value({"id": 1})],
        "/body/tags/0": [value(None)],
        "/body/note": [value(2.5), text("!")],
        "/body/a~1b": [value([1])],
        "/headers/X-Trace": [text("t-"), value(7)],
    }
    body = {"user": "{{ u }}", "tags": ["{{ t }}", "x"], "note": "...", "a/b": "...", "own": "{{{raw}}}"}
    with VendorServer(json_reply({})) as server:
        ask({"url": server.url, "method": "POST", "body": body, "headers": {"X-Trace": "..."}}, texts)
    (received,) = server.requests
    assert received.body == {"user": {"id": 1}, "tags": [None, "x"], "note": "2.5!", "a/b": [1], "own": "{{{raw}}}"}
    assert received.headers["content-type"] == "application/json"
    assert received.headers["x-trace"] == "t-7"
    assert received.headers["idempotency-key"].startswith("exe-1:score:")


def test_forms_texts_and_inputs_are_bodies_too() -> None:
    with VendorServer(json_reply({}), json_reply({}), json_reply({})) as server:
        post = {"url": server.url, "method": "POST"}
        ask({**post, "body": {"a": "x y", "n": [1, 2]}, "body_format": "form"})
        ask({**post, "body": "a,b", "body_format": "text", "headers": {"content-type": "text/csv"}})
        ask(post, input_data={"body": {"from": "input"}})
    form, csv, given = server.requests
    assert (form.raw, form.headers["content-type"]) == (b"a=x+y&n=1&n=2", "application/x-www-form-urlencoded")
    assert (csv.raw, csv.headers["content-type"]) == (b"a,b", "text/csv")
    assert given.body == {"from": "input"}


@pytest.mark.parametrize("header", ["line\r\nX-Injected: 1", "tab\x00", "ünicode"])
def test_data_that_no_header_can_carry_fails_the_step(header: str) -> None:
    with pytest.raises(InvalidStepInput, match="X-A"):
        ask({"url": "http://127.0.0.1", "headers": {"X-A": "..."}}, {"/headers/X-A": [value(header)]})


# --- auth ---


@pytest.mark.parametrize(
    ("auth", "header", "sent"),
    [
        ({"type": "bearer"}, "authorization", "Bearer s3cret-value"),
        ({"type": "basic", "username": "ann"}, "authorization", "Basic YW5uOnMzY3JldC12YWx1ZQ=="),
        ({"type": "api_key", "header": "X-API-Key"}, "x-api-key", "s3cret-value"),
    ],
)
def test_a_secret_is_sent_and_what_repeats_it_is_hidden(auth: dict[str, Any], header: str, sent: str) -> None:
    with VendorServer(answer=lambda r: json_reply({"got": r.headers[header]}, x_echo=r.headers[header])) as server:
        output = ask({"url": server.url, "auth": {**auth, "secret": "STEP_SECRET_A"}})
    assert server.requests[0].headers[header] == sent
    assert "s3cret-value" not in json.dumps(output)


def test_a_request_is_signed_with_the_tenants_own_keys() -> None:
    keys = {
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG",
        "session_token": "tok-en-of-it",
    }
    auth = {"type": "sigv4", "service": "execute-api", "region": "eu-west-1", "secret": "STEP_SECRET_AWS"}
    with VendorServer(json_reply({})) as server:
        ask({"url": f"{server.url}/x", "auth": auth, "method": "POST", "body": {"a": 1}}, secret=json.dumps(keys))
    headers = server.requests[0].headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
    assert "host" in headers["authorization"]
    assert headers["x-amz-security-token"] == "tok-en-of-it"
    assert "x-amz-date" in headers
    assert "wJalrXUtnFEMI" not in json.dumps(dict(headers))


@pytest.mark.parametrize("secret", ["{}", "no json", '{"access_key_id": 1, "secret_access_key": "x"}', "[]"])
def test_keys_that_cannot_be_read_are_told_by_the_name_of_the_secret(secret: str) -> None:
    auth = {"type": "sigv4", "service": "s3", "region": "eu-west-1", "secret": "STEP_SECRET_AWS"}
    with pytest.raises(errors.SecretNotSetError, match="STEP_SECRET_AWS") as raised:
        ask({"url": "http://127.0.0.1", "auth": auth}, secret=secret)
    assert secret not in str(raised.value)


# --- what an answer means ---


def test_only_expected_statuses_are_no_failure() -> None:
    replies = [json_reply({"detail": "no"}, 404), json_reply({}, 404), json_reply({}, 200), json_reply({}, 503)]
    with VendorServer(*replies) as server:
        assert ask({"url": server.url, "expect": [200, 404]})["status_code"] == 404
        with pytest.raises(errors.HttpClientError, match="answered 404"):
            ask({"url": server.url})
        with pytest.raises(errors.HttpClientError, match="answered 200"):
            ask({"url": server.url, "expect": [201]})
        assert ask({"url": server.url, "expect": [503]})["status_code"] == 503


def test_a_redirect_is_followed_or_wanted() -> None:
    moved = Reply(302, {"location": "/new"}, raw=b"")
    with VendorServer(moved, json_reply({"new": True}), moved, moved) as server:
        assert ask({"url": f"{server.url}/old"})["body"] == {"new": True}
        wanted = ask({"url": f"{server.url}/old", "expect": [302]})
        assert (wanted["status_code"], wanted["headers"]["location"]) == (302, "/new")
        with pytest.raises(errors.HttpRedirectError, match="lose the body"):
            ask({"url": f"{server.url}/old", "method": "POST", "body": {}})


def test_a_head_request_has_no_body_whatever_length_it_tells() -> None:
    class Head(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "9000000")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Head) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        output = ask({"url": f"http://127.0.0.1:{server.server_port}", "method": "HEAD"})
        answering.join(10)
    assert (output["body"], output["headers"]["content-type"]) == (None, "application/json")


def test_429_is_waited_for_and_counted() -> None:
    waited: list[float] = []
    busy = json_reply({}, 429, retry_after="2")
    with VendorServer(busy, busy, json_reply({}), json_reply({}, 429)) as server:
        assert ask({"url": server.url}, waited=waited, attempt=2)["attempts"] == 4
        with pytest.raises(errors.HttpThrottledError):
            ask({"url": server.url})
    assert waited == [2, 2]


@pytest.mark.parametrize(
    ("reply", "wanted", "body"),
    [
        (Reply(200, {"content-type": "text/csv"}, raw=b"a,b"), "auto", "a,b"),
        (Reply(200, {"content-type": "text/plain"}, raw=b'{"a": 1}'), "json", {"a": 1}),
        (json_reply({"a": 1}), "text", '{"a": 1}'),
        (
            Reply(200, {"content-type": "image/png"}, raw=b"\x89P"),
            "auto",
            {"content_type": "image/png", "base64": "iVA="},
        ),
        (
            Reply(200, {"content-type": "text/plain"}, raw=b"hi"),
            "base64",
            {"content_type": "text/plain", "base64": "aGk="},
        ),
        (Reply(204, raw=b""), "auto", None),
    ],
)
def test_an_answer_is_read_as_asked_for(reply: Reply, wanted: str, body: Any) -> None:
    with VendorServer(reply) as server:
        assert ask({"url": server.url, "response_format": wanted})["body"] == body


def test_an_answer_that_is_not_what_was_asked_for_fails_the_step() -> None:
    with VendorServer(Reply(200, raw=b"hello"), Reply(200, raw=b"\xff\xfe\xfa"), Reply(drop=True)) as server:
        with pytest.raises(errors.HttpAnswerError, match="no JSON, which was asked for"):
            ask({"url": server.url, "response_format": "json"})
        with pytest.raises(errors.HttpAnswerError, match="no text"):
            ask({"url": server.url, "response_format": "text"})
        with pytest.raises(errors.HttpConnectionError):
            ask({"url": server.url})


# --- pages ---


def pages(received: Received) -> Reply:
    """Five items, two a page: by a Link header, a cursor, or an address in the body."""
    asked = dict(part.split("=") for part in received.query.split("&") if part)
    start = int(asked.get("after", 0))
    items = [{"n": n} for n in range(start, min(start + 2, 5))]
    more = start + 2 < 5
    match received.path:
        case "/link":
            link = f'<http://{received.headers["host"]}/link?after={start + 2}>; rel="next", </link>; rel=first'
            return json_reply(items, link=link) if more else json_reply(items)
        case "/address":
            return json_reply({"data": {"items": items}, "next": f"/address?after={start + 2}" if more else None})
        case "/away":
            return json_reply(items, link="<http://169.254.169.254/next>; rel=next")
        case "/circle":
            return json_reply(items, link="</circle>; rel=next")
    return json_reply({"data": {"items": items}, "meta": {"after": start + 2 if more else None}})


ALL = [{"n": n} for n in range(5)]


@pytest.mark.parametrize(
    ("path", "pagination"),
    [
        ("/link?x=1", {"type": "link"}),
        (
            "/cursor?x=1",
            {"type": "cursor", "cursor_path": "meta.after", "cursor_parameter": "after", "items_path": "data.items"},
        ),
        ("/address", {"type": "cursor", "cursor_path": "next", "items_path": "data.items"}),
    ],
)
def test_pages_are_read_to_the_last_and_their_items_joined(path: str, pagination: dict[str, Any]) -> None:
    with VendorServer(answer=pages) as server:
        output = ask({"url": server.url + path, "pagination": pagination})
        assert (output["body"], output["pages"], output["has_more"]) == (ALL, 3, False)
        short = ask({"url": server.url + path, "pagination": {**pagination, "max_pages": 2}})
    assert (short["body"], short["pages"], short["has_more"]) == (ALL[:4], 2, True)


def test_each_page_of_a_post_has_a_key_of_its_own() -> None:
    pagination = {
        "type": "cursor",
        "cursor_path": "meta.after",
        "cursor_parameter": "after",
        "items_path": "data.items",
    }
    with VendorServer(answer=pages) as server:
        ask({"url": f"{server.url}/cursor", "method": "POST", "body": {}, "pagination": pagination})
    keys = [r.headers["idempotency-key"] for r in server.requests]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("path", "pagination", "says"),
    [
        ("/away", {"type": "link"}, "another host"),
        ("/circle", {"type": "link"}, "names itself"),
        ("/cursor", {"type": "cursor", "cursor_path": "data", "cursor_parameter": "after"}, "no cursor"),
        ("/cursor", {"type": "cursor", "cursor_path": "meta.after", "items_path": "data.nothing"}, "no list"),
    ],
)
def test_a_page_that_leads_nowhere_good_fails_the_step(path: str, pagination: dict[str, Any], says: str) -> None:
    with VendorServer(answer=pages) as server, pytest.raises(errors.HttpAnswerError, match=says):
        ask({"url": server.url + path, "pagination": pagination})


@pytest.mark.parametrize(
    "following",
    ["http://a.example/2", "https://a.example:8443/2", "https://b.example/2", "https://a.example.b.example/2"],
)
def test_a_page_on_another_scheme_port_or_host_is_not_asked_for(following: str) -> None:
    answer = Answer(200, {"link": f"<{following}>; rel=next"}, b"")
    with pytest.raises(errors.HttpAnswerError, match="another host, port or scheme"):
        next_url("https://a.example/1", answer, [], {"type": "link"})


def test_the_limit_counts_for_all_pages_together() -> None:
    page = json_reply(["x" * 2_000_000], link="<?p=2>; rel=next")
    with (
        VendorServer(page, json_reply(["x" * 2_000_000], link="<?p=3>; rel=next"), page) as server,
        pytest.raises(errors.HttpAnswerTooLargeError, match="together"),
    ):
        ask({"url": server.url, "pagination": {"type": "link"}})
