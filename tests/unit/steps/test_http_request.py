"""`http_request`: what its configuration may not say, and how it is retried."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.compiler.catalogue import TaskLowering
from workflow_engine.steps.http_request import HTTP_REQUEST, examine

URL = {"url": "https://api.example.com/items"}


@pytest.mark.parametrize(
    ("config", "place", "says"),
    [
        ({"url": "api.example.com"}, ("url",), "begins with http"),
        ({"url": "ftp://{{ a.host }}/"}, ("url",), "begins with http"),
        ({"url": "https://ann:pw@a.example/"}, ("url",), "no user or password"),
        ({"url": "https://a.example:99999/"}, ("url",), "not an address"),
        ({"url": "https://a.example/#x"}, ("url",), "fragment"),
        ({"url": "https://a.example/?api_key=x"}, ("url",), "credential"),
        ({"url": "https://a.example/{{ b.id }}?api_key=x"}, ("url",), "credential"),
        ({"url": "https://a.example/?id={{ b.id }}&token=x"}, ("url",), "credential"),
        ({**URL, "query": {"access_token": "x"}}, ("query", "access_token"), "credential"),
        ({**URL, "headers": {"Authorization": "Bearer x"}}, ("headers", "Authorization"), "Name a secret"),
        ({**URL, "headers": {"X-A": "1", "x-a": "2"}}, ("headers", "x-a"), "given twice"),
        ({**URL, "headers": {"Host": "b"}}, ("headers", "Host"), "cannot be set"),
        ({**URL, "body": 1}, ("body",), "A GET has no body"),
        ({**URL, "method": "POST", "body": 1, "body_format": "text"}, ("body",), "a text"),
        ({**URL, "method": "POST", "body": [1], "body_format": "form"}, ("body",), "an object"),
        ({**URL, "method": "POST", "body": {"a": {}}, "body_format": "form"}, ("body", "a"), "field of a form"),
        ({**URL, "auth": {"type": "sigv4", "secret": "S", "service": "s3"}}, ("auth",), "needs 'region'"),
        (
            {**URL, "auth": {"type": "bearer", "secret": "S", "username": "a"}},
            ("auth", "username"),
            "has no 'username'",
        ),
        ({**URL, "auth": {"type": "basic", "secret": "S", "username": "a:b"}}, ("auth", "username"), "no colon"),
        ({**URL, "auth": {"type": "api_key", "secret": "S", "header": "Host"}}, ("auth", "header"), "cannot carry"),
        ({"url": "{{ a.u }}", "auth": {"type": "bearer", "secret": "S"}}, ("url",), "written out"),
        ({"url": "https://{{ a }}.b/", "auth": {"type": "bearer", "secret": "S"}}, ("url",), "written out"),
        ({"url": "http://a.example/x", "auth": {"type": "bearer", "secret": "S"}}, ("url",), "over https only"),
        ({"url": "HTTP://a.example/{{ b }}", "auth": {"type": "bearer", "secret": "S"}}, ("url",), "over https only"),
        ({**URL, "pagination": {"type": "cursor"}}, ("pagination",), "needs 'cursor_path'"),
        ({**URL, "pagination": {"type": "link", "cursor_path": "a"}}, ("pagination", "cursor_path"), "has no"),
    ],
)
def test_a_request_that_cannot_be_meant_is_told_with_its_place(
    config: dict[str, Any], place: tuple[str, ...], says: str
) -> None:
    assert [(p, True) for p, detail in examine(config) if says in detail] == [(place, True)], list(examine(config))


@pytest.mark.parametrize(
    "config",
    [
        {"url": "{{ a.next }}"},
        {"url": "https://{{ a.region }}.example.com/{{ a.id }}?x={{ a.x }}"},
        {**URL, "headers": {"Authorization": "Bearer {{ login.body.token }}", "Content-Type": "text/csv"}},
        {"url": "https://a.example/{{ a.id }}?api_key={{ login.body.key }}"},
        {"url": "http://localhost:8000/{{ a.id }}", "auth": {"type": "bearer", "secret": "S"}},
        {"url": "http://[::1]/", "auth": {"type": "bearer", "secret": "S"}},
        {**URL, "auth": {"type": "api_key", "secret": "S", "header": "X-API-Key"}},
    ],
)
def test_what_can_be_meant_is_taken(config: dict[str, Any]) -> None:
    assert list(examine(config)) == []


@pytest.mark.parametrize(
    ("method", "is_repeated"), [("GET", True), ("PUT", True), ("DELETE", True), ("POST", False), ("PATCH", False)]
)
def test_only_what_may_be_done_twice_is_tried_again_by_itself(method: str, is_repeated: bool) -> None:
    lowering = HTTP_REQUEST.lowering({**URL, "method": method})
    assert isinstance(lowering, TaskLowering)
    assert ("HttpServerError" in lowering.transient_errors) is is_repeated
    assert "HttpThrottledError" in lowering.transient_errors


def test_all_pages_have_their_time() -> None:
    def seconds(**fields: Any) -> int | None:
        lowering = HTTP_REQUEST.lowering({**URL, **fields})
        assert isinstance(lowering, TaskLowering)
        return lowering.timeout_seconds

    assert seconds() == 35
    assert seconds(timeout_seconds=10, pagination={"type": "link", "max_pages": 4}) == 45
    assert seconds(timeout_seconds=890, pagination={"type": "link"}) == 895
