"""What a picture of a workflow, or of the machine that it becomes, shows: boxes, boxes in boxes, and arrows between boxes.

A picture is pure data, without sizes or colours, so that Mermaid text and an SVG are made of one and the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from workflow_engine.compiler.graph import StepGraph, build_graph, failure_graph
from workflow_engine.compiler.structure import partial_order
from workflow_engine.language.references import reference_text
from workflow_engine.language.syntax import (
    And,
    Check,
    Comparison,
    Condition,
    LiteralValue,
    LoopBody,
    MapBody,
    Not,
    Operand,
    Or,
    Step,
    SwitchBody,
    Truthy,
    Workflow,
)
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box of a drawing to another, by their places in `boxes`. Dashed: what is at its end may not run, or may fail."""

    source: int
    target: int
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What a box holds: the turns of a loop, a case of a switch, a branch. `title` may be empty."""

    title: str
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Box:
    """A step or a state. `notes` are short lines below its name, the first one its type."""

    name: str
    notes: tuple[str, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """`after_failure` is what runs when the run fails, drawn apart."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    after_failure: Drawing | None = None


AFTER_FAILURE: Final = "when the run fails"
MAY_FAIL: Final = "may fail"
_USUAL_RULE: Final = "none_failed_min_one_success"


def drawing_of_workflow(workflow: Workflow) -> Drawing:
    """A workflow as its author wrote it. Raises InvalidWorkflowError (WFE-E205) where steps wait for each other in a circle."""
    one_by_one = workflow.pattern == "sequential"
    graph = build_graph(workflow.steps, by_step_order=one_by_one)
    undoing = failure_graph(graph, workflow.on_failure, by_step_order=one_by_one).graph
    return drawing_of_steps(graph, undoing if undoing.steps else None, one_by_one=one_by_one)


def drawing_of_steps(graph: StepGraph, after_failure: StepGraph | None = None, *, one_by_one: bool = False) -> Drawing:
    """The steps with an arrow for each dependency, but none to a step that is waited for anyway. With `one_by_one` they run in
    the graph's order, and the arrows say so.
    """
    before = (
        [{i - 1} if i else set() for i in range(len(graph.steps))]
        if one_by_one
        else partial_order(graph.predecessors).predecessors
    )
    return Drawing(
        tuple(_box(step, one_by_one=one_by_one) for step in graph.steps),
        tuple(
            Arrow(p, i, is_dashed=step.condition is not None or not step.critical)
            for i, (step, mine) in enumerate(zip(graph.steps, before, strict=True))
            for p in sorted(mine)
        ),
        None if after_failure is None else _undoing(after_failure),
    )


def _undoing(graph: StepGraph) -> Drawing:
    """Failure steps: that they may fail goes without saying."""
    drawn = drawing_of_steps(graph)
    return replace(
        drawn, boxes=tuple(replace(b, notes=tuple(n for n in b.notes if n != MAY_FAIL)) for b in drawn.boxes)
    )


def _box(step: Step, *, one_by_one: bool) -> Box:
    notes = [f"{step.step_type} · for each" if step.for_each else step.step_type]
    if step.step_type == "subflow":
        notes.append(f"runs {step.config.get('workflow_id')}")
    if step.condition is not None:
        notes.append(f"if {_text(step.condition)}")
    if step.trigger_rule != _USUAL_RULE:
        notes.append(f"runs on {step.trigger_rule}")
    if not step.critical:
        notes.append(MAY_FAIL)
    if step.compensate:
        notes.append(f"undone by {', '.join(s.step_id for s in step.compensate)}")
    parts = (
        Part(title, drawing_of_steps(build_graph(steps, by_step_order=one_by_one), one_by_one=one_by_one))
        for title, steps in _bodies(step)
        if steps
    )
    return Box(step.step_id, tuple(notes), tuple(parts))


def _bodies(step: Step) -> Iterator[tuple[str, tuple[Step, ...]]]:
    match step.body:
        case MapBody(items=items, steps=steps):
            yield f"for each of {reference_text(items)}", steps
        case LoopBody(steps=steps, while_=while_, until=until):
            if while_ is not None:
                yield f"while {_text(while_)}", steps
            if until is not None:
                yield f"until {_text(until)}", steps
        case SwitchBody(cases=cases, default=default):
            for case in cases:
                yield f"if {_text(case.when)}", case.steps
            yield "else", default


def _text(condition: Condition) -> str:
    """A condition as its author could have written it, in one line."""
    match condition:
        case Comparison(operator=operator, left=left, right=right):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case Check(operator=operator, operand=operand):
            return f"{_operand(operand)} {operator}"
        case Truthy(operand=operand):
            return _operand(operand)
        case Not(part=part):
            return f"not ({_text(part)})"
        case And(parts=parts):
            return " and ".join(f"({_text(p)})" if isinstance(p, Or) else _text(p) for p in parts)
        case Or(parts=parts):
            return " or ".join(_text(p) for p in parts)


def _operand(operand: Operand) -> str:
    if isinstance(operand, LiteralValue):
        return json.dumps(operand.value, ensure_ascii=False)
    return reference_text(operand)


def drawing_of_machine(machine: Mapping[str, Any]) -> Drawing:
    """The states of a machine in ASL, or of a part of one that has states, with an arrow wherever one may lead to another; dashed
    where an error does.
    """
    states: Mapping[str, Mapping[str, Any]] = machine["States"]
    place = {name: i for i, name in enumerate(_in_order(machine["StartAt"], states))}
    arrows: dict[tuple[int, int], bool] = {}
    for name, i in place.items():
        for target, is_caught in _ways(states[name]):
            arrows[i, place[target]] = arrows.get((i, place[target]), True) and is_caught
    return Drawing(
        tuple(Box(name, (states[name]["Type"],), tuple(_inside(states[name]))) for name in place),
        tuple(Arrow(a, b, is_dashed) for (a, b), is_dashed in arrows.items()),
    )


def _in_order(start: str, states: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The states that can be entered, each after one that leads to it."""
    order = dict.fromkeys([start])
    queue = [start]
    while queue:
        for target, _ in _ways(states[queue.pop(0)]):
            if target not in order:
                order[target] = None
                queue.append(target)
    return list(order)


def _ways(state: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Where a state leads, and whether only an error leads there."""
    for rule in (*state.get("Choices", ()), {"Next": state.get("Default")}, {"Next": state.get("Next")}):
        if rule["Next"] is not None:
            yield rule["Next"], False
    for catcher in state.get("Catch", ()):
        yield catcher["Next"], True


def _inside(state: Mapping[str, Any]) -> Iterator[Part]:
    branches: Sequence[Mapping[str, Any]] = state.get("Branches", ())
    for branch in branches:
        yield Part("", drawing_of_machine(branch))
    if "ItemProcessor" in state:
        yield Part("for each item", drawing_of_machine(state["ItemProcessor"]))
