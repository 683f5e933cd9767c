"""Opaque cursors of pages. Pure.

A cursor carries where the next page begins, bound to the tenant and to the list it was given for. It is no secret and no
permission: the partition that is read always comes from the caller's tenant, the binding only turns misuse into a clear answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any, Final

from workflow_engine.errors import InvalidRequestError

_CHECK_LENGTH: Final = 12


def encode(tenant_id: str, scope: str, position: Any) -> str:
    """base64url of a checksum and the position, any JSON value."""
    content = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(tenant_id, scope, content) + content).rstrip(b"=").decode()


def decode(tenant_id: str, scope: str, cursor: str) -> Any:
    """The position. InvalidRequestError for anything that `encode` did not give for this tenant and this list."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, content = raw[:_CHECK_LENGTH], raw[_CHECK_LENGTH:]
        if check != _check(tenant_id, scope, content):
            raise ValueError
        return json.loads(content)
    except (ValueError, binascii.Error):
        raise InvalidRequestError(
            "The cursor was not given for this list. Leave it out to begin with the first page."
        ) from None


def _check(tenant_id: str, scope: str, content: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in (tenant_id.encode(), scope.encode(), content):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()[:_CHECK_LENGTH]
