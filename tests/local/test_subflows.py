"""Subflows on a laptop whose server ends in the middle: one child each, which goes on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from tests.local.test_killed_server import server
from tests.support.http_client import ApiClient
from tests.support.looking import awaited

pytestmark = pytest.mark.xdist_group("local-cloud")

ASKS: Final[dict[str, Any]] = {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Go on?"}}
DECISION: Final = {"decision": "run_inner.subflow_output.decision"}


def saved(cloud: LocalCloud, workflow_id: str, *steps: dict[str, Any], **fields: Any) -> None:
    status, answer = cloud.call("PUT", f"/workflows/{workflow_id}", {"name": workflow_id, "steps": [*steps], **fields})
    assert status == 201, answer


def sub(workflow_id: str, **fields: Any) -> dict[str, Any]:
    config = {"workflow_id": workflow_id}
    return {"step_id": f"run_{workflow_id}", "step_type": "subflow", "config": config, **fields}


def started(cloud: LocalCloud, workflow_id: str) -> str:
    status, answer = cloud.call("POST", f"/workflows/{workflow_id}/execute", {})
    assert status == 202, answer
    return str(answer["execution_id"])


def results(cloud: LocalCloud, execution_id: str) -> Any:
    return awaited(
        lambda: (
            found
            if (found := cloud.call("GET", f"/executions/{execution_id}/results")[1])["status"]
            in ("completed", "failed")
            else None
        )
    )


def has_completed_once(cloud: LocalCloud, workflow_id: str) -> bool:
    return [r["status"] for r in runs(cloud, workflow_id)] == ["completed"]


def runs(cloud: LocalCloud, workflow_id: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = cloud.call("GET", f"/executions?workflow_id={workflow_id}")[1]["items"]
    return listed


def three_levels(cloud: LocalCloud) -> None:
    saved(cloud, "inner", ASKS, output={"decision": "ask.decision"})
    saved(cloud, "middle", sub("inner"), output=DECISION)
    saved(cloud, "outer", sub("middle"), output={"decision": "run_middle.subflow_output.decision"})


def test_a_run_three_deep_goes_on_with_the_same_children_after_a_restart(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    with LocalCloud(data=data) as cloud:
        three_levels(cloud)
        execution_id = started(cloud, "outer")
        (asked,) = awaited(lambda: cloud.call("GET", "/approvals")[1]["items"])
    with LocalCloud(data=data) as cloud:
        inner = asked["execution_id"]
        assert [r["execution_id"] for r in runs(cloud, "inner")] == [inner]
        assert runs(cloud, "inner")[0]["status"] == "waiting"
        status, _ = cloud.call("POST", f"/executions/{inner}/steps/ask/approve", {})
        assert status == 200
        found = results(cloud, execution_id)
        assert (found["status"], found["output"]) == ("completed", {"decision": "approved"})
        for workflow_id in ("inner", "middle", "outer"):
            awaited(partial(has_completed_once, cloud, workflow_id))


def test_a_killed_server_starts_no_second_child(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    with server(tmp_path) as (process, api):
        inner = {"name": "inner", "steps": [ASKS], "output": {"decision": "ask.decision"}}
        assert api.call("PUT", "/workflows/inner", inner).status == 201
        each = sub("inner", for_each="input.list", input_mapping={"n": "item"})
        assert api.call("PUT", "/workflows/outer", {"name": "outer", "steps": [each]}).status == 201
        execution_id = api.post("/workflows/outer/execute", {"input": {"list": [1, 2, 3]}}).body["execution_id"]
        process.kill()
    with server(tmp_path) as (_, api):
        asked = awaited(lambda: found if len(found := approvals(api)) == 3 else None)
        for approval in asked:
            assert api.post(f"/executions/{approval['execution_id']}/steps/ask/approve", {}).status == 200
        found = api.results(execution_id)
        assert found["status"] == "completed", found["error"]
        children = api.get("/executions?workflow_id=inner").body["items"]
        assert sorted(r["execution_id"] for r in children) == sorted(a["execution_id"] for a in asked)


def approvals(api: ApiClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("/approvals").body["items"]
    return items
