"""How a request proves who sends it: by a secret of the tenant, which is read here and stands nowhere else."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from workflow_engine.endpoint_errors import SecretNotSetError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.outbound_headers import overlaid
from workflow_engine.outbound_http import Request

_FIT_FOR_HEADER: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class Authorization:
    """`signed` gives a request as it is sent; `hidden` are the texts that may not be seen anywhere."""

    signed: Callable[[Request], Request]
    hidden: tuple[str, ...] = ()


def authorization(auth: Mapping[str, Any] | None, secret_of: Callable[[str], str]) -> Authorization:
    """For an `auth` that was checked before. Raises SecretNotSetError, SecretUnavailableError."""
    if not auth:
        return Authorization(lambda request: request)
    secret = secret_of(auth["secret"]).strip()
    if auth["type"] == "sigv4":
        return _sigv4(auth, secret)
    if auth["type"] == "basic":
        pair = base64.b64encode(f"{auth['username']}:{secret}".encode()).decode()
        return _header("Authorization", f"Basic {pair}", (secret, pair))
    if not _FIT_FOR_HEADER.fullmatch(secret):
        raise SecretNotSetError(f"The secret {auth['secret']} holds characters that no header can carry.")
    if auth["type"] == "bearer":
        return _header("Authorization", f"Bearer {secret}", (secret,))
    return _header(auth["header"], secret, (secret,))


def _header(name: str, value: str, hidden: tuple[str, ...]) -> Authorization:
    return Authorization(lambda request: replace(request, headers=overlaid(request.headers, {name: value})), hidden)


def _sigv4(auth: Mapping[str, Any], secret: str) -> Authorization:
    """Signs with the tenant's own keys, never with this function's: it would lend its role to whoever asks."""
    keys = _keys(auth["secret"], secret)

    def signed(request: Request) -> Request:
        from botocore.auth import S3SigV4Auth, SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        credentials = Credentials(keys["access_key_id"], keys["secret_access_key"], keys.get("session_token"))
        # Headers that proxies of tracing may change are not signed.
        unsigned = {
            n: v for n, v in request.headers.items() if n.lower() in ("traceparent", "x-amzn-trace-id", "user-agent")
        }
        headers = {n: v for n, v in request.headers.items() if n not in unsigned}
        to_sign = AWSRequest(request.method, request.url, headers=headers, data=request.body)
        signer = S3SigV4Auth if auth["service"] == "s3" else SigV4Auth
        signer(credentials, auth["service"], auth["region"]).add_auth(to_sign)
        return replace(request, headers={**unsigned, **dict(to_sign.headers.items())})

    hidden = tuple(value for name, value in keys.items() if name != "access_key_id")
    return Authorization(signed, hidden)


def _keys(name: str, secret: str) -> Mapping[str, str]:
    try:
        keys = json.loads(secret)
    except ValueError:
        keys = None
    wanted = ("access_key_id", "secret_access_key")
    if not isinstance(keys, dict) or not all(isinstance(keys.get(key), str) and keys[key] for key in wanted):
        raise SecretNotSetError(
            f"The secret {name} is no JSON object of texts access_key_id and secret_access_key, which sigv4 needs."
        )
    return {key: keys[key] for key in (*wanted, "session_token") if isinstance(keys.get(key), str)}
