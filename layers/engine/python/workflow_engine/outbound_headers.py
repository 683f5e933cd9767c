"""Which headers a client may have sent to addresses of its choice: none that describe the connection, and no credentials in
the open, since headers are shown.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Final

MAX_HEADER_VALUE: Final = 2000

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""A token (RFC 9110, 5.6.2)."""
_HEADER_VALUE: Final = re.compile(r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?")
CREDENTIAL: Final = re.compile(
    r"authorization|cookie|sig|(.*[-_])?((api|access|subscription|auth)[-_]?key|(access|auth|api|bearer)?token|"
    r"(client)?secret|password|passwd|signature)",
    re.IGNORECASE,
)
"""Names of headers and query parameters that stand for a credential."""

_OF_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_MADE_HERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "expect",
        ),
        "It describes the connection, which is made anew for each call.",
    ),
    "accept-encoding": "The answer's encoding is agreed on for you.",
    "content-type": "The body is always JSON.",
    "idempotency-key": "Each step sends one of its own.",
    "traceparent": "Each step sends that of its run.",
    "x-amzn-trace-id": "Each step sends that of its run.",
}


def header_problem(
    name: str, value: str | None, seen: Container[str] = (), *, may_set: Container[str] = ()
) -> str | None:
    """What is wrong with a header, as a sentence; None if nothing is. `seen` are the names before it and `may_set` further ones
    that may be given, in lower case. A value of None is one that only the run knows: it may be a credential of the run's own.
    """
    lower = name.lower()
    if not _HEADER_NAME.fullmatch(name):
        return "The name of a header is letters, digits and hyphens, 100 at most."
    if lower in seen:
        return f"The header '{name}' is given twice; upper and lower case are the same. Remove one."
    if lower not in may_set and (lower in _MADE_HERE or lower.startswith("proxy-")):
        return f"The header '{name}' cannot be set. {_MADE_HERE.get(lower, 'There is no proxy.')}"
    if value is None:
        return None
    if CREDENTIAL.fullmatch(name):
        return f"The header '{name}' looks like a credential, and headers are shown. Name a secret in 'auth' instead."
    return value_problem(value)


def overlaid(*layers: Mapping[str, str]) -> dict[str, str]:
    """The headers of all layers, each name once, in whatever case it is written: as the last layer has it."""
    return dict({name.lower(): (name, value) for layer in layers for name, value in layer.items()}.values())


def secret_may_go_to(scheme: str, host: str) -> bool:
    """Whether nobody on the way to an address can read what is sent there. `host` is in lower case, without brackets."""
    return scheme == "https" or host in _OF_THIS_MACHINE


def value_problem(value: str) -> str | None:
    """What is wrong with the value of a header; None if nothing is."""
    if _HEADER_VALUE.fullmatch(value) and len(value) <= MAX_HEADER_VALUE:
        return None
    return f"The value of a header is visible ASCII characters and blanks between them, {MAX_HEADER_VALUE:,} at most."


def may_carry_key(name: str) -> bool:
    """Whether an API key may be sent in a header of this name, in lower case."""
    return bool(_HEADER_NAME.fullmatch(name)) and name not in _MADE_HERE and not name.startswith("proxy-")
