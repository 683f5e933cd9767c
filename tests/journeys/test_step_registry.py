"""Step types over their life: registered in versions, pinned, tried, in use, removed."""

from __future__ import annotations

import uuid
from typing import Any

from tests.support.http_client import ApiClient

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-journey"


def registered(api: ApiClient, **fields: Any) -> str:
    name = f"type_{uuid.uuid4().hex[:8]}"
    posted = api.post("/steps/register", {"step_type": name, "function_arn": FUNCTION, **fields})
    assert posted.status == 201, posted.body
    assert posted.body["version"] == 1
    return name


def test_versions_are_listed_read_and_pinned(api: ApiClient) -> None:
    schema = {"type": "object", "properties": {"size": {"type": "integer"}}, "additionalProperties": False}
    name = registered(api, parameters_schema=schema, tags=["journey", uuid.uuid4().hex])
    tag = api.get(f"/steps/{name}").body["tags"][1]
    again = api.post("/steps/register", {"step_type": name, "function_arn": FUNCTION, "tags": [tag]})
    assert (again.status, again.body["version"]) == (200, 2)
    assert [v["version"] for v in api.get(f"/steps/{name}/versions").body["items"]] == [2, 1]
    assert api.get(f"/steps/{name}/schema?version=1").body["parameters_schema"] == schema
    assert [s["step_type"] for s in api.get(f"/steps?tag={tag}").body["steps"]] == [name]
    document: dict[str, Any] = {
        "name": "Pinned",
        "steps": [{"step_id": "a", "step_type": f"{name}@1", "config": {"sise": 1}}],
    }
    (error,) = api.post("/workflows/validate", document).body["errors"]
    assert (error["pointer"], "Did you mean 'size'" in error["detail"]) == ("/steps/0/config/sise", True)
    document["steps"][0]["step_type"] = name
    assert api.post("/workflows/validate", document).body["is_valid"]


def test_a_type_in_use_is_kept_until_nobody_uses_it(api: ApiClient) -> None:
    name = registered(api)
    saved = api.post("/workflows", {"name": "Uses it", "steps": [{"step_id": "a", "step_type": name}]})
    assert saved.status == 201, saved.body
    refused = api.call("DELETE", f"/steps/{name}")
    assert refused.status == 409
    assert f"'Uses it' ({saved.body['workflow_id']})" in refused.body["detail"]
    assert api.get(f"/steps/{name}").status == 200
    assert api.call("DELETE", f"/workflows/{saved.body['workflow_id']}").status == 204
    assert api.call("DELETE", f"/steps/{name}").status == 204
    assert api.get(f"/steps/{name}/versions").status == 404


def test_a_type_is_tried_by_itself(api: ApiClient) -> None:
    body = {"config": {"processing_type": "uppercase"}, "input_data": {"input": {"a": "b", "odd key": [1]}}}
    tried = api.post("/steps/data_processing/test?wait=20", body)
    assert tried.status == 200, tried.body
    output = tried.body["step_results"]["step"]["output_data"]
    assert output["result"] == {"a": "B", "odd key": [1]}
    assert api.post("/steps/data_processing/test", body).status == 202
    wrong = api.post("/steps/data_processing/test", {"config": {"processing_type": "uppercase", "option": 1}})
    assert (wrong.status, wrong.body["errors"][0]["pointer"]) == (422, "/config/option")
    assert api.post("/steps/no_such_type/test", {}).status == 404
