"""What boto3 raises for Bedrock, as errors of the gateway.

Codes: https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html. `ValidationException`
means anything from a model that is not there to a prompt that is too long, so its wording counts; the wordings stand in
the tests as Bedrock gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmModelNotFoundError,
    LlmNotConfiguredError,
    LlmQuotaError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
    LlmUnsupportedError,
    redacted,
)
from llm_gateway.providers.error_response import (
    ErrorResponse,
    error_of_kind,
    kind_of,
    not_in_time,
    retry_after,
    rule,
    unreachable,
    unreadable,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_SERVER: Final = "Bedrock"
_VALIDATION: Final = "Validation"

_CREDENTIALS_ADVICE: Final = "Are the AWS credentials right, and have they not expired?"
_ACCESS_ADVICE: Final = (
    "Enable access to the model in Bedrock's console, and allow bedrock:InvokeModel and"
    " bedrock:InvokeModelWithResponseStream on it."
)
_PROFILE_ADVICE: Final = (
    " Name an inference profile that contains the model instead of the model, such as us.{model}, with the prefix of your"
    " part of the world (us., eu., apac., global.)."
)

_NEEDS_PROFILE: Final = rule(LlmInvalidRequestError, _VALIDATION, wording="on-demand throughput")
_RULES: Final = (
    _NEEDS_PROFILE,
    rule(LlmContentFilterError, _VALIDATION, wording=r"content filter|blocked by .*polic|guardrail.*interven"),
    rule(
        LlmContextTooLongError,
        _VALIDATION,
        wording=r"too long|maximum context|context (?:length|limit|window)|too many input tokens"
        r"|input tokens? (?:count )?exceed|expected maxLength",
    ),
    rule(
        LlmModelNotFoundError,
        _VALIDATION,
        wording=r"model identifier is invalid|end of its life|end.of.life|model not found|no longer (?:available|supported)"
        r"|could not resolve the foundation model",
    ),
    rule(LlmAuthenticationError, _VALIDATION, wording=r"^operation not allowed"),
    rule(
        LlmUnsupportedError,
        _VALIDATION,
        wording=r"(?:does not|doesn't|don't) support|(?:is|are) (?:not supported|unsupported)",
    ),
    rule(LlmInvalidRequestError, _VALIDATION),
    rule(
        LlmAuthenticationError,
        *("AccessDenied", "ExpiredToken", "IncompleteSignature", "InvalidClientTokenId", "InvalidSignature"),
        *("MissingAuthenticationToken", "NotAuthorized", "OptInRequired", "SignatureDoesNotMatch"),
        *("SubscriptionRequired", "UnrecognizedClient"),
    ),
    rule(LlmAuthenticationError, "ResourceNotFound", wording=r"use case details have not been submitted"),
    rule(LlmModelNotFoundError, "ResourceNotFound"),
    rule(LlmQuotaError, "ServiceQuotaExceeded"),
    # "Too many tokens per day, please wait before trying again."
    rule(LlmQuotaError, "Throttling", "TooManyRequests", "ModelNotReady", wording=r"per day"),
    rule(LlmRateLimitError, "Throttling", "TooManyRequests", "ModelNotReady"),
    rule(LlmTimeoutError, "ModelTimeout"),
    rule(
        LlmUnavailableError,
        *("InternalFailure", "InternalServer", "ModelError", "ModelStreamError", "ServiceUnavailable"),
    ),
)
"""Codes without the `Exception` at their end."""


def validation_message(error: Exception) -> str | None:
    """What Bedrock says of a request that it refuses, before or within a stream; None for any other error."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return None
    response = read_error(error)
    return response.message if response.has_code((_VALIDATION,)) else None


def error_of(error: Exception, model: str, secrets: tuple[str, ...]) -> LlmError:
    """The gateway's error for what a call of boto3 ended in. Nothing in `secrets` stays in its text."""
    from botocore import exceptions
    from urllib3 import exceptions as http

    said = redacted(str(error), secrets)
    match error:
        case LlmError():
            return error
        case exceptions.ClientError():
            return _error_of_response(read_error(error), model, secrets)
        case exceptions.ReadTimeoutError() | exceptions.ConnectTimeoutError() | http.TimeoutError():
            return not_in_time(_SERVER)
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
            return LlmInvalidRequestError(f"The request is not valid for Bedrock: {said}")
        case exceptions.HTTPClientError() | exceptions.ConnectionError() | http.HTTPError() | OSError():
            return unreachable(_SERVER, said)
        case exceptions.BotoCoreError():
            return LlmUnavailableError(f"Bedrock cannot be asked: {said}")
    # What is left: botocore's parsers and ours, on bytes that are no answer of Bedrock's.
    return unreadable(_SERVER, error)


def read_error(error: ClientError) -> ErrorResponse:
    """The error response that boto3 raised. Its codes are such as `ThrottlingException` (`throttlingException` within a
    stream) and `Throttling`. Bedrock writes some apostrophes as ’.
    """
    said, metadata = error.response.get("Error", {}), _mapping(error.response.get("ResponseMetadata"))
    code = str(said.get("Code", ""))
    code = code[:1].upper() + code[1:]
    return ErrorResponse(
        status=int(metadata.get("HTTPStatusCode", 0)) or None,
        codes=(code, code.removesuffix("Exception")),
        message=str(said.get("Message", "")).replace("’", "'"),
        retry_after_seconds=retry_after(_mapping(metadata.get("HTTPHeaders"))),
    )


def _error_of_response(response: ErrorResponse, model: str, secrets: tuple[str, ...]) -> LlmError:
    kind = kind_of(response, _RULES)
    if kind is LlmAuthenticationError:
        reason = response.reason(secrets)
        if response.has_code(("AccessDenied", "ResourceNotFound", _VALIDATION)):
            return LlmAuthenticationError(f"Bedrock denies access: {reason} {_ACCESS_ADVICE}")
        return LlmAuthenticationError(f"AWS refuses the credentials: {reason} {_CREDENTIALS_ADVICE}")
    advice = _PROFILE_ADVICE.format(model=model) if _NEEDS_PROFILE.fits(response) else ""
    return error_of_kind(kind, response, _SERVER, secrets, advice)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
