"""What the service tells of itself."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class Health(TypedDict):
    """That the service answers."""

    status: Literal["healthy"]
    service: str
