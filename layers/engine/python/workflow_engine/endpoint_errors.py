"""How a call of a step's HTTP endpoint fails. The class names are the error types that results, conditions and the
compiler's Retry see, so they are part of the contract.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.outbound import AddressRefusedError


class HttpThrottledError(WorkflowEngineError):
    """429, and the time that the endpoint asks for is not told or is more than the step has."""

    code = "http_throttled"


class HttpServerError(WorkflowEngineError):
    """5xx."""

    code = "http_server_error"


class HttpConnectionError(WorkflowEngineError):
    """No connection, or one that broke before the answer had ended."""

    code = "http_connection_error"


class HttpTimeoutError(WorkflowEngineError):
    """No whole answer in the time allowed."""

    code = "http_timeout"


class SecretUnavailableError(WorkflowEngineError):
    """The store of secrets does not answer at the moment."""

    code = "secret_unavailable"


class HttpClientError(WorkflowEngineError):
    """4xx but 429: the endpoint takes the request for wrong, and would again."""

    code = "http_client_error"


class HttpRedirectError(WorkflowEngineError):
    """A redirect that is not followed."""

    code = "http_redirect"


class HttpCertificateError(WorkflowEngineError):
    """The endpoint's certificate is not trusted, or is another host's."""

    code = "http_certificate_error"


class HttpAnswerError(WorkflowEngineError):
    """An answer that is not HTTP, or calls itself JSON and is not."""

    code = "http_answer_error"


class HttpAnswerTooLargeError(WorkflowEngineError):
    """An answer that is longer than allowed."""

    code = "http_answer_too_large"


class SecretNotSetError(WorkflowEngineError):
    """The tenant has no secret of this name, or one that no header can carry."""

    code = "secret_not_set"


def _names(*classes: type[Exception]) -> tuple[str, ...]:
    return tuple(c.__name__ for c in classes)


TRANSIENT_ERRORS: Final = _names(
    HttpThrottledError, HttpServerError, HttpConnectionError, HttpTimeoutError, SecretUnavailableError
)
"""They pass by themselves: retried unless the step says how to retry."""

FINAL_ERRORS: Final = _names(
    HttpClientError,
    HttpRedirectError,
    HttpCertificateError,
    HttpAnswerError,
    HttpAnswerTooLargeError,
    SecretNotSetError,
    AddressRefusedError,
)
"""Never retried, whatever the step says."""
