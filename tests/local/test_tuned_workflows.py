"""A laptop gives stored workflows builds as the cloud does: what was counted is noted, and the clock starts the round."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from infra.catalog import function
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from infra.local.gateway import context_of, load_handler
from infra.local.lambda_context import request_id
from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.store.aggregates.contributions import End, Measured, Told
from workflow_engine.store.aggregates.histogram import bucket_of
from workflow_engine.store.aggregates.step_durations import step_number
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine

TUNER: Final = function("workflow_tuner")
RUNS: Final = 40


def upper(step_id: str, *dependencies: str) -> dict[str, Any]:
    return {
        "step_id": step_id,
        "step_type": "data_processing",
        "dependencies": list(dependencies),
        "input_mapping": {"input": "input.text"},
        "config": {"processing_type": "uppercase"},
    }


N_GRAPH: Final = {
    "name": "N",
    "execution_pattern": "dependency",
    "steps": [upper("a"), upper("b"), upper("c", "a"), upper("d", "a", "b")],
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(data=DataFolder(tmp_path)) as cloud:
        yield cloud


def done(cloud: LocalCloud, method: str, path: str, body: Any = None) -> Any:
    status, answer = cloud.call(method, path, body)
    assert status < 300, answer
    return answer


def count_runs(workflow_id: str) -> None:
    """What the table's stream would tell of runs whose steps b and c took ten seconds each, the others one."""
    milliseconds = {"a": 1_000, "b": 10_000, "c": 10_000, "d": 1_000}
    steps = {step_number(bucket_of(ms), step_id): 1 for step_id, ms in milliseconds.items()}
    nothing = dict.fromkeys(("retries", "tokens_in", "tokens_out", "llm_calls", "transition_nanos", "model_nanos"), 0)
    told = []
    for number in range(RUNS):
        run = LOCAL_TENANT, f"e{number}"
        end = End(LOCAL_TENANT, workflow_id, 1, "completed", str(iso(datetime.now(UTC))), 0, 12_000)
        told += [Told(run, 1, end), Told(run, 2, Measured(0, {**nothing, "groups": 1, "steps": steps}))]
    Engine.from_environment().fold.add(told)


def tick() -> dict[str, int]:
    """What the clock does, without what there was none of."""
    counts: dict[str, int] = load_handler(TUNER)({}, context_of(TUNER, request_id()))
    return {name: number for name, number in counts.items() if number}


def test_a_run_is_read_by_the_build_that_it_was_started_on(cloud: LocalCloud) -> None:
    workflow_id = done(cloud, "POST", "/workflows", N_GRAPH)["workflow_id"]
    path = f"/workflows/{workflow_id}"
    runs = [done(cloud, "POST", f"{path}/execute", {"input": {"text": "one"}})["execution_id"]]
    count_runs(workflow_id)
    assert tick() == {"looked_at": 1, "built": 1}
    assert tick() == {}
    shown = done(cloud, "GET", path)
    assert (shown["version"], shown["build"]["number"], shown["build"]["samples"]) == (1, 2, RUNS)
    runs.append(done(cloud, "POST", f"{path}/execute", {"input": {"text": "two"}})["execution_id"])
    for build, (execution_id, text) in enumerate(zip(runs, ("ONE", "TWO"), strict=True), start=1):
        results = done(cloud, "GET", f"/executions/{execution_id}/results?wait=20")
        assert done(cloud, "GET", f"/executions/{execution_id}")["build"] == build
        assert {key: step["output_data"]["result"] for key, step in results["step_results"].items()} == (
            dict.fromkeys("abcd", text)
        )
        events = done(cloud, "GET", f"/executions/{execution_id}/events?limit=100")["items"]
        assert {event["step"] for event in events if event["type"] == "step.completed"} == set("abcd")
    again = done(cloud, "POST", f"/executions/{runs[0]}/rerun", {"from_step": "d"})["execution_id"]
    rerun = done(cloud, "GET", f"/executions/{again}/results?wait=20")
    assert {step["output_data"]["result"] for step in rerun["step_results"].values()} == {"ONE"}
