"""What EventBridge, the queue and the recorder do when a run ends."""

from __future__ import annotations

import time

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("seconds", "timeout", "status"), [(0, 60, "completed"), (30, 1, "timed_out")])
def test_a_run_that_nobody_asks_about_is_recorded(api: ApiClient, seconds: int, timeout: int, status: str) -> None:
    """Lists are read from the store alone, so the run is there only if the recorder wrote it."""
    workflow = {
        "name": "Nobody waits",
        "timeout_seconds": timeout,
        "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": seconds}}],
    }
    execution_id = api.post("/workflows/execute", workflow).body["execution_id"]
    deadline = time.monotonic() + 30
    while execution_id not in [
        e["execution_id"] for e in api.get(f"/executions?status={status}&limit=100").body["items"]
    ]:
        assert time.monotonic() < deadline, "the end of the run was not recorded"
        time.sleep(0.3)
