"""`mocks` in the body of execute: on a laptop's server, over its restart, and never on AWS."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from workflow_engine.errors import ForbiddenError
from workflow_engine.settings import Settings
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs.launch import _mock

SEND = {"step_id": "send", "step_type": "http_request", "config": {"url": "https://a.example/x"}}
ASK = {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "?"}}


def results(cloud: LocalCloud, execution_id: str) -> Any:
    for _ in range(100):
        found = cloud.call("GET", f"/executions/{execution_id}/results")[1]
        if found["status"] not in ("running", "waiting", "pending"):
            return found
        cloud.wait_for_an_end(0.1)
    raise AssertionError(found)


def test_a_run_is_mocked_by_its_body_and_others_are_not() -> None:
    workflow = {"name": "w", "steps": [SEND]}
    with LocalCloud() as cloud:
        body = {"workflow": workflow, "mocks": {"send": {"status": 200, "json": {"n": 1}}}}
        status, mocked = cloud.call("POST", "/workflows/execute", body)
        assert status == 202
        assert results(cloud, mocked["execution_id"])["output"]["send"]["body"] == {"n": 1}
        assert cloud.call("PUT", "/workflows/stored", workflow)[0] == 201
        body = {"mocks": {"http:GET https://a.example/*": {"status": 400, "body": "bad"}}}
        status, stored = cloud.call("POST", "/workflows/stored/execute", body)
        assert (status, results(cloud, stored["execution_id"])["error"]["type"]) == (202, "HttpClientError")


def test_what_a_mocked_run_does_not_mock_fails_and_does_not_leave_the_process() -> None:
    with LocalCloud() as cloud:
        _, started = cloud.call("POST", "/workflows/execute", {"workflow": {"name": "w", "steps": [SEND]}, "mocks": {}})
        assert results(cloud, started["execution_id"])["error"]["type"] == "UnmockedStepError"


@pytest.mark.parametrize(
    ("mocks", "pointer", "detail"),
    [
        ({"sned": {"output": {}}}, "/mocks/sned", "Did you mean 'send'?"),
        ({"send": {"output": 1, "error": "A"}}, "/mocks/send", "has output and error"),
        ({"send": [{"outptu": 1}]}, "/mocks/send/0/outptu", "Did you mean 'output'?"),
        ({"send": {"output": 1, "after": "soon"}}, "/mocks/send/after", "soon"),
        ([], "/mocks", "object"),
    ],
)
def test_wrong_mocks_are_the_clients_mistake(mocks: Any, pointer: str, detail: str) -> None:
    with LocalCloud() as cloud:
        body = {"workflow": {"name": "w", "steps": [SEND]}, "mocks": mocks}
        status, answer = cloud.call("POST", "/workflows/execute", body)
    assert status == 422
    assert answer["errors"][0]["pointer"] == pointer
    assert detail in answer["errors"][0]["detail"]


def test_a_run_stays_mocked_over_a_restart(tmp_path: Path) -> None:
    workflow = {"name": "w", "execution_pattern": "dependency", "steps": [ASK, {**SEND, "dependencies": ["ask"]}]}
    mocks = {"ask": {"hang": True}, "send": {"status": 200, "json": {"n": 1}}}
    with LocalCloud(data=DataFolder(tmp_path / "data")) as cloud:
        _, started = cloud.call("POST", "/workflows/execute", {"workflow": workflow, "mocks": mocks})
        for _ in range(100):
            if cloud.call("GET", "/approvals")[1]["items"]:
                break
            cloud.wait_for_an_end(0.05)
    with LocalCloud(data=DataFolder(tmp_path / "data")) as cloud:
        decided = cloud.call("POST", f"/executions/{started['execution_id']}/steps/ask/approve", {})
        assert decided[0] == 200, decided
        assert results(cloud, started["execution_id"])["output"]["send"]["body"] == {"n": 1}


def test_figures_leave_out_what_was_mocked_with_the_runs_that_it_started() -> None:
    parent = {"name": "p", "steps": [{"step_id": "sub", "step_type": "subflow", "config": {"workflow_id": "child"}}]}
    really = {"step_id": "send", "step_type": "data_input", "config": {"input_type": "static", "data": 1}}
    with LocalCloud() as cloud:
        for workflow_id, document in (("child", {"name": "c", "steps": [SEND]}), ("parent", parent)):
            assert cloud.call("PUT", f"/workflows/{workflow_id}", document)[0] == 201
        mocks = {"http:GET https://a.example/*": {"status": 400, "body": "bad"}}
        _, mocked = cloud.call("POST", "/workflows/parent/execute", {"mocks": mocks})
        assert results(cloud, mocked["execution_id"])["status"] == "failed"
        assert cloud.call("PUT", "/workflows/child", {"name": "c", "steps": [really]})[0] == 200
        _, unmocked = cloud.call("POST", "/workflows/parent/execute", {})
        assert results(cloud, unmocked["execution_id"])["status"] == "completed"
        for _ in range(100):
            counts = cloud.call("GET", "/stats")[1]["total"]["counts"]
            if counts["completed"] == 2:  # what was written before has been told of by then
                break
            time.sleep(0.1)
    assert counts == {"completed": 2, "failed": 0, "cancelled": 0, "timed_out": 0}


def test_a_deployed_service_refuses_mocks_with_a_sentence() -> None:
    engine = Engine(
        Settings.from_environment(
            {"TABLE_NAME": "t", "BUCKET_NAME": "b", "MACHINE_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}
        )
    )
    with pytest.raises(ForbiddenError, match="Here every step really runs"):
        _mock(engine, "id", {}, None)  # type: ignore[arg-type]  # the workflow is not looked at
    _mock(engine, "id", None, None)  # type: ignore[arg-type]  # nothing is asked
