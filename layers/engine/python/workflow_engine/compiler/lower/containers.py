"""Steps that hold steps: `map`, `loop` and `switch`.

A map's body is a scope of its own (a Map state's ItemProcessor); loops and switches are states of the scope around them,
joined by jumps. What has to catch or retry a whole loop or switch is a Parallel with that one branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from workflow_engine.compiler.catalogue import MappedInput
from workflow_engine.compiler.expressions import (
    condition_fragment,
    expression,
    not_fragment,
    reference_fragment,
    source_fragment,
)
from workflow_engine.compiler.fragments import Fragment, object_fragment
from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.ir import (
    Block,
    Case,
    FailNode,
    LoopNode,
    MapNode,
    Node,
    OutputNode,
    ParallelNode,
    PassNode,
    Return,
    SwitchNode,
    TaskNode,
    Template,
    Value,
)
from workflow_engine.compiler.lower.body import LoweredBody, lower_steps
from workflow_engine.compiler.lower.inputs import input_object
from workflow_engine.compiler.lower.leaf import completed_record, failure_of, own_retrier
from workflow_engine.compiler.lower.lists import MAP_INDEX, MAP_ITEM, count_elements, list_items
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.quotas import INLINE_MAP_CONCURRENCY
from workflow_engine.compiler.scope import Entry, Scope
from workflow_engine.compiler.status import COMPLETED, SKIPPED
from workflow_engine.language.diagnostics import pointer
from workflow_engine.language.reads import config_pointer, nested_steps, references_of, step_reads
from workflow_engine.language.syntax import (
    Condition,
    LoopBody,
    MapBody,
    Reference,
    Source,
    Step,
    StepReference,
    SwitchBody,
)

OUT_OF_TURNS: Final = "MaxIterationsExceeded"

EndReads = Callable[[StepGraph], Iterable[Reference]]


def lower_container(
    unit: Unit, step: Step, scope: Scope, *, keeps_record: bool, keeps_output: bool
) -> tuple[Node, ...]:
    """Nodes of one container. `keeps_record` and `keeps_output` say what later steps read of it."""
    match step.body:
        case MapBody():
            return (_map(unit, step, step.body, scope, keeps_record=keeps_record, keeps_output=keeps_output),)
        case LoopBody() | SwitchBody() if step.critical and step.retry is None:
            return _in_line(unit, step, scope, keeps_record=keeps_record, keeps_output=keeps_output)
        case _:
            return (_wrapped(unit, step, scope, keeps_record=keeps_record, keeps_output=keeps_output),)


def _in_line(unit: Unit, step: Step, scope: Scope, *, keeps_record: bool, keeps_output: bool) -> tuple[Node, ...]:
    if isinstance(step.body, LoopBody):
        return (_loop(unit, step, step.body, scope, keeps_output=keeps_output),)
    assert isinstance(step.body, SwitchBody)
    return (_switch(unit, step, step.body, scope, keeps_record=keeps_record, keeps_output=keeps_output),)


def _wrapped(unit: Unit, step: Step, scope: Scope, *, keeps_record: bool, keeps_output: bool) -> ParallelNode:
    """A loop or switch that may fail without ending the run, or that is retried as a whole.

    When the Parallel succeeds, so has the step: only its output has to come out of the branch.
    """
    inner = scope.child()
    nodes = _in_line(unit, step, inner, keeps_record=keeps_output, keeps_output=keeps_output)
    variable = scope.name(step.step_id) if keeps_record else None
    returns: tuple[Return, ...] = ()
    assigns: dict[str, Template] = {}
    if variable is not None and keeps_output:
        returns = (Return(step.step_id, inner.name(step.step_id), variable, keeps_output),)
    elif variable is not None:
        assigns = {variable: completed_record(None, keeps_output=False)}
    return ParallelNode(
        unit.state_name(step.step_id, "try"),
        (Block(nodes, returns),),
        assigns,
        failure_of(step, variable, keeps_output=keeps_output),
        own_retrier(step.retry),
    )


# --- what a container gives ---


def _end_reads(output: Mapping[str, Source] | None, *, wanted: bool) -> EndReads:
    """What the container's own output reads of its body: the explicit sources, else the sinks."""
    if output is not None:
        references = [r for source in output.values() for r in references_of(source)]
        return lambda _: references
    if not wanted:
        return lambda _: ()

    def sinks(graph: StepGraph) -> Iterable[Reference]:
        for sink in graph.sinks():
            yield StepReference(sink, "output")
            yield StepReference(sink, "status")

    return sinks


