"""The shapes of what references read: outputs of steps and containers, the run's input, variables, items of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workflow_engine.language.catalogue import StepCatalogue
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.notes import Notes
from workflow_engine.language.reads import all_steps, body_steps, failure_steps, nested_steps, outside_reads
from workflow_engine.language.references import EXECUTION_FIELDS
from workflow_engine.language.scopes import Scope
from workflow_engine.language.shapes import (
    ANYTHING,
    BySchema,
    ByValue,
    ListOf,
    Missing,
    Record,
    Refined,
    Seen,
    Shape,
    follow,
    one_of,
)
from workflow_engine.language.syntax import (
    LiteralValue,
    MapBody,
    Reference,
    ScopeReference,
    Source,
    Step,
    StepReference,
    Template,
    Wildcard,
    Workflow,
)
from workflow_engine.statuses import STEP_STATUSES

_TEXT: Final = BySchema.of({"type": "string"})
_STATUS: Final = BySchema.of({"enum": list(STEP_STATUSES)})
_ERROR: Final = Record({"type": _TEXT, "message": _TEXT})
_FAILED: Final = {"step_id": _TEXT, "error_type": _TEXT, "message": _TEXT}
_FAILURE: Final = Record({**_FAILED, "others": ListOf(Record(_FAILED))})
_EXECUTION: Final = Record(dict.fromkeys(EXECUTION_FIELDS, _TEXT))
_INDEX: Final = BySchema.of({"type": "integer"})

MAX_DEPTH: Final = 50
"""Shapes that are made of each other, such as lists of lists handed on from map to map; beyond, unknown."""


class StepShapes:
    """The shapes of one workflow, each made when it is first asked for.

    `complete` is False for a workflow with gaps, because of errors: what the gaps may concern is then unknown.
    """

    def __init__(self, workflow: Workflow, catalogue: StepCatalogue, notes: Notes, *, complete: bool) -> None:
        self._catalogue = catalogue
        self._bodies = notes.bodies
        self._complete = complete
        self._variables = ByValue(dict(workflow.variables)) if complete or workflow.variables else ANYTHING
        self._input = BySchema.of(workflow.input_schema or {})
        self._steps: dict[str, Step | None] = {}
        for step in all_steps((*workflow.steps, *failure_steps(workflow))):
            # Of two steps with one id, which is an error of its own, nobody can say which is meant.
            self._steps[step.step_id] = None if step.step_id in self._steps else step
        self._made: dict[str, Shape] = {}
        self._by_type: dict[str, Shape] = {}
        self._seen: Seen = {}
        self._making: list[str] = []

    def of(self, reference: Reference, scope: Scope) -> Shape:
        """What a reference leads to; unknown where its path leads nowhere."""
        return self.follow(reference, scope)[0]

    def follow(self, reference: Reference, scope: Scope) -> tuple[Shape, Missing | None]:
        """What a reference leads to, and where its path leads nowhere."""
        return follow(self.root(reference, scope), reference.path, self._seen)

    def root(self, reference: Reference, scope: Scope) -> Shape:
        """What stands at the beginning of a reference, before its path."""
        if isinstance(reference, ScopeReference):
            return self._word(reference, scope)
        match reference.facet:
            case "status":
                return _STATUS
            case "error":
                return _ERROR
        shape = self._output(reference.step_id)
        return shape.element if isinstance(shape, ListOf) and reference.step_id == scope.element_of else shape

    def is_inside(self, step_id: str, container_id: str) -> bool:
        """Whether a step stands directly inside of a container."""
        container = self._steps.get(container_id)
        return container is not None and any(step.step_id == step_id for step in body_steps(container))

    def _word(self, reference: ScopeReference, scope: Scope) -> Shape:
        match reference.word:
            case "input":
                return self._input
            case "variables":
                return self._variables
            case "index":
                return _INDEX
            case "execution":
                return _EXECUTION
            case "failure":
                return _FAILURE
        items = scope.items
        if items is None:
            return ANYTHING
        shape, missing = follow(self.of(items.reference, items.scope), (Wildcard(),), self._seen)
        return shape.element if isinstance(shape, ListOf) and missing is None else ANYTHING

    def _output(self, step_id: str) -> Shape:
        if step_id in self._made:
            return self._made[step_id]
        step = self._steps.get(step_id)
        if step is None or step_id in self._making or len(self._making) >= MAX_DEPTH:
            return ANYTHING
        self._making.append(step_id)
        shape = self._of_step(step)
        self._making.pop()
        self._made[step_id] = shape
        return shape

    def _of_step(self, step: Step) -> Shape:
        if step.body is not None:
            if not self._complete:
                return ANYTHING
            shape = one_of(self._of_body(step, steps) for steps in nested_steps(step))
            return ListOf(shape) if isinstance(step.body, MapBody) else shape
        spec = self._catalogue.find(step.step_type)
        if spec is None:
            return ANYTHING
        shape = self._by_type.setdefault(spec.name, BySchema.of(spec.output_schema))
        if known := spec.known_output(step.config):
            fields = {name: self._of_source(source, Scope(())) for name, source in known.items()}
            shape = Refined(shape, {**_decided(spec.output_schema, known), **fields})
        return ListOf(shape) if step.for_each is not None else shape

    def _of_body(self, container: Step, steps: Sequence[Step]) -> Shape:
        """What a body of a container gives: its explicit output, else the outputs of the steps that no other one waits for."""
        assert container.body is not None
        if container.body.output is not None:
            scope = self._bodies.get(container.step_id)
            if scope is None:
                return ANYTHING
            return Record({name: self._of_source(s, scope) for name, s in container.body.output.items()})
        waited_for = {d for step in steps for d in step.dependencies}
        waited_for |= {reference.step_id for step in steps for reference in outside_reads(step)}
        return Record({s.step_id: self._output(s.step_id) for s in steps if s.step_id not in waited_for})

    def _of_source(self, source: Source, scope: Scope) -> Shape:
        match source:
            case LiteralValue(value=value):
                return ByValue(value)
            case Template():
                return _TEXT
            case StepReference() | ScopeReference():
                return self.of(source, scope)
        return ANYTHING


def _decided(schema: Mapping[str, Json], known: Mapping[str, Source]) -> dict[str, Shape]:
    """The fields that the rules of an output's schema say more of: `allOf` of `{if, then}` whose condition is about the
    constants of known literals alone.
    """
    fields: dict[str, Shape] = {}
    rules: Any = schema.get("allOf", ())
    for rule in rules if isinstance(rules, list | tuple) else ():
        match rule:
            case {"if": {"properties": dict(tested), **others}, "then": {"properties": dict(then)}} if not others:
                if all(_is_constant(known.get(name), constant) for name, constant in tested.items()):
                    fields |= {name: BySchema(part, schema) for name, part in then.items()}
    return fields


def _is_constant(source: Source | None, constant: Json) -> bool:
    return isinstance(source, LiteralValue) and constant == {"const": source.value}
