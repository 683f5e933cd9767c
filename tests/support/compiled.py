"""Compiled workflows in tests of the compiler: made from a list of steps, and told as states and the ways between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflow_engine.compiler import Compilation, compile_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.language.syntax import Workflow
from workflow_engine.steps import builtin_catalogue

WORK = "work"
"""A registered step type: a Lambda that takes any configuration."""

CATALOGUE = builtin_catalogue().with_registered([{"step_type": WORK}])

Step = dict[str, Any]


def work(step_id: str, *dependencies: str, **fields: Any) -> Step:
    """A step that runs a Lambda function."""
    return {"step_id": step_id, "step_type": WORK, "dependencies": list(dependencies), **fields}


def merged(step_id: str, *dependencies: str, **fields: Any) -> Step:
    """A pure step, whose output is as large as what it reads."""
    return {"step_id": step_id, "step_type": "merge", "dependencies": list(dependencies), **fields}


def data(step_id: str, value: Any, *dependencies: str, **fields: Any) -> Step:
    """A pure step whose output is known before the run."""
    config = {"data": value}
    return {
        "step_id": step_id,
        "step_type": "data_input",
        "dependencies": list(dependencies),
        "config": config,
        **fields,
    }


def container(step_id: str, step_type: str, *dependencies: str, config: dict[str, Any], **fields: Any) -> Step:
    """A map, loop or switch."""
    return {
        "step_id": step_id,
        "step_type": step_type,
        "dependencies": list(dependencies),
        "config": config,
        **fields,
    }


def parsed(*steps: Step, **workflow: Any) -> Workflow:
    """The steps as a workflow, in which everything that may run together does."""
    document = {"name": "test", "execution_pattern": "parallel", "steps": list(steps), **workflow}
    found = parse_workflow(document, CATALOGUE)
    assert found.workflow is not None, found.diagnostics
    return found.workflow


def compiled(*steps: Step, **workflow: Any) -> Compilation:
    """The same, compiled."""
    return compile_workflow(parsed(*steps, **workflow), CATALOGUE)


def planned(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a part of a plan's structure, bodies left out."""
    if "step" in part:
        yield part
    for inner in (*part.get("sequence", ()), *part.get("parallel", ())):
        yield from planned(inner)


def states(compilation: Compilation) -> dict[str, dict[str, Any]]:
    """All states of the machine by name, those of branches and map bodies too."""
    return dict(_states(compilation.machine))


def _states(machine: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])):
            yield from _states(inner)


def ways(compilation: Compilation) -> dict[str, list[str]]:
    """Where each state may lead: the default or regular way first, "" where the machine, branch or map body ends."""
    return {name: _ways(state) for name, state in states(compilation).items()}


def _ways(state: dict[str, Any]) -> list[str]:
    jumps = [*state.get("Choices", ()), *state.get("Catch", ())]
    return [state.get("Default", state.get("Next", "")), *(jump["Next"] for jump in jumps)]


def assigned(compilation: Compilation, name: str) -> dict[str, Any]:
    """What a state assigns on its regular way, `{}` for nothing."""
    return dict(states(compilation)[name].get("Assign", {}))
