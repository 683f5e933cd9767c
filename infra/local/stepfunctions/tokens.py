"""Task tokens: each tells whose it is, because the run may be anywhere when somebody answers with it."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import TYPE_CHECKING

from infra.local.stepfunctions.failures import ServiceError

if TYPE_CHECKING:
    from infra.local.stepfunctions.history import Frame


def new_token(frame: Frame) -> str:
    """A token that tells whose it is: the run may be anywhere when somebody answers with it."""
    return base64.urlsafe_b64encode(f"{frame.run.head.arn}\n{uuid.uuid4().hex}".encode()).decode()


def run_of(token: str) -> str:
    """The ARN of the run that a token is of. Raises ServiceError (InvalidToken)."""
    try:
        arn, _, nonce = base64.urlsafe_b64decode(token.encode()).decode().partition("\n")
    except (binascii.Error, ValueError):
        arn = nonce = ""
    if not arn.startswith("arn:") or not nonce:
        raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
    return arn
