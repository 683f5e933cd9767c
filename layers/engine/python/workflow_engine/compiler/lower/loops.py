"""Loops: a Choice that decides on each turn, and the body with an edge back to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.ir import LoopNode, Template
from workflow_engine.compiler.jsonata.conditions import condition_fragment, not_fragment
from workflow_engine.compiler.jsonata.fragments import (
    NULL,
    Conditional,
    Fragment,
    Group,
    Infix,
    Read,
    Text,
    bind,
    json_literal,
)
from workflow_engine.compiler.lower.body import LoweredBody, lower_steps
from workflow_engine.compiler.lower.outputs import container_output, end_reads
from workflow_engine.compiler.lower.recovery import fails
from workflow_engine.compiler.lower.scope import Entry, Scope
from workflow_engine.compiler.lower.status import COMPLETED, SKIPPED
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.records import PENDING_RECORD, completed_fragment, completed_record
from workflow_engine.language.reads import config_pointer, nested_reads, references_of
from workflow_engine.language.syntax import Condition, LoopBody, Reference, Step, StepReference
from workflow_engine.state_names import FAIL, UNTIL, WHILE, derived_name

OUT_OF_TURNS: Final = "MaxIterationsExceeded"


def _reads_itself(step: Step) -> bool:
    """Whether the loop's body or condition reads the previous turn's output."""
    return any(
        isinstance(read.reference, StepReference) and read.reference.step_id == step.step_id
        for read in nested_reads(step)
    )


def lower_loop(unit: Unit, step: Step, body: LoopBody, scope: Scope, *, keeps_output: bool) -> LoopNode:
    """The loop in line. Its variable holds `{"turn", "output"}` while it runs, the previous turn's output."""
    variable = scope.name(step.step_id)
    outer_index, outside = scope.index, scope.around
    turn = Read(variable, ("turn",))
    next_turn = Infix("+", (turn, Text("1")))
    scope.index = turn
    scope.around = (*outside, f"{step.step_id}[", turn, "].")
    scope.entries[step.step_id] = Entry(COMPLETED, variable)
    wanted = keeps_output or body.output is not None or _reads_itself(step)
    before = body.while_ is not None
    condition = body.while_ if body.while_ is not None else body.until
    assert condition is not None, "the language asks for while or until"

    def reads(graph: StepGraph) -> Iterable[Reference]:
        yield from references_of(condition)
        yield from end_reads(body.output, wanted=wanted)(graph)

    recovery = scope.recovery
    if recovery is not None:
        scope.recovery = recovery.inside(variable, keeps_error=keeps_output)
    lowered = lower_steps(unit, body.steps, scope, reads, config_pointer(step, "steps"))
    scope.recovery = recovery
    pending = _not_begun(lowered, scope) if before else {}
    output = container_output(unit, step, body.output, lowered.graph, scope) if wanted else NULL
    if before:
        output = Group((Conditional((Infix("<", (turn, Text("0"))), NULL, output)),))
        scope.index = Group((next_turn,))
    holds = _tested(condition, step.step_id, f"{variable}_now", output, scope)
    scope.index, scope.around = outer_index, outside
    return LoopNode(
        name=derived_name(step.step_id, WHILE if before else UNTIL),
        step_id=step.step_id,
        before=before,
        stop=not_fragment(holds) if before else holds,
        may_go_on=Infix("<", (turn, json_literal(body.max_iterations - 1))),
        max_iterations=body.max_iterations,
        start={variable: {"status": "completed", "turn": -1 if before else 0, "output": NULL}, **pending},
        again={variable: {"status": "completed", "turn": next_turn, "output": output}},
        done={variable: completed_record(output, keeps_output=keeps_output)},
        output=output if body.output is not None else None,
        body=lowered.nodes,
        instead=fails(
            replace(step, critical=True),  # what holds a loop that may fail catches it
            scope,
            unit.state_name(step.step_id, FAIL),
            OUT_OF_TURNS,
            f"The loop took {body.max_iterations} turns and its condition asks for more.",
            variable if recovery is not None else None,
            keeps_error=keeps_output,
        ),
    )


def _not_begun(lowered: LoweredBody, scope: Scope) -> dict[str, Template]:
    """Before the first turn no step of the body has run: its record says so, and reads of it give null."""
    pending: dict[str, Template] = {}
    for step in lowered.graph.steps:
        entry = scope.entries[step.step_id]
        if entry.variable is not None:
            scope.entries[step.step_id] = Entry(entry.statuses | SKIPPED, entry.variable)
            pending[entry.variable] = PENDING_RECORD
    return pending


def _tested(condition: Condition, loop_id: str, local: str, output: Fragment, scope: Scope) -> Fragment:
    """The loop's condition. If it reads the loop itself, that is the turn that has just ended: a local variable, since the
    record is assigned only after the Choice. (No escaped id has a `_` before an `n`, so the name is free.)"""
    if not any(isinstance(r, StepReference) and r.step_id == loop_id for r in references_of(condition)):
        return condition_fragment(condition, scope)
    entry = scope.entries[loop_id]
    scope.entries[loop_id] = Entry(COMPLETED, local)
    holds = condition_fragment(condition, scope)
    scope.entries[loop_id] = entry
    return Group((bind(local, completed_fragment(output, keeps_output=True)), holds))
