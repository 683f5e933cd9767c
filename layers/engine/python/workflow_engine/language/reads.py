"""What a step, a source, a condition or a template reads: where the compiler finds implicit dependencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatch

from workflow_engine.language.diagnostics import pointer
from workflow_engine.language.syntax import (
    And,
    Check,
    Comparison,
    Expression,
    LiteralValue,
    LoopBody,
    MapBody,
    Not,
    Or,
    Reference,
    ScopeReference,
    Source,
    Step,
    StepReference,
    SwitchBody,
    Template,
    Truthy,
    Workflow,
)
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Read:
    """A reference and the JSON pointer of the place where it stands in the document as the client sent it."""

    reference: Reference
    pointer: str


@singledispatch
def references_of(node: object) -> Iterator[Reference]:
    """All references in a source, condition or template, from left to right, repeated ones repeatedly."""
    raise TypeError(f"{type(node).__name__} is neither a source, a condition nor a template")


@references_of.register
def _(node: StepReference | ScopeReference) -> Iterator[Reference]:
    yield node


@references_of.register
def _(node: LiteralValue) -> Iterator[Reference]:
    yield from ()


@references_of.register
def _(node: Template | Expression) -> Iterator[Reference]:
    for part in node.parts:
        if isinstance(part, StepReference | ScopeReference):
            yield part


@references_of.register
def _(node: Comparison) -> Iterator[Reference]:
    yield from references_of(node.left)
    yield from references_of(node.right)


@references_of.register
def _(node: Check | Truthy) -> Iterator[Reference]:
    yield from references_of(node.operand)


@references_of.register
def _(node: And | Or) -> Iterator[Reference]:
    for part in node.parts:
        yield from references_of(part)


@references_of.register
def _(node: Not) -> Iterator[Reference]:
    yield from references_of(node.part)


def step_reads(step: Step) -> tuple[Read, ...]:
    """Everything that a step itself reads: mapping, condition, for_each, templates, and as a container its own items,
    conditions and output. Not what its nested steps read; an `output` may read those nested steps.
    """
    reads = list(_mapping_reads(step.input_mapping, step.pointer + "/input_mapping"))
    if step.condition is not None:
        reads.extend(_at(step.condition, step.pointer + "/conditions"))
    if step.for_each is not None:
        reads.append(Read(step.for_each.items, step.pointer + "/for_each"))
        reads.extend(_at(step.for_each.ran_if, step.pointer) if step.for_each.ran_if is not None else ())
    for name, template in (*step.templates.items(), *step.expressions.items()):
        reads.extend(_at(template, config_pointer(step, name)))
    for place, template in step.nested_templates.items():
        field = place.split("/")[1]  # names of fields hold nothing that a pointer escapes
        reads.extend(_at(template, config_pointer(step, field) + place.removeprefix(pointer(field))))
    match step.body:
        case MapBody(items=items):
            reads.append(Read(items, config_pointer(step, "items")))
        case LoopBody(while_=while_, until=until):
            reads.extend(_at(while_, config_pointer(step, "while")) if while_ is not None else ())
            reads.extend(_at(until, config_pointer(step, "until")) if until is not None else ())
        case SwitchBody(cases=cases):
            for i, case in enumerate(cases):
                reads.extend(_at(case.when, config_pointer(step, "cases") + pointer(i, "when")))
    if step.body is not None:
        reads.extend(_mapping_reads(step.body.output, config_pointer(step, "output")))
    return tuple(reads)


def config_pointer(step: Step, name: str) -> str:
    """Where a top-level field of a step's configuration stands: under `config`, or under its alias `parameters`."""
    return step.pointer + pointer("parameters" if name in step.sent_as_parameters else "config", name)


def nested_steps(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The bodies of a container, one tuple per separate scope (a switch has one per case and its default)."""
    match step.body:
        case MapBody(steps=steps) | LoopBody(steps=steps):
            return (steps,)
        case SwitchBody(cases=cases, default=default):
            return (*(case.steps for case in cases), default)
    return ()


def body_steps(step: Step) -> tuple[Step, ...]:
    """The steps directly inside a container, of all cases of a switch; none for any other step."""
    return tuple(inner for body in nested_steps(step) for inner in body)


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps and those inside of them, at any depth, each before its own."""
    for step in steps:
        yield step
        if step.body is not None:
            yield from all_steps(body_steps(step))


def failure_steps(workflow: Workflow) -> tuple[Step, ...]:
    """The steps that run when the run fails: those that undo others, in document order, then `on_failure`."""
    return (*(undoing for step in all_steps(workflow.steps) for undoing in step.compensate), *workflow.on_failure)


def nested_reads(step: Step) -> Iterator[Read]:
    """What a step reads itself and, if it is a container, what any step inside it reads."""
    for one in all_steps((step,)):
        yield from step_reads(one)


def outside_reads(step: Step) -> Iterator[StepReference]:
    """What a step, and any step inside it, reads of steps that are neither itself nor inside it."""
    inside = {one.step_id for one in all_steps((step,))}
    for read in nested_reads(step):
        if isinstance(read.reference, StepReference) and read.reference.step_id not in inside:
            yield read.reference


def _mapping_reads(mapping: Mapping[str, Source] | None, place: str) -> Iterator[Read]:
    for name, source in (mapping or {}).items():
        yield from _at(source, place + pointer(name))


def _at(node: object, place: str) -> Iterator[Read]:
    for reference in references_of(node):
        yield Read(reference, place)
