"""Idempotency keys over the deployed API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.e2e


def greeting(text: str) -> dict[str, Any]:
    step = {"step_id": "a", "step_type": "data_input", "config": {"input_type": "static", "data": text}}
    return {"name": "Greeting", "steps": [step]}


def test_the_key_of_a_refused_request_can_be_used_again(api: ApiClient) -> None:
    key = uuid.uuid4().hex
    broken = greeting("hi") | {"steps": [{"step_id": "a", "step_type": "magic"}]}
    assert api.post("/workflows/execute", broken, idempotency_key=key).status == 422
    assert api.post("/workflows/execute", greeting("hi"), idempotency_key=key).status == 202


def test_a_step_type_is_registered_once_under_a_key(api: ApiClient) -> None:
    key, step_type = uuid.uuid4().hex, f"once_{uuid.uuid4().hex[:8]}"
    registration = {
        "step_type": step_type,
        "execution_type": "lambda",
        "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-once",
    }
    first = api.post("/steps/register", registration, idempotency_key=key)
    again = api.post("/steps/register", registration, idempotency_key=key)
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert api.call("DELETE", f"/steps/{step_type}").status == 204
