"""What Bedrock and the way to it can end in, in Bedrock's own words, as errors of the gateway."""

from __future__ import annotations

import socket
import traceback

import pytest
from botocore.exceptions import DataNotFoundError, UnauthorizedSSOTokenError

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
)
from llm_gateway.providers.bedrock.errors import error_of
from llm_gateway.request import Message, Tool, ToolCall
from tests.support.llm.bedrock_provider import ACCESS_KEY, CLAUDE, KEYS, SECRET_KEY, ask, bedrock
from tests.support.llm.bedrock_wire import converse, error, text
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply

VALIDATION = "ValidationException"


def failure(reply: Reply) -> LlmError:
    """What the gateway makes of an answer; Bedrock must have been asked once only."""
    with VendorServer(reply) as server, pytest.raises(LlmError) as caught:
        bedrock(server).generate(CLAUDE, ask())
    assert len(server.requests) == 1
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "message", "kind"),
    [
        ("ThrottlingException", 429, "Too many requests, please wait before trying again.", LlmRateLimitError),
        ("ThrottlingException", 429, "Too many tokens per day, please wait before trying again.", LlmQuotaError),
        ("ModelNotReadyException", 429, "Model is not ready for inference.", LlmRateLimitError),
        ("ServiceQuotaExceededException", 400, "Your request exceeds the service quota.", LlmQuotaError),
        (
            "AccessDeniedException",
            403,
            "You don't have access to the model with the specified model ID.",
            LlmAuthenticationError,
        ),
        (
            "UnrecognizedClientException",
            403,
            "The security token included in the request is invalid.",
            LlmAuthenticationError,
        ),
        ("ExpiredTokenException", 403, "The security token included in the request is expired", LlmAuthenticationError),
        (
            "InvalidSignatureException",
            403,
            "The request signature we calculated does not match.",
            LlmAuthenticationError,
        ),
        (
            "ResourceNotFoundException",
            404,
            "This model version has reached the end of its life.",
            LlmModelNotFoundError,
        ),
        (
            "ResourceNotFoundException",
            404,
            "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model.",
            LlmModelNotFoundError,
        ),
        (
            "ResourceNotFoundException",
            404,
            "Model use case details have not been submitted for this account.",
            LlmAuthenticationError,
        ),
        (VALIDATION, 400, "The provided model identifier is invalid.", LlmModelNotFoundError),
        (VALIDATION, 400, "Operation not allowed", LlmAuthenticationError),
        (VALIDATION, 400, "Input is too long for requested model.", LlmContextTooLongError),
        (VALIDATION, 400, "prompt is too long: 200049 tokens > 200000 maximum", LlmContextTooLongError),
        (
            VALIDATION,
            400,
            "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000",
            LlmContextTooLongError,
        ),
        (VALIDATION, 400, "This model's maximum context length is 8192 tokens.", LlmContextTooLongError),
        (VALIDATION, 400, "Output blocked by content filtering policy", LlmContentFilterError),
        (VALIDATION, 400, "A conversation must start with a user message.", LlmInvalidRequestError),
        ("ModelTimeoutException", 408, "Model has timed out in processing the request.", LlmTimeoutError),
        ("ModelErrorException", 424, "The system encountered an unexpected error.", LlmUnavailableError),
        ("InternalServerException", 500, "The system encountered an unexpected error.", LlmUnavailableError),
        ("ServiceUnavailableException", 503, "Bedrock is unable to process your request.", LlmUnavailableError),
        ("AnotherException", 403, "No.", LlmAuthenticationError),
        ("AnotherException", 502, "No.", LlmUnavailableError),
        ("AnotherException", 400, "No.", LlmInvalidRequestError),
    ],
)
def test_an_error_of_bedrock_is_one_of_the_gateway(code: str, status: int, message: str, kind: type[LlmError]) -> None:
    raised = failure(error(code, message, status))

    assert type(raised) is kind
    assert message in str(raised)


