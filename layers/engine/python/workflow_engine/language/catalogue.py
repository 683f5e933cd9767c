"""What the language needs to know of step types. The catalogue itself lives in `workflow_engine.steps`, above this layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from workflow_engine.language.syntax import Source

if TYPE_CHECKING:
    from workflow_engine.json_schema import Path


_PINNED: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,63})@([1-9]\d{0,7})")


def split_version(step_type: str) -> tuple[str, int | None]:
    """The name of a step type and the version that a workflow pins: `("score", 3)` of `score@3`, `("score", None)` of `score`."""
    pinned = _PINNED.fullmatch(step_type)
    return (step_type, None) if pinned is None else (pinned[1], int(pinned[2]))


class StepTypeSpec(Protocol):
    """A step type as far as validation is concerned."""

    @property
    def name(self) -> str: ...

    @property
    def available(self) -> bool:
        """False for a type that the language knows and this version cannot run."""

    @property
    def config_schema(self) -> Mapping[str, Any]:
        """JSON Schema (2020-12) of `config`. For containers, of `config` without the nested steps."""

    @property
    def output_schema(self) -> Mapping[str, Any]:
        """JSON Schema (2020-12) of the output; `{}` says nothing of it."""

    @property
    def known_output(self) -> Callable[[Mapping[str, Any]], Mapping[str, Source]]:
        """By configuration, the output fields whose value stands in the workflow, or is handed on: literals and references."""

    @property
    def needs_input(self) -> bool:
        """True for a type that works on its input, and without any on nothing."""

    @property
    def examine(self) -> Callable[[Mapping[str, Any]], Iterable[tuple[Path, str]]]:
        """What the schema cannot say of a configuration that fits it: places, each with what is wrong there."""

    @property
    def takes_input(self) -> bool:
        """False for a type that reads the run's input and has no use for an input_mapping."""

    @property
    def template_fields(self) -> tuple[str, ...]:
        """Top-level `config` fields whose strings are templates."""

    @property
    def nested_template_fields(self) -> tuple[str, ...]:
        """Top-level `config` fields in which every text, at any depth, is a template, keys aside."""


class StepCatalogue(Protocol):
    """Step types by name, built-in and registered ones alike."""

    def find(self, step_type: str) -> StepTypeSpec | None:
        """The step type of this name or alias, or None when there is none."""

    def names(self) -> Iterable[str]:
        """All names and aliases, for suggestions."""
