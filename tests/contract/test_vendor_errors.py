"""What calls of any vendor end in when they fail: the same errors for the same reasons, whatever the vendor's words."""

from __future__ import annotations

import socket
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import pytest

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmModelNotFoundError,
    LlmQuotaError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
    LlmUnsupportedError,
)
from llm_gateway.request import GenerationRequest, Message, Tool, ToolCall, ToolResult
from tests.support.llm import gemini_wire
from tests.support.llm.bedrock_wire import error as bedrock
from tests.support.llm.bedrock_wire import refusal
from tests.support.llm.gemini_wire import error_info, quota_failure, retry_info
from tests.support.llm.gemini_wire import error_reply as gemini
from tests.support.llm.openai_wire import LLAMA_CONTEXT, completion
from tests.support.llm.openai_wire import error_reply as openai
from tests.support.llm.openai_wire import vllm_error as vllm
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply
from tests.support.llm.vendors import BEDROCK, GEMINI, OPENAI, Vendor, ask, cases, each_sdk, each_vendor, grouped

STATUSES: Final = {
    400: LlmInvalidRequestError,
    401: LlmAuthenticationError,
    402: LlmQuotaError,
    403: LlmAuthenticationError,
    404: LlmModelNotFoundError,
    408: LlmTimeoutError,
    409: LlmInvalidRequestError,
    413: LlmContextTooLongError,
    424: LlmUnavailableError,
    429: LlmRateLimitError,
    499: LlmUnavailableError,
    500: LlmUnavailableError,
    501: LlmUnsupportedError,
    502: LlmUnavailableError,
    503: LlmUnavailableError,
    504: LlmTimeoutError,
}
WORDLESS: Final = {
    "no body": Reply(500),
    "no body, too": Reply(503),
    "a proxy's page": Reply(502, {"content-type": "text/html"}, raw=b"<html>Bad gateway</html>"),
    "a page that says nothing of its type": Reply(500, raw=b"<html>Bad gateway</html>"),
    "an empty object": json_reply({}, 500),
    "an error of none": json_reply({"error": None}, 503),
    "an error of odd types": json_reply({"error": {"details": "none", "message": 5}}, 503),
    "a connection that breaks": Reply(drop=True),
}
UNREADABLE: Final = {
    "no Unicode": Reply(502, raw=b"\xff\xfe\xff"),
    "a text": json_reply("text", 500),
    "a list": json_reply([gemini_wire.error("The model is overloaded.", 503)], 503),
}

QUOTA: Final = (
    "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: x, "
)


