"""What is wrong with the subflows of a workflow, as the stored workflows are now.

A workflow that is not there is a warning, since it may come before a run starts, which fixes what its subflows are
(`usecases.runs.subflows`). A cycle, too many levels and an input that the child refuses are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any, Final

from workflow_engine.json_schema import CannotApplyError, SchemaValidator, UnusableSchemaError, surplus_fields
from workflow_engine.language.diagnostics import Diagnostic, Json, pointer
from workflow_engine.language.findings import quoted
from workflow_engine.language.reads import all_steps, config_pointer, failure_steps
from workflow_engine.language.syntax import LiteralValue, Step, Workflow
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.subflows import MAX_DEPTH

StoredWorkflows = Callable[[str, int | None], StoredWorkflow | None]
"""A stored workflow by id, in its newest version or in this one; None when it is not there."""

Reference = tuple[str, int | None]
"""A workflow that a step names: its id, and its version if one is named."""

_SUBFLOW: Final = "subflow"


def subflow_findings(workflow: Workflow, workflow_id: str | None, find: StoredWorkflows) -> tuple[Diagnostic, ...]:
    """What is to be said of the subflow steps of a workflow, which will be the newest version of `workflow_id` if that is
    given. Reads each workflow that may be started, at any depth, once; none for a workflow without subflows.
    """
    steps = [s for s in (*all_steps(workflow.steps), *all_steps(failure_steps(workflow))) if s.step_type == _SUBFLOW]
    known = _Known(find, workflow_id)
    return tuple(found for step in steps for found in _findings(step, known))


def _findings(step: Step, known: _Known) -> Iterator[Diagnostic]:
    reference = reference_of(step.config)
    place = config_pointer(step, "version" if reference[1] is not None else "workflow_id")
    if known.is_own(reference):
        yield Diagnostic("WFE-E411", place, _cycle((_shown(reference), _shown(reference))))
        return
    child = known.get(reference)
    if child is None:
        which = "" if reference[1] is None else f"version {reference[1]} of "
        yield Diagnostic("WFE-W410", place, f"There is no {which}workflow {quoted(reference[0])} now.")
        return
    start = (known.workflow_id or "this workflow",)
    if problem := known.problem_below(reference, start):
        yield Diagnostic("WFE-E411", place, problem)
    schema = child.document.get("input_schema")
    if isinstance(schema, dict):
        yield from _misfits(step, child, schema)


def reference_of(config: Mapping[str, Any]) -> Reference:
    """What the configuration of a subflow step names."""
    version = config.get("version")
    return config["workflow_id"], None if version is None else int(version)


@dataclass(frozen=True, slots=True)
class _Known:
    find: StoredWorkflows
    workflow_id: str | None
    read: dict[Reference, StoredWorkflow | None] = field(default_factory=dict)
    heights: dict[Reference, int] = field(default_factory=dict)

    def is_own(self, reference: Reference) -> bool:
        """Whether a reference leads to the version that is looked at."""
        return reference == (self.workflow_id, None)

    def get(self, reference: Reference) -> StoredWorkflow | None:
        if reference not in self.read:
            self.read[reference] = self.find(*reference)
        return self.read[reference]

    def problem_below(self, reference: Reference, path: tuple[str, ...]) -> str | None:
        """What is wrong with a child and those below it, to which `path` leads."""
        here = (*path, _shown(reference))
        if self.is_own(reference) or here[-1] in path:
            return _cycle((*here[:-1], path[0] if self.is_own(reference) else here[-1]))
        if len(path) + self.heights.get(reference, 0) > MAX_DEPTH:
            return f"Subflows may be {MAX_DEPTH} levels deep; these are deeper: {' -> '.join(here)}."
        child = self.get(reference)
        if child is None or reference in self.heights:
            return None
        height = 0
        for config in child.compiled.bindings.get("subflows", {}).values():
            below = reference_of(config)
            if problem := self.problem_below(below, here):
                return problem
            height = max(height, 1 + self.heights.get(below, 0))
        self.heights[reference] = height
        return None


def _shown(reference: Reference) -> str:
    return reference[0] if reference[1] is None else f"{reference[0]}@{reference[1]}"


def _cycle(path: tuple[str, ...]) -> str:
    return (
        f"The subflows form a cycle: {' -> '.join(path)}. Name another workflow, or a version that does not lead back."
    )


def _misfits(step: Step, child: StoredWorkflow, schema: Mapping[str, Json]) -> Iterator[Diagnostic]:
    """Where the step's input is sure not to fit the child's input_schema."""
    place = step.pointer + ("/input_mapping" if step.input_mapping is not None else "")
    names = list(step.dependencies if step.input_mapping is None else step.input_mapping)
    of_child = f"the input_schema of workflow '{child.id}'"
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in names:
            yield Diagnostic("WFE-E412", place, f"{quoted(name)} is missing, which {of_child} requires.")
    literals = {name: s.value for name, s in (step.input_mapping or {}).items() if isinstance(s, LiteralValue)}
    try:
        if schema.get("additionalProperties") is False:
            for name in surplus_fields(dict.fromkeys(names), schema):
                at = place + (pointer(name) if step.input_mapping is not None else "")
                yield Diagnostic("WFE-E412", at, f"{quoted(name)} is none of the properties that {of_child} allows.")
        for misfit in SchemaValidator(schema).misfits(literals) if literals else ():
            if misfit.path and misfit.path[0] in literals and misfit.path[0] in schema.get("properties", {}):
                at = place + pointer(misfit.path[0])
                yield Diagnostic("WFE-E412", at, f"The value does not fit {of_child}. {misfit.message[:500]}")
    except (CannotApplyError, UnusableSchemaError):
        return  # the child's own matter: its input is then not checked either
