"""Tasks of activities."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class ActivityTask(TypedDict):
    """A task for a worker, and no other."""

    task_id: str
    input: Any
    """What a step Lambda receives: `{step_config, input_data, execution_context}`."""


class TaskAnswer(TypedDict):
    """A worker's answer or heartbeat was taken."""

    task_id: str
