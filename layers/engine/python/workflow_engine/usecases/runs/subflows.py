"""What a run may start as subflows, at any depth, fixed when the run starts: versions, machines, configurations, functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from workflow_engine.compiler import child_entry
from workflow_engine.errors import ConflictError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.subflows import MAX_DEPTH
from workflow_engine.usecases.runs.paused import refuse_paused

if TYPE_CHECKING:
    from workflow_engine.store.workflows import StoredWorkflow
    from workflow_engine.usecases.engine import Engine
    from workflow_engine.usecases.runs.bound import Bound

FunctionsOf = Callable[["StoredWorkflow"], "Bound"]
"""Gives what a workflow's steps are bound to. Raises ConflictError."""


@dataclass(frozen=True, slots=True)
class Subflows:
    """`children` of an execution input, by names of their own, and which of them each subflow step of the run itself starts."""

    children: Mapping[str, Mapping[str, Any]]
    starts: Mapping[str, str]


def fix_subflows(engine: Engine, workflow: StoredWorkflow, functions_of: FunctionsOf) -> Subflows | None:
    """Find all that a run of this workflow may start, and keep its machines from being deleted for lack of use; None for a
    workflow without subflows.

    Raises ConflictError: a workflow or version that is not there, a cycle, too many levels, a step type that is no longer
    registered; PausedError.
    """
    if not workflow.compiled.bindings.get("subflows"):
        return None
    found = _Found(engine, functions_of)
    starts = found.starts_of(workflow, (_name(workflow),))
    now = engine.timestamp()
    for parent_arn, machine_arns in found.started_by(workflow.compiled.machine_arn, starts):
        for machine_arn in sorted(machine_arns):
            engine.machine_records.note_parent(machine_arn, parent_arn, now)
    return Subflows(found.children, starts)


@dataclass(frozen=True, slots=True)
class _Found:
    """Workflows that may be started, each once, by `<id>@<version>`."""

    engine: Engine
    functions_of: FunctionsOf
    children: dict[str, dict[str, Any]] = field(default_factory=dict)
    heights: dict[str, int] = field(default_factory=dict)
    """Levels of subflows below each."""

    def starts_of(self, workflow: StoredWorkflow, path: tuple[str, ...]) -> dict[str, str]:
        """Which child each subflow step of a workflow starts. `path` are the workflows that led to it, itself included."""
        starts = {}
        for step_id, config in workflow.compiled.bindings.get("subflows", {}).items():
            child = self._workflow(workflow, step_id, config)
            name = _name(child)
            here = (*path, name)
            if name in path:
                raise ConflictError(f"The workflow starts itself as a subflow: {' -> '.join(here)}.")
            if len(here) - 1 > MAX_DEPTH:
                raise _too_deep(here)
            if name not in self.children:
                self._add(child, name, here)
            elif len(path) + self.heights[name] > MAX_DEPTH:
                raise _too_deep(here)
            starts[step_id] = name
        return starts

    def _add(self, child: StoredWorkflow, name: str, path: tuple[str, ...]) -> None:
        compiled = child.compiled
        starts = self.starts_of(child, path)
        machine_arn = self.engine.machines.standing(compiled.machine_hash)
        if machine_arn is None:
            raise ConflictError(f"The machine of workflow '{child.id}' is gone. Save the workflow again.")
        if machine_arn != compiled.machine_arn:
            self.engine.workflows.replace_machine(child, machine_arn)
        bound = self.functions_of(child)
        self.heights[name] = max((self.heights[inner] + 1 for inner in starts.values()), default=0)
        self.children[name] = child_entry(
            compiled.bindings,
            machine_arn=machine_arn,
            workflow_id=child.id,
            workflow_version=child.version,
            workflow_build=child.build_number,
            workflow_name=child.name,
            functions=bound.functions,
            endpoints=bound.endpoints,
            output_schemas=bound.output_schemas,
            subflows=starts,
        )

    def _workflow(self, parent: StoredWorkflow, step_id: str, config: Mapping[str, Any]) -> StoredWorkflow:
        id_, version = config["workflow_id"], config.get("version")
        child = self.engine.workflows.find(parent.tenant_id, id_, None if version is None else int(version))
        if child is None:
            which = "" if version is None else f" in version {int(version)}"
            raise ConflictError(
                f"Step '{step_id}' of workflow '{parent.name}' runs the workflow '{id_}'{which} as a subflow, which is not there."
            )
        refuse_paused(child if version is None else self.engine.workflows.find(parent.tenant_id, id_))
        return child

    def started_by(self, machine_arn: str, starts: Mapping[str, str]) -> list[tuple[str, set[str]]]:
        """Each machine that starts others, with the machines of all levels below it."""
        below: dict[str, set[str]] = {}

        def machines_below(names: Mapping[str, str]) -> set[str]:
            found = set[str]()
            for name in names.values():
                found |= {self.children[name]["machine"], *machines_of(name)}
            return found

        def machines_of(name: str) -> set[str]:
            if name not in below:
                below[name] = machines_below(self.children[name]["start"].get("subflows", {}))
            return below[name]

        own = machines_below(starts)
        inner = [(self.children[name]["machine"], machines) for name, machines in below.items() if machines]
        return [(machine_arn, own), *inner]


def _name(workflow: StoredWorkflow) -> str:
    return f"{workflow.id}@{workflow.version}"


def _too_deep(path: tuple[str, ...]) -> ConflictError:
    return ConflictError(f"Subflows may be {MAX_DEPTH} levels deep; these are deeper: {' -> '.join(path)}.")
