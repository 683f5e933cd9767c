"""The scopes of a machine: the machine itself, each branch of a Parallel, each item processor of a Map.

A scope has its own States, its own transitions and its own variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_engine.compiler.verify.rules import Path, Violation, violation
from workflow_engine.lazy_dataclass import dataclass

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """One States object. `parent` is the index of the enclosing scope in the list of scopes, -1 for the machine, and
    `owner` the name of the Parallel or Map state there. States that are no objects are left out."""

    path: Path
    start: str
    states: Mapping[str, State]
    parent: int
    owner: str
    distributed: bool


def find_scopes(machine: Mapping[str, Any]) -> tuple[list[Scope], list[Violation]]:
    """All well-formed scopes, an enclosing one before those inside it, and what is wrong with the others."""
    scopes: list[Scope] = []
    found: list[Violation] = []
    waiting: list[tuple[Any, Path, int, str, bool]] = [(machine, (), -1, "", False)]
    for value, path, parent, owner, distributed in waiting:
        start, states = (value.get("StartAt"), value.get("States")) if isinstance(value, Mapping) else (None, None)
        if not isinstance(start, str) or not isinstance(states, Mapping) or not states:
            found.append(violation("ASL-TOP-LEVEL", path, "StartAt (text) and a non-empty States are required."))
            continue
        objects = {name: state for name, state in states.items() if isinstance(state, Mapping)}
        found += [
            violation("ASL-STATE-TYPE", (*path, "States", name), "A state must be an object.")
            for name in states
            if name not in objects
        ]
        scopes.append(Scope(path, start, objects, parent, owner, distributed))
        for name, state in objects.items():
            waiting += [
                (inner, (*path, "States", name, *keys), len(scopes) - 1, name, is_distributed(state))
                for keys, inner in nested_machines(state)
            ]
    return scopes, found


def nested_machines(state: State) -> Iterator[tuple[Path, Any]]:
    """The machines inside a Parallel or Map, with their place in the state."""
    if state.get("Type") == "Parallel" and isinstance(state.get("Branches"), list):
        for index, branch in enumerate(state["Branches"]):
            yield ("Branches", index), branch
    elif state.get("Type") == "Map" and "ItemProcessor" in state:
        yield ("ItemProcessor",), state["ItemProcessor"]


def is_distributed(state: State) -> bool:
    """Whether the state is a Map whose iterations are child executions."""
    processor = state.get("ItemProcessor")
    config = processor.get("ProcessorConfig") if isinstance(processor, Mapping) else None
    return state.get("Type") == "Map" and isinstance(config, Mapping) and config.get("Mode") == "DISTRIBUTED"


def entries(state: State, field: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects in a list field such as Catch, Retry or Choices, with their index."""
    values = state.get(field)
    if isinstance(values, list):
        yield from ((index, value) for index, value in enumerate(values) if isinstance(value, Mapping))
