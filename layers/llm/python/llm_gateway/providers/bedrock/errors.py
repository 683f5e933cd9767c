"""What boto3 raises for Bedrock, as errors of the gateway.

Codes: https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html. `ValidationException`
means anything from a model that is not there to a prompt that is too long, so its wording counts; the wordings stand in
the tests as Bedrock gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmModelNotFoundError,
    LlmNotConfiguredError,
    LlmQuotaError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
    LlmUnsupportedError,
    redacted,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

VALIDATION: Final = "ValidationException"

_CREDENTIALS_ADVICE: Final = "Are the AWS credentials right, and have they not expired?"
_ACCESS_ADVICE: Final = (
    "Enable access to the model in Bedrock's console, and allow bedrock:InvokeModel and"
    " bedrock:InvokeModelWithResponseStream on it."
)
_PROFILE_ADVICE: Final = (
    "Name an inference profile that contains the model instead of the model, such as us.{model}, with the prefix of your"
    " part of the world (us., eu., apac., global.)."
)

_BY_CODE: Final[Mapping[str, type[LlmError]]] = {
    "AccessDenied": LlmAuthenticationError,
    "ExpiredToken": LlmAuthenticationError,
    "IncompleteSignature": LlmAuthenticationError,
    "InvalidClientTokenId": LlmAuthenticationError,
    "InvalidSignature": LlmAuthenticationError,
    "MissingAuthenticationToken": LlmAuthenticationError,
    "NotAuthorized": LlmAuthenticationError,
    "OptInRequired": LlmAuthenticationError,
    "SignatureDoesNotMatch": LlmAuthenticationError,
    "SubscriptionRequired": LlmAuthenticationError,
    "UnrecognizedClient": LlmAuthenticationError,
    "Throttling": LlmRateLimitError,
    "TooManyRequests": LlmRateLimitError,
    "ModelNotReady": LlmRateLimitError,
    "ServiceQuotaExceeded": LlmQuotaError,
    "ResourceNotFound": LlmModelNotFoundError,
    "ModelTimeout": LlmTimeoutError,
    "InternalFailure": LlmUnavailableError,
    "InternalServer": LlmUnavailableError,
    "ModelError": LlmUnavailableError,
    "ModelStreamError": LlmUnavailableError,
    "ServiceUnavailable": LlmUnavailableError,
}
"""By the code without `Exception` at its end."""

_BY_STATUS: Final[Mapping[int, type[LlmError]]] = {
    401: LlmAuthenticationError,
    402: LlmQuotaError,
    403: LlmAuthenticationError,
    404: LlmModelNotFoundError,
    408: LlmTimeoutError,
    413: LlmContextTooLongError,
    424: LlmUnavailableError,
    429: LlmRateLimitError,
}
"""For codes that are not known here."""

_NOT_SUBMITTED: Final = re.compile(r"use case details have not been submitted", re.IGNORECASE)
_PER_DAY: Final = re.compile(r"per day", re.IGNORECASE)
_NEEDS_PROFILE: Final = re.compile(r"on-demand throughput", re.IGNORECASE)
_VALIDATION: Final[tuple[tuple[re.Pattern[str], type[LlmError]], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"content filter|blocked by .*polic|guardrail.*interven", LlmContentFilterError),
        (
            r"too long|maximum context|context (?:length|limit|window)|too many input tokens"
            r"|input tokens? (?:count )?exceed|expected maxLength",
            LlmContextTooLongError,
        ),
        (
            r"model identifier is invalid|end of its life|end.of.life|model not found|no longer (?:available|supported)"
            r"|could not resolve the foundation model",
            LlmModelNotFoundError,
        ),
        (r"^operation not allowed", LlmAuthenticationError),
        (r"(?:does not|doesn't|don't) support|(?:is|are) (?:not supported|unsupported)", LlmUnsupportedError),
    )
)
"""The first that fits; without any the request is wrong."""


def validation_message(error: Exception) -> str | None:
    """What Bedrock says of a request that it refuses, before or within a stream; None for any other error."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError) or _code(error) != VALIDATION:
        return None
    return _message(error)


