"""Stage 3: from the tree of steps to blocks of nodes.

`unit` is one compilation, `body` walks the tree, `guards` decides when a step runs, `readers` who reads what, `step` and
`leaf` make the states of one step, `inputs` what it receives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.compiler.catalogue import CompilerCatalogue
from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.hints import Hints
from workflow_engine.compiler.ir import Block, Node, OutputNode
from workflow_engine.compiler.jsonata.sources import source_fragment
from workflow_engine.compiler.lower.body import lower_steps
from workflow_engine.compiler.lower.containers import lower_container
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.structure import Tree
from workflow_engine.language.diagnostics import Diagnostic
from workflow_engine.language.reads import references_of
from workflow_engine.language.syntax import Workflow
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.state_names import WORKFLOW_OUTPUT


@dataclass(frozen=True, slots=True)
class Lowered:
    """The workflow as a block, with its graph and tree, the durations these were built for, and what travels in the input."""

    block: Block
    graph: StepGraph
    tree: Tree
    durations: tuple[float | None, ...]
    bindings: Mapping[str, Any]
    warnings: tuple[Diagnostic, ...]


def lower_workflow(workflow: Workflow, catalogue: CompilerCatalogue, hints: Hints) -> Lowered:
    """Lower a whole workflow. Raises InvalidWorkflowError for a cycle and for what this version cannot run."""
    unit = Unit(catalogue, workflow.pattern == "sequential", workflow.variables, hints, lower_container)
    output = workflow.output or {}
    scope = Scope(depth=0)
    reads = [r for source in output.values() for r in references_of(source)]
    body = lower_steps(unit, workflow.steps, scope, lambda _: reads, "/steps")
    nodes: tuple[Node, ...] = body.nodes
    if workflow.output is not None:
        template = {
            name: source_fragment(source, scope, lambda value: unit.literal(WORKFLOW_OUTPUT, value))
            for name, source in output.items()
        }
        nodes = (*nodes, OutputNode(WORKFLOW_OUTPUT, template))
    return Lowered(
        Block(nodes, kind="machine"),
        body.graph,
        body.tree,
        body.durations,
        unit.bindings(),
        tuple(unit.warnings),
    )
