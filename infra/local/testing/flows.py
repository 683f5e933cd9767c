"""A workflow as tests see it: its steps, which of them call something, and the decisions that its machine takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, Final

from infra.local.mocking.tasks import loops_of
from workflow_engine.language.walk import walk_steps
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.state_names import CHECK, GUARD, JOIN, SWITCH, UNTIL, WHILE, role_of, step_of
from workflow_engine.suggestions import suggest

CONTAINERS: Final = frozenset({"map", "loop", "switch"})
_PREFIXED: Final = ("tool", "agent", "type", "subflow", "http")


@dataclass(frozen=True, slots=True)
class FlowStep:
    """A step of the document. `calls` says whether it is a task, which mocks can stand in for; `has_state` whether a state of the
    machine is its own.
    """

    step_id: str
    step_type: str
    pointer: str
    calls: bool
    has_state: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A way that a decision may take: the Choice's state and rule (None is its Default), and what it means."""

    state: str
    rule: int | None
    step_id: str
    told: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A compiled workflow."""

    document: Mapping[str, Any]
    steps: Mapping[str, FlowStep]
    branches: tuple[Branch, ...] = ()
    loops: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    subflows: frozenset[str] = frozenset()
    children: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, document: Mapping[str, Any], machine: Mapping[str, Any]) -> Flow:
        """What a document and the machine that it is compiled to say."""
        states = dict(_states(machine))
        tasks = {step_of(name) for name, state in states.items() if state["Type"] == "Task"}
        own = {step_of(name) for name in states if role_of(name) in ("", "each", SWITCH, UNTIL, WHILE, "try")}
        found = {
            str(step["step_id"]): FlowStep(
                str(step["step_id"]),
                str(step.get("step_type", "")),
                pointer,
                step["step_id"] in tasks,
                step["step_id"] in own,
            )
            for pointer, step in walk_steps(dict(document))
            if isinstance(step.get("step_id"), str)
        }
        configs = [(step.get("step_type"), _config(step)) for _, step in walk_steps(dict(document))]
        return cls(
            document,
            found,
            tuple(
                branch
                for name, state in states.items()
                if state["Type"] == "Choice"
                for branch in _branches(name, state)
            ),
            loops_of(document),
            frozenset(str(config["agent_id"]) for _, config in configs if "agent_id" in config),
            frozenset(
                str(config["workflow_id"]) for kind, config in configs if kind == "subflow" and "workflow_id" in config
            ),
        )

    def address_problem(self, address: str, others: Mapping[str, FlowStep]) -> str | None:
        """Why nothing of this flow can be mocked under an address; None where something may. `others` are steps of its subflows."""
        kind, colon, name = address.partition(":")
        if colon and kind in _PREFIXED:
            return self._kind_problem(kind, name, others)
        step = self.steps.get(address) or others.get(address)
        if step is None:
            return f"There is no step '{address}'.{suggest(address, [*self.steps, *others])}"
        if step.calls:
            return None
        if step.step_type in CONTAINERS:
            return f"'{address}' is a {step.step_type}, which runs as it is. Mock the steps in it that call something."
        if step.step_type == "delay":
            return f"'{address}' waits, and time is skipped in tests: leave the mock out."
        return (
            f"'{address}' ({step.step_type}) is computed in the machine and calls nothing, so it runs as it is. Give the run "
            "another input, or mock the steps that it reads."
        )

    def _kind_problem(self, kind: str, name: str, others: Mapping[str, FlowStep]) -> str | None:
        types = {step.step_type for step in (*self.steps.values(), *others.values())}
        if kind == "type" and name not in types:
            return f"No step has the type '{name}'.{suggest(name, types)}"
        if kind == "subflow" and name not in self.subflows:
            return f"No step starts the workflow '{name}'.{suggest(name, self.subflows)}"
        if kind == "agent" and name not in self.agents and not others:
            return f"No step asks the agent '{name}'.{suggest(name, self.agents)}"
        return None


def _config(step: Mapping[str, Any]) -> Mapping[str, Any]:
    made: dict[str, Any] = {}
    for name in ("parameters", "config"):
        given = step.get(name)
        made |= given if isinstance(given, Mapping) else {}
    return made


def _states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in (*state.get("Branches", ()), *(state[k] for k in ("ItemProcessor",) if k in state)):
            yield from _states(inner)


def _branches(name: str, state: Mapping[str, Any]) -> Iterator[Branch]:
    """The ways of a Choice in the words of the document; none for decisions that are no author's."""
    step_id, rules = step_of(name), state["Choices"]
    match role_of(name):
        case role if role == SWITCH:
            for index in range(len(rules)):
                yield Branch(name, index, step_id, f"case {index + 1} of `{step_id}`")
            yield Branch(name, None, step_id, f"the default of `{step_id}`")
        case role if role == GUARD:
            yield Branch(name, None, step_id, f"`{step_id}` run")
            yield Branch(name, 0, step_id, f"`{step_id}` skipped")
        case role if role in (WHILE, UNTIL):
            yield from _turns(name, step_id, rules)
        case role if role == JOIN:
            yield Branch(name, None, step_id, f"no failure in what runs beside `{step_id}`")
            yield Branch(name, 0, step_id, f"a failure in what runs beside `{step_id}`")
        case role if role == CHECK:
            yield Branch(name, None, step_id, f"the time of `{step_id}`")


def _turns(name: str, step_id: str, rules: list[Mapping[str, Any]]) -> Iterator[Branch]:
    """A loop goes on, ends, or runs out of turns."""
    for index in range(len(rules)):
        yield Branch(name, index, step_id, ("the end of", "another turn of")[min(index, 1)] + f" loop `{step_id}`")
    yield Branch(name, None, step_id, f"loop `{step_id}` out of turns")