def error_of(error: Exception, model: str, secrets: Iterable[str]) -> LlmError:
    """The gateway's error for what a call of boto3 ended in. Nothing in `secrets` stays in its text."""
    from botocore import exceptions
    from urllib3 import exceptions as http

    said = redacted(str(error), secrets)
    match error:
        case LlmError():
            return error
        case exceptions.ClientError():
            return _of_answer(error, model, tuple(secrets))
        case exceptions.ReadTimeoutError() | exceptions.ConnectTimeoutError() | http.TimeoutError():
            return LlmTimeoutError("Bedrock did not answer in time.")
        case (
            exceptions.NoCredentialsError()
            | exceptions.PartialCredentialsError()
            | exceptions.CredentialRetrievalError()
            | exceptions.NoAuthTokenError()
            | exceptions.ProfileNotFound()
            | exceptions.ConfigNotFound()
            | exceptions.ConfigParseError()
        ):
            return LlmNotConfiguredError(f"There are no AWS credentials for Bedrock: {said}")
        case exceptions.NoRegionError() | exceptions.InvalidRegionError():
            return LlmNotConfiguredError(f"Bedrock needs a region in BEDROCK_REGION or AWS_REGION: {said}")
        case exceptions.SSOError() | exceptions.TokenRetrievalError():
            return LlmAuthenticationError(f"AWS refuses the credentials: {said}")
        case exceptions.ParamValidationError():
            return LlmInvalidRequestError(f"The request is none that Bedrock takes: {said}")
        case exceptions.HTTPClientError() | exceptions.ConnectionError() | http.HTTPError() | OSError():
            return LlmUnavailableError(f"Bedrock cannot be reached, or broke off: {said}")
        case exceptions.BotoCoreError():
            return LlmUnavailableError(f"Bedrock cannot be asked: {said}")
    # What is left: botocore's parsers and ours, on bytes that are no answer of Bedrock's.
    return LlmMalformedAnswerError(f"Bedrock gave an answer that cannot be read ({type(error).__name__}).")


def _of_answer(error: ClientError, model: str, secrets: tuple[str, ...]) -> LlmError:
    code, message = _code(error), _message(error)
    said = redacted(message, secrets) or f"no reason given ({code})"
    kind = _kind_of(code, _status(error), message)
    if kind is LlmRateLimitError:
        return LlmRateLimitError(f"Bedrock throttles: {said}", retry_after_seconds=_retry_after(error))
    if kind is LlmQuotaError:
        return LlmQuotaError(f"The quota at Bedrock is used up: {said}")
    if kind is LlmAuthenticationError:
        is_denied = code in ("AccessDeniedException", "ResourceNotFoundException", VALIDATION)
        return LlmAuthenticationError(
            f"Bedrock denies access: {said} {_ACCESS_ADVICE}"
            if is_denied
            else f"AWS refuses the credentials: {said} {_CREDENTIALS_ADVICE}"
        )
    if _NEEDS_PROFILE.search(message):
        said = f"{said} {_PROFILE_ADVICE.format(model=model)}"
    return kind(f"Bedrock says: {said}")


def _kind_of(code: str, status: int, message: str) -> type[LlmError]:
    if code == VALIDATION:
        if _NEEDS_PROFILE.search(message):
            return LlmInvalidRequestError
        return next((kind for pattern, kind in _VALIDATION if pattern.search(message)), LlmInvalidRequestError)
    kind = _BY_CODE.get(code.removesuffix("Exception"))
    if kind is LlmRateLimitError and _PER_DAY.search(message):
        return LlmQuotaError  # "Too many tokens per day, please wait before trying again."
    if kind is LlmModelNotFoundError and _NOT_SUBMITTED.search(message):
        return LlmAuthenticationError
    if kind is None:
        kind = _BY_STATUS.get(status, LlmUnavailableError if status >= 500 else LlmInvalidRequestError)
    return kind


def _code(error: ClientError) -> str:
    """`ThrottlingException`; within a stream it is `throttlingException`."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code[:1].upper() + code[1:]


def _message(error: ClientError) -> str:
    """Bedrock writes some apostrophes as ’."""
    return str(error.response.get("Error", {}).get("Message", "")).replace("’", "'")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _retry_after(error: ClientError) -> float | None:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    value = str(headers.get("retry-after", ""))
    return float(value) if re.fullmatch(r"\d{1,9}(\.\d+)?", value) else None
