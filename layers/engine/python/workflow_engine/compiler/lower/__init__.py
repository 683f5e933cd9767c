"""Stage 3: from the tree of steps to blocks of nodes.

`unit` is one compilation, `body` walks the tree, `guards` decides when a step runs, `readers` who reads what, `step` and
`leaf` make the states of one step, `inputs` what it receives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import CompilerCatalogue
from workflow_engine.compiler.graph import FailureGraph, StepGraph, failure_graph
from workflow_engine.compiler.hints import Hints
from workflow_engine.compiler.ir import Block, FailNode, Node, OutputNode, RunResult
from workflow_engine.compiler.jsonata.fragments import json_literal
from workflow_engine.compiler.jsonata.sources import source_fragment
from workflow_engine.compiler.lower.body import lower_graph, lower_steps
from workflow_engine.compiler.lower.containers import lower_container
from workflow_engine.compiler.lower.guards import GuardedSteps
from workflow_engine.compiler.lower.outputs import first_of, run_reads, run_result, tolerated_steps
from workflow_engine.compiler.lower.recovery import cause_of_failed_run
from workflow_engine.compiler.lower.scope import Entry, Recovery, Scope
from workflow_engine.compiler.lower.status import ANY, SKIPPED
from workflow_engine.compiler.lower.unit import Body, Unit
from workflow_engine.compiler.reuse import NOTHING_REUSED, Reused, never_undone
from workflow_engine.compiler.structure import Duration, Tree
from workflow_engine.language.diagnostics import Diagnostic, pointer
from workflow_engine.language.reads import all_steps, body_steps, failure_steps, nested_reads, references_of
from workflow_engine.language.syntax import Reference, Source, Step, StepReference, Workflow
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.run_output import MARKER, OWN_KEYS
from workflow_engine.state_names import WORKFLOW_FAILED, WORKFLOW_OUTPUT
from workflow_engine.told_failures import WORKFLOW_FAILED_ERROR

_NEVER_RECOVERS: Final = (
    "These steps never run: no critical step of this workflow is a task, a list or a 'fail', so nothing can fail that they "
    "could deal with."
)
_RESERVED: Final = (
    "An output cannot be called '{name}': under this name a machine tells what is no output. Choose another one."
)


@dataclass(frozen=True, slots=True)
class Lowered:
    """The workflow as a block, with its graph and tree, the durations these were built for, and what travels in the input.
    `bodies` are those of its steps and of its containers, by pointer; `after_failure` is the graph of its failure steps, None where
    there are none.
    """

    block: Block
    graph: StepGraph
    tree: Tree
    durations: tuple[Duration | None, ...]
    bindings: Mapping[str, Any]
    warnings: tuple[Diagnostic, ...]
    bodies: Mapping[str, Body]
    after_failure: StepGraph | None = None


def lower_workflow(
    workflow: Workflow, catalogue: CompilerCatalogue, hints: Hints, reused: Reused = NOTHING_REUSED
) -> Lowered:
    """Lower a whole workflow, but for the steps that are `reused`. Raises InvalidWorkflowError for a cycle and for what this
    version cannot run.
    """
    document_steps = workflow.steps
    if reused:
        workflow = never_undone(workflow, reused)
    unit = Unit(catalogue, workflow.pattern == "sequential", workflow.variables, hints, lower_container)
    output = workflow.output or {}
    scope = Scope(depth=0)
    reads = [r for source in output.values() for r in references_of(source)]
    recovers = bool(failure_steps(workflow))
    if recovers:
        scope.recovery = Recovery.of([s.step_id for s in all_steps(workflow.steps)], sequential=unit.sequential)
        unit.read_after_failure = _reads_after_failure(workflow)

    def sinks(graph: StepGraph) -> Iterable[Reference]:
        return run_reads(unit, graph) if workflow.output is None and not reused else ()

    body = lower_steps(unit, workflow.steps, scope, lambda _: reads, "/steps", run_reads=sinks, reused=reused)
    nodes: tuple[Node, ...] = body.nodes
    result = None
    if workflow.output is None:
        # What reused steps gave may be too much to carry along; who reads results has it anyway.
        result = RunResult(None) if reused else run_result(unit, workflow.steps, body.graph, scope)
    tolerated = first_of(tolerated_steps(scope), sum(not step.critical for step in workflow.steps))
    if reused or any(not inner.critical for step in workflow.steps for inner in all_steps(body_steps(step))):
        tolerated = (*tolerated, json_literal(dict(MARKER)))
    if workflow.output is not None:
        nodes = (*nodes, _explicit_output(unit, workflow.output, scope))
    recovery: tuple[Node, ...] = ()
    after_failure = failure_graph(body.graph, workflow.on_failure, by_step_order=unit.sequential) if recovers else None
    if after_failure is not None:
        recovery = _recovery(unit, workflow, document_steps, after_failure, scope)
    return Lowered(
        Block(nodes, kind="machine", recovery=recovery, result=result, tolerated=tolerated),
        body.graph,
        body.tree,
        body.durations,
        unit.bindings(),
        tuple(unit.warnings),
        unit.bodies,
        None if after_failure is None else after_failure.graph,
    )


def _explicit_output(unit: Unit, output: Mapping[str, Source], scope: Scope) -> OutputNode:
    for name in sorted(OWN_KEYS & output.keys()):
        unit.warnings.append(Diagnostic("WFE-E201", pointer("output", name), _RESERVED.format(name=name)))
    template = {
        name: source_fragment(source, scope, lambda value: unit.literal(WORKFLOW_OUTPUT, value))
        for name, source in output.items()
    }
    return OutputNode(WORKFLOW_OUTPUT, template)


def _reads_after_failure(workflow: Workflow) -> tuple[StepReference, ...]:
    """What failure steps read, at every depth, and the ends of the steps that they undo."""
    undone = [step for step in all_steps(workflow.steps) if step.compensate]
    # Of a for_each its list tells which elements are to be undone.
    reads = [StepReference(step.step_id, "status" if step.for_each is None else "output") for step in undone]
    for step in failure_steps(workflow):
        reads += [read.reference for read in nested_reads(step) if isinstance(read.reference, StepReference)]
    # What stands in a case of a switch may never be assigned, and is kept as it is to the end.
    own = {step.step_id for step in workflow.steps}
    return tuple(read if read.step_id in own else StepReference(read.step_id, "output") for read in reads)


def _first_undoing(workflow: Workflow) -> str:
    return next(step.pointer + "/compensate" for step in all_steps(workflow.steps) if step.compensate)


def _recovery(
    unit: Unit, workflow: Workflow, steps: tuple[Step, ...], graph: FailureGraph, scope: Scope
) -> tuple[Node, ...]:
    """The failure steps, in the machine's own scope as a failure has left it, and the end of the run. None where no failure
    leads to them, of which it warns.
    """
    place = "/on_failure" if workflow.on_failure else _first_undoing(workflow)
    if not scope.may_end:
        unit.warnings.append(Diagnostic("WFE-W405", place, _NEVER_RECOVERS))
        return ()
    left = {
        step_id: entry if entry.variable is None else Entry(ANY, entry.variable, unsure=True)
        for step_id, entry in scope.entries.items()
    }
    undoing = [one for step in all_steps(steps) for one in step.compensate]
    after_all = {step.step_id for step in graph.graph.steps}
    # Inside of a switch that can never run, or of a step that an earlier run has done, with what would undo that.
    for step in (*all_steps(steps), *(one for one in undoing if one.step_id not in after_all)):
        left.setdefault(step.step_id, Entry(SKIPPED, None))
    after = Scope(depth=0, entries=left, fields=scope.fields)
    guarded = GuardedSteps(graph.graph.steps, graph.graph.rule_dependencies, graph.undoes)
    body = lower_graph(unit, graph.graph, guarded, after, (), place, SKIPPED)
    end = FailNode(WORKFLOW_FAILED, WORKFLOW_FAILED_ERROR, cause_of_failed_run())
    return (*body.nodes, end)
