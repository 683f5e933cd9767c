"""Evaluates the fragment of a pure step over given data, as a state would.

Config, inputs and the run's input are variables, so data never becomes source text. What the compiler adds (its own
variable names and helper functions) is not under test here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jlens

from workflow_engine.compiler.catalogue import MappedInput, PureContext, PureLowering, WaitLowering
from workflow_engine.compiler.jsonata.fragments import (
    NO_FIELDS,
    Array,
    Conditional,
    Fragment,
    Text,
    call,
    object_fragment,
)
from workflow_engine.language.syntax import Reference
from workflow_engine.steps import builtin_catalogue

ENTERED = "2026-01-02T03:04:05.678Z"
STEP_ID = "own"

Json = Any


@dataclass
class StepCase:
    """A pure or waiting step and the data it sees.

    `mapping` is its input_mapping. `dependencies` (a tuple with the output, None for one that did not complete) stands
    for the default mapping and excludes `mapping`. `run_input` answers every reference, which is kept in `references`.
    """

    step_type: str
    config: Mapping[str, Json] = field(default_factory=dict)
    mapping: Mapping[str, Json] = field(default_factory=dict)
    dependencies: Mapping[str, tuple[Json] | None] = field(default_factory=dict)
    run_input: Json = None
    references: list[Reference] = field(default_factory=list)

    def output(self) -> Json:
        """The step's output, by jlens."""
        return evaluate(self.output_source(), self.bindings())

    def output_source(self) -> str:
        """JSONata of the output, with the bindings of `bindings()` as free variables."""
        lowering = self._lowering()
        assert isinstance(lowering, PureLowering | WaitLowering)
        return lowering.build(self._context()).source()[0]

    def wait_seconds(self) -> Json:
        """What a waiting step waits for, by jlens."""
        return evaluate(self.seconds_source(), self.bindings())

    def seconds_source(self) -> str:
        lowering = self._lowering()
        assert isinstance(lowering, WaitLowering)
        return lowering.seconds(self._context()).source()[0]

    def input_data(self) -> dict[str, Json]:
        """The `input_data` that a Lambda in place of the step would get."""
        completed = {name: entry[0] for name, entry in self.dependencies.items() if entry is not None}
        return completed if self.dependencies else dict(self.mapping)

    def bindings(self) -> dict[str, Json]:
        values: dict[str, Json] = {f"config_{key}": value for key, value in self.config.items()}
        for position, value in enumerate(self.mapping.values()):
            values[f"value_{position}"] = value
        for position, entry in enumerate(self.dependencies.values()):
            values[f"value_{position}"] = None if entry is None else entry[0]
            values[f"present_{position}"] = entry is not None
        return {**values, "run_input": self.run_input, "entered": ENTERED}

    def _lowering(self) -> object:
        step_type = builtin_catalogue().find(self.step_type)
        assert step_type is not None
        return step_type.lowering(self.config)

    def _context(self) -> PureContext:
        names = list(self.dependencies or self.mapping)
        present = [Text(f"$present_{i}") if self.dependencies else None for i in range(len(names))]
        inputs = tuple(MappedInput(n, Text(f"$value_{i}"), present[i]) for i, n in enumerate(names))
        return PureContext(
            static_config=self.config,
            config=lambda key: Text(f"$config_{key}" if key in self.config else "null"),
            inputs=inputs,
            input_data=_input_data(inputs),
            templates={},
            template_pieces={},
            expressions={},
            entered=Text("$entered"),
            read=self._read,
            declared=len(names),
            mapped=not self.dependencies,
            step_id=STEP_ID,
        )

    def _read(self, reference: Reference) -> Fragment:
        self.references.append(reference)
        return Text("$run_input")


def _input_data(inputs: tuple[MappedInput, ...]) -> Fragment:
    parts: list[Fragment] = [NO_FIELDS]
    for entry in inputs:
        part = object_fragment({entry.name: entry.value})
        parts.append(part if entry.present is None else Conditional((entry.present, part, NO_FIELDS)))
    return call("merge", Array(tuple(parts)))


def evaluate(source: str, bindings: Mapping[str, Json]) -> Json:
    """The value of the expression, at the time `ENTERED`. Fails for an undefined one, as Step Functions does."""
    program = jlens.Expression(source)
    program.register_function("parse", json.loads, "<s?:x>")
    text = program.evaluate_json(None, dict(bindings), now=ENTERED)
    assert text is not None, f"undefined: {source}"
    return json.loads(text)
