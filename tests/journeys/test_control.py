"""What people do to runs: cancel, redrive, rerun, as clients see it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.http_client import ApiClient
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply

pytestmark = pytest.mark.xdist_group("journeys")

_broken: set[str] = set()
"""Paths of the peer that fail now."""


def answer(received: Received) -> Reply:
    """A server that counts in its answers how often a path was asked, and fails while it is broken."""
    if received.path in _broken:
        return json_reply({"detail": "out of order"}, 422)
    return json_reply({"path": received.path, "given": received.body})


def flow(peer: VendorServer, broken: str = "") -> dict[str, Any]:
    """`reserve`, then `charge` and `print` side by side, then `ship`; each asks the peer under a path of its own."""
    word = uuid.uuid4().hex[:8]
    if broken:
        _broken.add(f"/{word}/{broken}")

    def step(step_id: str, **fields: Any) -> dict[str, Any]:
        config = {"url": f"{peer.url}/{word}/{step_id}", "method": "POST"}
        return {"step_id": step_id, "step_type": "http_request", "config": config, **fields}

    return {
        "name": "Order",
        "execution_pattern": "dependency",
        "steps": [
            step("reserve"),
            step("charge", dependencies=["reserve"]),
            step("print", dependencies=["reserve"]),
            step("ship", dependencies=["charge", "print"]),
        ],
    }


def mend() -> None:
    _broken.clear()


def asked(peer: VendorServer) -> list[str]:
    return sorted(received.path.rpartition("/")[2] for received in peer.requests)


def test_a_redrive_runs_the_failed_step_and_what_follows_and_no_other(api: ApiClient, peer: VendorServer) -> None:
    started = api.post("/workflows/execute", flow(peer, broken="ship")).body
    path = f"/executions/{started['execution_id']}"
    failed = api.results(started["execution_id"])
    assert (failed["status"], failed["failed_steps"]) == ("failed", ["ship"])
    mend()
    redriven = api.post(f"{path}/redrive")
    assert redriven.status == 202, redriven.body
    assert (redriven.body["redrive_count"], redriven.body["error"]) == (1, None)
    results = api.results(started["execution_id"])
    assert (results["status"], results["error"], results["failed_steps"]) == ("completed", None, [])
    assert {step["status"] for step in results["step_results"].values()} == {"completed"}
    assert asked(peer) == ["charge", "print", "reserve", "ship", "ship"]
    again = api.post(f"{path}/redrive")
    assert (again.status, again.body["code"]) == (409, "conflict")
    assert f"POST {path}/rerun" in again.body["detail"]


def test_a_redrive_may_wait_for_the_end(api: ApiClient, peer: VendorServer) -> None:
    failed = api.execute(flow(peer, broken="charge"))
    mend()
    results = api.post(f"/executions/{failed['execution_id']}/redrive?wait=20", idempotency_key=uuid.uuid4().hex)
    assert (results.status, results.body["status"]) == (200, "completed"), results.body


def test_a_cancelled_run_tells_why_and_may_be_redriven(api: ApiClient) -> None:
    body = {"name": "Pause", "steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 3600}}]}
    path = f"/executions/{api.post('/workflows/execute', body).body['execution_id']}"
    assert api.post(f"{path}/cancel", {"cause": ""}).status == 422
    assert api.post(f"{path}/cancel", {"reason": "x"}).body["errors"][0]["pointer"] == "/reason"
    assert api.post(f"{path}/cancel", {"cause": "Wrong order."}).body["cancel_cause"] == "Wrong order."
    assert api.post(f"{path}/cancel", {"cause": "Another."}).body["cancel_cause"] == "Wrong order."
    assert api.post(f"{path}/redrive").body["status"] == "running"
    assert api.post(f"{path}/cancel").body["cancel_cause"] is None


def test_what_is_not_there_is_not_redriven(api: ApiClient) -> None:
    assert api.post(f"/executions/{uuid.uuid4()}/redrive").status == 404


def test_a_rerun_repeats_a_run_with_its_input_or_another(api: ApiClient, peer: VendorServer) -> None:
    body = flow(peer, broken="charge") | {
        "input": {"order": 7},
        "output": {"order": "input.order", "by": "input.query"},
    }
    failed = api.execute(body | {"session_id": "s-7", "tags": ["vip"]})
    path = f"/executions/{failed['execution_id']}"
    mend()
    started = api.post(f"{path}/rerun", idempotency_key=(key := uuid.uuid4().hex))
    assert started.status == 202, started.body
    assert started.body["execution_id"] != failed["execution_id"]
    assert (started.body["workflow_id"], started.body["workflow_version"]) == (failed["workflow_id"], 1)
    assert api.post(f"{path}/rerun", idempotency_key=key).body == started.body
    results = api.results(started.body["execution_id"])
    assert (results["status"], results["output"]) == ("completed", {"order": 7, "by": None})
    told = api.get(f"/executions/{started.body['execution_id']}").body
    assert (told["rerun_of"], told["rerun_from_step"]) == (failed["execution_id"], None)
    assert (told["session_id"], told["tags"]) == ("s-7", ["vip"])
    other = api.post(f"{path}/rerun?wait=20", {"input": {"order": 8}, "session_id": "s-8"})
    assert (other.status, other.body["output"]) == (200, {"order": 8, "by": None})
    assert other.body["metadata"]["session_id"] == "s-8"
    asks = api.post(f"{path}/rerun?wait=20", {"query": "who?"})
    assert asks.body["output"] == {"order": 7, "by": "who?"}


def test_a_rerun_from_a_step_runs_that_and_what_follows(api: ApiClient, peer: VendorServer) -> None:
    failed = api.execute(flow(peer, broken="charge"))
    assert failed["status"] == "failed"
    mend()
    before = len(peer.requests)
    answer = api.post(f"/executions/{failed['execution_id']}/rerun?wait=20", {"from_step": "charge"})
    assert (answer.status, answer.body["status"]) == (200, "completed"), answer.body
    ran = sorted(received.path.rpartition("/")[2] for received in peer.requests[before:])
    assert ran in (["charge", "ship"], ["charge", "print", "ship"])  # `print` may not have ended before the run did
    results = answer.body["step_results"]
    assert {step["status"] for step in results.values()} == {"completed"}
    assert results["reserve"]["output_data"] == failed["step_results"]["reserve"]["output_data"]
    executed = api.get(f"/executions/{answer.body['execution_id']}/workflow").body
    assert [step["step_id"] for step in executed["workflow"]["steps"]] == list(results)
    assert "reserve" in executed["reused_steps"]
    assert "charge" not in executed["reused_steps"]
    assert executed["build"] is None
    again = api.post(f"/executions/{answer.body['execution_id']}/rerun?wait=20", {"from_step": "ship"})
    assert again.body["status"] == "completed"
    assert [received.path.rpartition("/")[2] for received in peer.requests[before + len(ran) :]] == ["ship"]


def test_a_rerun_that_cannot_be_is_told_why(api: ApiClient, peer: VendorServer) -> None:
    inner = {"step_id": "inner", "step_type": "transform", "config": {"expression": "1"}}
    loop = {
        "step_id": "repeat",
        "step_type": "loop",
        "config": {"until": "index == 1", "max_iterations": 3, "steps": [inner]},
    }
    done = api.execute({"name": "Loop", "steps": [loop]})
    path = f"/executions/{done['execution_id']}/rerun"
    words = {
        "inner": "Rerun from 'repeat'",
        "repeat[1]": "Rerun from 'repeat'",
        "repeat[1].inner": "Rerun from 'repeat'",
        "repaet": "Did you mean 'repeat'",
    }
    for from_step, word in words.items():
        answer = api.post(path, {"from_step": from_step})
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/from_step")
        assert word in answer.body["detail"]
    assert api.post(path, {"from_stpe": "x"}).body["errors"][0]["pointer"] == "/from_stpe"
    assert api.post(f"/executions/{uuid.uuid4()}/rerun", {}).status == 404
    pause = {"name": "Pause", "steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 3600}}]}
    running = f"/executions/{api.post('/workflows/execute', pause).body['execution_id']}"
    assert api.post(f"{running}/rerun", {"from_step": "p"}).status == 409
    api.post(f"{running}/cancel")