def _output(unit: Unit, step: Step, output: Mapping[str, Source] | None, graph: StepGraph, scope: Scope) -> Fragment:
    """The container's output at the end of its body: an object, the completed sinks by id if none is given."""
    if output is not None:
        return object_fragment(
            {
                name: source_fragment(source, scope, lambda value: unit.literal(step.step_id, value))
                for name, source in output.items()
            }
        )
    inputs = []
    for sink in graph.sinks():
        statuses = scope.statuses(sink)
        if "completed" in statuses:
            present = None if statuses == COMPLETED else Fragment(f'{scope.status_code(sink)}="completed"')
            inputs.append(MappedInput(sink, reference_fragment(StepReference(sink, "output"), scope), present))
    return input_object(tuple(inputs))


def _output_pass(step: Step, name: str, output: Fragment, scope: Scope, *, kept: bool, keeps_output: bool) -> PassNode:
    """A Pass that gives the container's output under its id, as a pure step's Pass does."""
    value = Value(
        step_id=step.step_id,
        output=output,
        reads=frozenset(scope.touched),
        variable=scope.name(step.step_id),
        kept=kept,
        keeps_output=keeps_output,
        size_bound=None,
    )
    return PassNode(name, (value,))


# --- map ---


def _map(unit: Unit, step: Step, body: MapBody, scope: Scope, *, keeps_record: bool, keeps_output: bool) -> MapNode:
    inner = scope.child()
    inner.item, inner.index = MAP_ITEM, MAP_INDEX
    wanted = keeps_output or body.output is not None
    lowered = lower_steps(
        unit, body.steps, inner, _end_reads(body.output, wanted=wanted), config_pointer(step, "steps")
    )
    block = Block(lowered.nodes)
    if wanted:
        block = _natural_end(lowered, body) or Block(
            (
                *lowered.nodes,
                OutputNode(
                    f"{step.step_id}.output", expression(_output(unit, step, body.output, lowered.graph, inner))
                ),
            )
        )
    variable = scope.name(step.step_id) if keeps_record else None
    record = completed_record("{% $states.result %}", keeps_output=keeps_output)
    elements = count_elements(unit, body.items, body.max_items, scope)
    return MapNode(
        name=step.step_id,
        step_id=step.step_id,
        items=list_items(body.items, body.max_items, scope),
        max_concurrency=body.max_concurrency or INLINE_MAP_CONCURRENCY,
        body=block,
        assigns={variable: record} if variable else {},
        failure=failure_of(step, variable, keeps_output=keeps_output),
        retry=own_retrier(step.retry),
        least=elements.least,
        most=elements.most,
    )


def _natural_end(lowered: LoweredBody, body: MapBody) -> Block | None:
    """The body where its last state has the element's output, `{sink: its output}`, anyway: a critical Task that is the only
    sink, or the Pass of the only sink, unless other pure steps are fused with it. It saves a state per element."""
    last = lowered.nodes[-1] if lowered.nodes else None
    if body.output is not None:
        return None
    match last:
        case TaskNode(step_id=step_id, failure=None) if lowered.graph.sinks() == (step_id,):
            return Block(lowered.nodes, kind="element", element={step_id: "{% $states.result.Payload %}"})
        case PassNode(values=(value,)) if lowered.graph.sinks() == (value.step_id,):
            before = lowered.nodes[-2] if len(lowered.nodes) > 1 else None
            return None if isinstance(before, PassNode) else Block(lowered.nodes)
        case _:
            return None


# --- loop ---


def _reads_itself(step: Step) -> bool:
    """Whether the loop's body or condition reads the previous turn's output."""
    stack = [step]
    while stack:
        one = stack.pop()
        if any(isinstance(r.reference, StepReference) and r.reference.step_id == step.step_id for r in step_reads(one)):
            return True
        stack.extend(inner for steps in nested_steps(one) for inner in steps)
    return False


