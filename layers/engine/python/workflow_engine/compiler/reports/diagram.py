"""The workflow's graph as Mermaid text, for people."""

from __future__ import annotations

from workflow_engine.compiler.graph import StepGraph


def mermaid(graph: StepGraph) -> str:
    """A `flowchart` with one node per step and one arrow per dependency; dashed where the step may be skipped or may fail."""
    number = {step.step_id: f"n{i}" for i, step in enumerate(graph.steps)}
    lines = ["flowchart TD"]
    for step in graph.steps:
        label = f"{step.step_id}<br/><small>{step.step_type}{' · for each' if step.for_each else ''}</small>"
        lines.append(f'  {number[step.step_id]}["{label}"]')
    for i, step in enumerate(graph.steps):
        arrow = "-.->" if step.condition is not None or not step.critical else "-->"
        lines.extend(
            f"  {number[graph.steps[p].step_id]} {arrow} {number[step.step_id]}" for p in sorted(_reduced(graph, i))
        )
    return "\n".join(lines) + "\n"


def _reduced(graph: StepGraph, vertex: int) -> set[int]:
    """Direct predecessors without those that another one waits for anyway."""
    direct = graph.predecessors[vertex]
    reachable: set[int] = set()
    for p in direct:
        stack = list(graph.predecessors[p])
        while stack:
            q = stack.pop()
            if q not in reachable:
                reachable.add(q)
                stack.extend(graph.predecessors[q])
    return set(direct) - reachable
