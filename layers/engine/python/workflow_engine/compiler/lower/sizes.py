"""How large values are at most, as far as that is known before the run: what may be fused must fit one state together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from workflow_engine.aws_quotas import KIB, PAYLOAD_BYTES
from workflow_engine.lazy_dataclass import dataclass


def json_bytes(value: object) -> int:
    """Length of the value as compact JSON text in UTF-8, which is how Step Functions counts payloads."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Size:
    """Upper bounds of a value: its length as JSON in bytes, and how many list elements it has in all.

    A path through a list gives `null` for each element that lacks the key, so a value may grow by that much.
    """

    length: int
    elements: int

    def plus(self, other: Size) -> Size:
        return Size(self.length + other.length, self.elements + other.elements)

    def times(self, factor: int) -> Size:
        return Size(factor * self.length, factor * self.elements)


NULL_BYTES: Final = 5
"""`null` and the comma after it."""


def size_of(value: object) -> Size:
    """The size of a JSON value."""
    elements = 0
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            elements += len(one)
            stack.extend(one)
        elif isinstance(one, Mapping):
            stack.extend(one.values())
    return Size(json_bytes(value), elements)


SURELY_CARRIED_BYTES: Final = PAYLOAD_BYTES - 56 * KIB
"""A value of at most this size can be a state's output and a variable, with all that stands around it."""


def is_surely_carried(bound: Size | None) -> bool:
    """Whether a value of at most this size can leave a state; one of unknown size may be too large."""
    return bound is not None and bound.length <= SURELY_CARRIED_BYTES
