"""Mocks and their replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass

KINDS: Final = (
    "output",
    "output_from",
    "expression",
    "error",
    "decision",
    "status",
    "text",
    "tool_calls",
    "hang",
    "real",
)
"""The fields of which a reply has just one."""

ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, as compilers write it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `value` is what the field of its kind holds, the contents of the file for `output_from`; `more` are the fields
    beside it. `times` is how often it serves: None for once in a list and always alone or with `when`.
    """

    kind: str
    value: Any
    place: Place
    more: Mapping[str, Any] = field(default_factory=dict)
    when: str | None = None
    after: float = 0.0
    times: int | str | None = None


@dataclass(frozen=True, slots=True)
class Mock:
    """What stands in for an address: `step_id`, `tool:`, `agent:`, `type:`, `subflow:` or `http:METHOD glob`.

    `is_own` says that the case itself has it, so that it must be used.
    """

    address: str
    replies: Sequence[Reply]
    is_list: bool
    place: Place
    is_own: bool = True
