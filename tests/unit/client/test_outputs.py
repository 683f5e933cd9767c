"""Results from several pages, with outputs that lie elsewhere."""

from __future__ import annotations

from typing import Any

from tests.support.scripted_api import ScriptedApi, answered
from workflow_engine.client import Client
from workflow_engine.client.transport import Response

S3 = "https://bucket.s3.eu-west-1.amazonaws.com/payloads/x?X-Amz-Signature=s"
EXPIRED = Response(403, {"content-type": "application/xml"}, b"<Error/>")


def page(steps: dict[str, Any], cursor: str | None = None, **fields: Any) -> Response:
    io = {key: {"output_data": step["output_data"]} for key, step in steps.items()}
    return answered(
        {"status": "completed", "output": 1, "step_results": steps, "step_io_data": io, "next_cursor": cursor} | fields
    )


def step(output: Any = None, **fields: Any) -> dict[str, Any]:
    return {"status": "completed", "output_data": output, **fields}


def test_all_pages_are_one() -> None:
    api = ScriptedApi(page({"a": step(1)}, "next"), page({"b": step(2)}))
    results = Client(api).runs.results("e1", steps=["a", "b"])
    assert {key: told["output_data"] for key, told in results["step_results"].items()} == {"a": 1, "b": 2}
    assert (list(results["step_io_data"]), results["next_cursor"]) == (["a", "b"], None)
    assert [dict(r.query) for r in api.requests] == [{"steps": "a,b"}, {"steps": "a,b", "cursor": "next"}]


def test_outputs_that_lie_elsewhere_are_fetched_from_there() -> None:
    link = {"href": S3, "bytes": 9}
    api = ScriptedApi(
        page({"a": step(output_link=link)}, output=None, output_link={"href": "/payloads/y", "bytes": 9}),
        answered({"of": "run"}),
        answered({"of": "a"}),
    )
    results = Client(api).runs.results("e1")
    assert (results["output"], results["step_results"]["a"]["output_data"]) == ({"of": "run"}, {"of": "a"})
    assert "output_link" not in results
    assert "output_link" not in results["step_results"]["a"]
    assert [request.path for request in api.requests[1:]] == ["/payloads/y", S3]
    assert [request.is_elsewhere for request in api.requests[1:]] == [False, True]


def test_links_stay_where_they_are_wanted_or_lead_nowhere() -> None:
    somewhere, nowhere = {"href": S3, "bytes": 9}, {"href": None, "bytes": 9}
    api = ScriptedApi(page({"a": step(output_link=somewhere)}), page({"a": step(output_link=nowhere)}))
    client = Client(api)
    assert client.runs.results("e1", linked=False)["step_results"]["a"]["output_link"] == somewhere
    assert client.runs.results("e1")["step_results"]["a"]["output_link"] == nowhere


def test_a_link_that_has_expired_is_made_anew_by_the_api() -> None:
    elsewhere = answered(status=303, location=S3)
    api = ScriptedApi(
        page({"rows[3]": step(output_link={"href": S3, "bytes": 9})}), EXPIRED, elsewhere, answered([1, 2])
    )
    assert Client(api).runs.results("e1")["step_results"]["rows[3]"]["output_data"] == [1, 2]
    assert api.requests[2].path == "/executions/e1/steps/rows%5B3%5D/output"


def test_what_a_step_received_is_fetched_with_its_config() -> None:
    linked = step(1, input_data=None, config=None, input_link={"href": "/payloads/z", "bytes": 9})
    api = ScriptedApi(page({"a": linked}), answered({"input_data": {"n": 1}, "config": {"m": 2}}))
    told = Client(api).runs.results("e1", include=["inputs"])["step_results"]["a"]
    assert (told["input_data"], told["config"], "input_link" in told) == ({"n": 1}, {"m": 2}, False)


def test_the_output_of_a_run_is_followed_to_where_it_lies() -> None:
    api = ScriptedApi(answered(status=303, location=S3), answered({"n": 1}))
    assert Client(api).runs.output("e1") == {"n": 1}