def test_throttling_tells_how_long_to_wait() -> None:
    raised = failure(error("ThrottlingException", "Too many requests", 429, retry_after="3"))

    assert isinstance(raised, LlmRateLimitError)
    assert raised.retry_after_seconds == 3
    unsaid = failure(error("ThrottlingException", "Too many requests", 429))
    assert isinstance(unsaid, LlmRateLimitError)
    assert unsaid.retry_after_seconds is None


def test_denied_access_tells_what_to_do() -> None:
    raised = failure(error("AccessDeniedException", "You don't have access to the model.", 403))

    assert "bedrock:InvokeModel" in str(raised)
    assert "Enable access" in str(raised)


@pytest.mark.parametrize("reply", [Reply(500, raw=b"<html>Bad gateway</html>"), Reply(503), json_reply({}, 500)])
def test_an_error_without_bedrocks_words_is_told_by_its_status(reply: Reply) -> None:
    assert type(failure(reply)) is LlmUnavailableError


def test_no_answer_in_time_is_a_timeout() -> None:
    with VendorServer(Reply(body={}, delay_seconds=60)) as server, pytest.raises(LlmTimeoutError):
        bedrock(server).generate(CLAUDE, ask(timeout_seconds=0.2))


def test_no_time_is_a_timeout_too() -> None:
    with VendorServer() as server, pytest.raises(LlmTimeoutError):
        bedrock(server).generate(CLAUDE, ask(timeout_seconds=0))


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(body={"output": {}}, drop=True)])
def test_a_connection_that_breaks_is_unavailable(reply: Reply) -> None:
    assert type(failure(reply)) is LlmUnavailableError


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        with pytest.raises(LlmUnavailableError, match="cannot be reached"):
            bedrock(url).generate(CLAUDE, ask())
        with pytest.raises(LlmUnavailableError, match="cannot be reached"):
            next(bedrock(url).stream(CLAUDE, ask()))


def test_a_request_that_boto3_does_not_take_is_invalid() -> None:
    with VendorServer() as server, pytest.raises(LlmInvalidRequestError):
        bedrock(server).generate(CLAUDE, ask(max_tokens=0))


@pytest.mark.parametrize(
    "options",
    [
        {"messages": (Message("assistant", (ToolCall("c", "f", {"x": {1}}),)),)},
        {"tools": (Tool("f", "", {"default": b"bytes"}),)},
    ],
)
def test_a_request_that_is_no_json_is_invalid(options: dict[str, object]) -> None:
    with VendorServer() as server, pytest.raises(LlmInvalidRequestError):
        bedrock(server).generate(CLAUDE, ask(**options))


def test_a_session_that_has_run_out_is_told_apart_from_a_service_that_is_not_there() -> None:
    expired = UnauthorizedSSOTokenError()
    unknown = DataNotFoundError(data_path="bedrock-runtime")

    assert type(error_of(expired, CLAUDE, ())) is LlmAuthenticationError
    assert type(error_of(unknown, CLAUDE, ())) is LlmUnavailableError


@pytest.mark.parametrize(("status", "code"), [(403, "InvalidSignatureException"), (400, VALIDATION), (500, "Oops")])
def test_keys_stand_in_no_error_and_no_traceback(status: int, code: str) -> None:
    token = "FwoGZXIvYXdzEXAMPLETOKEN"
    message = f"Credential={ACCESS_KEY}/2026, secret {SECRET_KEY}, token {token}, and another key AKIAI44QH8DHBEXAMPLE"

    with VendorServer(error(code, message, status)) as server, pytest.raises(LlmError) as caught:
        bedrock(server, **KEYS, AWS_SESSION_TOKEN=token).generate(CLAUDE, ask())

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "[secret]" in shown
    for secret in (ACCESS_KEY, SECRET_KEY, token, "AKIAI44QH8DHBEXAMPLE"):
        assert secret not in shown


def test_keys_stand_in_no_representation() -> None:
    with VendorServer(converse(text("Hi."))) as server:
        provider = bedrock(server)
        provider.generate(CLAUDE, ask())

    shown = repr(provider) + str(provider)
    assert ACCESS_KEY not in shown
    assert SECRET_KEY not in shown
