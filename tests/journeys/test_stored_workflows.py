"""The life of a stored workflow, and of a registered step type."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def greeting(text: str) -> dict[str, Any]:
    return {
        "name": "Greeting",
        "steps": [{"step_id": "greet", "step_type": "data_input", "config": {"input_type": "static", "data": text}}],
    }


def test_a_workflow_is_stored_changed_executed_and_deleted(api: ApiClient) -> None:
    created = api.post("/workflows", greeting("one"))
    assert created.status == 201, created.body
    assert created.body["version"] == 1
    path = f"/workflows/{created.body['workflow_id']}"

    changed = api.call("PUT", path, greeting("two"))
    assert (changed.status, changed.body["version"]) == (200, 2)
    assert api.get(path).body["version"] == 2
    assert api.get(f"{path}?version=1").body["version"] == 1
    assert [item["version"] for item in api.get(f"{path}/versions").body["items"]] == [2, 1]
    build = api.get(path).body["build"]
    assert (build["number"], build["since"]) == (1, changed.body["updated_at"])
    assert api.get(f"{path}/builds").body["items"] == [build]
    assert api.get(f"{path}/builds?version=3").status == 404
    listed = [item["workflow_id"] for item in api.get("/workflows?limit=100").body["items"]]
    assert created.body["workflow_id"] in listed

    results = api.execute({"input": {"x": 1}}, path=f"{path}/execute")
    assert results["workflow_id"] == created.body["workflow_id"]
    assert results["step_results"]["greet"]["output_data"]["data"] == "two"
    runs = api.get(f"/executions?workflow_id={created.body['workflow_id']}").body["items"]
    assert [run["execution_id"] for run in runs] == [results["execution_id"]]
    assert api.get(f"/executions/{results['execution_id']}").body["build"] == 1

    assert api.call("DELETE", path).status == 204
    assert api.get(path).status == 404
    assert api.call("DELETE", path).status == 204  # a client whose answer was lost
    assert api.post(f"{path}/execute").status == 404
    assert api.get(f"/executions/{results['execution_id']}/results").status == 200


def test_an_invalid_workflow_is_not_stored(api: ApiClient) -> None:
    before = api.get("/workflows?limit=100").body["items"]
    answer = api.post("/workflows", {"name": "Broken", "steps": [{"step_id": "a", "step_type": "nothing"}]})
    assert answer.status == 422
    assert api.get("/workflows?limit=100").body["items"] == before


def test_a_stored_workflow_keeps_its_version_when_a_change_is_invalid(api: ApiClient) -> None:
    workflow_id = api.post("/workflows", greeting("one")).body["workflow_id"]
    assert api.call("PUT", f"/workflows/{workflow_id}", {"name": "x", "steps": []}).status == 422
    assert api.get(f"/workflows/{workflow_id}").body["version"] == 1


def test_a_lambda_function_is_registered_listed_replaced_and_removed(api: ApiClient) -> None:
    step_type = f"journey_{uuid.uuid4().hex[:8]}"
    registration = {
        "step_type": step_type,
        "execution_type": "lambda",
        "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-journey",
        "config_schema": {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]},
        "timeout_seconds": 20,
    }
    assert api.post("/steps/register", registration).status == 201
    assert api.post("/steps/register", registration | {"timeout_seconds": 30}).status == 200
    assert api.get(f"/steps/{step_type}").body["timeout_seconds"] == 30
    listed = [item["step_type"] for item in api.get("/steps?limit=100").body["steps"]]
    assert {step_type, "data_input"} <= set(listed)

    workflow = {"name": "Uses it", "steps": [{"step_id": "a", "step_type": step_type, "config": {"size": "big"}}]}
    report = api.post("/workflows/validate", workflow).body
    assert [(e["code"], e["pointer"]) for e in report["errors"]] == [("WFE-E402", "/steps/0/config/size")]

    assert api.call("DELETE", f"/steps/{step_type}").status == 204
    assert api.get(f"/steps/{step_type}").status == 404
    assert api.post("/workflows/validate", workflow).body["errors"][0]["code"] == "WFE-E400"


def test_a_built_in_step_type_cannot_be_replaced_or_removed(api: ApiClient) -> None:
    registration = {
        "step_type": "data_input",
        "execution_type": "lambda",
        "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-x",
    }
    assert api.post("/steps/register", registration).status == 409
    assert api.call("DELETE", "/steps/data_input").status == 409
    assert api.get("/steps/data_input").status == 200


def test_a_function_outside_the_allowed_patterns_is_refused(api: ApiClient) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:payroll"
    answer = api.post("/steps/register", {"step_type": "payroll", "execution_type": "lambda", "function_arn": arn})
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"] == "/function_arn"


def test_a_python_function_is_registered_and_runs(api: ApiClient, local_steps: None) -> None:
    registration = {"step_type": "journey_late", "execution_type": "local", "handler": "journey_functions:late"}
    assert api.post("/steps/register", registration).status == 201
    results = api.execute({"name": "Late", "steps": [{"step_id": "a", "step_type": "journey_late"}]})
    assert results["step_results"]["a"]["output_data"] == {"registered": True}


@pytest.mark.parametrize("handler", ["os:system", "journey_functions:missing", "journey_functions", ""])
def test_a_python_function_outside_the_folder_is_refused(api: ApiClient, local_steps: None, handler: str) -> None:
    registration = {"step_type": "journey_evil", "execution_type": "local", "handler": handler}
    answer = api.post("/steps/register", registration)
    assert answer.status == 422, answer.body
    assert answer.body["errors"][0]["pointer"] == "/handler"
    assert api.get("/steps/journey_evil").status == 404


def test_a_change_names_the_version_that_it_is_of(api: ApiClient) -> None:
    path = f"/workflows/greeting-{uuid.uuid4().hex[:8]}"
    only_new = {"if-none-match": "*"}
    made = api.call("PUT", path, greeting("one"), headers=only_new)
    assert made.status == 201
    assert api.call("PUT", path, greeting("other"), headers=only_new).body["code"] == "precondition_failed"
    assert api.call("PUT", path, greeting("one"), headers={**only_new, "if-match": "*"}).status == 412
    first = made.headers["etag"]
    assert api.get(path).headers["etag"] == first
    known = api.call("GET", path, headers={"if-none-match": first})
    assert (known.status, known.body, known.headers["etag"]) == (304, None, first)
    changed = api.call("PUT", path, greeting("two"), headers={"if-match": first})
    assert (changed.status, changed.body["version"]) == (200, 2)
    repeated = api.call("PUT", path, greeting("two"), headers={"if-match": first})
    assert (repeated.status, repeated.body["version"], repeated.headers["etag"]) == (200, 2, changed.headers["etag"])
    assert api.call("PUT", path, greeting("three"), headers={"if-match": first}).status == 412
    assert api.call("PUT", path, greeting("three"), headers={"if-match": "2"}).status == 422
    assert api.get(f"{path}?version=1").headers["etag"] == first
    assert api.call("DELETE", path, headers={"if-match": first}).status == 412
    assert api.call("DELETE", path, headers={"if-match": changed.headers["etag"]}).status == 204
    assert api.call("PUT", path, greeting("two"), headers={"if-match": "*"}).status == 412


def test_a_pause_is_no_answer_that_a_client_has_already_and_no_change_of_the_version(api: ApiClient) -> None:
    path = f"/workflows/tagged-{uuid.uuid4().hex[:8]}"
    unpaused = api.call("PUT", path, greeting("one")).headers["etag"]
    known = unpaused
    for change, is_paused in (("pause", True), ("resume", False)):
        assert api.post(f"{path}/{change}", {}).status == 200
        read = api.call("GET", path, headers={"if-none-match": known})
        assert (read.status, read.body["paused_at"] is not None) == (200, is_paused)
        known = read.headers["etag"]
        assert api.call("GET", path, headers={"if-none-match": known}).status == 304
    assert api.call("PUT", path, greeting("two"), headers={"if-match": unpaused}).body["version"] == 2
    assert api.call("PUT", path, greeting("three"), headers={"if-match": known}).status == 412
    second = api.get(path).headers["etag"]
    assert api.call("PUT", path, greeting("three"), headers={"if-match": second}).body["version"] == 3


def test_a_paused_workflow_is_not_started_until_it_is_resumed(api: ApiClient) -> None:
    path = f"/workflows/{api.post('/workflows', greeting('one')).body['workflow_id']}"
    before = api.execute({}, path=f"{path}/execute")
    paused = api.post(f"{path}/pause", {"reason": "The bank is down."})
    assert paused.status == 200
    assert paused.body["pause_reason"] == "The bank is down."
    assert paused.body["paused_at"] is not None
    assert api.post(f"{path}/pause", {"reason": "Again."}).body["paused_at"] == paused.body["paused_at"]
    for start in (f"{path}/execute", f"/executions/{before['execution_id']}/rerun"):
        refused = api.post(start, {})
        assert (refused.status, refused.body["code"]) == (409, "paused")
        assert "The bank is down." in refused.body["detail"]
    child = {"step_id": "child", "step_type": "subflow", "config": {"workflow_id": path.rpartition("/")[2]}}
    assert api.post("/workflows/execute", {"name": "Parent", "steps": [child]}).body["code"] == "paused"
    changed = api.call("PUT", path, greeting("two"))
    assert (changed.body["version"], changed.body["paused_at"]) == (2, paused.body["paused_at"])
    assert api.get(f"{path}?version=1").body["paused_at"] == paused.body["paused_at"]
    assert api.post(f"{path}/execute", {"version": 1}).status == 409
    for _ in range(2):
        resumed = api.post(f"{path}/resume").body
        assert (resumed["paused_at"], resumed["resumed_at"] is not None) == (None, True)
    assert api.execute({}, path=f"{path}/execute")["status"] == "completed"
    assert api.post(f"{path}/pause", {"why": "x"}).status == 422
    assert api.post("/workflows/none-such/pause").status == 404
    assert api.post(f"/workflows/{before_adhoc(api)}/pause").status == 404


def before_adhoc(api: ApiClient) -> str:
    """The id under which a workflow is kept that was posted to be run once."""
    return str(api.post("/workflows/execute", greeting("once")).body["workflow_id"])


def test_versions_are_compared_and_an_earlier_one_becomes_the_newest_again(api: ApiClient) -> None:
    path = f"/workflows/{api.post('/workflows', greeting('one')).body['workflow_id']}"
    assert api.get(f"{path}/diff").status == 422
    second = greeting("two")
    second["steps"].append({"step_id": "shout", "step_type": "delay", "config": {"delay_seconds": 1}})
    api.call("PUT", path, second)
    told = api.get(f"{path}/diff").body
    assert (told["from_version"], told["to_version"]) == (1, 2)
    assert told["changes"] == [
        {"kind": "changed", "pointer": "/steps/0/config/data", "before": "one", "after": "two"},
        {"kind": "added", "pointer": "/steps/1", "before": None, "after": second["steps"][1]},
    ]
    assert told["steps"] == {"added": ["shout"], "removed": [], "changed": ["greet"]}
    assert told["plan"]["states"] == {"before": 1, "after": 2}
    assert told["plan"]["transitions_usd_per_1000_runs"] == {"before": 0.025, "after": 0.05}
    back = api.post(f"{path}/rollback", {"version": 1})
    assert (back.status, back.body["version"], back.body["workflow"]) == (200, 3, greeting("one"))
    assert back.headers["etag"] == api.get(path).headers["etag"]
    assert api.post(f"{path}/rollback", {"version": 1}).body["version"] == 3
    assert api.get(f"{path}/diff?from_version=1&to_version=3").body["changes"] == []
    assert api.get(f"{path}/diff?from_version=2&to_version=1").body["steps"]["removed"] == ["shout"]
    assert "no version 9 " in api.get(f"{path}/diff?to_version=9").body["detail"]
    assert api.post(f"{path}/rollback", {"version": 9}).status == 404
    assert api.post(f"{path}/rollback", {}).body["errors"][0]["code"] == "WFE-E102"
    assert api.get("/workflows/none-such/diff").status == 404


def test_workflows_are_found_by_name_and_tag(api: ApiClient) -> None:
    word = uuid.uuid4().hex[:8]
    ids = []
    for name, tags in (("Order", ["sales", "eu"]), ("Orders by night", {"team": "sales"}), ("Stock", ["eu"])):
        made = api.post("/workflows", greeting("x") | {"name": f"{word} {name}", "tags": tags})
        ids.append(made.body["workflow_id"])

    def found(query: str) -> list[int]:
        items, cursor = [], ""
        while True:
            page = api.get(f"/workflows?limit=2&{query}{cursor}").body
            items += [ids.index(item["id"]) for item in page["items"] if item["id"] in ids]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"

    assert found(f"name={word}") == [2, 1, 0]
    assert found(f"name={word}%20ORDER") == [1, 0]
    assert found(f"name={word}&tag=eu") == [2, 0]
    assert found(f"name={word}&tag=team%3Asales") == [1]
    assert found(f"name={word}&tag=none") == []
    first = next(i for i in api.get(f"/workflows?limit=100&name={word}").body["items"] if i["id"] == ids[0])
    assert first["tags"] == ["sales", "eu"]
    changed = api.call("PUT", f"/workflows/{ids[0]}", greeting("x") | {"name": f"{word} Order", "tags": ["x" * 2000]})
    assert changed.status == 200
    assert found(f"name={word}&tag=sales") == []
    assert found(f"name={word}&tag={'x' * 2000}") == [0]
