"""What a step receives: its input_mapping, or the outputs of its completed dependencies, as fragments."""

from __future__ import annotations

import json
from collections.abc import Mapping

from workflow_engine.compiler.catalogue import MappedInput
from workflow_engine.compiler.expressions import reference_fragment, source_fragment
from workflow_engine.compiler.fragments import Fragment, object_fragment
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.scope import Scope
from workflow_engine.compiler.status import COMPLETED
from workflow_engine.language.reads import references_of
from workflow_engine.language.syntax import Expression, Literal_, Reference, ScopeReference, Source, Step, StepReference


def has_expression(step: Step) -> bool:
    """True if a mapping has JSONata of the client, which may raise: only a Task can catch that."""
    return any(isinstance(s, Expression) for s in (step.input_mapping or {}).values())


def mapped_inputs(unit: Unit, step: Step, scope: Scope) -> tuple[MappedInput, ...]:
    """The entries of the step's input_data, in order."""
    if step.input_mapping is not None:
        return tuple(
            MappedInput(name, source_fragment(source, scope, lambda value: unit.literal(step.step_id, value)))
            for name, source in step.input_mapping.items()
        )
    inputs = []
    for dependency in step.dependencies:
        statuses = scope.statuses(dependency)
        if "completed" not in statuses:
            continue
        value = reference_fragment(StepReference(dependency, "output"), scope)
        present = None if statuses == COMPLETED else Fragment(f'{scope.status_code(dependency)}="completed"')
        inputs.append(MappedInput(dependency, value, present))
    return tuple(inputs)


def input_object(inputs: tuple[MappedInput, ...]) -> Fragment:
    """The object of all inputs. One `$merge` over a list where keys may be absent: flat, whatever their number."""
    if all(i.present is None for i in inputs):
        return object_fragment({i.name: i.value for i in inputs})
    parts = []
    helpers: frozenset[str] = frozenset()
    for entry in inputs:
        one = object_fragment({entry.name: entry.value})
        helpers |= one.helpers
        if entry.present is None:
            parts.append(one.code)
        else:
            helpers |= entry.present.helpers
            parts.append(f"({entry.present.code}?{one.code}:{{}})")
    return Fragment(f"$merge([{','.join(parts)}])", helpers)


def json_bytes(value: object) -> int:
    """Length of the value as compact JSON text in UTF-8, which is how Step Functions counts payloads."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def input_bound(unit: Unit, step: Step, bounds: Mapping[str, int | None]) -> int | None:
    """Upper bound in bytes of the step's input_data, None when it depends on data of unknown size."""
    if step.input_mapping is None:
        parts = [bounds.get(d) for d in step.dependencies]
        names = sum(len(d) + 4 for d in step.dependencies)
    else:
        parts = [_source_bound(unit, s, bounds) for s in step.input_mapping.values()]
        names = sum(json_bytes(name) + 2 for name in step.input_mapping)
    known = [p for p in parts if p is not None]
    return sum(known) + names + 2 if len(known) == len(parts) else None


def _source_bound(unit: Unit, source: Source, bounds: Mapping[str, int | None]) -> int | None:
    match source:
        case Literal_(value=value):
            return json_bytes(value)
        case StepReference() | ScopeReference():
            return _reference_bound(unit, source, bounds)
        case _:
            parts = [_reference_bound(unit, r, bounds) for r in references_of(source)]
            known = [p for p in parts if p is not None]
            # Rendered into a string, quotes and backslashes of JSON text are escaped once more.
            text = sum(json_bytes(p) for p in source.parts if isinstance(p, str)) + 64 * len(source.parts)
            return 2 * sum(known) + text if len(known) == len(parts) else None


def _reference_bound(unit: Unit, reference: Reference, bounds: Mapping[str, int | None]) -> int | None:
    match reference:
        case StepReference(facet="status"):
            return 12
        case StepReference(step_id=step_id, facet="output", path=path):
            known = bounds.get(step_id)
            # A path through a list gives null where an element lacks the key: `{}` (2 bytes) may become `null` (4).
            return known if known is None or not path else 2 * known
        case ScopeReference(word="variables"):
            return 2 * unit.variables_bytes
        case ScopeReference(word="index" | "execution"):
            return 512
        case _:
            return None
