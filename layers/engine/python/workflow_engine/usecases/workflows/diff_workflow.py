"""What is different between two versions of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.differences import Change, differences
from workflow_engine.language.walk import walk_steps

if TYPE_CHECKING:
    from workflow_engine.language.diagnostics import Json
    from workflow_engine.usecases.answers import PlanChange, StepChanges, WorkflowDiff
    from workflow_engine.usecases.engine import Caller, Engine

_PLANNED: Final = (
    "states",
    "transitions_min",
    "transitions_max",
    "history_events_max",
    "definition_bytes",
    "critical_path_seconds",
    "parallel_width",
)


def diff(
    engine: Engine, caller: Caller, workflow_id: str, from_version: int | None = None, to_version: int | None = None
) -> WorkflowDiff:
    """The changes from one version to another, by default from the one before to the newest, and what they change in steps, plan
    and cost, as both were saved. Raises NotFoundError, InvalidRequestError when the newest is the first and none is named.
    """
    newest = engine.workflows.newest(caller.tenant_id, workflow_id)
    to_version = to_version or newest.version
    from_version = from_version or to_version - 1
    if from_version < 1:
        raise InvalidRequestError(f"Version {to_version} is the first. Name what to compare it with, by from_version.")
    after = engine.workflows.get(caller.tenant_id, workflow_id, to_version)
    before = engine.workflows.get(caller.tenant_id, workflow_id, from_version)
    changes = list(differences(dict(before.document), dict(after.document)))
    return {
        "workflow_id": workflow_id,
        "from_version": from_version,
        "to_version": to_version,
        "changes": [{"kind": c.kind, "pointer": c.pointer, "before": c.before, "after": c.after} for c in changes],
        "steps": _steps(before.document, after.document, changes),
        "plan": plan_changes(*(engine.workflows.as_saved(version).compiled.plan for version in (before, after))),
    }


def _steps(before: Json, after: Json, changes: Iterable[Change]) -> StepChanges:
    """Ids of the steps, at whatever depth, that there are in one version only, and of those that a change is inside of."""
    old, new = _by_place(before), _by_place(after)
    changed = []
    for change in changes:
        of_this = old if change.kind == "removed" else new
        place = change.pointer
        while place and place not in of_this:
            place = place.rpartition("/")[0]
        changed += [of_this[place]] if place else []
    both = set(old.values()) & set(new.values())
    return {
        "added": [step_id for step_id in new.values() if step_id not in both],
        "removed": [step_id for step_id in old.values() if step_id not in both],
        "changed": [step_id for step_id in dict.fromkeys(changed) if step_id in both],
    }


def _by_place(document: Json) -> dict[str, str]:
    return {place: str(step["step_id"]) for place, step in walk_steps(document) if "step_id" in step}


def plan_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, PlanChange]:
    """The figures that are different, and what the transitions of 1,000 runs cost. Where there was no workflow before, `before` is
    empty, and every figure is new.
    """
    figures: dict[str, PlanChange] = {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in _PLANNED
        if before.get(name) != after.get(name)
    }
    cost = [plan.get("cost_usd_per_1000_runs", {}).get("transitions") for plan in (before, after)]
    if cost[0] != cost[1]:
        figures["transitions_usd_per_1000_runs"] = {"before": cost[0], "after": cost[1]}
    return figures
