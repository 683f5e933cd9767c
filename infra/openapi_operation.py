"""What the OpenAPI document says of one route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PAGED: Final = ("limit", "cursor")


@dataclass(frozen=True, slots=True)
class Operation:
    """What the document says of one route. `answers` are schema names by status, None for an empty body."""

    operation_id: str
    tag: str
    summary: str
    answers: Mapping[int, str | None]
    body: str | None = None
    body_required: bool = True
    parameters: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    media_type: str = "application/json"


INVALID: Final = (400, 413, 415, 422)
