"""What a client raises: the API's own answer that something is wrong, or the way there that failed.

ClientError
├── ApiProblem               the API has answered with a problem
│   └── AuthenticationError  401, 403
├── ConnectionFailedError    no whole answer has come
│   ├── UnreachableError     no such host, no way there, or nobody answered in time: nothing was sent
│   ├── RefusedError         nobody listens at the port: nothing was sent
│   ├── TlsError             no secure connection could be made: nothing was sent
│   ├── TimedOutError        it was sent, and no answer has come in time
│   └── ConnectionLostError  it was sent, and the connection ended before the answer did
├── NoCredentialsError       there is nothing to sign with
├── WaitOverError            the run goes on after the time that was given to wait for it
└── UnexpectedAnswerError    what answers is not this API
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import Finding


class ClientError(Exception):
    """Base of all that a client raises."""


class ApiProblem(ClientError):  # noqa: N818 - RFC 9457 calls it a problem
    """The API refuses, or has failed. `str` of it is the detail with its findings, a line each.

    `errors` are `{code, pointer, detail}`, pointers as of RFC 6901 into the body that was sent; empty where API Gateway has
    answered by itself.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, detail, errors, headers)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors: list[Finding] = list(errors)
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        told = [f"{e['pointer'] or '/'}: {e['detail']}" for e in self.errors if e["detail"] != self.detail]
        return "\n".join([f"{self.detail} ({self.status} {self.code})", *told])


class AuthenticationError(ApiProblem):
    """The API does not know who asks (401), or does not let them (403)."""


class ConnectionFailedError(ClientError):
    """No whole answer has come. `was_sent` tells whether the request may have been carried out."""

    was_sent = False


class UnreachableError(ConnectionFailedError):
    """There is no such host, no way there, or nobody has answered in time."""


class RefusedError(ConnectionFailedError):
    """Nobody listens at the port."""


class TlsError(ConnectionFailedError):
    """No secure connection could be made, mostly since the certificate is not one that this machine trusts."""


class TimedOutError(ConnectionFailedError):
    """The request was sent, and no answer has come in time."""

    was_sent = True


class ConnectionLostError(ConnectionFailedError):
    """The request was sent, and the connection ended before the answer did."""

    was_sent = True


class NoCredentialsError(ClientError):
    """There are no AWS credentials to sign with."""


class WaitOverError(ClientError):
    """The run goes on after the time that was given to wait for it. `execution_id` is its id."""

    def __init__(self, execution_id: str, seconds: float) -> None:
        super().__init__(execution_id, seconds)
        self.execution_id = execution_id
        self.seconds = seconds

    def __str__(self) -> str:
        return f"The run {self.execution_id} has not ended within {self.seconds:g} seconds. It goes on."


class UnexpectedAnswerError(ClientError):
    """What answers is not this API: perhaps a proxy, or another server at the address."""
