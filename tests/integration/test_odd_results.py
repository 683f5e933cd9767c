"""Runs whose steps return what is hard to keep, too large or late: they end, are recorded, and every read is answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("local-cloud")

STEPS = """
NESTED = 1
for _ in range(900):
    NESTED = [NESTED]
VALUES = {
    "nan": float("nan"), "inf": float("inf"), "surrogate": "\\ud800", "nested": NESTED, "half": "x" * 150_000,
}

def odd(event, context):
    kind = event["step_config"]["config"]["kind"]
    if kind == "raise":
        raise ValueError("\\ud800 bad")
    return {"x": VALUES[kind]}

def picky(event, context):
    raise ValueError("no")
"""
MANIFEST = (
    """[{"step_type": "odd", "handler": "odd_steps:odd"}, {"step_type": "picky", "handler": "odd_steps:picky"}]"""
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder: Path = tmp_path_factory.mktemp("steps")
    (folder / "odd_steps.py").write_text(STEPS)
    (folder / "steps.json").write_text(MANIFEST)
    with LocalCloud(steps_directory=folder) as cloud:
        yield cloud


def odd(step_id: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "odd", "config": {"kind": kind}, **fields}


def run(cloud: LocalCloud, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"name": "Odd", "execution_pattern": "dependency", "steps": list(steps), **fields}
    status, results = cloud.call("POST", "/workflows/execute?wait=20", body)
    assert status == 200, results
    path = f"/executions/{results['execution_id']}"
    status, record = cloud.call("GET", path)
    assert (status, record["status"]) == (200, results["status"])
    assert record["started_at"] == results["started_at"]
    assert record["completed_at"] == results["completed_at"]
    assert cloud.call("GET", f"{path}/results") == (200, results)
    assert cloud.call("GET", f"{path}/history")[0] == 200
    events = cloud.call("GET", f"{path}/events?limit=100")[1]["items"]
    assert events[-1]["type"] == f"run.{results['status']}"
    return dict(results)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("nan", "Runtime.MarshalError"),
        ("inf", "Runtime.MarshalError"),
        ("surrogate", "Runtime.MarshalError"),
        ("raise", "ValueError"),
    ],
)
@pytest.mark.parametrize("critical", [True, False])
def test_a_result_that_is_no_json_fails_its_step(cloud: LocalCloud, kind: str, error: str, critical: bool) -> None:
    results = run(cloud, odd("a", kind, critical=critical), odd("b", kind, dependencies=["a"]))
    assert results["status"] == ("failed" if critical else "completed")
    assert results["step_results"]["a"]["error_type"] == error


def test_a_result_of_900_levels_is_recorded(cloud: LocalCloud) -> None:
    results = run(cloud, odd("a", "nested"), odd("b", "half", dependencies=["a"]))
    assert results["status"] in ("completed", "failed")


def test_parallel_results_too_large_to_be_joined_blame_no_step(cloud: LocalCloud) -> None:
    join = {"step_id": "c", "step_type": "output", "input_mapping": {"a": "a.x", "b": "b.x"}}
    results = run(cloud, odd("a", "half"), odd("b", "half"), join)
    assert results["status"] == "failed"
    assert {k: s["status"] for k, s in results["step_results"].items()} == {
        "a": "completed",
        "b": "completed",
        "c": "pending",
    }
    assert results["error"]["step_id"] is None
    assert "joined" in results["error"]["message"]


def test_an_output_that_is_too_large_blames_no_step(cloud: LocalCloud) -> None:
    steps = (odd("a", "half"), odd("b", "half", dependencies=["a"]))
    results = run(cloud, *steps, output={"a": "a.x", "b": "b.x"})
    assert (results["status"], results["error"]["step_id"]) == ("failed", None)
    assert "output" in results["error"]["message"]


def test_elements_that_were_never_begun_are_skipped_once_the_run_has_completed(cloud: LocalCloud) -> None:
    each = {"for_each": "input.all", "max_concurrency": 1, "critical": False}
    steps = ({"step_id": "a", "step_type": "picky", **each}, odd("b", "half"))
    results = run(cloud, *steps, input={"all": [1, 2, 3]})
    assert results["status"] == "completed"
    statuses = {k: s["status"] for k, s in results["step_results"].items() if k != "b"}
    assert statuses == {"a": "failed", "a[0]": "failed", "a[1]": "skipped", "a[2]": "skipped"}


def test_a_for_each_that_ends_the_run_has_its_times(cloud: LocalCloud) -> None:
    results = run(cloud, {"step_id": "a", "step_type": "picky", "for_each": "input.all"}, input={"all": [1]})
    assert results["step_results"]["a"]["status"] == "failed"
    assert results["step_results"]["a"]["completed_at"] is not None
    assert results["step_results"]["a"]["execution_time_ms"] is not None


def test_runs_are_listed_by_the_time_they_started(cloud: LocalCloud) -> None:
    first = run(cloud, odd("a", "half"))
    second = run(cloud, odd("a", "half"))

    def listed(query: str) -> set[str]:
        status, page = cloud.call("GET", f"/executions?workflow_id={first['workflow_id']}&{query}")
        assert status == 200, page
        return {item["execution_id"] for item in page["items"]} & {first["execution_id"], second["execution_id"]}

    one, two = first["started_at"], second["started_at"]
    assert listed(f"started_after={two}") == {second["execution_id"]}
    assert listed(f"started_before={two}") == {first["execution_id"]}
    assert listed(f"started_after={one}&started_before={two}") == {first["execution_id"]}
    assert listed(f"started_after={one}&started_before={one}") == set()
    assert listed(f"started_after={one}&status=completed") == {first["execution_id"], second["execution_id"]}
    assert cloud.call("GET", f"/executions?started_after={two}&started_before={one}")[0] == 422
    assert cloud.call("GET", "/executions?started_after=yesterday")[0] == 422


def test_pages_of_one_span_of_time_go_on_in_it_only(cloud: LocalCloud) -> None:
    for _ in range(2):
        run(cloud, odd("a", "half"))
    _, page = cloud.call("GET", "/executions?limit=1&started_after=2020-01-01")
    cursor = page["next_cursor"]
    assert cloud.call("GET", f"/executions?limit=1&started_after=2020-01-01&cursor={cursor}")[0] == 200
    assert cloud.call("GET", f"/executions?limit=1&started_after=2020-01-02&cursor={cursor}")[0] == 422
    assert cloud.call("GET", f"/executions?limit=1&cursor={cursor}")[0] == 422


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"workflow": {"name": "x", "steps": []}, "name": "x"}, "/name"),
        ({"name": "x", "steps": [], "session_id": 7}, "/session_id"),
        ([], ""),
    ],
)
def test_validation_answers_200_whatever_json_is_posted(cloud: LocalCloud, body: Any, pointer: str) -> None:
    status, report = cloud.call("POST", "/workflows/validate", body)
    assert (status, report["is_valid"], report["plan"]) == (200, False, None)
    assert pointer in [error["pointer"] for error in report["errors"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"execution_type": "lambda", "handler": "odd_steps:odd"}, "/handler"),
        ({"execution_type": "local", "handler": "odd_steps:odd", "function_arn": "arn"}, "/function_arn"),
        ({"execution_type": "local", "handler": "odd_steps:odd", "function_reference": "arn"}, "/function_reference"),
        ({"execution_type": "lambda", "function_arn": "arn", "endpoint_config": {}}, "/endpoint_config"),
    ],
)
def test_a_registration_with_a_field_of_another_execution_type_is_refused(
    cloud: LocalCloud, fields: dict[str, Any], pointer: str
) -> None:
    status, problem = cloud.call("POST", "/steps/register", {"step_type": "mixed", **fields})
    assert status == 422
    assert pointer in [error["pointer"] for error in problem["errors"]]
