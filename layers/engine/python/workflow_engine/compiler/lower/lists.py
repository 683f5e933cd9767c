"""The list that a for_each or a map runs over: its expression, and how many elements it has as far as that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from workflow_engine import aws_quotas
from workflow_engine.compiler.catalogue import TaskLowering
from workflow_engine.compiler.ir import Elements, Template
from workflow_engine.compiler.jsonata import expression, reference_fragment
from workflow_engine.compiler.jsonata.fragments import Fragment
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.status import COMPLETED
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.language.diagnostics import Diagnostic, Json
from workflow_engine.language.reads import nested_steps
from workflow_engine.language.syntax import Reference, ScopeReference, Segment, Step, StepReference

MAP_ITEM: Final = "$states.input.item"
MAP_INDEX: Final = "$states.input.index"


def find_elements(unit: Unit, items: Reference, max_items: int | None, scope: Scope, place: str) -> Elements:
    """The list at a reference, with its size as far as it is known before the run."""
    code = reference_fragment(items, scope)
    least, most = _size(unit, items, max_items, scope)
    return Elements(code, _origin(unit, items, scope), place, max_items, least, most)


def list_items(elements: Elements) -> Template:
    """JSONata of `Items`: null counts as an empty list; anything else that is no list, or a list that is too long, fails the
    step before its first element, and a Map can catch that."""
    too_long = ""
    if elements.max_items is not None:
        limit = elements.max_items
        too_long = f'"The list has " & $count($list) & " items, max_items is {limit}."'
    elif elements.room is not None:
        limit = elements.room
        too_long = (
            f'"The list has " & $count($list) & " items; the {aws_quotas.HISTORY_EVENTS:,} history events of a run have room for '
            f'{limit:,} of them. Run over parts of the list, in several runs."'
        )
    check = f'$type($list)="array" and $count($list)>{limit}?$error({too_long}):' if too_long else ""
    code = (
        f'($list:={elements.code.code};{check}$type($list)="array"?$list:$type($list)="null"?[]:'
        f'$error("Needs a list, not a value of type " & $type($list)))'
    )
    return expression(Fragment(code, elements.code.helpers))


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
    paid = [s.step_id for s in _with_nested(steps) if s.body is None and _is_paid(unit, s)]
    if paid:
        detail = (
            f"Nothing bounds the list of '{step.step_id}', and each of its elements pays for {', '.join(paid)}. Give max_items "
            "to bound what a run may cost."
        )
        unit.warnings.append(Diagnostic("WFE-W512", elements.place, detail))


def _with_nested(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for inner in nested_steps(step):
            yield from _with_nested(inner)


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
