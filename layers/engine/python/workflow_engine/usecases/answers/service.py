"""What the service tells of itself."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class Health(TypedDict):
    """That the service answers."""

    status: Literal["healthy"]
    service: str


class ConsoleConfig(TypedDict):
    """How a page of this deployment signs in."""

    auth: str
    """`none`, `iam` or `jwt`."""
    issuer: str | None
    """The provider of identities, with `jwt`."""
    client_id: str | None
    scopes: str | None
    """What to ask it for, with spaces between."""
