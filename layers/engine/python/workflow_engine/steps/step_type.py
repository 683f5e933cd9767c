"""What a step type is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from workflow_engine.compiler.catalogue import Lowering
from workflow_engine.language.syntax import Source
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.schema_parts import Schema

if TYPE_CHECKING:
    from workflow_engine.json_schema import Path

STEP_DATA: Final = "step_data"
"""The Lambda of the built-in data steps that are not pure."""

Examine = Callable[[Mapping[str, Any]], "Iterable[tuple[Path, str]]"]
"""Beyond the schema: places in a configuration that fits it, each with a sentence about what is wrong."""


KnownOutput = Callable[[Mapping[str, Any]], Mapping[str, Source]]
"""Of a configuration: output fields whose value stands in it, or is that of a reference."""


def nothing_known(_config: Mapping[str, Any]) -> Mapping[str, Source]:
    """For types whose output is only known by its schema."""
    return {}


def nothing_to_examine(_config: Mapping[str, Any]) -> Iterable[tuple[Path, str]]:
    """For types whose schema says it all."""
    return ()


@dataclass(frozen=True, slots=True)
class StepType:
    """A step type as the language (validation) and the compiler (`lowering`) see it.

    `config_schema` is of `config` as the client writes it: defaults are described there, never filled in. `kind` tells
    types of the language from those that a client registered.
    """

    name: str
    description: str
    config_schema: Schema
    output_schema: Schema
    lower: Callable[[Mapping[str, Any]], Lowering]
    aliases: tuple[str, ...] = ()
    available: bool = True
    template_fields: tuple[str, ...] = ()
    nested_template_fields: tuple[str, ...] = ()
    takes_input: bool = True
    needs_input: bool = False
    known_output: KnownOutput = nothing_known
    kind: Literal["builtin", "registered"] = "builtin"
    examine: Examine = nothing_to_examine

    def lowering(self, config: Mapping[str, Any]) -> Lowering:
        """How a step with this config (valid under `config_schema`) is lowered. ValueError for an unavailable type."""
        if not self.available:
            raise ValueError(f"Step type '{self.name}' is not available in this version.")
        return self.lower(config)

    @property
    def output_fields(self) -> frozenset[str]:
        """Keys that every output is sure to have. Nothing holds a registered function to its schema, so it has none."""
        return frozenset(self.output_schema.get("required", ()) if self.kind == "builtin" else ())

    def describe(self) -> dict[str, Any]:
        """The type as `GET /steps` shows it."""
        return {
            "step_type": self.name,
            "aliases": list(self.aliases),
            "kind": self.kind,
            "available": self.available,
            "description": self.description,
            "config_schema": dict(self.config_schema),
            "output_schema": dict(self.output_schema),
            "template_fields": [*self.template_fields, *self.nested_template_fields],
        }
