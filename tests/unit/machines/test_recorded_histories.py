"""Step results from histories that AWS wrote."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.run_report import RunReport, report

CASES = Path(os.environ.get("ASL_CASES", Path(__file__).parents[4] / "shared" / "asl_cases"))

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the recorded cases (ASL_CASES) are not on this machine")


def recorded(test_name: str) -> dict[str, Any]:
    """The one case whose file name ends in this test's name."""
    (path,) = [p for p in CASES.glob("*/*.json") if p.stem.endswith(test_name)]
    case: dict[str, Any] = json.loads(path.read_text())
    return case


def events_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The events as Step Functions gives them: the recorder parsed texts that begin with a brace, and dropped times."""
    events = case["expected_history"]
    events = events["events"] if isinstance(events, dict) else events
    for event in events:
        event["timestamp"] = datetime(2026, 1, 1, tzinfo=UTC)
        for details in event.values():
            if isinstance(details, dict):
                for name in ("output", "cause", "input"):
                    if name in details and not isinstance(details[name], str):
                        details[name] = json.dumps(details[name])
    return list(events)


def read(test_name: str, *steps: dict[str, Any]) -> RunReport:
    return report(events_of(recorded(test_name)), {"steps": list(steps), "sinks": None})


def test_a_lambda_task() -> None:
    run = read("test_base_task_TIMEOUT_SECONDS_", {"id": "Start"})
    assert run.status == "completed"
    assert run.step_results["Start"]["status"] == "completed"
    assert run.step_results["Start"]["output_data"] == {}


def test_a_map_whose_iterations_follow_one_another() -> None:
    body = {"kind": "map", "steps": [{"id": "Process"}], "sinks": None}
    run = read("test_base_map_from_input_ITEMS_", {"id": "Start", "body": body})
    assert run.output == [1, 2, 3]
    assert run.step_results["Start"]["output_data"] == [1, 2, 3]


def test_a_failure_inside_a_map_after_a_retry() -> None:
    steps = [{"id": "ProcessItem"}, {"id": "Fallback"}, {"id": "Finish"}]
    body = {"kind": "map", "steps": steps, "sinks": None}
    run = read("test_map_catch_error_MAP_CATCH_ERROR_OUTPUT_WITH_RETRY_", {"id": "ProcessItems", "body": body})
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error["step_id"], run.error["type"]) == ("Fallback", "States.QueryEvaluationError")
    item = run.step_results["ProcessItems[0].ProcessItem"]
    assert (item["status"], item["retry_count"]) == ("failed", 1)
    assert item["error_message"] == "Some exception was raised."
    assert run.step_results["ProcessItems[0].Fallback"]["status"] == "failed"
    assert run.step_results["ProcessItems"]["status"] == "failed"


def test_an_undefined_result_of_a_pass_state() -> None:
    run = read("test_undefined_reference_BASE_UNDEFINED_OUTPUT_MULTIPLE_STATES_", {"id": "State2"}, {"id": "State1"})
    assert run.step_results["State2"]["status"] == "failed"
    assert run.error is not None
    assert run.error["step_id"] == "State2"


def test_a_caught_task_failure() -> None:
    run = read("test_task_catch_error_output_TASK_CATCH_ERROR_OUTPUT_", {"id": "Task"}, {"id": "Fallback"})
    assert run.status == "completed"
    assert run.step_results["Task"]["status"] == "failed"
    assert run.step_results["Fallback"]["status"] == "completed"


@pytest.mark.parametrize("path", sorted(CASES.glob("*/*.json")), ids=lambda p: p.stem[-60:])
def test_every_recorded_history_gives_its_status_and_its_error(path: Path) -> None:
    case = json.loads(path.read_text())
    if not case.get("expected_history"):
        pytest.skip("the case has no history")
    events = events_of(case)
    if not all(isinstance(e["id"], int) for e in events):
        pytest.skip("the recorder masked the event ids, which tell how branches are chained")
    expected = case["expected"]
    run = report(events, {"steps": [], "sinks": None})
    assert run.status == {"SUCCEEDED": "completed", "FAILED": "failed"}[expected["status"]]
    if run.status == "failed" and expected.get("error"):
        assert run.error is not None
        assert run.error["type"] == expected["error"]
