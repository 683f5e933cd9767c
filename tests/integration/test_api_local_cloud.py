"""The API and the local cloud behind it, looked at from the side of AWS: what is there after a request, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from tests.support.moto_cloud import BUCKET, TABLE, MotoCloud

pytestmark = pytest.mark.xdist_group("local-cloud")


@pytest.fixture(scope="module")
def cloud() -> Iterator[MotoCloud]:
    with MotoCloud() as cloud:
        yield cloud


def greeting(text: Any = "hello", **fields: Any) -> dict[str, Any]:
    steps = [
        {"step_id": "given", "step_type": "data_input", "config": {"input_type": "static", "data": text}},
        {
            "step_id": "loud",
            "step_type": "data_processing",
            "input_mapping": {"input": "given.data"},
            "config": {"processing_type": "uppercase"},
        },
    ]
    return {"name": "Greeting", "steps": steps, **fields}


def machines() -> list[str]:
    return [m["stateMachineArn"] for m in boto3.client("stepfunctions").list_state_machines()["stateMachines"]]


def everything() -> tuple[list[str], int, list[str]]:
    """Machines, the number of records, and objects."""
    records = boto3.client("dynamodb").scan(TableName=TABLE)["Count"]
    objects = [o["Key"] for o in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return machines(), records, objects


def test_workflows_of_equal_shape_share_a_machine(cloud: MotoCloud) -> None:
    before = len(machines())
    for text in ("one", "two"):
        status, results = cloud.call("POST", "/workflows/execute?wait=20", greeting(text))
        assert (status, results["step_results"]["loud"]["output_data"]["result"]) == (200, text.upper())
    assert len(machines()) == before + 1


def test_twenty_runs_at_once_do_not_mix(cloud: MotoCloud) -> None:
    def run(n: int) -> Any:
        status, results = cloud.call("POST", "/workflows/execute?wait=25", greeting({"n": n, "text": f"text {n}"}))
        assert status == 200, results
        return results["step_results"]["loud"]["output_data"]["result"]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(run, range(20))) == [{"n": n, "text": f"TEXT {n}"} for n in range(20)]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/workflows/execute", {"name": "Bad", "steps": [{"step_id": "a", "step_type": "magic"}]}, 422),
        ("/workflows/execute", greeting(input_schema={"type": "object"}, input=[]), 422),
        ("/workflows/execute?wait=99", greeting(), 422),
        ("/workflows", {"name": "Bad", "steps": []}, 422),
        ("/steps/register", {"step_type": "a", "function_arn": "arn:aws:lambda:us-east-1:1:function:x"}, 422),
        ("/workflows/validate", greeting("never seen before", execution_pattern="parallel"), 200),
        ("/workflows/compile", greeting("never seen before", execution_pattern="parallel"), 200),
    ],
)
def test_what_is_refused_or_only_looked_at_leaves_nothing_behind(
    cloud: MotoCloud, path: str, body: dict[str, Any], status: int
) -> None:
    cloud.call(
        "POST", "/workflows/execute?wait=20", greeting(input_schema={"type": "object"})
    )  # its machine may be there
    before = everything()
    assert cloud.call("POST", path, body)[0] == status
    assert everything() == before


def test_an_input_that_is_too_large_starts_no_run(cloud: MotoCloud) -> None:
    cloud.call("POST", "/workflows/execute?wait=20", greeting())
    before = everything()
    status, problem = cloud.call("POST", "/workflows/execute", greeting(input="a" * 300 * 1024))
    assert (status, problem["code"]) == (413, "payload_too_large")
    assert everything() == before


def test_results_of_a_megabyte_are_kept_whole(cloud: MotoCloud) -> None:
    steps = [
        {"step_id": f"copy_{n}", "step_type": "data_input", "config": {"input_type": "dynamic", "source": "text"}}
        for n in range(6)
    ]
    body = {
        "name": "Copies",
        "execution_pattern": "parallel",
        "steps": steps,
        "input": {"text": "x" * 200_000},
        "output": {},
    }
    status, results = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert (status, results["status"]) == (200, "completed"), results
    assert all(len(s["output_data"]["data"]) == 200_000 for s in results["step_results"].values())
    _, again = cloud.call("GET", f"/executions/{results['execution_id']}/results")
    # Each answer signs its address anew, for the second that it is given in.
    for answer in (results, again):
        answer["output_link"]["href"] = answer["output_link"]["href"].partition("?")[0]
    assert again == results
