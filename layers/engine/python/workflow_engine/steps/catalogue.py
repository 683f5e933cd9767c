"""All step types by name. `Catalogue` is what the language and the compiler ask for as a Protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.steps.agent import AGENT_EXECUTION
from workflow_engine.steps.containers import LOOP, MAP, SWITCH
from workflow_engine.steps.data_input import DATA_INPUT
from workflow_engine.steps.data_merge import DATA_MERGE
from workflow_engine.steps.data_processing import DATA_PROCESSING
from workflow_engine.steps.delay import DELAY
from workflow_engine.steps.fail import FAIL
from workflow_engine.steps.file_reader import FILE_READER
from workflow_engine.steps.http_request import HTTP_REQUEST
from workflow_engine.steps.human_approval import HUMAN_APPROVAL
from workflow_engine.steps.merge import MERGE
from workflow_engine.steps.output import OUTPUT
from workflow_engine.steps.prompt import PROMPT
from workflow_engine.steps.registered import registered_step_type
from workflow_engine.steps.step_type import StepType
from workflow_engine.steps.subflow import SUBFLOW
from workflow_engine.steps.text_chunking import TEXT_CHUNKING
from workflow_engine.steps.tool import TOOL_EXECUTION
from workflow_engine.steps.transform import TRANSFORM
from workflow_engine.steps.trigger import INPUT, TRIGGER
from workflow_engine.steps.vectors import EMBEDDING_GENERATION, VECTOR_SEARCH, VECTOR_STORAGE

BUILTIN: Final[tuple[StepType, ...]] = (
    TRIGGER,
    INPUT,
    DATA_INPUT,
    DATA_PROCESSING,
    DATA_MERGE,
    TRANSFORM,
    MERGE,
    OUTPUT,
    DELAY,
    FAIL,
    MAP,
    LOOP,
    SWITCH,
    PROMPT,
    AGENT_EXECUTION,
    TOOL_EXECUTION,
    HUMAN_APPROVAL,
    HTTP_REQUEST,
    FILE_READER,
    TEXT_CHUNKING,
    EMBEDDING_GENERATION,
    VECTOR_STORAGE,
    VECTOR_SEARCH,
    SUBFLOW,
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Step types by name and by alias, in the order in which they were added. No two share a name."""

    by_name: Mapping[str, StepType]

    @classmethod
    def of(cls, step_types: Iterable[StepType]) -> Catalogue:
        """A catalogue of these types. ValueError when two claim the same name or alias."""
        by_name: dict[str, StepType] = {}
        for step_type in step_types:
            for name in (step_type.name, *step_type.aliases):
                if name in by_name:
                    raise ValueError(f"Two step types are called '{name}'.")
                by_name[name] = step_type
        return cls(MappingProxyType(by_name))

    def find(self, step_type: str) -> StepType | None:
        """The step type of this name or alias, or None when there is none."""
        return self.by_name.get(step_type)

    def names(self) -> Iterable[str]:
        """All names and aliases."""
        return tuple(self.by_name)

    def step_types(self) -> tuple[StepType, ...]:
        """Every step type once, aliases not repeated."""
        return tuple(step_type for name, step_type in self.by_name.items() if name == step_type.name)

    def with_registered(self, registrations: Iterable[Mapping[str, Any]]) -> Catalogue:
        """This catalogue and the registered types. ValueError for a registration that takes a name already there."""
        return Catalogue.of([*self.step_types(), *(registered_step_type(r) for r in registrations)])

    def describe(self) -> list[dict[str, Any]]:
        """All step types as `GET /steps` shows them: JSON-able, built-in ones first."""
        return [step_type.describe() for step_type in self.step_types()]


@cache
def builtin_catalogue() -> Catalogue:
    """The step types of the language, those that this version cannot run included."""
    return Catalogue.of(BUILTIN)
