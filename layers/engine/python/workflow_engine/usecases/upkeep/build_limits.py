"""What a build must keep to beside being faster: whatever ran in a version as it was saved must run in it.

Another order of the same steps may be dearer, leave a run less room for its history, or bring outputs together in one state that
were apart before, which is a failure of the run where they are too large for that. Of the first two the plans tell; how large
outputs are, the results that were kept of recent runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws_quotas import PAYLOAD_BYTES
from workflow_engine.compiler.reports.run_time import OWN
from workflow_engine.store.items import dump
from workflow_engine.store.run_lists import RunFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflow_engine.compiler import Compilation
    from workflow_engine.store.workflows import StoredWorkflow
    from workflow_engine.usecases.engine import Engine

RUNS_LOOKED_AT: Final = 50
"""Of the newest completed ones of the workflow; of some no results are kept."""

FEWEST_RUNS: Final = 10
"""Whose outputs must be known."""

GROWTH: Final = 2
"""What was seen may become so many times as large and still have room."""


def is_within_limits(
    engine: Engine, workflow: StoredWorkflow, saved: Compilation, built: Compilation, gain: float
) -> bool:
    """Whether a build may take the place of the version as it stands: `saved` is the version compiled without hints, `gain` the
    share of a run's time that `built` saves.
    """
    return (
        _added_cost(built, saved.plan, workflow.compiled.plan) <= gain
        and _has_as_much_room_for_lists(saved, built)
        and _fits_together(engine, workflow, _newly_together(saved, built))
    )


def _added_cost(built: Compilation, *before: Mapping[str, Any]) -> float:
    """The share by which a run gets dearer than by any of these plans: by the states that it enters, at most."""
    most = max(map(_transitions, before))
    return _transitions(built.plan) / most - 1 if most else 0.0


def _transitions(plan: Mapping[str, Any]) -> float:
    return float(plan["transitions_max"] or plan["transitions_min"] or 0)


def _has_as_much_room_for_lists(saved: Compilation, built: Compilation) -> bool:
    """Whether no list that was short enough for the history of a run is too long now. Where all sizes are known the plan has
    made sure of it.
    """
    if saved.plan["history_events_max"] is not None:
        return True
    bodies = {container: trees for container, trees in saved.structure.items() if container != OWN}
    of_elements = all(built.structure[container] == trees for container, trees in bodies.items())
    return of_elements and bool(built.plan["history_events_min"] <= saved.plan["history_events_min"])


def _newly_together(saved: Compilation, built: Compilation) -> list[frozenset[str]]:
    """The steps of each Parallel whose outputs leave it together, where those of no Parallel did before."""
    return [steps for steps in built.together if len(steps) > 1 and not any(steps <= known for known in saved.together)]


def _fits_together(engine: Engine, workflow: StoredWorkflow, together: Iterable[frozenset[str]]) -> bool:
    together = list(together)
    if not together:
        return True
    largest = _largest_outputs(engine, workflow, frozenset().union(*together))
    if largest is None:
        return False
    return all(sum(largest[step_id] for step_id in steps) * GROWTH <= PAYLOAD_BYTES for steps in together)


def _largest_outputs(engine: Engine, workflow: StoredWorkflow, steps: frozenset[str]) -> dict[str, int] | None:
    """The most bytes that an output of each of these steps had in recent runs of the version; None where too few tell, or none
    tells of one of the steps, which was skipped in all of them.
    """
    wanted = RunFilter(workflow_id=workflow.id, status="completed")
    page = engine.executions.page(workflow.tenant_id, wanted, RUNS_LOOKED_AT)
    largest: dict[str, int] = {}
    known = 0
    for run in page.runs:
        if run.record["workflow_version"] != workflow.version:
            continue
        kept = engine.results.find(workflow.tenant_id, run.record["execution_id"])
        if kept is None:
            continue
        known += 1
        for result in kept.steps.read(0, kept.steps.total, lambda key: _step_of(key) in steps):
            if result.result["status"] == "completed":
                size = result.large.size if result.large else len(dump(result.result["output_data"]).encode())
                largest[_step_of(result.key)] = max(largest.get(_step_of(result.key), 0), size)
    return largest if known >= FEWEST_RUNS and largest.keys() == steps else None


def _step_of(key: str) -> str:
    """The id of the step that a key of results is of: `inner` of `outer[3].inner`."""
    return key[key.rfind(".") + 1 :].partition("[")[0]
