"""The examples, run over HTTP wherever the journeys lead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.example_runs import RUNS, difference, load, name_of, results_of
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

ON_A_LAPTOP = (
    "retrieval-",
    "three-agents-",
    "support-desk-question",
    "order-approval-approved",
    "order-approval-denied",
)
"""Where vectors are in SQLite, no key of a model is there, and the user has every role."""


@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_an_example_runs_to_its_results(api: ApiClient, run: Path) -> None:
    if os.environ.get("WORKFLOW_API_URL") and name_of(run).startswith(ON_A_LAPTOP):
        pytest.skip("a deployed API has vectors, models and roles of its own")

    def call(method: str, path: str, body: Any) -> tuple[int, Any]:
        answer = api.call(method, path, body)
        return answer.status, answer.body

    assert difference(load(run)["expected"], results_of(run, call)) is None
