"""What is wrong with a request, or with what it holds."""

from __future__ import annotations

from typing_extensions import TypedDict


class Finding(TypedDict):
    """What is wrong at one place, or may go wrong."""

    code: str
    """Stable code of the finding."""
    pointer: str
    """RFC 6901 JSON pointer into the request's body; "" is all of it, or something beside it."""
    detail: str
    """What is wrong and what to do."""


class Problem(TypedDict):
    """RFC 9457 problem details."""

    type: str
    title: str
    """The status in words."""
    status: int
    code: str
    """Stable code of the problem."""
    detail: str
    """What is wrong."""
    errors: list[Finding]
    """The findings; never empty."""


class GatewayRefusal(TypedDict):
    """What API Gateway answers before any function is asked: no or wrong credentials, or too many requests."""

    message: str
