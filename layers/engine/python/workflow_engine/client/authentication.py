"""In whose name requests are sent: a bearer token, or AWS credentials that sign each request (Signature Version 4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from workflow_engine.client.errors import NoCredentialsError

if TYPE_CHECKING:
    from botocore.session import Session

SIGNED_SERVICE: Final = "execute-api"
"""The name by which an HTTP API checks signatures (API Gateway, "Control access to HTTP APIs with IAM authorization")."""

_REGION_IN_HOST: Final = re.compile(r"\.execute-api\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)")


class Auth(Protocol):
    """Makes the headers that tell who sends a request. Threads may use one at the same time."""

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Headers to be added to those of a request. Raises NoCredentialsError."""


class BearerToken:
    """A token as it is, or a function that gives the one which is valid now; it is called for each request."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """The header Authorization."""
        return {"authorization": f"Bearer {self._token if isinstance(self._token, str) else self._token()}"}


class SigV4:
    """Signs with the AWS credentials at hand, found where every tool of AWS looks for them, and renewed as they expire.

    botocore is imported with the first request. `region` is, if it is not given, what the address of the API says, else that of
    the profile.
    """

    def __init__(self, *, profile: str | None = None, region: str | None = None) -> None:
        self._profile = profile
        self._region = region

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Authorization, X-Amz-Date, and X-Amz-Security-Token of temporary credentials. Raises NoCredentialsError."""
        try:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest
            from botocore.exceptions import BotoCoreError
        except ImportError:
            raise NoCredentialsError(
                "To sign requests with AWS credentials the package botocore is needed: pip install botocore."
            ) from None

        try:
            credentials = self._session.get_credentials()
            frozen = None if credentials is None else credentials.get_frozen_credentials()
            region = self._region or _region_of(url) or self._session.get_config_variable("region")
        except BotoCoreError as error:
            raise NoCredentialsError(f"The AWS credentials cannot be used. {error}") from error
        if frozen is None:
            raise NoCredentialsError(
                "There are no AWS credentials to sign with. Set AWS_PROFILE, or log in with the AWS command line."
            )
        if region is None:
            raise NoCredentialsError("The region to sign for is not known. Set AWS_REGION, or give `region`.")
        # Proxies change other headers on the way, which the signature would not bear.
        signed = {name: value for name, value in headers.items() if name == "content-type"}
        request = AWSRequest(method, url, signed, body)
        SigV4Auth(frozen, SIGNED_SERVICE, region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items() if name.lower() not in signed}

    @cached_property
    def _session(self) -> Session:
        import botocore.session

        return botocore.session.Session(profile=self._profile)


def _region_of(url: str) -> str | None:
    """The region that an address of API Gateway names; None for a domain of one's own."""
    match = _REGION_IN_HOST.search(urlsplit(url).hostname or "")
    return match[1] if match else None