IN_THEIR_WORDS: Final[dict[str, dict[type[LlmError], list[Reply]]]] = {
    "openai": {
        LlmAuthenticationError: [
            openai(401, "Incorrect API key provided: a-key-for-openai.", code="invalid_api_key"),
            openai(403, "Country not supported", code="unsupported_country"),
            openai(403, "Project `p` does not have access to it.", code="model_not_found"),
        ],
        LlmModelNotFoundError: [
            openai(404, "The model `gpt-x` does not exist.", code="model_not_found"),
            openai(400, "invalid model ID"),
            openai(404, "The model `long-context-window` does not exist."),
        ],
        LlmRateLimitError: [openai(429, "Rate limit reached", code="rate_limit_exceeded", type="requests")],
        LlmQuotaError: [
            openai(429, "Your quota is used up.", type="insufficient_quota", code="insufficient_quota"),
            openai(402, "Insufficient Balance"),
        ],
        LlmContextTooLongError: [
            openai(400, "This model's maximum context length is 128000 tokens.", code="context_length_exceeded"),
        ],
        LlmContentFilterError: [
            openai(400, "Your request was rejected.", code="content_policy_violation"),
            openai(400, "The response was filtered.", code="content_filter"),
        ],
        LlmUnsupportedError: [
            openai(400, "image_url is only supported by certain models.", param="messages.[0].content")
        ],
        LlmInvalidRequestError: [
            openai(400, "Invalid 'tools[0].function.name': string does not match."),
            openai(500, "The server had an error"),
        ],
        LlmUnavailableError: [
            openai(500, "The server had an error", type="server_error"),
            openai(503, "Overloaded", type="service_unavailable"),
            Reply(body=completion(), drop=True),
        ],
    },
    "on-prem": {
        LlmContextTooLongError: [
            vllm(400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."),
            vllm(400, "The decoder prompt (length 9000) is longer than the maximum model length of 4096."),
            vllm(400, "The input (9000 tokens) is longer than the model's context length (4096 tokens)."),
            Reply(400, body=LLAMA_CONTEXT),
        ],
        LlmModelNotFoundError: [
            vllm(404, "The model `x` does not exist.", "NotFoundError"),
            Reply(404, body={"detail": "Not Found"}),
        ],
        LlmAuthenticationError: [Reply(401, body={"error": "Unauthorized"})],
        LlmUnsupportedError: [
            vllm(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
            openai(400, "registry.ollama.ai/library/gemma:2b does not support tools", type="api_error"),
            openai(500, "tools param requires --jinja flag", type="server_error", code=500),
            openai(500, "image input is not supported - hint: you may need the mmproj", code=500),
            openai(501, "This server does not support embeddings. Start it with `--embeddings`", code=501),
        ],
        LlmUnavailableError: [openai(503, "Loading model", type="unavailable_error", code=503)],
    },
    "gemini": {
        LlmAuthenticationError: [
            gemini("API key not valid: a-key-for-gemini.", 400, error_info("API_KEY_INVALID")),
            gemini("API key expired. Please renew the API key."),
            gemini("User location is not supported for the API use."),
            gemini("Request had invalid authentication credentials.", 401),
            gemini("Generative Language API has not been used.", 403),
        ],
        LlmModelNotFoundError: [
            gemini("models/gemini-9 is not found for API version v1beta.", 404),
            gemini("* GenerateContentRequest.model: unexpected model name format"),
        ],
        LlmRateLimitError: [
            gemini(f"{QUOTA}limit: 10", 429, quota_failure("Minute"), retry_info("23s")),
            gemini("Resource has been exhausted (e.g. check quota).", 429),
        ],
        LlmQuotaError: [
            gemini(f"{QUOTA}limit: 250", 429, quota_failure("Day", "250")),
            gemini(f"{QUOTA}limit: 0, model: gemini-2.5-pro", 429, quota_failure("Minute")),
            gemini("Quota exceeded.", 429, quota_failure("Minute", "0")),
            gemini("Your prepayment credits are depleted.", 429),
            gemini("Gemini API free tier is not available in your country. Enable billing."),
        ],
        LlmContextTooLongError: [
            gemini("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
            gemini("Request payload size exceeds the limit: 20971520 bytes."),
        ],
        LlmUnsupportedError: [
            gemini("Image input modality is not enabled for models/gemma-3-1b-it"),
            gemini("Function calling is not enabled for models/gemma-3-27b-it"),
        ],
        LlmInvalidRequestError: [gemini("* GenerateContentRequest.contents: contents is not specified")],
        LlmTimeoutError: [gemini("The request timed out. Please try again.", 504)],
        LlmUnavailableError: [
            gemini("The operation was cancelled.", 499),
            gemini("An internal error has occurred.", 500),
            gemini("The model is overloaded. Please try again later.", 503),
            Reply(body=gemini_wire.answer("Hi"), drop=True),
        ],
    },
    "bedrock": {
        LlmRateLimitError: [
            bedrock("ThrottlingException", "Too many requests, please wait.", 429),
            bedrock("ModelNotReadyException", "Model is not ready for inference.", 429),
        ],
        LlmQuotaError: [
            bedrock("ThrottlingException", "Too many tokens per day, please wait.", 429),
            bedrock("ServiceQuotaExceededException", "Your request exceeds the service quota."),
        ],
        LlmAuthenticationError: [
            bedrock("AccessDeniedException", "You don't have access to the model with the specified model ID.", 403),
            bedrock("UnrecognizedClientException", "The security token is invalid.", 403),
            bedrock("ExpiredTokenException", "The security token is expired", 403),
            bedrock("InvalidSignatureException", "The signature does not match.", 403),
            bedrock("ResourceNotFoundException", "Model use case details have not been submitted.", 404),
            refusal("Operation not allowed"),
        ],
        LlmModelNotFoundError: [
            bedrock("ResourceNotFoundException", "This model version has reached the end of its life.", 404),
            bedrock("ResourceNotFoundException", "This Model is marked by provider as Legacy.", 404),
            refusal("The provided model identifier is invalid."),
        ],
        LlmContextTooLongError: [
            refusal("Input is too long for requested model."),
            refusal("prompt is too long: 200049 tokens > 200000 maximum"),
            refusal("input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000"),
            refusal("This model's maximum context length is 8192 tokens."),
            refusal("400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9875"),
            refusal("Malformed input request: expected maxLength: 50000, actual: 160000, please reformat your input."),
        ],
        LlmContentFilterError: [refusal("Output blocked by content filtering policy")],
        LlmInvalidRequestError: [refusal("A conversation must start with a user message.")],
        LlmTimeoutError: [bedrock("ModelTimeoutException", "Model has timed out in processing the request.", 408)],
        LlmUnavailableError: [
            bedrock("ModelErrorException", "The system encountered an error.", 424),
            bedrock("InternalServerException", "The system encountered an error.", 500),
            bedrock("ServiceUnavailableException", "Bedrock is unable to process it.", 503),
            Reply(body={"output": {}}, drop=True),
        ],
    },
}
RICH: Final = ask(max_tokens=9, temperature=0.1, tools=(Tool("search", "Search", {"type": "object"}),))
"""With parts that an error may speak of without refusing them."""

LOOK_LIKE_KEYS: Final = ("sk-proj-***6789", "AIzaSyAnotherKey", "AKIAI44QH8DHBEXAMPLE", "Bearer eyJhbGciOi")
DRIPPING: Final = Reply(headers={"content-type": "application/json"}, chunks=(b" ",) * 100, chunk_delay_seconds=0.03)


def failure(vendor: Vendor, reply: Reply, request: GenerationRequest | None = None) -> LlmError:
    """What a call of `generate` ends in."""
    with VendorServer(reply) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmError) as raised:
            provider.generate(vendor.model, request or ask())
    return raised.value


def ends_in(vendor: Vendor, reply: Reply, kind: type[LlmError], request: GenerationRequest) -> None:
    """Whatever the vendor is asked, an answer like this is that error, and the vendor is asked once."""
    body = reply.body.get("error", reply.body) if isinstance(reply.body, dict) else {}
    for call in vendor.calls(request):
        with VendorServer(reply) as server:
            provider = vendor.at(server)
            with pytest.raises(LlmError) as raised:
                call(provider)

        assert type(raised.value) is kind
        assert len(server.requests) == 1  # trying again is the gateway's
        assert not any(secret in "".join(traceback.format_exception(raised.value)) for secret in vendor.secrets)
        if isinstance(body, dict) and isinstance(body.get("message"), str) and kind is not LlmAuthenticationError:
            assert body["message"] in raised.value.detail


@cases("kind, reply", grouped(IN_THEIR_WORDS))
def test_what_a_vendor_says_is_an_error_of_the_gateway(vendor: Vendor, kind: type[LlmError], reply: Reply) -> None:
    ends_in(vendor, reply, kind, RICH)


@each_vendor
@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_a_status_means_the_same_whoever_sends_it(vendor: Vendor, status: int, kind: type[LlmError]) -> None:
    assert type(failure(vendor, vendor.error(status, "Something went wrong."))) is kind


@each_sdk
@pytest.mark.parametrize("reply", WORDLESS.values(), ids=WORDLESS)
def test_a_failure_without_the_vendors_words_is_unavailable(vendor: Vendor, reply: Reply) -> None:
    ends_in(vendor, reply, LlmUnavailableError, ask())


@each_sdk
@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE)
def test_a_failure_that_cannot_be_read_is_one_that_may_pass(vendor: Vendor, reply: Reply) -> None:
    # botocore stumbles over such bodies before it tells their status.
    ends_in(vendor, reply, LlmMalformedAnswerError if vendor is BEDROCK else LlmUnavailableError, ask())


@cases(
    "reply, detail",
    {
        "openai": [
            (
                openai(401, "Incorrect API key provided: sk-proj-****6789. See https://...", code="invalid_api_key"),
                "OpenAI refuses the key, or what it is used for (HTTP 401, invalid_api_key).",
            )
        ],
        "gemini": [
            (
                gemini("API key not valid.", 400, error_info("API_KEY_INVALID")),
                "Gemini refuses the key, or what it is used for (HTTP 400, API_KEY_INVALID).",
            )
        ],
        "bedrock": [
            (
                bedrock("AccessDeniedException", "You don't have access to the model.", 403),
                "Bedrock denies access: You don't have access to the model. Enable access to the model in Bedrock's console, "
                "and allow bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on it.",
            ),
            (
                bedrock("ExpiredTokenException", "The security token is expired.", 403),
                "AWS refuses the credentials: The security token is expired. Are the AWS credentials right, and have they "
                "not expired?",
            ),
        ],
    },
)
def test_a_refused_key_is_told_in_a_sentence_of_ours(vendor: Vendor, reply: Reply, detail: str) -> None:
    assert failure(vendor, reply).detail == detail


@each_vendor
def test_an_error_without_a_message_tells_its_status(vendor: Vendor) -> None:
    assert "no reason given (HTTP 400" in failure(vendor, vendor.error(400, "")).detail


@each_vendor
@pytest.mark.parametrize("status", [400, 403, 500])
def test_keys_stand_in_no_error_and_no_traceback(vendor: Vendor, status: int) -> None:
    keys = (*vendor.secrets, *LOOK_LIKE_KEYS)
    raised = failure(vendor, vendor.error(status, f"Bad header: {' and '.join(keys)}"))

    shown = "".join(traceback.format_exception(raised)) + repr(raised)
    assert not [key for key in keys if key in shown]
    if status == 400:
        assert raised.detail == f"{vendor.server} says: Bad header: {' and '.join(['[secret]'] * len(keys))}"


@each_vendor
def test_keys_stand_in_no_representation(vendor: Vendor) -> None:
    with VendorServer(vendor.answer) as server:
        provider = vendor.at(server)
        provider.generate(vendor.model, ask())

    assert not [secret for secret in vendor.secrets if secret in repr(provider) + str(provider)]


@each_vendor
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after_ms": "250", "retry_after": "1"}, 0.25),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_the_vendors_word_on_when_to_try_again_is_kept(
    vendor: Vendor, headers: dict[str, str], seconds: float | None
) -> None:
    raised = failure(vendor, vendor.error(429, "Slow down", **headers))

    assert isinstance(raised, LlmRateLimitError)
    assert raised.retry_after_seconds == seconds


