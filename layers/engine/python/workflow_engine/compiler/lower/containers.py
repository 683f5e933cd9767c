"""Steps that hold steps: `map`, `loop` and `switch`.

A map's body is a scope of its own (a Map state's ItemProcessor); loops and switches are states of the scope around them,
joined by jumps. What has to catch the failure of a whole loop or switch is a Parallel with that one branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflow_engine.aws_quotas import INLINE_MAP_CONCURRENCY
from workflow_engine.compiler.ir import (
    Block,
    Case,
    Failure,
    MapNode,
    Node,
    OutputNode,
    ParallelNode,
    PassNode,
    SwitchNode,
    TaskNode,
    Template,
    Value,
)
from workflow_engine.compiler.jsonata.conditions import condition_fragment
from workflow_engine.compiler.jsonata.fragments import Fragment
from workflow_engine.compiler.jsonata.states import RESULT
from workflow_engine.compiler.lower.body import LoweredBody, lower_steps
from workflow_engine.compiler.lower.leaf import failure_of, tried
from workflow_engine.compiler.lower.lists import find_elements, warn_if_unbounded
from workflow_engine.compiler.lower.loops import lower_loop
from workflow_engine.compiler.lower.outputs import container_output, end_reads
from workflow_engine.compiler.lower.scope import Entry, Scope
from workflow_engine.compiler.lower.status import SKIPPED
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.records import completed_record
from workflow_engine.language.diagnostics import pointer
from workflow_engine.language.reads import all_steps, config_pointer, nested_steps
from workflow_engine.language.syntax import LoopBody, MapBody, Step, SwitchBody
from workflow_engine.state_names import OUTPUT, SWITCH, derived_name


def lower_container(
    unit: Unit, step: Step, scope: Scope, *, keeps_record: bool, keeps_output: bool
) -> tuple[Node, ...]:
    """Nodes of one container. `keeps_record` and `keeps_output` say what later steps read of it."""
    match step.body:
        case MapBody():
            return (_map(unit, step, step.body, scope, keeps_record=keeps_record, keeps_output=keeps_output),)
        case LoopBody() | SwitchBody() if step.critical:
            return _in_line(unit, step, scope, keeps_record=keeps_record, keeps_output=keeps_output)
        case _:
            return (_wrapped(unit, step, scope, keeps_record=keeps_record, keeps_output=keeps_output),)


def _in_line(unit: Unit, step: Step, scope: Scope, *, keeps_record: bool, keeps_output: bool) -> tuple[Node, ...]:
    if isinstance(step.body, LoopBody):
        return (lower_loop(unit, step, step.body, scope, keeps_output=keeps_output),)
    assert isinstance(step.body, SwitchBody)
    return (_switch(unit, step, step.body, scope, keeps_record=keeps_record, keeps_output=keeps_output),)


def _wrapped(unit: Unit, step: Step, scope: Scope, *, keeps_record: bool, keeps_output: bool) -> ParallelNode:
    """A loop or switch that may fail without ending the run."""
    inner = scope.child()
    nodes = _in_line(unit, step, inner, keeps_record=keeps_output, keeps_output=keeps_output)
    variable = scope.name(step.step_id) if keeps_record else None
    failure = failure_of(unit, step, scope, variable, keeps_output=keeps_output)
    assert failure is not None, "a critical step is not wrapped"
    return tried(unit, step, nodes, inner.name(step.step_id), variable, failure, keeps_output=keeps_output)


def _output_pass(step: Step, name: str, output: Fragment, scope: Scope, *, kept: bool, keeps_output: bool) -> PassNode:
    """A Pass that gives the container's output under its id, as a pure step's Pass does."""
    value = Value(
        step_id=step.step_id,
        output=output,
        variable=scope.name(step.step_id),
        kept=kept,
        keeps_output=keeps_output,
        size_bound=None,
    )
    return PassNode(name, (value,))


# --- map ---


def _map(unit: Unit, step: Step, body: MapBody, scope: Scope, *, keeps_record: bool, keeps_output: bool) -> MapNode:
    inner = scope.element_of(step.step_id)
    wanted = keeps_output or body.output is not None
    lowered = lower_steps(unit, body.steps, inner, end_reads(body.output, wanted=wanted), config_pointer(step, "steps"))
    block = Block(lowered.nodes)
    if wanted:
        block = _natural_end(lowered, body) or Block(
            (
                *lowered.nodes,
                OutputNode(
                    derived_name(step.step_id, OUTPUT),
                    container_output(unit, step, body.output, lowered.graph, inner),
                ),
            )
        )
    variable = scope.name(step.step_id) if keeps_record else None
    record = completed_record(RESULT, keeps_output=keeps_output)
    elements = find_elements(unit, body.items, body.max_items, scope, config_pointer(step, "items"))
    warn_if_unbounded(unit, step, elements, body.steps)
    return MapNode(
        name=step.step_id,
        step_id=step.step_id,
        elements=elements,
        max_concurrency=body.max_concurrency or INLINE_MAP_CONCURRENCY,
        body=block,
        assigns={variable: record} if variable else {},
        failure=failure_of(unit, step, scope, variable, keeps_output=keeps_output),
        depth=scope.maps,
    )


def _natural_end(lowered: LoweredBody, body: MapBody) -> Block | None:
    """The body where its last state has the element's output, `{sink: its output}`, anyway: a critical Task that is the only
    sink, or the Pass of the only sink, unless other pure steps are fused with it. It saves a state per element."""
    if body.output is not None:
        return None
    last = lowered.nodes[-1]
    if _ends_in_sink(lowered) and isinstance(last, TaskNode):
        return Block(lowered.nodes, kind="element", element={last.step_id: last.output})
    if isinstance(last, PassNode) and lowered.graph.sinks() == tuple(v.step_id for v in last.values):
        before = lowered.nodes[-2] if len(lowered.nodes) > 1 else None
        return None if isinstance(before, PassNode) else Block(lowered.nodes)
    return None


def _ends_in_sink(lowered: LoweredBody) -> bool:
    """Whether the body's last state is a critical Task that is its only sink."""
    match lowered.nodes:
        case (*_, TaskNode(step_id=step_id, failure=None | Failure(ends=dict()), late=None)):
            return lowered.graph.sinks() == (step_id,)
        case _:
            return False


