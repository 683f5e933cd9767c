from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.function import Function, Route
from infra.local import gateway
from infra.local.gateway import Gateway
from infra.local.server import MAX_REQUEST_BYTES, make_local_server
from tests.support.http_client import ApiClient
from tests.support.local_server import running_server

ROUTES = (Route("POST", "/echo"), Route("GET", "/empty"), Route("", "$default"))


def echo(event: dict[str, Any], _: Any) -> dict[str, Any]:
    if event["routeKey"] == "GET /empty":
        return {"statusCode": 204, "body": None}
    seen = {
        "path": event["rawPath"],
        "query": event.get("queryStringParameters"),
        "body": event.get("body"),
        "type": event["headers"].get("content-type"),
        "method": event["requestContext"]["http"]["method"],
    }
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(seen)}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiClient]:
    monkeypatch.setattr(gateway, "load_handler", lambda function: echo)
    with running_server(Gateway([Function("echo", "api", 128, 3, ROUTES)])) as url:
        yield ApiClient(url)


def test_a_request_reaches_the_handler_and_its_answer_the_client(api: ApiClient) -> None:
    answer = api.post("/echo?a=1&a=2", {"text": "ä"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == {
        "path": "/echo",
        "query": {"a": "1,2"},
        "body": '{"text": "\\u00e4"}',
        "type": "application/json",
        "method": "POST",
    }


def test_a_path_is_decoded_as_utf_8(api: ApiClient) -> None:
    assert api.get("/gr%C3%BC%C3%9Fe/a%2Fb").body["path"] == "/grüße/a/b"


def test_an_answer_without_a_body_has_none(api: ApiClient) -> None:
    answer = api.get("/empty")
    assert (answer.status, answer.body) == (204, None)


def test_a_chunked_body_is_read(api: ApiClient) -> None:
    connection = http.client.HTTPConnection(api.base_url.removeprefix("http://"))
    headers = {"content-type": "application/json"}
    connection.request("POST", "/echo", iter([b'{"a":', b" 1}"]), headers, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == '{"a": 1}'
    connection.close()


def test_a_request_over_the_limit_is_refused_before_it_is_read(api: ApiClient) -> None:
    connection = http.client.HTTPConnection(api.base_url.removeprefix("http://"))
    connection.putrequest("POST", "/echo")
    connection.putheader("content-length", str(MAX_REQUEST_BYTES + 1))
    connection.endheaders(b"{")
    response = connection.getresponse()
    assert response.status == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(response.read())["code"] == "payload_too_large"
    connection.close()


def test_the_server_listens_on_the_loopback_interface_only() -> None:
    server = make_local_server(Gateway([]), 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_a_port_in_use_is_an_error() -> None:
    server = make_local_server(Gateway([]), 0)
    with pytest.raises(OSError, match=r"\[Errno"):
        make_local_server(Gateway([]), server.port)
    server.server_close()


def test_the_root_leads_a_browser_to_the_console_and_is_no_route_for_programs(api: ApiClient) -> None:
    assert api.get("/").body["path"] == "/"
    answer = api.call("GET", "/", headers={"accept": "text/html,application/xhtml+xml"})
    assert (answer.status, answer.headers["location"]) == (302, "console/")
