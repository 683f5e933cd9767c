"""Registrations that cannot be meant: each is refused where it is wrong, and leaves nothing behind."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

ARN = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-x"
HTTP = {"execution_type": "http", "endpoint_config": {"url": "https://example.com/"}}
ACTIVITY = {"execution_type": "activity"}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"function_arn": "ocr"}, "/function_arn"),
        ({"function_arn": ARN, "qualifier": "a b"}, "/qualifier"),
        ({"execution_type": "ftp"}, "/execution_type"),
        ({**HTTP, "function_arn": ARN}, "/function_arn"),
        ({**ACTIVITY, "endpoint_config": {"url": "https://example.com/"}}, "/endpoint_config"),
        ({**ACTIVITY, "activity": "two words"}, "/activity"),
        ({**ACTIVITY, "heartbeat_seconds": 100, "timeout_seconds": 60}, "/heartbeat_seconds"),
        ({**ACTIVITY, "retry_delay_seconds": 5}, "/retry_delay_seconds"),
        (
            {**ACTIVITY, "max_retries": 1, "retry_delay_seconds": 9, "max_retry_delay_seconds": 3},
            "/max_retry_delay_seconds",
        ),
        ({**ACTIVITY, "config_schema": {"type": "objekt"}}, "/config_schema/type"),
        ({**ACTIVITY, "output_schema": {"pattern": "("}}, "/output_schema/pattern"),
        ({**ACTIVITY, "config_schema": {"$ref": "https://example.com/schema"}}, "/config_schema/$ref"),
        ({**ACTIVITY, "transient_errors": ["A"], "final_errors": ["A"]}, "/final_errors/0"),
        ({**ACTIVITY, "tags": [1]}, "/tags/0"),
        ({**ACTIVITY, "configuration_schema": {}}, "/configuration_schema"),
        ({**HTTP, "timeout_seconds": 1000}, "/timeout_seconds"),
        ({**HTTP, "validate_output": True}, "/validate_output"),
        ({**HTTP, "config_schema": {}, "parameters_schema": {"type": "object"}}, "/parameters_schema"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_half_registered(
    api: ApiClient, fields: dict[str, Any], pointer: str
) -> None:
    name = f"wrong_{uuid.uuid4().hex[:12]}"
    refused = api.post("/steps/register", {"step_type": name, **fields})
    assert (refused.status, [error["pointer"] for error in refused.body["errors"]]) == (422, [pointer])
    assert api.get(f"/steps/{name}").status == 404
    assert api.get(f"/steps/{name}/versions").status == 404
    assert api.post(f"/activities/{name}/poll?wait=0").status == 404


@pytest.mark.parametrize("verb", ["POST", "DELETE"])
@pytest.mark.parametrize("name", ["data_input", "agent", "step_http"])
def test_what_is_built_in_is_neither_replaced_nor_removed(api: ApiClient, verb: str, name: str) -> None:
    body = {"step_type": name, **HTTP} if verb == "POST" else None
    answer = api.call(verb, "/steps/register" if body else f"/steps/{name}", body)
    assert (answer.status, answer.body["code"]) == (409, "conflict")
    assert "built" in answer.body["detail"]