def _loop(unit: Unit, step: Step, body: LoopBody, scope: Scope, *, keeps_output: bool) -> LoopNode:
    variable = scope.name(step.step_id)
    outer_index = scope.index
    scope.index = f"${variable}.turn"
    scope.entries[step.step_id] = Entry(COMPLETED, variable)
    wanted = keeps_output or body.output is not None or _reads_itself(step)
    condition = body.while_ if body.while_ is not None else body.until
    assert condition is not None, "the language asks for while or until"
    before = body.while_ is not None
    tested = list(references_of(condition))

    def end_reads(graph: StepGraph) -> Iterable[Reference]:
        yield from tested
        yield from _end_reads(body.output, wanted=wanted)(graph)

    lowered = lower_steps(unit, body.steps, scope, end_reads, config_pointer(step, "steps"))
    mine = [s.step_id for s in lowered.graph.steps]
    kept = [entry.variable for s in mine if (entry := scope.entries[s]).variable is not None]
    if before:
        # Before the first turn no step of the body has run: its record says so, and reads of it give null.
        for step_id in mine:
            entry = scope.entries[step_id]
            if entry.variable is not None:
                scope.entries[step_id] = Entry(entry.statuses | SKIPPED, entry.variable)
    output = _output(unit, step, body.output, lowered.graph, scope) if wanted else Fragment("null")
    if before:
        output = Fragment(f"(${variable}.turn<0?null:{output.code})", output.helpers)
        scope.index = f"(${variable}.turn+1)"
    holds = _tested(condition, step.step_id, f"{variable}_now", output, scope)
    scope.index = outer_index
    result = expression(output)
    first_turn = -1 if before else 0
    return LoopNode(
        name=f"{step.step_id}.{'while' if before else 'until'}",
        step_id=step.step_id,
        before=before,
        stop=expression(not_fragment(holds) if before else holds),
        may_go_on="{% $" + f"{variable}.turn<{body.max_iterations - 1}" + " %}",
        max_iterations=body.max_iterations,
        start={
            variable: {"status": "completed", "turn": first_turn, "output": "{% null %}"},
            **({name: {"status": "pending"} for name in kept if name} if before else {}),
        },
        again={
            variable: {"status": "completed", "turn": "{% $" + variable + ".turn+1 %}", "output": result},
        },
        done={variable: completed_record(result, keeps_output=keeps_output)},
        output=result if body.output is not None else None,
        body=lowered.nodes,
        instead=FailNode(
            unit.state_name(step.step_id, "fail"),
            OUT_OF_TURNS,
            f"The loop took {body.max_iterations} turns and its condition asks for more.",
        ),
    )


def _tested(condition: Condition, loop_id: str, local: str, output: Fragment, scope: Scope) -> Fragment:
    """The loop's condition. If it reads the loop itself, that is the turn that has just ended: a local variable, since the
    record is assigned only after the Choice. (No escaped id has a `_` before an `n`, so the name is free.)"""
    if not any(isinstance(r, StepReference) and r.step_id == loop_id for r in references_of(condition)):
        return condition_fragment(condition, scope)
    entry = scope.entries[loop_id]
    scope.entries[loop_id] = Entry(COMPLETED, local)
    holds = condition_fragment(condition, scope)
    scope.entries[loop_id] = entry
    return Fragment(
        f'(${local}:={{"status":"completed","output":{output.code}}};{holds.code})', holds.helpers | output.helpers
    )


# --- switch ---


def _switch(
    unit: Unit, step: Step, body: SwitchBody, scope: Scope, *, keeps_record: bool, keeps_output: bool
) -> SwitchNode:
    wanted = keeps_output or body.output is not None
    every = [s.step_id for steps in nested_steps(step) for s in steps]

    def taken(steps: Sequence[Step], place: str) -> tuple[Node, ...]:
        """One case: its steps, and the container's output where something reads it. The other cases' steps count as skipped."""
        scope.entries.update({step_id: Entry(SKIPPED, None) for step_id in every})
        lowered = lower_steps(unit, steps, scope, _end_reads(body.output, wanted=wanted), place)
        if not wanted:
            return lowered.nodes
        output = _output(unit, step, body.output, lowered.graph, scope)
        name = unit.state_name(step.step_id, "output")
        return (*lowered.nodes, _output_pass(step, name, output, scope, kept=keeps_record, keeps_output=keeps_output))

    place = config_pointer(step, "cases")
    cases = []
    for i, case in enumerate(body.cases):
        condition = expression(condition_fragment(case.when, scope))
        cases.append(Case(condition, taken(case.steps, place + pointer(i, "steps"))))
    default = taken(body.default, config_pointer(step, "default"))
    assigns: dict[str, Template] = {}
    if keeps_record and not wanted:
        assigns[scope.name(step.step_id)] = completed_record(None, keeps_output=False)
    return SwitchNode(unit.state_name(step.step_id, "switch"), step.step_id, tuple(cases), default, assigns)
