"""A laptop reminds of decisions as the cloud does: the clock starts a step of any kind, here one that a worker does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from infra.catalog import function
from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from infra.local.gateway import context_of, load_handler
from infra.local.lambda_context import request_id

MOST_LOOKS: Final = 200
REMINDER: Final = function("approval_reminder")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(data=DataFolder(tmp_path)) as cloud:
        yield cloud


def done(cloud: LocalCloud, method: str, path: str, body: Any = None) -> Any:
    status, answer = cloud.call(method, path, body)
    assert status < 300, answer
    return answer


def tick() -> dict[str, int]:
    """What the clock does."""
    counts: dict[str, int] = load_handler(REMINDER)({}, context_of(REMINDER, request_id()))
    return counts


def test_a_worker_reminds_of_a_decision_which_is_then_made(cloud: LocalCloud) -> None:
    done(cloud, "POST", "/steps/register", {"step_type": "nudge", "execution_type": "activity"})
    config = {"prompt": "Release?", "reminder": {"after_seconds": 1, "step_type": "nudge", "config": {"by": "chat"}}}
    ask = {"step_id": "ask", "step_type": "human_approval", "config": config}
    started = done(cloud, "POST", "/workflows/execute", {"name": "Ask", "steps": [ask], "correlation_id": "order 7"})
    execution_id = started["execution_id"]
    for _ in range(MOST_LOOKS):
        if tick()["sent"]:
            break
        time.sleep(0.05)
    task = done(cloud, "POST", "/activities/nudge/poll?wait=20")
    told = task["input"]["input_data"]
    assert (told["execution_id"], told["place"], told["message"]) == (execution_id, "ask", "Release?")
    assert task["input"]["step_config"]["config"] == {"by": "chat"}
    assert tick() == {"sent": 0, "ended": 0, "failed": 0}
    done(cloud, "POST", f"/activities/nudge/tasks/{task['task_id']}/success", {"output": {}})
    listed = done(cloud, "GET", "/executions")["items"]
    assert [run["workflow_name"] for run in listed] == ["Reminder by nudge", "Ask"]
    reminder = listed[0]["execution_id"]
    assert done(cloud, "GET", f"/executions/{reminder}/results?wait=20")["status"] == "completed"
    shown = done(cloud, "GET", f"/executions/{reminder}")
    assert (shown["correlation_id"], shown["tags"]) == ("order 7", ["reminder"])
    done(cloud, "POST", f"/executions/{told['execution_id']}/steps/{told['step_id']}/approve")
    assert done(cloud, "GET", f"/executions/{execution_id}/results?wait=20")["status"] == "completed"
