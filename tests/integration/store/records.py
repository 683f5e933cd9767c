"""A workflow and a run as the repositories hold them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workflow_engine.store.executions import Execution
from workflow_engine.store.workflows import Compiled, StoredWorkflow

NOW = 1_800_000_000


def workflow(**changes: Any) -> StoredWorkflow:
    compiled = Compiled({"config": {}}, {"steps": [], "sinks": []}, {}, ("step_data",), "hash", "arn:machine")
    document = {"name": "Name", "x": 1.5}
    made = StoredWorkflow("t", "w1", 1, "Name", document, "2026-01-01", "2026-01-01", compiled=compiled)
    return replace(made, **changes)


def execution(**changes: Any) -> Execution:
    made = Execution("t", "e1", "w1", 1, "Name", "running", "2026-01-01T00:00:00.000Z", "arn:execution:e1")
    return replace(made, **changes)
