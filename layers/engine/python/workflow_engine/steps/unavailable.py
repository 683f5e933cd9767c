"""Step types that the language knows and this version cannot run: refused by name, so that nobody hunts for a typo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering
from workflow_engine.steps.step_type import StepType


def _lower(_config: Mapping[str, Any]) -> Lowering:
    raise ValueError("This step type is not available in this version.")


def _unavailable(name: str, description: str, *aliases: str) -> StepType:
    return StepType(
        name=name,
        description=description,
        config_schema={"type": "object"},
        output_schema={},
        lower=_lower,
        aliases=aliases,
        available=False,
    )


UNAVAILABLE: Final = (
    _unavailable("subflow", "Runs another stored workflow."),
    _unavailable("file_reader", "Reads text out of a file."),
    _unavailable("text_chunking", "Cuts a text into pieces."),
    _unavailable("embedding_generation", "Embeds texts as vectors."),
    _unavailable("vector_storage", "Stores vectors."),
    _unavailable("vector_search", "Finds the nearest vectors."),
)
