"""What a step receives: its input_mapping, or the outputs of its completed dependencies, as fragments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from workflow_engine.compiler.catalogue import MappedInput
from workflow_engine.compiler.jsonata.fragments import (
    NO_FIELDS,
    Array,
    Conditional,
    Fragment,
    Group,
    Infix,
    Text,
    call,
    object_fragment,
)
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.jsonata.sources import source_fragment
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.sizes import NULL_BYTES, Size, json_bytes, size_of
from workflow_engine.compiler.lower.status import COMPLETED
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.language.reads import references_of
from workflow_engine.language.syntax import (
    Expression,
    LiteralValue,
    Reference,
    ScopeReference,
    Segment,
    Source,
    Step,
    StepReference,
    Template,
    TemplateVariable,
)
from workflow_engine.language.templates import may_hold_names

VARIABLE_BYTES: Final = 6 * 256
"""The longest text that a variable of a template can give: an id of a user, of 256 characters that JSON escapes."""

_VARYING: Final = re.compile(r"\$(?:now|millis|random|shuffle|uuid)\b")
"""Functions of JSONata, and of Step Functions, that give another value each time."""


def has_expression(step: Step) -> bool:
    """True if a mapping has JSONata of the client, which may raise."""
    return any(isinstance(s, Expression) for s in (step.input_mapping or {}).values())


def varies(step: Step) -> bool:
    """Whether the step's input may be another one each time that it is computed."""
    return any(
        map(_varies, (*(step.input_mapping or {}).values(), *step.templates.values(), *step.nested_templates.values()))
    )


def _varies(source: Source) -> bool:
    match source:
        case Expression(parts=parts):
            return any(isinstance(part, str) and _VARYING.search(part) for part in parts)
        case Template(parts=parts):
            return any(isinstance(part, TemplateVariable) and part.name == "uuid" for part in parts)
        case _:
            return False


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
        inputs.append(MappedInput(dependency, value, if_completed(dependency, scope)))
    return tuple(inputs)


def if_completed(step_id: str, scope: Scope) -> Fragment | None:
    """Whether the step completed; None where that is known before the run."""
    if scope.statuses(step_id) == COMPLETED:
        return None
    return Infix("=", (scope.status(step_id), Text('"completed"')))


def input_object(inputs: tuple[MappedInput, ...]) -> Fragment:
    """The object of all inputs. One `$merge` over a list where keys may be absent: flat, whatever their number."""
    if all(i.present is None for i in inputs):
        return object_fragment({i.name: i.value for i in inputs})
    parts: list[Fragment] = []
    for entry in inputs:
        one = object_fragment({entry.name: entry.value})
        parts.append(one if entry.present is None else Group((Conditional((entry.present, one, NO_FIELDS)),)))
    return call("merge", Array(tuple(parts)))


def input_bound(unit: Unit, step: Step, bounds: Mapping[str, Size | None]) -> Size | None:
    """Upper bound of the step's input_data and rendered templates, None when these depend on data of unknown size."""
    if step.input_mapping is None:
        parts = [bounds.get(d) for d in step.dependencies]
        names = list(step.dependencies)
    else:
        parts = [_source_bound(unit, s, bounds) for s in step.input_mapping.values()]
        names = list(step.input_mapping)
    for template in step.templates.values():
        # In pieces, too, where names in them are filled later (`leaf.template_pieces`).
        parts += [_source_bound(unit, template, bounds)] * (2 if may_hold_names(template) else 1)
    # Merges repeat the names: as keys of what they read, as keys of their data, and in the list of sources;
    # the sources themselves may become a list.
    return _sum(parts, Size(3 * sum(json_bytes(name) + 2 for name in names) + 2, 2 * len(names)))


def _sum(parts: Iterable[Size | None], total: Size) -> Size | None:
    for part in parts:
        if part is None:
            return None
        total = total.plus(part)
    return total


def _source_bound(unit: Unit, source: Source, bounds: Mapping[str, Size | None]) -> Size | None:
    match source:
        case LiteralValue(value=value):
            return size_of(value)
        case StepReference() | ScopeReference():
            return _reference_bound(unit, source, bounds)
        case Expression():
            return None
        case _:
            read = _sum((_reference_bound(unit, r, bounds) for r in references_of(source)), Size(0, 0))
            # Rendered into a string, quotes and backslashes of JSON text are escaped once more.
            text = sum(json_bytes(p) for p in source.parts if isinstance(p, str)) + 64 * len(source.parts)
            text += VARIABLE_BYTES * sum(isinstance(p, TemplateVariable) for p in source.parts)
            return None if read is None else Size(2 * read.length + text, 0)


def _reference_bound(unit: Unit, reference: Reference, bounds: Mapping[str, Size | None]) -> Size | None:
    match reference:
        case StepReference(facet="status"):
            return Size(12, 0)
        case StepReference(step_id=step_id, facet="output", path=path):
            return _along(bounds.get(step_id), path)
        case ScopeReference(word="variables", path=path):
            return _along(unit.variables_size, path)
        case ScopeReference(word="index" | "execution"):
            return Size(512, 0)
        case _:
            return None


def _along(size: Size | None, path: tuple[Segment, ...]) -> Size | None:
    if size is None or not path:
        return size
    return Size(size.length + NULL_BYTES * size.elements, size.elements)
