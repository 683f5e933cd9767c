"""One compilation while it goes on: the names given out, and what moves from the definition into the execution input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Protocol

from workflow_engine.compiler.catalogue import CompilerCatalogue, Lowering, TaskLowering
from workflow_engine.compiler.graph import StepGraph
from workflow_engine.compiler.hints import Hints
from workflow_engine.compiler.ir import Node
from workflow_engine.compiler.jsonata.fragments import NULL, Fragment, Text
from workflow_engine.compiler.jsonata.states import from_input
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.sizes import Size, size_of
from workflow_engine.compiler.records import CAUGHT_AS_TOLD, CAUGHT_OF_CHILD, Caught
from workflow_engine.compiler.structure import Duration, Tree
from workflow_engine.language.diagnostics import Diagnostic, Json
from workflow_engine.language.reads import all_steps
from workflow_engine.language.syntax import LiteralValue, ScopeReference, Step, StepReference, Template
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.state_names import derived_name


class ContainerLowerer(Protocol):
    """`lower.containers.lower_container`, handed over because it lowers bodies, which lower steps."""

    def __call__(
        self, unit: Unit, step: Step, scope: Scope, *, keeps_record: bool, keeps_output: bool
    ) -> tuple[Node, ...]: ...


@dataclass(frozen=True, slots=True)
class Body:
    """A graph of steps, the tree that it became, and the durations that this was built for, None where unknown."""

    graph: StepGraph
    tree: Tree
    durations: tuple[Duration | None, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The ids, by vertex."""
        return tuple(step.step_id for step in self.graph.steps)


@dataclass(slots=True)
class Unit:
    """Shared by all bodies of one workflow. `sequential` says that every body is a chain in step order.

    `constants` are fields of pure steps' outputs that are known before the run, by step id, and `handed_on` those that are
    parts of the run's input; `step_types` are the types of the steps that were lowered so far, without aliases, and
    `no_inputs` says of those whose output is nothing to work on why. `bodies` are those lowered so far, by pointer.
    `read_after_failure` is what failure steps read.
    """

    catalogue: CompilerCatalogue
    sequential: bool
    variables: Mapping[str, Json]
    hints: Hints
    container: ContainerLowerer
    config: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    literals: dict[str, dict[str, Json]] = field(default_factory=dict)
    timeouts: dict[str, int] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    endpoints: dict[str, None] = field(default_factory=dict)
    output_schemas: dict[str, None] = field(default_factory=dict)
    activities: dict[str, str] = field(default_factory=dict)
    subflows: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    warnings: list[Diagnostic] = field(default_factory=list)
    constants: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    handed_on: dict[str, Mapping[str, ScopeReference]] = field(default_factory=dict)
    step_types: dict[str, str] = field(default_factory=dict)
    no_inputs: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Body] = field(default_factory=dict)
    read_after_failure: tuple[StepReference, ...] = ()
    variables_size: Size = field(init=False)
    _taken: set[str] = field(default_factory=set)
    _lowerings: dict[str, Lowering] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variables_size = size_of(self.variables)

    def lowering(self, step: Step) -> Lowering:
        """How the step is lowered."""
        known = self._lowerings.get(step.step_id)
        if known is None:
            known = self._lowerings[step.step_id] = lowering_of(step, self.catalogue)
        return known

    def caught(self, step: Step) -> Caught:
        """What a Catcher around the step tells of a failure: one of a subflow, in it too, as that of its own run."""
        inside = all_steps((step,))
        of_child = any(isinstance(found := self.lowering(s), TaskLowering) and found.starts_child for s in inside)
        return CAUGHT_OF_CHILD if of_child else CAUGHT_AS_TOLD

    def output_fields(self, step: Step) -> frozenset[str]:
        """Keys that every output of the step is sure to have."""
        found = self.catalogue.find(step.step_type)
        return found.output_fields if found is not None and step.for_each is None else frozenset()

    def takes_input(self, step: Step) -> bool:
        """Whether the step's output depends on input_data."""
        found = self.catalogue.find(step.step_type)
        return found is None or found.takes_input

    def state_name(self, step_id: str, suffix: str) -> str:
        """A free name for a state around a step, `state_names.derived_name`."""
        number = 1
        while (name := derived_name(step_id, suffix, number)) in self._taken:
            number += 1
        self._taken.add(name)
        return name

    def literal(self, step_id: str, value: Json) -> Fragment:
        """Puts a literal of the workflow into the execution input, so that workflows of equal shape share one machine."""
        mine = self.literals.setdefault(step_id, {})
        key = f"p{len(mine)}"
        mine[key] = value
        return from_input("literals", step_id, key)

    def config_of(self, step: Step) -> Fragment:
        """The step's whole configuration, as the execution input has it."""
        if not step.config:
            return Text("{}")
        self.config[step.step_id] = step.config
        return from_input("config", step.step_id)

    def config_value(self, step: Step, key: str) -> Fragment:
        """One top-level configuration value; null when the client gave none."""
        if key not in step.config:
            return NULL
        self.config[step.step_id] = step.config
        return from_input("config", step.step_id, key)

    def bindings(self) -> dict[str, Any]:
        """What the execution input carries besides the client's input, the ARNs, endpoints and the run's identity. The
        aliases among `functions` whose steps are sent to an endpoint are also in `endpoints`, those whose outputs are checked after
        them in `output_schemas`, where there are any; `activities` has
        the ARNs of activities by step type, `subflows` the configurations of subflow steps by step id, where there are any.
        """
        return {
            "config": {k: dict(v) for k, v in sorted(self.config.items())},
            "literals": dict(sorted(self.literals.items())),
            "timeouts": dict(sorted(self.timeouts.items())),
            "variables": dict(self.variables),
            "functions": sorted(self.functions),
            **({"endpoints": sorted(self.endpoints)} if self.endpoints else {}),
            **({"output_schemas": sorted(self.output_schemas)} if self.output_schemas else {}),
            **({"activities": dict(sorted(self.activities.items()))} if self.activities else {}),
            **({"subflows": dict(sorted(self.subflows.items()))} if self.subflows else {}),
        }


def lowering_of(step: Step, catalogue: CompilerCatalogue) -> Lowering:
    """How the step's type and configuration are lowered. The language has made sure that the type exists."""
    found = catalogue.find(step.step_type)
    assert found is not None, step.step_type
    lowering = found.lowering(step.config)
    # A step that may fail takes two states as a Pass, one more than as a Task.
    if isinstance(lowering, TaskLowering) and step.critical:
        return lowering.of_text.get(_only_text(step), lowering)
    return lowering


def _only_text(step: Step) -> str:
    """The name of the step's one input, if that is a text whatever the run brings; else "", which names none."""
    match list((step.input_mapping or {}).items()):
        case [(name, Template() | StepReference(facet="status") | LiteralValue(value=str()))]:
            return name
    return ""
