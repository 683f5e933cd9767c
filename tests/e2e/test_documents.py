"""Documents that do not fit into the table, and so live in the bucket."""

from __future__ import annotations

import uuid

import pytest

from tests.e2e.runs import LARGE, await_record, echo, large_echo
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.e2e


def test_a_large_workflow_is_stored_and_runs(api: ApiClient) -> None:
    created = api.post("/workflows", echo(1) | {"metadata": {"notes": LARGE}})
    assert created.status == 201, created.body
    path = f"/workflows/{created.body['workflow_id']}"
    assert api.get(path).body["workflow"]["metadata"]["notes"] == LARGE
    results = api.execute({"input": {"text": "x"}}, path=f"{path}/execute")
    assert results["status"] == "completed"
    assert api.call("DELETE", path).status == 204


def test_large_results_of_a_large_workflow_are_recorded_and_read(api: ApiClient) -> None:
    run = large_echo()
    execution_id = api.post("/workflows/execute", run).body["execution_id"]
    await_record(api, execution_id, "completed")
    results = api.results(execution_id)
    assert [results["step_results"][f"copy_{n}"]["output_data"]["data"] for n in range(5)] == [run["input"]["text"]] * 5


def test_a_step_type_with_a_large_schema_is_registered(api: ApiClient) -> None:
    step_type = f"large_{uuid.uuid4().hex[:8]}"
    schema = {"type": "object", "description": LARGE}
    registration = {
        "step_type": step_type,
        "execution_type": "lambda",
        "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-large",
        "config_schema": schema,
    }
    assert api.post("/steps/register", registration).status == 201
    assert api.get(f"/steps/{step_type}").body["config_schema"] == schema
    workflow = {"name": "Large", "steps": [{"step_id": "a", "step_type": step_type}]}
    assert api.post("/workflows/validate", workflow).body["is_valid"] is True
    assert api.call("DELETE", f"/steps/{step_type}").status == 204
