"""The workflow's graph as Mermaid text, for people."""

from __future__ import annotations

from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.structure import partial_order


def mermaid(graph: StepGraph, after_failure: StepGraph | None = None) -> str:
    """A `flowchart` with one node per step and one arrow per dependency; dashed where the step may be skipped or may fail.
    `after_failure` are the steps that run when the run fails, drawn apart.
    """
    lines = ["flowchart TD", *_drawn(graph, "n", "  ")]
    if after_failure is not None:
        lines += ['  subgraph failure["when the run fails"]', *_drawn(after_failure, "f", "    "), "  end"]
    return "\n".join(lines) + "\n"


def _drawn(graph: StepGraph, letter: str, indent: str) -> list[str]:
    number = {step.step_id: f"{letter}{i}" for i, step in enumerate(graph.steps)}
    lines = []
    for step in graph.steps:
        label = f"{step.step_id}<br/><small>{step.step_type}{' · for each' if step.for_each else ''}</small>"
        lines.append(f'{indent}{number[step.step_id]}["{label}"]')
    # Arrows of the transitive reduction: no arrow to a step that another one waits for anyway.
    for step, before in zip(graph.steps, partial_order(graph.predecessors).predecessors, strict=True):
        arrow = "-.->" if step.condition is not None or not step.critical else "-->"
        lines.extend(f"{indent}{number[graph.steps[p].step_id]} {arrow} {number[step.step_id]}" for p in sorted(before))
    return lines
