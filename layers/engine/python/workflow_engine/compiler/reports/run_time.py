"""Which of two structures of one workflow runs shorter, by the durations of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.lower.unit import Body
from workflow_engine.compiler.structure import Duration, Leaf, Parallel, Sequence, Tree, drawn, fold, span
from workflow_engine.language.reads import all_steps, failure_steps
from workflow_engine.language.syntax import Workflow

_SAMPLES: Final = 256

_SEED: Final = 21
"""Other samples than those that the structures were found by, which would flatter them."""

OWN: Final = ""
"""The key of the workflow's own steps in a structure: no step has this id."""


def structure(workflow: Workflow, bodies: Mapping[str, Body]) -> dict[str, Any]:
    """JSON: the trees of a workflow's bodies by the id of the container, the workflow's own one under `OWN`. A tree is a step id,
    `{"sequence": [tree]}` or `{"parallel": [tree]}`. A switch has several.
    """
    pointers = {step.pointer: step.step_id for step in all_steps((*workflow.steps, *failure_steps(workflow)))}
    found: dict[str, list[Any]] = {}
    for place, body in bodies.items():
        found.setdefault(_container(place, pointers), []).append(_told(body))
    return found


def durations(bodies: Mapping[str, Body]) -> dict[str, Duration | None]:
    """How long the steps of these bodies are expected to take, by step id."""
    return {step_id: duration for b in bodies.values() for step_id, duration in zip(b.steps, b.durations, strict=True)}


def have_the_same_steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two structures are of the same steps, in the same containers."""
    return before.keys() == after.keys() and all(
        len(before[container]) == len(after[container])
        and all(sorted(_ids(a)) == sorted(_ids(b)) for a, b in zip(before[container], after[container], strict=True))
        for container in before
    )


def expected_gain(
    before: Mapping[str, Any], after: Mapping[str, Any], durations: Mapping[str, Duration | None]
) -> float:
    """The share of a run's time, in the mean, that the structure `after` saves against `before`; negative where it takes longer.
    Both have the same steps.

    What a container takes was measured with its body as it was before, and changes as its body does.
    """
    ratios: dict[str, float] = {}
    for container in sorted(before, key=lambda container: _height(container, before)):
        of_bodies = [
            _ratio(body, other, durations, ratios)
            for body, other in zip(before[container], after[container], strict=True)
        ]
        ratios[container] = sum(of_bodies) / len(of_bodies)
    return 1 - ratios[OWN]


def _height(container: str, structure: Mapping[str, Any]) -> int:
    """How many levels of containers are inside of one."""
    inner = [step_id for body in structure[container] for step_id in _ids(body) if step_id in structure]
    return max((1 + _height(step_id, structure) for step_id in inner), default=0)


def _ratio(before: Any, after: Any, durations: Mapping[str, Duration | None], ratios: Mapping[str, float]) -> float:
    """The run time of a body after, as a share of that before; `ratios` has those of the containers in it."""
    ids = sorted(_ids(before))
    vertices = {step_id: vertex for vertex, step_id in enumerate(ids)}
    first, second = _tree(before, vertices), _tree(after, vertices)
    spent = needed = 0.0
    for sample in drawn([durations.get(step_id) for step_id in ids], _SAMPLES, seed=_SEED):
        spent += span(first, sample)
        needed += span(second, [value * ratios.get(ids[vertex], 1.0) for vertex, value in enumerate(sample)])
    return needed / spent if spent else 1.0


def _told(body: Body) -> Any:
    def sequence(parts: list[Any]) -> Any:
        return {"sequence": parts}

    def parallel(branches: list[Any]) -> Any:
        return {"parallel": branches}

    return fold(body.tree, lambda vertex: body.steps[vertex], sequence, parallel) if body.steps else {"sequence": []}


def _ids(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    return [step_id for parts in tree.values() for part in parts for step_id in _ids(part)]


def _tree(tree: Any, vertices: Mapping[str, int]) -> Tree:
    if isinstance(tree, str):
        return Leaf(vertices[tree])
    ((kind, parts),) = tree.items()
    inner = tuple(_tree(part, vertices) for part in parts)
    return Sequence(inner) if kind == "sequence" else Parallel(inner)


def _container(place: str, pointers: Mapping[str, str]) -> str:
    """The id of the innermost step that a pointer lies in."""
    while place:
        place = place.rpartition("/")[0]
        if place in pointers:
            return pointers[place]
    return OWN
