"""The list that a for_each or a map runs over: its expression, and how many elements it has as far as that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workflow_engine.compiler.catalogue import TaskLowering
from workflow_engine.compiler.ir import Elements
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.status import COMPLETED
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.language.diagnostics import Diagnostic, Json
from workflow_engine.language.reads import all_steps
from workflow_engine.language.syntax import Reference, ScopeReference, Segment, Step, StepReference


def find_elements(unit: Unit, items: Reference, max_items: int | None, scope: Scope, place: str) -> Elements:
    """The list at a reference, with its size as far as it is known before the run."""
    code = reference_fragment(items, scope)
    least, most = _size(unit, items, max_items, scope)
    return Elements(code, _origin(unit, items, scope), place, max_items, least, most)


def _size(unit: Unit, items: Reference, max_items: int | None, scope: Scope) -> tuple[int, int | None]:
    """Least and most elements in a run that completes: known for the workflow's variables and for constants of a step."""
    match items:
        case ScopeReference(word="variables", path=path):
            size, always = _size_at(unit.variables, path), True
        case StepReference(step_id=step_id, facet="output", path=path) if step_id in unit.constants:
            # A step that was skipped gives null, an empty list.
            size, always = _size_at(unit.constants[step_id], path), scope.statuses(step_id) == COMPLETED
        case _:
            return 0, max_items
    if size is None:
        return 0, max_items
    if max_items is not None and size > max_items:
        return 0, max_items
    return size if always else 0, size


def _origin(unit: Unit, items: Reference, scope: Scope) -> Reference:
    """Where the list comes from: the run's input itself where a step hands that on, else the reference as it is."""
    match items:
        case StepReference(step_id=step_id, facet="output", path=(str(name), *rest)):
            source = unit.handed_on.get(step_id, {}).get(name)
            if source is not None and scope.statuses(step_id) == COMPLETED:
                return replace(source, path=(*source.path, *rest))
    return items


def warn_if_unbounded(unit: Unit, step: Step, elements: Elements, steps: Sequence[Step]) -> None:
    """Warn of `steps`, run once per element, that cost money by the call, where only the run tells how many there are."""
    if elements.most is not None:
        return
    paid = [s.step_id for s in all_steps(steps) if s.body is None and _is_paid(unit, s)]
    if paid:
        detail = (
            f"Nothing bounds the list of '{step.step_id}', and each of its elements pays for {', '.join(paid)}. Give max_items "
            "to bound what a run may cost."
        )
        unit.warnings.append(Diagnostic("WFE-W512", elements.place, detail))


def _is_paid(unit: Unit, step: Step) -> bool:
    lowering = unit.lowering(step)
    return isinstance(lowering, TaskLowering) and lowering.paid


def _size_at(value: Json, path: tuple[Segment, ...]) -> int | None:
    """The length of the list at the path of keys and indexes; None if there is none, or only the run knows it."""
    for segment in path:
        named = isinstance(segment, str) and isinstance(value, Mapping) and segment in value
        placed = isinstance(segment, int) and isinstance(value, list) and -len(value) <= segment < len(value)
        if not named and not placed:
            return None
        value = value[segment]
    return len(value) if isinstance(value, list) else None
