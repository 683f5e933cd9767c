"""Workflows: validated, compiled and stored."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from workflow_engine.language.differences import ChangeKind
from workflow_engine.usecases.answers.problems import Finding
from workflow_engine.usecases.answers.values import Count, Cursor, Id, Object, Time, Version


class Costs(TypedDict):
    """US dollars."""

    transitions: float | None
    """Of the states that are entered. Null where a size is not known."""


class PlannedPart(TypedDict):
    """A step, or parts one after the other, or parts beside each other, with the seconds between which they are planned."""

    step: NotRequired[str]
    """The id of a step; it has neither parts."""
    after: NotRequired[list[str]]
    """The steps that it waits for, without those that another of these waits for anyway."""
    sequence: NotRequired[list[PlannedPart]]
    parallel: NotRequired[list[PlannedPart]]
    bodies: NotRequired[list[PlannedPart]]
    """Of a container: its steps, or those of each case of a switch that has any. They count from the start of the body."""
    start: float
    end: float


class SerialisedPair(TypedDict):
    """A step that waits for another by no dependency, since the machine has no other place for it."""

    before: str
    after: str
    seconds: float
    """How much later it starts than it could."""


class PlannedCost(TypedDict):
    """What AWS takes for the states of one step each time that it runs, in US dollars, without the steps in it."""

    usd: float
    """When it is not skipped and each attempt succeeds."""
    most_usd: float
    """With all the retries that it may make, and what handles its failure."""
    each: NotRequired[PlannedCost]
    """And besides for each element of its list, or turn of its loop."""


class Plan(TypedDict):
    """What a run costs and takes, from the graph alone. Maxima are null where a size is not known."""

    states: Count
    transitions_min: Count | None
    transitions_max: Count | None
    history_events_min: Count | None
    history_events_max: Count | None
    definition_bytes: Count
    critical_path_seconds: float | None
    ideal_seconds: float | None
    parallel_width: Count
    structure: NotRequired[PlannedPart | None]
    """When a run does what. Null without steps; workflows saved earlier have none."""
    critical_path: NotRequired[list[str]]
    """The steps that decide when the run ends, in order."""
    serialised_pairs: NotRequired[list[SerialisedPair]]
    """The hundred that cost most, at most."""
    cost_usd_per_1000_runs: Costs
    step_costs_usd: NotRequired[dict[str, PlannedCost]]
    """By step id, steps inside of others included. Workflows saved earlier have none."""
    warnings: list[Finding]


class StepValidation(TypedDict):
    """The findings of one step."""

    is_valid: bool
    errors: list[Finding]


class ValidationReport(TypedDict):
    """What is wrong with a workflow, and what a run of it would cost."""

    is_valid: bool
    errors: list[Finding]
    warnings: list[Finding]
    plan: Plan | None
    """Null when the workflow is invalid."""
    step_validation: dict[str, StepValidation]
    """By step id."""


class CompiledWorkflow(TypedDict):
    """What a workflow becomes."""

    asl: Object
    """The state machine in Amazon States Language (JSONata)."""
    plan: Plan
    diagram: str
    """The structure as a Mermaid diagram."""
    bindings: Object
    """What a run passes to the machine beside its input."""


class WorkflowSummary(TypedDict):
    """A version of a workflow as lists have it."""

    workflow_id: str
    id: Id
    version: Version
    name: str
    description: str | None
    created_at: Time
    updated_at: Time


class ListedWorkflow(WorkflowSummary):
    """A workflow in use, in its newest version."""

    tags: Any
    """Those of the workflow; null as well where it was last saved before lists had them."""


class ListedWorkflowPage(TypedDict):
    """Workflows in use, newest first. A page of a filtered list may be short, or empty, and go on."""

    items: list[ListedWorkflow]
    next_cursor: Cursor


class WorkflowPage(TypedDict):
    """Versions of workflows."""

    items: list[WorkflowSummary]
    next_cursor: Cursor


class WorkflowChange(TypedDict):
    """A change from one version to another."""

    kind: ChangeKind
    pointer: str
    """Where it is in the later version; of what was removed, in the earlier one."""
    before: Any
    after: Any
    """The value, null where there is none; of what was only brought into another order, the keys or step ids."""


class StepChanges(TypedDict):
    """Ids of steps, at whatever depth."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class PlanChange(TypedDict):
    """A figure of the plan. Null where a size is not known."""

    before: float | None
    after: float | None


class WorkflowDiff(TypedDict):
    """What is different between two versions."""

    workflow_id: str
    from_version: Version
    to_version: Version
    changes: list[WorkflowChange]
    steps: StepChanges
    plan: dict[str, PlanChange]
    """The figures of the plan that are different, and `transitions_usd_per_1000_runs`."""


class WorkflowBuild(TypedDict):
    """What runs of a version are started with: the first build is made when it is saved, further ones when the durations of its
    steps have shown that another order makes runs shorter.
    """

    number: Version
    since: Time
    expected_gain: float | None
    """The share of a run's time that it was expected to save against the build before; null for the first."""
    samples: Count | None
    """By how many runs; null for the first."""


class WorkflowBuildPage(TypedDict):
    """Builds of a version, newest first."""

    items: list[WorkflowBuild]
    next_cursor: Cursor


class StoredWorkflow(TypedDict):
    """A version of a workflow."""

    workflow_id: str
    id: Id
    version: Version
    name: str
    content_hash: str
    """SHA-256 of the workflow; the order of keys does not matter."""
    created_at: Time
    updated_at: Time
    created_by: str | None
    paused_at: Time | None
    """Since when the workflow is not to be started, whatever the version; null when it may be."""
    paused_by: str | None
    pause_reason: str | None
    resumed_at: Time | None
    """When the last pause ended."""
    resumed_by: str | None
    build: WorkflowBuild
    plan: Plan
    """That of the build."""
    workflow: Object
    """The workflow as it was saved."""
    configuration: Object
    """The same as `workflow`."""
    warnings: NotRequired[list[Finding]]
    """In answers to saving: what may go wrong all the same, such as an agent that does not exist now."""


class ExecutedWorkflow(TypedDict):
    """What a run runs, as it was when the run began."""

    execution_id: Id
    workflow_id: str
    workflow_version: Version
    build: Version | None
    """The build of the version; null for a rerun from a step, which runs what is left of the workflow."""
    workflow: Object
    """The document."""
    plan: Plan
    reused_steps: list[str]
    """Steps of a rerun that it does not run, since the earlier run has done them."""
