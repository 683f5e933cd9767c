"""The client of the HTTP API, signing each request with AWS Signature Version 4 for the service `execute-api`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.http_client import Answer, ApiClient


@dataclass(frozen=True, slots=True)
class SignedApiClient(ApiClient):
    """Sends what `ApiClient` sends, in the name of `credentials`. Without them it raises ValueError."""

    credentials: Credentials | None = None
    region: str = "us-east-1"

    def _sent(self, method: str, path: str, body: Any, content: bytes | None, headers: dict[str, str] | None) -> Answer:
        if self.credentials is None:
            raise ValueError("no credentials to sign with")
        if content is None and body is not None:
            content = json.dumps(body).encode()
        path = _canonical(path)
        given = {"content-type": "application/json", **(headers or {})}
        request = AWSRequest(method, self.base_url.rstrip("/") + path, given, content or b"")
        SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
        signed = dict(request.headers.items())
        return ApiClient._sent(self, method, path, None, content, signed)


def _canonical(path: str) -> str:
    """The query as it is signed (IAM user guide, "Create a signed API request"): all but letters, digits and `-_.~` encoded."""
    bare, mark, query = path.partition("?")
    return bare + mark + urlencode(parse_qsl(query, keep_blank_values=True), quote_via=quote, safe="-_.~")
