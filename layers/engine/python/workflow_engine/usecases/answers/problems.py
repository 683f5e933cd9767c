"""What is wrong with a request, or with what it holds."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class Fix(TypedDict):
    """A word that is to be another one, where a finding points."""

    replace: str
    """The word that is wrong."""
    replacement: str
    """The one that was meant."""
    target: Literal["key", "value"]
    """Where it stands: in the value that the pointer leads to, or in the key that the pointer ends with."""


class Finding(TypedDict):
    """What is wrong at one place, or may go wrong."""

    code: str
    """Stable code of the finding."""
    pointer: str
    """RFC 6901 JSON pointer into the request's body; "" is all of it, or something beside it."""
    detail: str
    """What is wrong and what to do."""
    fix: NotRequired[Fix]
    """What mends it, where that is certain."""


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
