"""A run of a server is recorded, and replayed it ends as it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.local.client_transport import GatewayTransport
from infra.local.cloud import LocalCloud
from infra.local.testing.flows import Flow
from infra.local.testing.format import read_test_file
from infra.local.testing.recording import Recorded, recorded, recording_text
from infra.local.testing.running import Bench
from infra.local.testing.session import Session
from workflow_engine.client import Client
from workflow_engine.documents.yaml_text import read_yaml

WORKFLOW: dict[str, Any] = {
    "name": "w",
    "execution_pattern": "dependency",
    "steps": [
        {
            "step_id": "all",
            "step_type": "map",
            "config": {
                "items": "input.items",
                "max_items": 5,
                "steps": [{"step_id": "one", "step_type": "flaky", "max_retries": 2, "input_mapping": {"v": "item"}}],
            },
        },
        {
            "step_id": "again",
            "step_type": "loop",
            "config": {
                "until": "look.n >= 2",
                "max_iterations": 5,
                "steps": [{"step_id": "look", "step_type": "counting"}],
            },
        },
        {"step_id": "last", "step_type": "broken", "critical": False},
    ],
    "output": {"all": "all", "again": "again", "why": "last.error"},
}
STEPS = """
seen = {}
def flaky(event, context):
    v = event["input_data"]["v"]
    seen[v] = seen.get(v, 0) + 1
    if v == 2 and seen[v] < 3:
        raise ValueError("not yet")
    return {"v": v, "password": "hunter2-hunter2"}
def counting(event, context):
    seen["n"] = seen.get("n", 0) + 1
    return {"n": seen["n"]}
def broken(event, context):
    raise KeyError("the password is hunter2-hunter2")
"""


def test_a_run_is_replayed_as_it_was_without_its_secrets(tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    steps.mkdir()
    (steps / "own.py").write_text(STEPS)
    types = ("flaky", "counting", "broken")
    (steps / "steps.json").write_text(json.dumps([{"step_type": name, "handler": f"own:{name}"} for name in types]))
    with LocalCloud(steps_directory=steps, skips_time=True) as cloud:
        status, started = cloud.call("POST", "/workflows/execute", {"workflow": WORKFLOW, "input": {"items": [1, 2]}})
        assert status == 202, started
        cloud.wait_for_an_end(30)
        run = recorded(Client(GatewayTransport(cloud)), started["execution_id"])
    assert run.results["status"] == "completed"
    with Bench(steps) as bench:
        text = recording_text(run, bench.flow)
    assert "hunter2" not in text
    assert "index = 1 and attempt = 3" in text
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "run.yaml").write_text(text)
    (tmp_path / "w.json").write_text(json.dumps(WORKFLOW))
    (tmp_path / "w.test.yaml").write_text(
        "cases:\n"
        "  - name: as it was\n"
        "    recording: recordings/run.yaml\n"
        "    expect:\n"
        "      status: completed\n"
        "      output: {again: {look: {n: 2}}, all: [{one: {v: 1}}, {one: {v: 2}}], why: {type: KeyError}}\n"
        "      calls: {one: 4, look: 2, last: 1}\n"
    )
    file = read_test_file(tmp_path / "w.test.yaml")
    with Session() as session:
        assert session.run(file, file.cases[0]).failures == ()


def test_a_name_of_several_lines_stays_in_the_comment() -> None:
    results = {"execution_id": "r", "status": "completed", "started_at": "2026-01-05T09:00:00Z", "step_results": {}}
    run = Recorded({**results, "metadata": {"workflow_name": "w\nmocks: {a: 1}"}}, {"steps": []}, None)
    text = recording_text(run, lambda _: Flow({}, {}))
    assert read_yaml(text)[0] == {"input": None, "now": "2026-01-05T09:00:00Z", "mocks": {}}
