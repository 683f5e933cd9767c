"""Where a step may be sent, as a client registers it."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.errors import InvalidRequestError
from workflow_engine.usecases.steps.endpoint_config import endpoint_config

URL = "https://crm.example.com/score?v=1"


def refused(body: Any, allowed_hosts: str = "") -> tuple[str, str]:
    with pytest.raises(InvalidRequestError) as raised:
        endpoint_config(body, allowed_hosts)
    (found,) = raised.value.errors
    return found["pointer"], found["detail"]


def test_what_is_left_out_is_filled_in() -> None:
    assert endpoint_config({"url": URL}, "") == {
        "url": URL,
        "method": "POST",
        "headers": {},
        "auth": None,
        "timeout_seconds": 30,
    }


@pytest.mark.parametrize(
    ("given", "seconds"),
    [({"timeout": 12}, 12), ({"timeout_seconds": 12.0}, 12), ({"timeout": 5, "timeout_seconds": 5}, 5)],
)
def test_timeout_is_another_name_and_a_whole_number_may_have_a_point(given: dict[str, Any], seconds: int) -> None:
    assert endpoint_config({"url": URL, **given}, "")["timeout_seconds"] == seconds


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout_seconds": 891}, "timeout_seconds"),
        ({"timeout": 1.5}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"timeout": "30"}, "timeout"),
        ({"timeout": 5, "timeout_seconds": 6}, "timeout"),
        ({"method": "GET"}, "method"),
        ({"headers": []}, "headers"),
        ({"headers": {"X-A": 1}}, "headers/X-A"),
        ({"headers": {"X A": "1"}}, "headers/X A"),
        ({"headers": {"X-A": "é"}}, "headers/X-A"),
        ({"headers": {"X-A": "a\nb"}}, "headers/X-A"),
        ({"headers": {"X-A": " a"}}, "headers/X-A"),
        ({"headers": {"X-A": "a" * 2001}}, "headers/X-A"),
        ({"headers": {f"X-{n}": "1" for n in range(51)}}, "headers"),
        ({"headers": {"Content-Length": "1"}}, "headers/Content-Length"),
        ({"headers": {"content-type": "text/plain"}}, "headers/content-type"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "headers/Transfer-Encoding"),
        ({"headers": {"Proxy-Authorization": "x"}}, "headers/Proxy-Authorization"),
        ({"headers": {"Idempotency-Key": "x"}}, "headers/Idempotency-Key"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers/x-a"),
        ({"auth": {"type": "digest", "secret": "STEP_SECRET_A"}}, "auth/type"),
        ({"auth": {"type": "bearer"}}, "auth"),
        ({"auth": {"type": "bearer", "secret": "sk-12345"}}, "auth/secret"),
        ({"auth": {"type": "bearer", "secret": "AWS_SECRET_ACCESS_KEY"}}, "auth/secret"),
        ({"auth": {"type": "bearer", "secret": "STEP_SECRET_A", "username": "ann"}}, "auth/username"),
        ({"auth": {"type": "basic", "secret": "STEP_SECRET_A"}}, "auth"),
        ({"auth": {"type": "basic", "secret": "STEP_SECRET_A", "username": "a:b"}}, "auth/username"),
        ({"auth": {"type": "api_key", "secret": "STEP_SECRET_A"}}, "auth"),
        ({"auth": {"type": "api_key", "secret": "STEP_SECRET_A", "header": "Host"}}, "auth/header"),
        ({"auth": {"type": "bearer", "secret": "STEP_SECRET_A", "token": "x"}}, "auth/token"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(given: dict[str, Any], place: str) -> None:
    pointer, detail = refused({"url": URL, **given})
    assert pointer == f"/endpoint_config/{place}"
    assert detail.endswith(".")


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-API-Key", "x-auth-token", "Client-Secret"])
def test_a_header_that_looks_like_a_credential_is_a_matter_of_auth(name: str) -> None:
    pointer, detail = refused({"url": URL, "headers": {name: "x"}})
    assert pointer == f"/endpoint_config/headers/{name}"
    assert "'auth'" in detail


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("crm.example.com/score", "http:// or https://"),
        ("ftp://crm.example.com/", "http:// or https://"),
        ("https://", "no host"),
        ("https://ann:pw@crm.example.com/", "user or password"),
        ("https://crm.example.com/a b", "Percent-encode"),
        ("https://crm.example.com/{id}", "'{'"),
        ("https://crm.example.com/é", "percent-encoded"),
        ("https://crm.example.com/?rows=a|b", "'|'"),
        ("https://crm.example.com/#top", "fragment"),
        ("https://crm.example.com/?api_key=1", "looks like a credential"),
        ("https://crm.example.com/?a=1&access_token=1", "looks like a credential"),
        ("https://crm.example.com:99999/", "malformed"),
        ("http://localhost:8000/", "STEP_HTTP_ALLOWED_HOSTS"),
        ("http://127.1/", "loopback"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("https://crm.example.com/" + "a" * 2048, "2,048 are the most"),
    ],
)
def test_a_url_that_no_step_can_be_sent_to_is_refused(url: str, says: str) -> None:
    pointer, detail = refused({"url": url})
    assert pointer == "/endpoint_config/url"
    assert says in detail


def test_a_host_is_a_name_in_any_script_and_case() -> None:
    assert endpoint_config({"url": "https://BÜCHER.example/score"}, "")["url"] == "https://BÜCHER.example/score"


def test_what_an_operator_allows_may_be_registered() -> None:
    assert endpoint_config({"url": "http://localhost:8000/"}, "127.0.0.1")["url"] == "http://localhost:8000/"


def test_a_secret_is_sent_over_https_or_to_this_machine() -> None:
    auth = {"type": "bearer", "secret": "STEP_SECRET_A"}
    assert refused({"url": "http://crm.example.com/", "auth": auth})[0] == "/endpoint_config/auth"
    assert endpoint_config({"url": "http://localhost/", "auth": auth}, "127.0.0.1")["auth"] == auth
    basic = {"type": "basic", "secret": "STEP_SECRET_A", "username": "ann"}
    assert endpoint_config({"url": URL, "auth": basic}, "")["auth"] == basic


@pytest.mark.parametrize("body", ["https://a.example/", None, 1, []])
def test_a_configuration_is_an_object(body: Any) -> None:
    assert refused(body)[0] == "/endpoint_config"