@each_vendor
def test_a_date_to_try_again_at_is_a_number_of_seconds_from_now(vendor: Vendor) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    raised = failure(vendor, vendor.error(429, "Slow down", retry_after=date))

    assert isinstance(raised, LlmRateLimitError)
    assert raised.retry_after_seconds is not None
    assert 3000 < raised.retry_after_seconds <= 3600


@pytest.mark.parametrize(
    ("details", "headers", "seconds"),
    [
        ([retry_info("23s")], {}, 23.0),
        ([quota_failure("Minute"), retry_info("0.5s")], {"retry-after": "7"}, 0.5),
        ([retry_info("soon")], {"retry-after": "7"}, 7.0),
    ],
)
def test_geminis_details_go_before_the_header(
    details: list[dict[str, Any]], headers: dict[str, str], seconds: float
) -> None:
    raised = failure(GEMINI, gemini("Slow down", 429, *details, headers=headers))

    assert isinstance(raised, LlmRateLimitError)
    assert raised.retry_after_seconds == seconds


@each_sdk
def test_an_answer_that_does_not_come_in_time_is_a_timeout(vendor: Vendor) -> None:
    for call in vendor.calls(ask(timeout_seconds=0.15)):
        with VendorServer(Reply(delay_seconds=30)) as server:
            provider = vendor.at(server)
            with pytest.raises(LlmTimeoutError):
                call(provider)


