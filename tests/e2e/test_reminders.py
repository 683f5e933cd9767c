"""Reminders where IAM is enforced: the function that the clock starts has the rights that a step's run takes."""

from __future__ import annotations

import time
import uuid

import pytest

from tests.e2e.harness.emulator import Emulator
from tests.e2e.test_upkeep import invoke
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.e2e

MOST_LOOKS = 60


def test_a_worker_reminds_of_a_decision_which_is_then_made(emulator: Emulator, api: ApiClient) -> None:
    nudge = f"nudge_{uuid.uuid4().hex[:8]}"
    assert api.post("/steps/register", {"step_type": nudge, "execution_type": "activity"}).status == 201
    config = {"prompt": "Release?", "reminder": {"after_seconds": 1, "step_type": nudge}}
    ask = {"step_id": "ask", "step_type": "human_approval", "config": config}
    execution_id = api.post("/workflows/execute", {"name": "Ask", "steps": [ask]}).body["execution_id"]
    for _ in range(MOST_LOOKS):
        counts = invoke(emulator, "approval-reminder")
        assert counts["failed"] == 0
        if counts["sent"]:
            break
        time.sleep(0.5)
    for _ in range(MOST_LOOKS):
        polled = api.post(f"/activities/{nudge}/poll?wait=10")
        if polled.status == 200:
            break
    told = polled.body["input"]["input_data"]
    assert (told["execution_id"], told["place"], told["message"]) == (execution_id, "ask", "Release?")
    assert "oken" not in str(polled.body["input"])
    task = f"/activities/{nudge}/tasks/{polled.body['task_id']}/success"
    assert api.post(task, {"output": {}}).status == 200
    assert invoke(emulator, "approval-reminder") == {"sent": 0, "ended": 0, "failed": 0}
    assert api.post(f"/executions/{told['execution_id']}/steps/{told['step_id']}/approve", {}).status == 200
    assert api.results(execution_id)["status"] == "completed"
