"""What EventBridge, the queue and the recorder do when a run ends."""

from __future__ import annotations

import pytest

from tests.e2e.runs import await_record
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
    await_record(api, execution_id, status)
