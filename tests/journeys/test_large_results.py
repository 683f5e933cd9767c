"""Results that no single answer can carry: pages, links, and the outputs of single steps."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote, urljoin
from urllib.request import urlopen

import pytest

from tests.support.http_client import Answer, ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

LARGEST_ANSWER = 6_291_556
TEXT = '"ä\\' * 25_000
STEPS = 20
LARGE: dict[str, Any] = {
    "name": "Large",
    "execution_pattern": "sequential",
    "steps": [
        {"step_id": f"s{n}", "step_type": "data_processing", "input_mapping": {"input": "input.text"}}
        for n in range(STEPS)
    ],
    "input": {"text": TEXT},
}


@pytest.fixture(scope="module")
def execution_id(api: ApiClient) -> str:
    answer = api.post("/workflows/execute?wait=25", LARGE)
    assert answer.status in (200, 202), answer.body
    execution_id: str = answer.body["execution_id"]
    assert api.results(execution_id)["status"] == "completed"
    return execution_id


def pages(api: ApiClient, path: str) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        answer = api.get(path if cursor is None else f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        assert answer.status == 200, answer.body
        assert len(json.dumps(json.dumps(answer.body, separators=(",", ":")))) < LARGEST_ANSWER
        found.append(answer.body)
        cursor = answer.body["next_cursor"]
        if cursor is None:
            return found


def linked(api: ApiClient, link: dict[str, Any]) -> Any:
    """What a link leads to: an address in S3, or a path of the local server."""
    with urlopen(urljoin(api.base_url, link["href"]), timeout=30) as response:
        content = response.read()
    assert len(content) == link["bytes"]
    return json.loads(content)


def test_results_over_what_lambda_carries_come_in_pages(api: ApiClient, execution_id: str) -> None:
    found = pages(api, f"/executions/{execution_id}/results")
    assert len(found) > 1
    keys = [key for page in found for key in page["step_results"]]
    assert keys == [f"s{n}" for n in range(STEPS)]
    for page in found:
        assert page["status"] == "completed"
        assert all(step["output_data"]["result"] == TEXT for step in page["step_results"].values())


def test_an_output_over_a_megabyte_is_a_link(api: ApiClient, execution_id: str) -> None:
    results = api.get(f"/executions/{execution_id}/results?limit=1").body
    assert list(results["step_results"]) == ["s0"]
    assert results["output"] is None
    assert results["output_link"]["bytes"] > STEPS * len(TEXT)
    output = linked(api, results["output_link"])
    assert [output[f"s{n}"]["result"] == TEXT for n in range(STEPS)] == [True] * STEPS


def test_a_limit_makes_smaller_pages(api: ApiClient, execution_id: str) -> None:
    found = pages(api, f"/executions/{execution_id}/results?limit=8&links=true")
    assert [len(page["step_results"]) for page in found] == [8, 8, 4]


def test_steps_are_picked(api: ApiClient, execution_id: str) -> None:
    (page,) = pages(api, f"/executions/{execution_id}/results?steps=s7%2Cs3")
    assert list(page["step_results"]) == ["s3", "s7"]
    refused = api.get(f"/executions/{execution_id}/results?steps=s7%2Cs700")
    assert refused.status == 422
    assert "no step 's700'" in refused.body["detail"]


def test_with_links_an_output_over_64_kb_is_one(api: ApiClient, execution_id: str) -> None:
    (page,) = pages(api, f"/executions/{execution_id}/results?steps=s7&links=true")
    step = page["step_results"]["s7"]
    assert step["output_data"] is None
    assert linked(api, step["output_link"])["result"] == TEXT
    assert api.get(f"/executions/{execution_id}/steps/s7/output").body["result"] == TEXT


def test_an_answer_to_execute_is_a_page_too(api: ApiClient) -> None:
    answer = api.post("/workflows/execute?wait=25", LARGE)
    if answer.status == 202:
        pytest.skip("the run took longer than an answer may wait")
    assert answer.body["next_cursor"] is not None
    assert answer.body["output_link"]["bytes"] > 1024 * 1024


NESTED: dict[str, Any] = {
    "name": "Nested",
    "steps": [
        {
            "step_id": "outer",
            "step_type": "map",
            "config": {
                "items": "input.items",
                "steps": [
                    {
                        "step_id": "inner",
                        "step_type": "data_processing",
                        "input_mapping": {"input": "item"},
                        "config": {"processing_type": "uppercase"},
                    }
                ],
            },
        },
        {"step_id": "pause", "step_type": "delay", "dependencies": ["outer"], "config": {"delay_seconds": 60}},
    ],
    "input": {"items": ["a", "b", "c", "d"]},
}


def test_a_step_of_a_run_that_goes_on_has_its_output(api: ApiClient) -> None:
    execution_id = api.post("/workflows/execute", NESTED).body["execution_id"]
    try:
        answer = until_there(api, f"/executions/{execution_id}/steps/{quote('outer[3].inner', safe='')}/output")
        assert answer.body["result"] == "D"
        assert answer.headers["content-type"] == "application/json"
        # The list ends a moment after its last element.
        outer = until_there(api, f"/executions/{execution_id}/steps/outer/output")
        assert len(outer.body) == 4
        assert api.get(f"/executions/{execution_id}").body["status"] == "running"
        for key in ("pause", "nothing", "outer[4].inner", "outer%5B4%5D", "%2E%2E"):
            missing = api.get(f"/executions/{execution_id}/steps/{quote(key)}/output")
            assert (missing.status, missing.body["code"]) == (404, "not_found")
    finally:
        api.post(f"/executions/{execution_id}/cancel")


def until_there(api: ApiClient, path: str, looks: int = 600) -> Answer:
    """What stands at the path as soon as it is there. Only what never comes is still missing after so many looks."""
    for _ in range(looks):
        answer = api.get(path)
        if answer.status == 200:
            return answer
        assert answer.status == 404, answer.body
        time.sleep(0.2)
    pytest.fail(f"{path} never came: {answer.body}")
