"""What a file of tests holds, once it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from infra.local.mocking.model import Mock, Place
from workflow_engine.lazy_dataclass import dataclass


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
