"""Runs, and how to see that they were recorded."""

from __future__ import annotations

from typing import Any, Final

from tests.support.http_client import ApiClient
from tests.support.looking import awaited

LARGE: Final = "large " * 70_000
"""420 KB: over the 300 KB of the table's records, far below what API Gateway takes."""


def large_echo() -> dict[str, Any]:
    """A run whose workflow and whose results are each too large for the table."""
    return echo(5) | {"metadata": {"notes": LARGE}, "input": {"text": "y" * 100_000}}


def echo(copies: int) -> dict[str, Any]:
    """A workflow whose results hold its input `copies` times."""
    config = {"input_type": "dynamic", "source": "text"}
    steps = [{"step_id": f"copy_{n}", "step_type": "data_input", "config": config} for n in range(copies)]
    return {"name": "Echo", "execution_pattern": "parallel", "steps": steps}


def is_recorded(api: ApiClient, execution_id: str, status: str) -> bool:
    """Whether a run is in the list of those that ended so. Lists are read from the store alone."""
    listed = api.get(f"/executions?status={status}&limit=100").body["items"]
    return execution_id in [execution["execution_id"] for execution in listed]


def await_record(api: ApiClient, execution_id: str, status: str) -> None:
    """Wait until the end of a run is recorded."""
    awaited(lambda: is_recorded(api, execution_id, status), "the end of the run was not recorded")
