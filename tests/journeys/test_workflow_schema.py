"""The schema of workflows, as an editor reads it from the API."""

from __future__ import annotations

import uuid
from typing import Any

import jsonschema
import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def takes(schema: Any, step_type: str, config: Any) -> bool:
    return bool(
        jsonschema.Draft202012Validator(schema).is_valid({"steps": [{"step_type": step_type, "config": config}]})
    )


def test_the_schema_knows_a_step_type_from_its_registration_to_its_removal(api: ApiClient) -> None:
    name = f"score_{uuid.uuid4().hex[:12]}"
    before = api.get("/schema")
    assert (before.status, takes(before.body, name, {"limit": 1})) == (200, False)
    schema = {"type": "object", "additionalProperties": False, "properties": {"limit": {"type": "integer"}}}
    body = {"step_type": name, "execution_type": "activity", "description": "Scores.", "config_schema": schema}
    assert api.post("/steps/register", body).status == 201
    known = api.get("/schema")
    assert takes(known.body, name, {"limit": 1})
    assert not takes(known.body, name, {"limt": 1})
    assert api.call("DELETE", f"/steps/{name}").status == 204
    assert not takes(api.get("/schema").body, name, {"limit": 1})


def test_a_schema_that_is_known_is_not_sent_again(api: ApiClient) -> None:
    name = f"score_{uuid.uuid4().hex[:12]}"
    etag = api.get("/schema").headers["etag"]
    again = api.call("GET", "/schema", headers={"If-None-Match": etag})
    assert (again.status, again.body, again.headers["etag"]) == (304, None, etag)
    assert api.post("/steps/register", {"step_type": name, "execution_type": "activity"}).status == 201
    changed = api.call("GET", "/schema", headers={"If-None-Match": etag})
    assert changed.status == 200
    assert changed.headers["etag"] != etag
    assert api.call("DELETE", f"/steps/{name}").status == 204


def test_a_document_that_names_its_schema_is_taken_everywhere(api: ApiClient) -> None:
    document = {
        "$schema": "../workflow.schema.json",
        "name": "With a schema",
        "steps": [{"step_id": "a", "step_type": "data_input", "config": {"data": 1}}],
    }
    assert api.post("/workflows/validate", document).body["is_valid"] is True
    assert api.post("/workflows/compile", document).status == 200
    assert api.post("/workflows/validate", {"workflow": document, "input": {}}).body["is_valid"] is True
    assert api.execute(document)["status"] == "completed"
    stored = api.post("/workflows", document)
    assert stored.status == 201
    assert stored.body["configuration"]["$schema"] == document["$schema"]
    assert api.execute({}, f"/workflows/{stored.body['workflow_id']}/execute")["status"] == "completed"
