from __future__ import annotations

import base64
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from infra.function import Function, Route
from infra.local import gateway
from infra.local.gateway import Gateway, HttpRequest, HttpResponse, api_gateway_event, http_response, match_path
from tests.support.http_events import sample
from workflow_engine.http.body import MAX_ANSWER_BYTES


def test_the_event_has_the_form_of_a_real_one() -> None:
    real = sample("http_api_post")
    del real["requestContext"]["authorizer"]
    request = HttpRequest(
        "POST", "/workflows/execute", "wait=5", list(real["headers"].items()), real["body"].encode(), "203.0.113.10"
    )
    event = api_gateway_event(request, real["routeKey"], {})
    varying = ("requestId", "time", "timeEpoch", "apiId", "domainPrefix")
    assert event.keys() == real.keys()
    assert event["requestContext"].keys() == real["requestContext"].keys()
    for name in varying:
        assert type(event["requestContext"][name]) is type(real["requestContext"][name])
        event["requestContext"][name] = real["requestContext"][name]
    assert event == real


def test_repeated_headers_and_parameters_are_joined_by_commas_and_cookies_kept_apart() -> None:
    headers = [("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1; b=2")]
    event = api_gateway_event(HttpRequest("GET", "/x", "q=1&q=a%20b&r=", headers), "GET /x", {"id": "7"})
    assert event["headers"] == {"x-a": "1,2"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["queryStringParameters"] == {"q": "1,a b", "r": ""}
    assert event["pathParameters"] == {"id": "7"}
    assert "body" not in event


@pytest.mark.parametrize(
    ("content", "content_type", "is_base64"),
    [
        (b'{"a": 1}', "application/json", False),
        ("ä".encode(), "text/plain; charset=utf-8", False),
        (b"{}", "application/vnd.x+json", False),
        (b"{}", "", False),
        (b"a=1", "application/x-www-form-urlencoded", True),
        (b"\xff\x00", "application/octet-stream", True),
        (b"\xff", "application/json", True),
    ],
)
def test_a_body_that_is_no_text_comes_in_base64(content: bytes, content_type: str, is_base64: bool) -> None:
    headers = [("Content-Type", content_type)] if content_type else []
    event = api_gateway_event(HttpRequest("POST", "/x", "", headers, content), "POST /x", {})
    assert event["isBase64Encoded"] is is_base64
    assert (base64.b64decode(event["body"]) if is_base64 else event["body"].encode()) == content


def test_an_answer_in_base64_is_decoded() -> None:
    body = base64.b64encode(b"\x00\x01").decode()
    answer = {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": body, "isBase64Encoded": True}
    assert http_response(answer) == HttpResponse(200, {"content-type": "image/png"}, b"\x00\x01")


def test_an_answer_without_a_body_is_empty() -> None:
    assert http_response({"statusCode": 204, "body": None}) == HttpResponse(204, {}, b"")


def test_a_path_without_variables_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        seen.append(event)
        return {"statusCode": 200, "body": "{}"}

    monkeypatch.setattr(gateway, "load_handler", lambda function: handler)
    routes = (Route("GET", "/w/{id}"), Route("GET", "/w/special"), Route("", "$default"))
    served = Gateway([Function("f", "api", 128, 3, routes)])
    for path in ("/w/special", "/w/other", "/w/", "/w/a/b"):
        assert served.handle(HttpRequest("GET", path)).status == 200
    assert [e["routeKey"] for e in seen] == ["GET /w/special", "GET /w/{id}", "GET /w/{proxy+}", "GET /w/{proxy+}"]
    assert [e.get("pathParameters") for e in seen[1:]] == [{"id": "other"}, {"proxy": ""}, {"proxy": "a/b"}]
    assert served.handle(HttpRequest("HEAD", "/w/other")).status == 200
    assert served.handle(HttpRequest("PUT", "/w/other")).status == 200
    assert [e["routeKey"] for e in seen[4:]] == ["HEAD /w/{proxy+}", "$default"]


def test_without_a_default_route_api_gateway_itself_answers_404() -> None:
    response = Gateway([]).handle(HttpRequest("GET", "/x"))
    assert (response.status, response.body) == (404, b'{"message":"Not Found"}')


def test_a_handler_that_raises_is_api_gateways_500(monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        raise RuntimeError("secret")

    monkeypatch.setattr(gateway, "load_handler", lambda function: handler)
    response = Gateway([Function("f", "api", 128, 3, (Route("", "$default"),))]).handle(HttpRequest("GET", "/x"))
    assert (response.status, response.body) == (500, b'{"message":"Internal Server Error"}')


def answering(monkeypatch: pytest.MonkeyPatch, body: str) -> HttpResponse:
    monkeypatch.setattr(gateway, "load_handler", lambda function: lambda *_: {"statusCode": 200, "body": body})
    return Gateway([Function("f", "api", 128, 3, (Route("", "$default"),))]).handle(HttpRequest("GET", "/x"))


def test_an_answer_that_lambda_does_not_take_is_a_502(monkeypatch: pytest.MonkeyPatch) -> None:
    room = MAX_ANSWER_BYTES - len('{"statusCode": 200, "body": ""}')
    for body in ("a" * room, "ä" * (room // 2), '"' * (room // 2)):
        assert answering(monkeypatch, body).status == 200
        refused = answering(monkeypatch, body + "aa")
        assert (refused.status, refused.body) == (502, b'{"message":"Internal Server Error"}')


def test_a_request_line_and_headers_that_api_gateway_does_not_take_are_a_431(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "load_handler", lambda function: lambda *_: {"statusCode": 200, "body": "{}"})
    served = Gateway([Function("f", "api", 128, 3, (Route("", "$default"),))])
    line, headers = "GET /%C3%A4?cursor= HTTP/1.1", [("host", "localhost"), ("authorization", "t" * 2000)]
    room = 10_240 - len(line) - len("localhost") - 2000
    for size, status in ((room, 200), (room + 1, 431)):
        assert served.handle(HttpRequest("GET", "/ä", f"cursor={'c' * size}", headers)).status == status


def test_paths_are_matched_segment_by_segment() -> None:
    assert match_path("/a/{x}/b/{y}", "/a/1/b/2") == {"x": "1", "y": "2"}
    assert match_path("/a/b", "/a/b") == {}
    assert match_path("/a/{x}", "/a") is None
    assert match_path("/a/{x}", "/a/") is None
    assert match_path("/a/b", "/a/c") is None


def test_no_route_is_served_twice() -> None:
    keys = [route.key for function in FUNCTIONS for route in function.routes]
    assert len(keys) == len(set(keys))