# --- switch ---


def _switch(
    unit: Unit, step: Step, body: SwitchBody, scope: Scope, *, keeps_record: bool, keeps_output: bool
) -> SwitchNode:
    wanted = keeps_output or body.output is not None
    own = scope.name(step.step_id) if keeps_record else None
    recovery = scope.recovery
    outside = scope.around
    scope.around = (*outside, f"{step.step_id}.")
    every = [s.step_id for steps in nested_steps(step) for s in steps]
    ended: dict[str, Entry] = {}

    def taken(steps: Sequence[Step], place: str) -> tuple[Node, ...]:
        """One case: its steps, and the container's output where something reads it. The other cases' steps count as skipped."""
        scope.entries.update({step_id: Entry(SKIPPED, None) for step_id in every})
        if recovery is not None:
            scope.recovery = recovery.inside(own, keeps_error=keeps_output)
        lowered = lower_steps(unit, steps, scope, end_reads(body.output, wanted=wanted), place)
        scope.recovery = recovery
        ended.update((s.step_id, scope.entries[s.step_id]) for s in all_steps(steps) if s.step_id in scope.entries)
        if not wanted:
            return lowered.nodes
        if body.output is None and _ends_in_sink(lowered):
            return _recording(lowered.nodes, own, keeps_output)
        output = container_output(unit, step, body.output, lowered.graph, scope)
        name = unit.state_name(step.step_id, OUTPUT)
        return (*lowered.nodes, _output_pass(step, name, output, scope, kept=keeps_record, keeps_output=keeps_output))

    place = config_pointer(step, "cases")
    cases = []
    for i, case in enumerate(body.cases):
        condition = condition_fragment(case.when, scope)
        cases.append(Case(condition, taken(case.steps, place + pointer(i, "steps"))))
    assigns: dict[str, Template] = {}
    otherwise: dict[str, Template] = {}
    default: tuple[Node, ...] = ()
    if body.default or body.output is not None:
        default = taken(body.default, config_pointer(step, "default"))
    elif keeps_record and wanted:
        otherwise[scope.name(step.step_id)] = completed_record({}, keeps_output=keeps_output)
    if keeps_record and not wanted:
        assigns[scope.name(step.step_id)] = completed_record(None, keeps_output=False)
    scope.around = outside
    scope.entries.update(ended)  # of all cases, as failure steps may find them
    return SwitchNode(unit.state_name(step.step_id, SWITCH), step.step_id, tuple(cases), default, assigns, otherwise)


def _recording(nodes: tuple[Node, ...], variable: str | None, keeps_output: bool) -> tuple[Node, ...]:
    """The nodes of a case, the last of which, a Task, records the container too: that saves the Pass that would."""
    last = nodes[-1]
    assert isinstance(last, TaskNode)
    if variable is None:
        return nodes
    record = completed_record({last.step_id: last.output}, keeps_output=keeps_output)
    return (*nodes[:-1], replace(last, assigns={**last.assigns, variable: record}))
