"""Requests that a workflow sends without a registration: filled from the run, paged, failing by name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http_client import ApiClient
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply

pytestmark = pytest.mark.xdist_group("journeys")


def answer(received: Received) -> Reply:
    path = received.path
    if path.startswith("/customers/"):
        return json_reply({"id": path.removeprefix("/customers/"), "tags": ["one"]})
    if path == "/orders":
        return json_reply({"sent": received.body, "query": received.query}, 201)
    if path == "/pages":
        more = "p=2" not in received.query
        return json_reply([received.query or "p=1"], link="</pages?p=2>; rel=next") if more else json_reply(["last"])
    if path == "/down":
        return json_reply({"detail": "restarting"}, 503)
    return json_reply({"detail": "nothing here"}, 404)


def request(
    step_id: str, url: str, *, needs: str | None = None, critical: bool = True, **config: Any
) -> dict[str, Any]:
    step = {"step_id": step_id, "step_type": "http_request", "config": {"url": url, **config}, "critical": critical}
    return step if needs is None else {**step, "dependencies": [needs]}


def test_one_request_feeds_the_next(api: ApiClient, peer: VendorServer) -> None:
    read = request("read", f"{peer.url}/customers/{{{{ input.id }}}}")
    order = request(
        "order",
        f"{peer.url}/orders",
        method="POST",
        query={"ref": "{{ input.id }}"},
        body={"tags": "{{ read.body.tags }}", "note": "for {{ read.body.id }}"},
        expect=[201],
    )
    results = api.execute({"name": "Order", "steps": [read, order], "input": {"id": "a/b c"}})
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["order"]["output_data"]
    assert (output["status_code"], output["attempts"]) == (201, 1)
    assert output["body"] == {"sent": {"tags": ["one"], "note": "for a%2Fb%20c"}, "query": "ref=a%2Fb%20c"}
    assert output["headers"]["content-type"].startswith("application/json")
    assert peer.requests[1].headers["idempotency-key"].startswith(f"{results['execution_id']}:order")


def test_elements_of_a_list_are_requests_of_their_own(api: ApiClient, peer: VendorServer) -> None:
    each = {**request("each", f"{peer.url}/customers/{{{{ item }}}}-{{{{ index }}}}"), "for_each": "input.ids"}
    results = api.execute({"name": "Each", "steps": [each], "input": {"ids": ["x", "y"]}})
    assert [o["body"]["id"] for o in results["step_results"]["each"]["output_data"]] == ["x-0", "y-1"], results["error"]


def test_pages_become_one_list(api: ApiClient, peer: VendorServer) -> None:
    results = api.execute(
        {"name": "Pages", "steps": [request("all", f"{peer.url}/pages", pagination={"type": "link"})]}
    )
    output = results["step_results"]["all"]["output_data"]
    assert (output["body"], output["pages"], output["has_more"]) == (["p=1", "last"], 2, False)


def test_a_failure_is_told_by_name_and_a_wanted_status_is_none(api: ApiClient, peer: VendorServer) -> None:
    gone = request("gone", f"{peer.url}/nothing", critical=False)
    wanted = request("wanted", f"{peer.url}/nothing", expect=[200, 404])
    down = {**request("down", f"{peer.url}/down", critical=False), "max_retries": 1, "retry_delay_seconds": 1}
    results = api.execute({"name": "Failures", "execution_pattern": "parallel", "steps": [gone, wanted, down]})
    told = results["step_results"]
    assert (told["gone"]["error_type"], told["wanted"]["output_data"]["status_code"]) == ("HttpClientError", 404)
    assert (told["down"]["error_type"], told["down"]["retry_count"]) == ("HttpServerError", 1)


def test_data_that_would_lead_elsewhere_fail_the_step(api: ApiClient, peer: VendorServer) -> None:
    step = request("read", f"{peer.url}/customers/{{{{ input.id }}}}", critical=False)
    results = api.execute({"name": "Missing", "steps": [step], "input": {}})
    assert results["step_results"]["read"]["error_type"] == "InvalidStepInput"
    away = request("away", "{{ input.url }}", critical=False)
    results = api.execute({"name": "Away", "steps": [away], "input": {"url": "http://169.254.169.254/"}})
    assert results["step_results"]["away"]["error_type"] == "AddressRefusedError"
    assert peer.requests == []


def test_an_endpoint_may_be_held_to_its_output_schema(api: ApiClient, peer: VendorServer) -> None:
    schema = {"type": "object", "required": ["score"]}
    registration = {
        "step_type": "journey_held",
        "execution_type": "http",
        "endpoint_config": {"url": f"{peer.url}/customers/1"},
        "output_schema": schema,
        "validate_output": True,
    }
    assert api.post("/steps/register", registration).status in (200, 201)
    results = api.execute({"name": "Held", "steps": [{"step_id": "a", "step_type": "journey_held", "max_retries": 2}]})
    assert results["error"]["type"] == "StepOutputError"
    assert "required" in results["error"]["message"]
    assert len(peer.requests) == 1
