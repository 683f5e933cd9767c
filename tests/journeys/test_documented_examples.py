"""The examples of the OpenAPI document, sent as they stand there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.openapi import PROSE
from tests.support.http_client import ApiClient
from workflow_engine.http.api import OPERATIONS
from workflow_engine.http.operation import Operation

pytestmark = pytest.mark.xdist_group("journeys")


ABOUT_WHAT_IS_NOT_THERE = {
    "approve_step",
    "deny_step",
    "succeed_task",
    "fail_task",
    "cancel_execution",
    "rerun_execution",
}
"""Where the example answers what nobody has asked, or is about a run that is none; its body is read before."""


REFUSED = {"delete_execution": {404}, "delete_tenant": {403, 422}}
"""A run has an id of the service's own choice, which none of the examples makes; a tenant's name confirms that it is meant, and
in the cloud only an admin may ask.
"""


def address(operation: Operation) -> str:
    """The path with the documented examples of its variables."""
    return re.sub(r"{\w+}", lambda name: str(PROSE["parameters"][name[0]]["example"]), operation.path)


def test_every_documented_body_is_taken_where_it_is_documented(
    api: ApiClient, openapi_document: dict[str, Any]
) -> None:
    for operation in (o for o in OPERATIONS.values() if o.body is not None):
        documented = openapi_document["paths"][operation.path][operation.method.lower()]["requestBody"]["content"]
        example = documented["application/json"]["example"]
        # No model is asked by what only looks whether bodies are taken.
        body = example | {"mode": "simulation"} if "agent_name" in example else example
        answer = api.call(operation.method, address(operation), body)
        expected = {404} if operation.name in ABOUT_WHAT_IS_NOT_THERE else set(operation.answers)
        assert answer.status in expected, (operation.name, answer.body)
    for operation in (o for o in OPERATIONS.values() if o.method == "DELETE"):
        assert api.call("DELETE", address(operation)).status in REFUSED.get(operation.name, {204}), operation.name
