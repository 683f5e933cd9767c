"""What a file of tests holds, once it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody does to the run `at` seconds after its start: decide, cancel or redrive, with the mocks of a redrive."""

    at: float
    kind: str
    value: Any
    place: Place
    mocks: Mapping[str, Mock] = field(default_factory=dict)
    expect_error: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case, its parameters filled in and the file's defaults under it. `places` has the line of each part of `expect` by its
    path, such as `("calls", "ship", "count")`.
    """

    name: str
    place: Place
    mocks: Mapping[str, Mock]
    expect: Mapping[str, Any]
    places: Mapping[tuple[str | int, ...], Place]
    input: Any = None
    now: float | None = None
    time_zone: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)
    unmocked: str = "fail"
    seed: int = 0
    actions: Sequence[Action] = ()
    skip: str | None = None

    def line_of(self, *path: str | int) -> Place:
        """The line of a part of `expect`, else of what is nearest around it."""
        for length in range(len(path), -1, -1):
            if (place := self.places.get(path[:length])) is not None:
                return place
        return self.place


@dataclass(frozen=True, slots=True)
class Stored:
    """What is in the store before a case runs: documents of agents, prompts and workflows by id."""

    agents: Mapping[str, Any] = field(default_factory=dict)
    prompts: Mapping[str, Any] = field(default_factory=dict)
    workflows: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file of cases, and what they test."""

    __test__ = False  # it is none of pytest's

    path: Path
    workflow: Path
    cases: Sequence[Case]
    steps: Path | None = None
    stored: Stored = field(default_factory=Stored)
