"""The way of a client through the API, wherever that is and whoever it lets in."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.http_client import ApiClient
from workflow_engine.client import AuthenticationError, Client, SigV4

pytestmark = pytest.mark.xdist_group("journeys")

SIGNED = os.environ.get("WORKFLOW_API_AUTH") == "sigv4"
WORKFLOW = {
    "name": "Client",
    "steps": [
        {
            "step_id": "sum",
            "step_type": "transform",
            "config": {"expression": "{'n': input.n + 1}"},
            "input_mapping": {"input": "input"},
        },
        {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 1}, "dependencies": ["sum"]},
    ],
}


@pytest.fixture
def client(api: ApiClient) -> Iterator[Client]:
    with Client(api.base_url, auth=SigV4() if SIGNED else None) as opened:
        yield opened


def test_a_workflow_is_deployed_run_and_watched(client: Client) -> None:
    client.workflows.deploy(WORKFLOW, "of-the-client")
    results = client.runs.execute("of-the-client", {"n": 1}, timeout=120, tags=["a b/c"])
    assert results["step_results"]["sum"]["output_data"] == {"n": 2}
    execution_id = results["execution_id"]
    assert client.runs.output(execution_id, "sum") == {"n": 2}
    assert next(client.runs.list(tag="a b/c"))["execution_id"] == execution_id


def test_events_come_until_the_run_has_ended(client: Client) -> None:
    started = client.runs.start(WORKFLOW, {"n": 1})
    types = [event["type"] for event in client.runs.events(started["execution_id"])]
    assert (types[0], types[-1], types.count("step.completed")) == ("run.started", "run.completed", 2)
    assert client.runs.wait(started["execution_id"], 60)["status"] == "completed"


def test_a_step_whose_key_has_brackets_is_asked_for(client: Client) -> None:
    inner = {
        "step_id": "twice",
        "step_type": "transform",
        "config": {"expression": "item * 2"},
        "input_mapping": {"item": "item"},
    }
    mapped = {
        "variables": {"rows": [1, 2]},
        "steps": [{"step_id": "rows", "step_type": "map", "config": {"items": "variables.rows", "steps": [inner]}}],
    }
    results = client.runs.execute(mapped, timeout=120)
    key = next(key for key in results["step_results"] if key.startswith("rows[1]"))
    assert client.runs.output(results["execution_id"], key) == 4


@pytest.mark.skipif(not SIGNED, reason="this API lets everybody in")
def test_who_does_not_sign_is_refused(api: ApiClient) -> None:
    with Client(api.base_url) as unsigned, pytest.raises(AuthenticationError):
        unsigned.runs.count()
