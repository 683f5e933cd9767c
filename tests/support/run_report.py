"""What a history tells of a run, read as the engine reads it, as one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow_engine.language.diagnostics import Json
from workflow_engine.machines import results
from workflow_engine.machines.costs import Spent
from workflow_engine.machines.outcomes import outcome_of
from workflow_engine.machines.outputs import Outputs


@dataclass(frozen=True, slots=True)
class RunReport:
    """A report with all outputs in it. `step_results` has the shape of GET /executions/{id}/results."""

    status: str
    output: Json
    error: dict[str, Json] | None
    started_at: str | None
    completed_at: str | None
    redrive_count: int
    step_results: dict[str, dict[str, Json]]
    spent: Spent
    costs: dict[str | None, Spent]
    """What each step has cost with its parts; under None what belongs to no step."""


def report(
    events: Iterable[Mapping[str, Any]],
    outline: Mapping[str, Any],
    earlier: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunReport:
    """What the events, oldest first, say about a run of a workflow with this outline. Nothing may be too large to hold.

    `earlier` are the step results of the run whose steps this one takes over.
    """

    def refuse(_: Iterable[bytes]) -> str:
        raise AssertionError("an output of a test was put into the payload store")

    outputs = Outputs(refuse)
    reused = {key: outcome_of(result, outputs.add(result["output_data"])) for key, result in (earlier or {}).items()}
    run = results.report(iter(events), outline, outputs, reused)
    steps = run.steps.read(0, len(run.steps.keys), lambda _key: True)
    return RunReport(
        run.status,
        outputs.value(run.output),
        run.error,
        run.started_at,
        run.completed_at,
        run.redrive_count,
        {key: result | {"output_data": outputs.value(output)} for _, key, result, output in steps},
        run.spent,
        run.steps.costs,
    )


def statuses(run: RunReport) -> dict[str, Any]:
    """The status of each step."""
    return {key: result["status"] for key, result in run.step_results.items()}


def outputs(run: RunReport) -> dict[str, Any]:
    """The output of each step."""
    return {key: result["output_data"] for key, result in run.step_results.items()}
