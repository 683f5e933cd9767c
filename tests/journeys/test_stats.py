"""Figures of many runs: counted some seconds after they end, by hour and by day."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.support.http_client import ApiClient
from tests.support.looking import awaited

pytestmark = pytest.mark.xdist_group("journeys")

STEPS: Final = [
    {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 0}},
    {
        "step_id": "stop",
        "step_type": "fail",
        "dependencies": ["pause"],
        "conditions": "input.is_bad == true",
        "config": {"error": "Bad", "message": "told so"},
    },
]


def counted(api: ApiClient, path: str, is_right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Figures, once they are as they should be: a stream is read within seconds."""

    def look() -> dict[str, Any] | None:
        answer = api.get(path)
        assert answer.status == 200, answer.body
        body: dict[str, Any] = answer.body
        return body if is_right(body) else None

    return awaited(look, f"the figures of {path} did not come to what was waited for")


def test_runs_of_a_workflow_are_counted_by_how_they_ended_and_their_steps_once_somebody_asked(api: ApiClient) -> None:
    workflow_id = f"stats-{uuid.uuid4().hex[:12]}"
    document = {"name": "Counted", "steps": STEPS}
    assert api.call("PUT", f"/workflows/{workflow_id}", document).status == 201
    path = f"/workflows/{workflow_id}/stats"
    assert api.get(path).body["total"]["runs"] == 0

    inputs = [{"is_bad": False}] * 3 + [{"is_bad": True}]
    ids = []
    for given in inputs:
        answer = api.post(f"/workflows/{workflow_id}/execute?wait=25", {"input": given})
        assert answer.status in (200, 202), answer.body
        ids.append(answer.body["execution_id"])
    for execution_id in ids:
        api.results(execution_id)
    found = counted(api, path, lambda stats: stats["total"]["sampled"] == {"runs": 4, "of": 4})

    assert found["workflow_id"] == workflow_id
    assert found["bucket"] == "hour"
    assert len(found["buckets"]) == 24
    total = found["total"]
    assert total["counts"] == {"completed": 3, "failed": 1, "cancelled": 0, "timed_out": 0}
    assert total["failure_rate"] == 0.25
    assert total["duration_ms"]["count"] == 3
    assert 0 < total["duration_ms"]["p50"] <= total["duration_ms"]["p99"]
    assert total["cost_usd"]["transitions"] > 0
    assert sum(bucket["runs"] for bucket in found["buckets"]) == 4
    steps = {step["step_id"]: step for step in found["steps"]}
    assert steps["pause"]["duration_ms"]["count"] == 4
    assert steps["stop"]["failed"] == 1

    days = api.get(f"{path}?bucket=day").body
    assert len(days["buckets"]) == 30
    assert days["total"] == total
    now = datetime.now(UTC)
    later = (now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    tomorrow = (now + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert api.get(f"{path}?from={later}&to={tomorrow}").body["total"]["runs"] == 0
    everything = api.get("/stats").body
    assert everything["total"]["runs"] >= 4
    assert "steps" not in everything

    assert api.call("DELETE", f"/workflows/{workflow_id}").status == 204
    assert api.get(path).status == 404
    assert api.get("/stats").body["total"]["runs"] >= 4


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("bucket=minute", "There is no bucket 'minute'. Use hour or day."),
        ("bucket=dya", "There is no bucket 'dya'. Did you mean 'day'? Use hour or day."),
        ("from=yesterday", "The query parameter from must be a moment in ISO 8601, such as 2026-01-31T08:00:00Z."),
        ("from=2026-01-02&to=2026-01-01", "The query parameter from must be a moment before 'to'."),
        (
            "from=2026-01-01&to=2026-02-01",
            "That would be 744 hours, and one answer has 168 at most. Ask for a shorter time, or figures by day (bucket=day).",
        ),
        (
            "from=9000-01-01",
            "The query parameter from must be a moment before now, where the time asked for ends",
        ),
        ("since=2026-01-01", "There is no query parameter 'since'."),
    ],
)
def test_a_time_that_has_no_figures_is_refused_with_what_to_do(api: ApiClient, query: str, told: str) -> None:
    answer = api.get(f"/stats?{query}")
    assert answer.status == 422
    assert told in answer.body["detail"]


def test_figures_of_long_ago_are_refused_rather_than_told_as_none(api: ApiClient) -> None:
    answer = api.get("/stats?from=2001-01-01&to=2001-01-02")
    assert answer.status == 422
    assert answer.body["detail"].startswith("Figures by hour are kept for 90 days. Ask for a time after 20")
    assert api.get("/stats?from=2001-01-01&to=2001-01-02&bucket=day").status == 422


def test_figures_of_no_workflow_are_not_found(api: ApiClient) -> None:
    assert api.get("/workflows/nobodys/stats").status == 404
