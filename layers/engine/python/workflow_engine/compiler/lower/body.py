"""A body of steps to a block: the tree of `structure` walked once, with what is known of each step's end at every point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType
from typing import Final

from workflow_engine.compiler import structure
from workflow_engine.compiler.catalogue import FailLowering, Lowering, PureLowering
from workflow_engine.compiler.graph import StepGraph, build_graph
from workflow_engine.compiler.ir import Block, GuardNode, Node, ParallelNode, Return, Template
from workflow_engine.compiler.jsonata.conditions import not_fragment
from workflow_engine.compiler.jsonata.fragments import Fragment, Read, if_assigned
from workflow_engine.compiler.lower.durations import duration
from workflow_engine.compiler.lower.guards import GuardedSteps, first_leaf, leaves
from workflow_engine.compiler.lower.inputs import has_expression
from workflow_engine.compiler.lower.outputs import NO_ITEMS, tolerated_steps
from workflow_engine.compiler.lower.readers import Readers, find_readers
from workflow_engine.compiler.lower.recovery import RECORDS_BYTES, join
from workflow_engine.compiler.lower.scope import Entry, Scope, failures_variable, tolerated_variable
from workflow_engine.compiler.lower.sizes import Size
from workflow_engine.compiler.lower.status import FAILED, NOT_BEGUN, SKIPPED, Statuses
from workflow_engine.compiler.lower.step import lower_step, note_step
from workflow_engine.compiler.lower.unit import Body, Unit
from workflow_engine.compiler.records import SKIPPED_RECORD
from workflow_engine.compiler.reuse import FACET_OF, FACETS, NOTHING_REUSED, Reused, from_reused, without
from workflow_engine.compiler.structure import Duration, Leaf, Parallel, Tree
from workflow_engine.language.diagnostics import Diagnostic
from workflow_engine.language.reads import all_steps, body_steps
from workflow_engine.language.syntax import Reference, Step
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.state_names import GUARD, JOIN, PARALLEL

MAX_NESTING: Final = 30
"""Parallels inside Parallels. Each is five levels of nested JSON; no page of AWS says where it stops, but something will."""


@dataclass(frozen=True, slots=True)
class LoweredBody:
    """The nodes of one body, with the graph and the tree that they come from."""

    graph: StepGraph
    tree: Tree
    durations: tuple[Duration | None, ...]
    nodes: tuple[Node, ...]


def lower_steps(
    unit: Unit,
    steps: Sequence[Step],
    scope: Scope,
    end_reads: Callable[[StepGraph], Iterable[Reference]],
    place: str,
    *,
    run_reads: Callable[[StepGraph], Iterable[Reference]] | None = None,
    reused: Reused = NOTHING_REUSED,
) -> LoweredBody:
    """Lower the steps of one body into `scope`, whose entries then say what is known of each step's end.

    `end_reads` are the references that are read after the body as a whole; `place` is the pointer of its list of steps.
    `run_reads`, given for the workflow's own steps, are those of a run's output that is not explicit. No state is made of the
    steps that are `reused`.
    """
    graph = build_graph(steps, by_step_order=unit.sequential)
    if reused:
        enter_reused(unit, graph, reused, scope)
        graph = without(graph, reused)
    if not steps:
        return LoweredBody(graph, structure.Sequence(()), (), ())
    guarded = GuardedSteps(graph.steps, graph.rule_dependencies)
    # Failure steps see steps that had not begun when the run failed.
    also = frozenset() if scope.recovery is None else NOT_BEGUN
    run = () if run_reads is None else run_reads(graph)
    tolerated = frozenset(s.step_id for s in graph.steps if not s.critical and run_reads is not None)
    known = {step_id: scope.statuses(step_id) for step_id in reused}
    body = lower_graph(
        unit, graph, guarded, scope, end_reads(graph), place, also, run_reads=run, tolerated=tolerated, known=known
    )
    unit.bodies[place] = Body(body.graph, body.tree, body.durations)
    return body


def lower_graph(
    unit: Unit,
    graph: StepGraph,
    guarded: GuardedSteps,
    scope: Scope,
    end_reads: Iterable[Reference],
    place: str,
    also: Statuses,
    *,
    run_reads: Iterable[Reference] = (),
    tolerated: frozenset[str] = frozenset(),
    known: Mapping[str, Statuses] = MappingProxyType({}),
) -> LoweredBody:
    """The same for a graph of at least one step. `also` are ways in which steps may end that the graph does not tell, `tolerated`
    the steps whose failures a run's output tells, `known` how those have ended that are waited for and not in the graph.
    """
    lowerings = {s.step_id: unit.lowering(s) for s in graph.steps}
    durations = tuple(duration(unit, s) for s in graph.steps)
    tree = _tree(graph, durations, unit, place)
    failing = {step_id for step_id, lowering in lowerings.items() if isinstance(lowering, FailLowering)}
    later = () if scope.recovery is None else unit.read_after_failure
    readers = find_readers(graph, (*end_reads, *later), failing, also, run_reads, tolerated, known)
    nodes = BodyLowering(unit, graph, readers, lowerings, guarded, tolerated).lower([tree], scope)
    return LoweredBody(graph, tree, durations, nodes)


def _tree(graph: StepGraph, durations: tuple[Duration | None, ...], unit: Unit, place: str) -> Tree:
    if unit.sequential:
        return structure.chain(range(len(graph.steps)))
    decomposition = structure.decompose(graph.predecessors, durations)
    if not decomposition.exact:
        unit.warnings.append(
            Diagnostic(
                "WFE-W511",
                place,
                f"The graph is not series-parallel: {decomposition.added_order} pairs of steps that could overlap will "
                "not. estimated_seconds on the steps helps the compiler to choose well.",
            )
        )
    tree = decomposition.tree
    if structure.nesting_depth(tree) > MAX_NESTING:
        detail = f"Independent parts are nested deeper than {MAX_NESTING} times; the deepest ones run level by level."
        unit.warnings.append(Diagnostic("WFE-W511", place, detail))
    return structure.limit_nesting(tree, graph.predecessors, MAX_NESTING - 1)


def enter_reused(unit: Unit, graph: StepGraph, reused: Reused, scope: Scope) -> None:
    """Let a scope know of the steps that are not run how they ended, and where what they gave is."""
    for step in graph.steps:
        end = reused.get(step.step_id)
        if end is None:
            continue
        output, error = (from_reused(step.step_id, facet) if FACET_OF.get(end) == facet else None for facet in FACETS)
        scope.entries[step.step_id] = Entry(frozenset({end}), None, output=output, error=error)
        note_step(unit, step, scope)


@dataclass(frozen=True, slots=True)
class BodyLowering:
    """Lowers one body. `bounds` are known sizes of pure steps' outputs, by id."""

    unit: Unit
    graph: StepGraph
    readers: Readers
    lowerings: Mapping[str, Lowering]
    guarded: GuardedSteps
    tolerated: frozenset[str] = frozenset()
    bounds: dict[str, Size | None] = field(default_factory=dict)

    def lower(
        self, trees: Sequence[Tree], scope: Scope, assumed: frozenset[Fragment] = frozenset()
    ) -> tuple[Node, ...]:
        """The trees one after the other. `assumed` are guards that are known to hold here."""
        nodes: list[Node] = []
        at = 0
        while at < len(trees):
            end = at + 1
            guard = self._guard_of(trees[at], scope, assumed)
            if guard == "never":
                self._skip(trees[at:end], scope)
            elif isinstance(guard, Fragment):
                end = self._guarded_run(trees, at, scope, guard)
                nodes.append(self._guard_node(trees[at:end], scope, guard, assumed))
            else:
                nodes.extend(self._unguarded(trees[at], scope, assumed))
            at = end
        return tuple(nodes)

    def _unguarded(self, tree: Tree, scope: Scope, assumed: frozenset[Fragment]) -> tuple[Node, ...]:
        match tree:
            case Leaf(vertex=vertex):
                step = self.graph.steps[vertex]
                nodes = lower_step(self.unit, step, scope, self.readers, self.bounds)
                if step.step_id in self.tolerated and "failed" in scope.statuses(step.step_id):
                    scope.tolerated.append(step.step_id)
                return nodes
            case structure.Sequence(parts=parts):
                return self.lower(parts, scope, assumed)
            case Parallel(branches=branches):
                return self._parallel(branches, scope, assumed)

    def _guard_of(self, tree: Tree, scope: Scope, assumed: frozenset[Fragment]) -> Fragment | str:
        """The guard to put before the tree as a whole. A Parallel has one if all its steps share it."""
        if self.guarded.is_skipped_with(tree, scope, None, {}):
            return "never"
        if isinstance(tree, structure.Sequence):
            return "always"
        guard = self.guarded.guard(first_leaf(tree), scope)
        if not isinstance(guard, Fragment) or guard in assumed:
            return "always"
        if isinstance(tree, Leaf) or self.guarded.is_skipped_with(tree, scope, guard, {}):
            return guard
        return "always"

    def _guarded_run(self, trees: Sequence[Tree], at: int, scope: Scope, guard: Fragment) -> int:
        """End of the longest run from `at` that is skipped as a whole when the guard does not hold: one Choice for all."""
        down: dict[str, Statuses] = {}
        end = at
        while end < len(trees) and (
            (end == at and isinstance(trees[at], Leaf) and self._mark(trees[at], down))
            or self.guarded.is_skipped_with(trees[end], scope, guard, down)
        ):
            end += 1
        return end

    def _mark(self, tree: Tree, down: dict[str, Statuses]) -> bool:
        for vertex in leaves([tree]):
            down[self.graph.steps[vertex].step_id] = SKIPPED
        return True

    def _guard_node(
        self, trees: Sequence[Tree], scope: Scope, guard: Fragment, assumed: frozenset[Fragment]
    ) -> GuardNode:
        ids = [self.graph.steps[v].step_id for v in leaves(trees)]
        critical = {self.graph.steps[v].step_id for v in leaves(trees) if self.graph.steps[v].critical}
        name = self.unit.state_name(ids[0], GUARD)
        body = self.lower(trees, scope, assumed | {guard})
        skipped: dict[str, Template] = {}
        for step_id in ids:
            entry = scope.entries[step_id]
            if entry.statuses == SKIPPED:
                continue  # skipped on either path: no state assigns it, and nobody has to ask
            # The run goes on after a `fail` that is critical only where that was skipped.
            ends_run = entry.statuses == FAILED and step_id in critical
            scope.entries[step_id] = self._entry(step_id, SKIPPED if ends_run else entry.statuses | SKIPPED, scope)
            variable = scope.entries[step_id].variable
            if variable is not None:
                skipped[variable] = SKIPPED_RECORD
        return GuardNode(name, not_fragment(guard), skipped, body)

    def _entry(self, step_id: str, statuses: Statuses, scope: Scope) -> Entry:
        kept = self.readers.keeps_record(step_id)
        return Entry(statuses, scope.name(step_id) if kept else None)

    def _skip(self, trees: Sequence[Tree], scope: Scope) -> None:
        """Steps that can never run: no state at all, and a warning for the author."""
        for vertex in leaves(trees):
            step = self.graph.steps[vertex]
            scope.entries[step.step_id] = Entry(SKIPPED, None)
            self.unit.warnings.append(
                Diagnostic(
                    "WFE-W209",
                    step.pointer,
                    f"'{step.step_id}' never runs: its trigger rule {step.trigger_rule} cannot be met by "
                    f"{', '.join(self.graph.rule_dependencies[vertex])}.",
                )
            )

    # --- parallel parts ---

    def _parallel(self, branches: Sequence[Tree], scope: Scope, assumed: frozenset[Fragment]) -> tuple[Node, ...]:
        """Independent parts. Pure ones take no time, so they run in line, where they fuse; one Parallel holds the rest."""
        nodes: list[Node] = []
        rest: list[Tree] = []
        for branch in branches:
            if self.guarded.is_skipped_with(branch, scope, None, {}):
                self._skip([branch], scope)
            elif self._is_pure(branch):
                nodes.extend(self.lower([branch], scope, assumed))
            else:
                rest.append(branch)
        if len(rest) == 1:
            nodes.extend(self.lower(rest, scope, assumed))
        elif rest:
            nodes.extend(self._parallel_nodes(rest, scope, assumed))
        return tuple(nodes)

    def _is_pure(self, tree: Tree) -> bool:
        return all(
            isinstance(self.lowerings[step.step_id], PureLowering)
            and step.for_each is None
            and step.condition is None
            and not has_expression(step)
            for step in (self.graph.steps[v] for v in leaves([tree]))
        )

    def _parallel_nodes(self, branches: Sequence[Tree], scope: Scope, assumed: frozenset[Fragment]) -> tuple[Node, ...]:
        """A Parallel, and after it what asks whether a critical step in it has failed, where failure steps follow that."""
        first = self.graph.steps[first_leaf(branches[0])].step_id
        name = self.unit.state_name(first, PARALLEL)
        blocks: list[Block] = []
        for branch in branches:
            inner = scope.child()
            inner.recovery = None if scope.recovery is None else scope.recovery.in_branch()
            nodes = self.lower([branch], inner, assumed)
            failures = failures_variable(inner.depth) if inner.may_end else None
            room = RECORDS_BYTES // len(branches) if failures else 0
            tolerated = tolerated_steps(inner)
            block = Block(nodes, self._returns(branch, inner, scope), failures=failures, room=room, tolerated=tolerated)
            blocks.append(block)
            outer = {r.step_id: r.outer for r in block.returns}
            for step_id, entry in inner.entries.items():
                scope.entries[step_id] = Entry(entry.statuses, outer.get(step_id))
        node = ParallelNode(name, tuple(blocks), {})
        if any(block.tolerated for block in blocks):
            node = replace(node, tolerated=tolerated_variable(scope))
            scope.tolerated.append(if_assigned(Read(tolerated_variable(scope)), NO_ITEMS))
        if not any(block.failures for block in blocks):
            return (node,)
        after = join(scope, self.unit.state_name(first, JOIN))
        return replace(node, failures=failures_variable(scope.depth)), after

    def _returns(self, branch: Tree, inner: Scope, scope: Scope) -> tuple[Return, ...]:
        """What is read of the branch's steps outside of it: nothing else travels."""
        vertices = leaves([branch])
        inside = sum(1 << v for v in vertices)
        returns = []
        for vertex in vertices:
            step_id = self.graph.steps[vertex].step_id
            variable = inner.entries[step_id].variable
            if variable is not None and self.readers.keeps_record(step_id, inside):
                keeps_output = self.readers.keeps_output(step_id, inside)
                returns.append(Return(step_id, variable, scope.name(step_id), keeps_output))
        if scope.recovery is not None:
            read = {reference.step_id for reference in self.unit.read_after_failure}
            for one in all_steps(s for v in vertices for s in body_steps(self.graph.steps[v])):
                entry = inner.entries.get(one.step_id)
                if one.step_id in read and entry is not None and entry.variable is not None:
                    returns.append(Return(one.step_id, entry.variable, scope.name(one.step_id), True, unsure=True))
        return tuple(returns)