@each_sdk
def test_no_time_is_a_timeout_without_a_call(vendor: Vendor) -> None:
    with VendorServer() as server:
        provider = vendor.at(server)
        for call in vendor.calls(ask(timeout_seconds=0)):
            with pytest.raises(LlmTimeoutError):
                call(provider)

    assert server.requests == []


@pytest.mark.parametrize("vendor", [OPENAI, GEMINI], ids=lambda vendor: vendor.name)
def test_an_answer_that_drips_in_is_a_timeout_too(vendor: Vendor) -> None:
    for call in vendor.calls(ask(timeout_seconds=0.15)):
        with VendorServer(DRIPPING) as server:
            provider = vendor.at(server)
            with pytest.raises(LlmTimeoutError):
                call(provider)


@each_sdk
def test_a_server_that_is_not_there_is_unavailable(vendor: Vendor) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        provider = vendor.at(f"http://127.0.0.1:{unused.getsockname()[1]}")

        for call in vendor.calls(ask()):
            with pytest.raises(LlmUnavailableError, match=f"^{vendor.server} cannot be reached, or broke off: "):
                call(provider)


@cases(
    "request_",
    {
        "openai": [ask("\ud800")],
        "gemini": [
            ask("\ud800"),
            ask(system="\ud800"),
            ask(messages=(Message("user", (ToolResult("a", "f", "\ud800"),)),)),
            ask(messages=()),
            ask(""),
        ],
        "bedrock": [
            ask(max_tokens=0),
            ask(" "),
            ask(messages=(Message("assistant", (ToolCall("c", "f", {"x": {1}}),)),)),
            ask(tools=(Tool("f", "", {"default": b"bytes"}),)),
        ],
    },
)
def test_what_cannot_be_sent_is_an_invalid_request_without_a_call(vendor: Vendor, request_: GenerationRequest) -> None:
    with VendorServer() as server:
        provider = vendor.at(server)
        with pytest.raises(LlmInvalidRequestError):
            provider.generate(vendor.model, request_)

    assert server.requests == []
