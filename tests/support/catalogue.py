"""A small catalogue of step types for tests of the language, independent of the built-in ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow_engine.language.syntax import Source


@dataclass(frozen=True)
class FakeStepType:
    """A step type as the language sees it."""

    name: str
    config_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    template_fields: tuple[str, ...] = ()
    nested_template_fields: tuple[str, ...] = ()
    expression_fields: tuple[str, ...] = ()
    available: bool = True
    takes_input: bool = True
    needs_input: bool = False
    output_schema: Mapping[str, Any] = field(default_factory=dict)
    description: str = "A step type of the tests."
    aliases: tuple[str, ...] = ()
    kind: str = "builtin"

    def known_output(self, config: Mapping[str, Any]) -> Mapping[str, Source]:
        """Nothing beyond the schema."""
        return {}

    def examine(self, config: Mapping[str, Any]) -> Iterable[tuple[tuple[str, ...], str]]:
        """Nothing beyond the schema, but for what a configuration asks to be told."""
        return [(("limit",), "The limit is odd.")] if config.get("limit") == 7 else []


@dataclass(frozen=True)
class FakeCatalogue:
    """Step types by name and alias."""

    types: tuple[FakeStepType, ...]

    def find(self, step_type: str) -> FakeStepType | None:
        """The step type of this name or alias."""
        return next((t for t in self.types if step_type in (t.name, *t.aliases)), None)

    def names(self) -> Iterable[str]:
        """All names and aliases."""
        return [name for t in self.types for name in (t.name, *t.aliases)]

    def step_types(self) -> tuple[FakeStepType, ...]:
        """All types."""
        return self.types


_PROCESSING_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["mode"],
    "additionalProperties": False,
    "properties": {
        "mode": {"enum": ["upper", "lower", "count"]},
        "limit": {"type": "integer", "minimum": 0},
        "options": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"key": {"type": "string"}, "a/b": {"type": "number"}},
        },
        "target": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["url"]}]},
    },
}

_AGENT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"query_template": {"type": "string"}, "model": {"type": "string"}},
}


def fake_catalogue(*more: FakeStepType) -> FakeCatalogue:
    """`task` takes any configuration, `processing` a strict one, `agent` a template; `vector_search` cannot run."""
    types = (
        FakeStepType("task"),
        FakeStepType("processing", _PROCESSING_SCHEMA),
        FakeStepType("agent", _AGENT_SCHEMA, template_fields=("query_template",), aliases=("assistant",)),
        FakeStepType("vector_search", available=False),
        FakeStepType("map"),
        FakeStepType("loop"),
        FakeStepType("switch"),
        *more,
    )
    return FakeCatalogue(types)
