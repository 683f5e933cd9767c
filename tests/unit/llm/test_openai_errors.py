"""What calls of OpenAI end in when they fail."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmModelNotFoundError,
    LlmQuotaError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
    LlmUnsupportedError,
)
from llm_gateway.providers import Provider
from llm_gateway.request import (
    EmbeddingRequest,
    Text,
)
from tests.support.llm import openai_wire as wire
from tests.support.llm.openai_calls import KEY, MODEL, ask, generate, openai_at
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply

ERRORS: list[tuple[Reply, type[LlmError]]] = [
    (wire.error_reply(401, f"Incorrect API key provided: {KEY}.", code="invalid_api_key"), LlmAuthenticationError),
    (wire.error_reply(403, "Country not supported", code="unsupported_country"), LlmAuthenticationError),
    (wire.error_reply(404, "The model `gpt-x` does not exist.", code="model_not_found"), LlmModelNotFoundError),
    (wire.error_reply(400, "invalid model ID"), LlmModelNotFoundError),
    (wire.error_reply(429, "Rate limit reached", code="rate_limit_exceeded", type="requests"), LlmRateLimitError),
    (
        wire.error_reply(429, "You exceeded your current quota.", type="insufficient_quota", code="insufficient_quota"),
        LlmQuotaError,
    ),
    (wire.error_reply(402, "Insufficient Balance"), LlmQuotaError),
    (
        wire.error_reply(
            400,
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 150022 tokens.",
            param="messages",
            code="context_length_exceeded",
        ),
        LlmContextTooLongError,
    ),
    (
        wire.error_reply(400, "Your request was rejected by our safety system.", code="content_policy_violation"),
        LlmContentFilterError,
    ),
    (wire.error_reply(400, "The response was filtered.", code="content_filter"), LlmContentFilterError),
    (
        wire.error_reply(
            400, "Invalid content type. image_url is only supported by certain models.", param="messages.[0].content"
        ),
        LlmUnsupportedError,
    ),
    (wire.error_reply(400, "Invalid 'tools[0].function.name': string does not match."), LlmInvalidRequestError),
    (wire.error_reply(409, "Conflict"), LlmInvalidRequestError),
    (wire.error_reply(408, "Request timed out"), LlmTimeoutError),
    (wire.error_reply(500, "The server had an error", type="server_error"), LlmUnavailableError),
    (wire.error_reply(503, "Overloaded", type="service_unavailable"), LlmUnavailableError),
    (Reply(502, {"content-type": "text/html"}, raw=b"<html>Bad gateway</html>"), LlmUnavailableError),
    (Reply(500), LlmUnavailableError),
    (Reply(drop=True), LlmUnavailableError),
    (Reply(body=wire.completion(), drop=True), LlmUnavailableError),
]


@pytest.mark.parametrize(("reply", "kind"), ERRORS)
def test_each_failure_is_an_error_of_the_gateway(reply: Reply, kind: type[LlmError]) -> None:
    calls: list[Callable[[Provider], object]] = [
        lambda provider: provider.generate(MODEL, ask()),
        lambda provider: list(provider.stream(MODEL, ask())),
        lambda provider: provider.embed("text-embedding-3-small", EmbeddingRequest(("a",))),
    ]
    for call in calls:
        with VendorServer(reply) as server:
            provider = openai_at(server)
            with pytest.raises(LlmError) as raised:
                call(provider)

        assert type(raised.value) is kind
        assert len(server.requests) == 1  # trying again is the gateway's
        assert KEY not in "".join(traceback.format_exception(raised.value))


def test_a_refused_key_is_told_in_a_sentence_of_ours() -> None:
    masked = "Incorrect API key provided: sk-proj-********************6789. You can find your API key at https://..."
    with pytest.raises(LlmAuthenticationError) as raised:
        generate(wire.error_reply(401, masked, code="invalid_api_key"))

    assert raised.value.detail == "OpenAI refuses the key, or what it is used for (HTTP 401, invalid_api_key)."


def test_keys_are_cut_out_of_what_the_vendor_says() -> None:
    with pytest.raises(LlmInvalidRequestError) as raised:
        generate(wire.error_reply(400, f"Bad header: Bearer {KEY} and sk-proj-***6789"))

    assert raised.value.detail == "OpenAI says: Bad header: [secret] and [secret]"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_the_vendors_word_on_when_to_try_again_is_kept(headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(LlmRateLimitError) as raised:
        generate(wire.error_reply(429, "Rate limit reached", code="rate_limit_exceeded", headers=headers))

    assert raised.value.retry_after_seconds == seconds


def test_a_date_to_try_again_at_is_a_number_of_seconds_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with pytest.raises(LlmRateLimitError) as raised:
        generate(wire.error_reply(429, "Rate limit reached", headers={"retry-after": date}))

    assert raised.value.retry_after_seconds is not None
    assert 3000 < raised.value.retry_after_seconds <= 3600


def test_an_answer_that_does_not_come_in_time_is_a_timeout() -> None:
    with VendorServer(Reply(delay_seconds=30)) as server:
        provider = openai_at(server)
        with pytest.raises(LlmTimeoutError):
            provider.generate(MODEL, ask(timeout_seconds=0.1))


def test_an_answer_that_drips_in_is_a_timeout_too() -> None:
    drops = Reply(headers={"content-type": "application/json"}, chunks=(b" ",) * 100, chunk_delay_seconds=0.03)
    for call in (
        lambda provider: provider.generate(MODEL, ask(timeout_seconds=0.15)),
        lambda provider: list(provider.stream(MODEL, ask(timeout_seconds=0.15))),
    ):
        with VendorServer(drops) as server:
            provider = openai_at(server)
            with pytest.raises(LlmTimeoutError):
                call(provider)


def test_calls_again_without_a_parameter_share_the_one_timeout() -> None:
    with VendorServer(wire.unsupported_parameter("temperature"), json_reply(wire.completion())) as server:
        openai_at(server).generate("gpt-9", ask(temperature=0.1, timeout_seconds=30))

    first, second = (float(received.headers["x-stainless-read-timeout"]) for received in server.requests)
    assert second < first <= 30


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with VendorServer() as server:
        pass
    with pytest.raises(LlmUnavailableError, match="cannot be reached"):
        openai_at(server).generate(MODEL, ask())


def test_a_text_that_is_no_unicode_is_an_invalid_request() -> None:
    with VendorServer() as server:
        provider = openai_at(server)
        with pytest.raises(LlmInvalidRequestError):
            provider.generate(MODEL, ask(Text("\ud800")))
