"""The step type `http_request`: one request, or as many as its pages are, and what their answers mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from functions.step_http.answers import content_of, without
from functions.step_http.authorization import authorization
from functions.step_http.call import (
    CALL_FIELD,
    MAX_ANSWER_BYTES,
    USUAL_HEADERS,
    Time,
    World,
    attempt_group_key,
    refused,
    trace_headers,
)
from functions.step_http.filling import Texts, body_of, headers_of, query_of, url_of
from functions.step_http.pages import items_of, next_url
from workflow_engine.endpoint_errors import HttpAnswerError, HttpAnswerTooLargeError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.outbound_headers import overlaid
from workflow_engine.outbound_http import Answer, Request
from workflow_engine.sdk import InvalidStepInput, StepContext

Object = Mapping[str, Any]

HTTP_REQUEST: Final = "http_request"
DEFAULT_SECONDS: Final = 30.0
DEFAULT_PAGES: Final = 10

_NEVER_SHOWN: Final = frozenset({"set-cookie", "www-authenticate", "proxy-authenticate"})
_OF_THE_CONNECTION: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-encoding", "content-length"}
)
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that was expected, its content, and how often it was asked for."""

    answer: Answer
    body: Any
    asked: int


def make_request(event: Object, step: StepContext, world: World, trace: str = "") -> dict[str, Any]:
    """`{status_code, headers, body, attempts}`, with pagination also `pages` and `has_more`.

    Raises InvalidStepInput for a request that the run's data make none of, and the errors of
    `workflow_engine.endpoint_errors`.
    """
    call = event.get(CALL_FIELD)
    config = (event.get("step_config") or {}).get("config")
    if not isinstance(call, Mapping) or not isinstance(config, Mapping) or not isinstance(config.get("url"), str):
        raise InvalidStepInput("The event has no request: 'call' and 'step_config.config' with a 'url'.")
    time = Time.of(call, step, world)
    given = authorization(config.get("auth"), lambda name: world.secret_of(step.tenant_id or "", name))
    try:
        request = _request(event, step, config, call.get("texts") or {}, trace)
    except UnicodeError:
        raise InvalidStepInput(
            "A value holds what no text does: half a surrogate pair, or a name that no host has."
        ) from None
    pagination = config.get("pagination")
    if pagination is None:
        page = _page(given.signed(request), config, given.hidden, time, world)
        return _output(page, page.body, step, given.hidden)
    items: list[Any] = []
    following: str | None = request.url
    pages = size = 0
    while following is not None and pages < pagination.get("max_pages", DEFAULT_PAGES):
        request = replace(request, url=following, headers=_of_page(request.headers, pages))
        page = _page(given.signed(request), config, given.hidden, time, world)
        pages, size = pages + 1, size + len(page.answer.body)
        if size > MAX_ANSWER_BYTES:
            raise HttpAnswerTooLargeError(f"The pages have more than {MAX_ANSWER_BYTES:,} bytes together.")
        items += items_of(page.body, pagination)
        following = next_url(request.url, page.answer, page.body, pagination)
    return {**_output(page, items, step, given.hidden), "pages": pages, "has_more": following is not None}


def _of_page(headers: Mapping[str, str], before: int) -> dict[str, str]:
    """The headers for the page after so many: each page is a request of its own to whoever tells repeated ones by their key."""
    return {
        n: f"{v.partition('#')[0]}#{before}" if n == "Idempotency-Key" and before else v for n, v in headers.items()
    }


def _request(event: Object, step: StepContext, config: Object, texts: Texts, trace: str) -> Request:
    method = config.get("method", "GET")
    input_data = event.get("input_data")
    body, content_type = (b"", None) if method in ("GET", "HEAD") else body_of(config, texts, input_data or {})
    usual = {**USUAL_HEADERS, **({"Content-Type": content_type} if content_type else {})}
    own = headers_of(config.get("headers") or {}, texts)
    made = {} if method in _READS else {"Idempotency-Key": attempt_group_key(event, step)}
    url = url_of(config["url"], texts, query_of(config.get("query") or {}, texts))
    return Request(method, url, overlaid(usual, own, made, trace_headers(trace)), body)


def _page(request: Request, config: Object, hidden: Collection[str], time: Time, world: World) -> Page:
    expected = tuple(config.get("expect") or ())
    seconds = float(config.get("timeout_seconds", DEFAULT_SECONDS))
    answer, asked = time.answer(request, seconds, world, wanted=expected)
    if answer.status not in expected if expected else not 200 <= answer.status < 300:
        raise refused(answer, hidden, "server")
    return Page(answer, _content(answer, config.get("response_format", "auto"), hidden), asked)


def _content(answer: Answer, wanted: str, hidden: Collection[str]) -> Any:
    """The body as it was asked for. An answer to a status that is an error elsewhere may be no JSON though it says so."""
    if wanted == "auto" and not 200 <= answer.status < 300:
        try:
            return content_of(answer, hidden, MAX_ANSWER_BYTES)
        except HttpAnswerError:
            wanted = "text"
    return content_of(answer, hidden, MAX_ANSWER_BYTES, wanted=wanted)


def _output(page: Page, body: Any, step: StepContext, hidden: Collection[str]) -> dict[str, Any]:
    left_out = _NEVER_SHOWN | _OF_THE_CONNECTION
    shown = {n: without(v.encode(), hidden).decode() for n, v in page.answer.headers.items() if n not in left_out}
    attempts = max(step.attempt, 1) - 1 + page.asked
    return {"status_code": page.answer.status, "headers": shown, "body": body, "attempts": attempts}
