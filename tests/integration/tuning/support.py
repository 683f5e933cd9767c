"""What several of these tests need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.integration.support import ME, results_of
from tests.support.random_workflows import timeless
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.usecases.answers import Results
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.upkeep.tune_workflows import FEWEST_RUNS, tune_workflows
from workflow_engine.usecases.workflows import read_workflows, save_workflow

ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-work"


NONE: Final = dict.fromkeys(("looked_at", "built", "kept", "waiting", "ended", "refused", "changed", "failed"), 0)


def work(step_id: str, *dependencies: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "work", "dependencies": list(dependencies), **fields}


N_GRAPH: Final[dict[str, Any]] = {
    "name": "N",
    "workflow_id": "n",
    "execution_pattern": "dependency",
    "steps": [work("a"), work("b"), work("c", "a"), work("d", "a", "b")],
}
"""Not series-parallel: a before c and d, b before d."""


SLOW_B: Final = {"a": 1, "b": 10, "c": 10, "d": 1}


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class Measured:
    """Durations of steps as they were measured, the same in every run."""

    def __init__(self) -> None:
        self.histograms: dict[str, Histogram] = {}

    def step_durations(self, tenant_id: str, workflow_id: str, version: int) -> Mapping[str, Histogram]:
        return self.histograms

    def are(self, seconds: Mapping[str, float], runs: int = FEWEST_RUNS) -> None:
        self.histograms = {step_id: Histogram.of([round(value * 1000)] * runs) for step_id, value in seconds.items()}


def save(engine: Engine, **changes: Any) -> None:
    save_workflow.create(engine, ME, N_GRAPH | changes)


def round_after(engine: Engine, clock: Clock, passed: timedelta = timedelta(0)) -> dict[str, int]:
    """What a round comes to that runs so much later, of a version whose runs were counted; without what is 0."""
    clock.time += passed
    newest = engine.workflows.find(ME.tenant_id, "n")
    engine.tuning.note(ME.tenant_id, "n", newest.version if newest else 1, engine.timestamp())
    return {name: number for name, number in tune_workflows(engine).items() if number}


def number(engine: Engine) -> int:
    return read_workflows.get(engine, ME, "n")["build"]["number"]


def run_once(engine: Engine, **body: Any) -> Results:
    return results_of(engine, start_run.start_stored(engine, ME, "n", {"input": {}, **body}))


def given(results: Results) -> Any:
    """What a run gave, without what tells it from others."""
    steps = {key: (step["status"], step["output_data"]) for key, step in results["step_results"].items()}
    return timeless([results["status"], results["output"], steps])


def with_two_builds(engine: Engine, measured: Measured, clock: Clock, **changes: Any) -> None:
    """Save the workflow, and let it get another build: as it is saved, a run is best where `SLOW_D` is true."""
    save(engine, **changes)
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}


def number_of_machines(engine: Engine) -> int:
    return len(engine.stepfunctions.list_state_machines()["stateMachines"])
