"""Steps behind an HTTP endpoint: registered without a redeploy, called as the step asks, failing by name."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.http_client import ApiClient
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply

pytestmark = pytest.mark.xdist_group("journeys")


def answer(received: Received) -> Reply:
    """What the endpoint does by its path."""
    replies = {
        "/double": lambda: json_reply({"doubled": 2 * received.body["input_data"]["n"]}),
        "/empty": lambda: Reply(204, raw=b""),
        "/csv": lambda: Reply(200, {"content-type": "text/csv"}, raw=b"a,b\n"),
        "/slow": lambda: Reply(200, body={}, delay_seconds=20),
        "/wrong": lambda: json_reply({"detail": "n is missing"}, 422),
        "/away": lambda: Reply(307, {"location": "http://169.254.169.254/latest/meta-data/"}, raw=b""),
        "/moved": lambda: Reply(307, {"location": "/double"}, raw=b""),
        "/huge": lambda: Reply(200, raw=b"x" * 5_000_001),
        "/malformed": lambda: Reply(200, raw=b"{'a': 1}"),
        "/reset": lambda: Reply(drop=True),
        "/down": lambda: json_reply({"detail": "restarting"}, 503),
        "/busy": lambda: json_reply({}, 429, retry_after="3600"),
    }
    return replies[received.path]()


def registered(api: ApiClient, url: str, **fields: Any) -> str:
    """A step type with this endpoint, in the body of the original system."""
    name = f"rpc_{uuid.uuid4().hex[:8]}"
    endpoint = {"url": url, "timeout": 10, **fields}
    body = {
        "step_type": name,
        "name": "Doubles",
        "function_reference": "numbers.double",
        "execution_type": "rpc",
        "endpoint_config": endpoint,
    }
    posted = api.post("/steps/register", body)
    assert posted.status == 201, posted.body
    return name


def one_step(step_type: str, n: int = 21, **fields: Any) -> dict[str, Any]:
    step = {"step_id": "one", "step_type": step_type, "input_mapping": {"n": "input.n"}, **fields}
    return {"name": "One", "steps": [step], "input": {"n": n}}


def test_an_endpoint_becomes_a_step_and_its_answer_the_output(api: ApiClient, peer: VendorServer) -> None:
    step_type = registered(api, f"{peer.url}/double", headers={"X-Team": "risk"})
    results = api.execute(one_step(step_type, config={"exact": True}))
    assert results["status"] == "completed", results["error"]
    assert results["step_results"]["one"]["output_data"] == {"doubled": 42}
    (received,) = peer.requests
    assert set(received.body) == {"step_config", "input_data", "execution_context"}
    assert received.body["step_config"] == {"step_id": "one", "step_type": step_type, "config": {"exact": True}}
    assert received.body["input_data"] == {"n": 21}
    assert received.body["execution_context"]["execution_id"] == results["execution_id"]
    assert received.headers["idempotency-key"] == f"{results['execution_id']}:one"
    assert received.headers["x-team"] == "risk"


def test_elements_of_a_list_and_turns_of_a_loop_are_calls_of_their_own(api: ApiClient, peer: VendorServer) -> None:
    step_type = registered(api, f"{peer.url}/double")
    each = {"step_id": "each", "step_type": step_type, "for_each": "input.list", "input_mapping": {"n": "item"}}
    turn = {"step_id": "turn", "step_type": step_type, "input_mapping": {"n": {"value": 4}}}
    config = {"until": "repeat.turn.doubled == 8 and index == 1", "max_iterations": 3, "steps": [turn]}
    loop = {"step_id": "repeat", "step_type": "loop", "config": config}
    results = api.execute({"name": "Many", "steps": [each, loop], "input": {"list": [1, 1]}})
    assert results["status"] == "completed", results["error"]
    assert results["step_results"]["each"]["output_data"] == [{"doubled": 2}, {"doubled": 2}]
    assert len(peer.requests) == 4
    assert len({received.headers["idempotency-key"] for received in peer.requests}) == 4


def test_an_input_that_is_computed_reaches_the_endpoint(api: ApiClient, peer: VendorServer) -> None:
    step_type = registered(api, f"{peer.url}/double")
    mapping = {"n": {"expression": "$ref('input.n') + 1"}}
    results = api.execute(one_step(step_type, input_mapping=mapping))
    assert results["step_results"]["one"]["output_data"] == {"doubled": 44}, results["error"]
    assert set(peer.requests[0].body) == {"step_config", "input_data", "execution_context"}


def test_a_failure_that_passes_is_tried_again_under_the_same_key(api: ApiClient, peer: VendorServer) -> None:
    step_type = registered(api, f"{peer.url}/down")
    results = api.execute(one_step(step_type, max_retries=2, retry_delay_seconds=1))
    assert results["error"] == {
        "step_id": "one",
        "type": "HttpServerError",
        "message": 'The endpoint answered 503: {"detail": "restarting"}',
        "advice": results["step_results"]["one"]["advice"],
    }
    assert [r.body["execution_context"]["attempt"] for r in peer.requests] == [1, 2, 3]
    assert len({r.headers["idempotency-key"] for r in peer.requests}) == 1


@pytest.mark.parametrize(
    ("path", "type_", "says"),
    [
        ("/wrong", "HttpClientError", '422: {"detail": "n is missing"}'),
        ("/away", "HttpRedirectError", "another host"),
        ("/huge", "HttpAnswerTooLargeError", "5,000,000 bytes"),
        ("/malformed", "HttpAnswerError", "application/json and is not"),
    ],
)
def test_a_failure_that_stays_is_never_tried_again(
    api: ApiClient, peer: VendorServer, path: str, type_: str, says: str
) -> None:
    results = api.execute(one_step(registered(api, f"{peer.url}{path}"), max_retries=2, retry_delay_seconds=1))
    assert results["status"] == "failed"
    assert results["error"]["type"] == type_, results["error"]
    assert says in results["error"]["message"]
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("path", "type_", "seconds"),
    [("/slow", "HttpTimeoutError", 1), ("/reset", "HttpConnectionError", 10), ("/busy", "HttpThrottledError", 10)],
)
def test_a_step_that_tolerates_errors_goes_on_and_tells_them_by_name(
    api: ApiClient, peer: VendorServer, path: str, type_: str, seconds: int
) -> None:
    step_type = registered(api, f"{peer.url}{path}", timeout=seconds)
    results = api.execute(one_step(step_type, critical=False, max_retries=1, retry_delay_seconds=1))
    assert results["status"] == "completed"
    assert results["step_results"]["one"]["error_type"] == type_, results["step_results"]["one"]
    assert len(peer.requests) == 2


@pytest.mark.parametrize(
    ("path", "output"),
    [("/empty", None), ("/csv", {"content_type": "text/csv", "text": "a,b\n"}), ("/moved", {"doubled": 42})],
)
def test_other_answers_of_2xx_and_a_redirect_on_the_same_host_are_outputs_too(
    api: ApiClient, peer: VendorServer, path: str, output: Any
) -> None:
    results = api.execute(one_step(registered(api, f"{peer.url}{path}")))
    assert results["status"] == "completed", results["error"]
    assert results["step_results"]["one"]["output_data"] == output


def test_a_stored_workflow_takes_the_endpoint_as_it_is_registered_when_a_run_starts(
    api: ApiClient, peer: VendorServer
) -> None:
    step_type = registered(api, f"{peer.url}/double")
    workflow = {k: v for k, v in one_step(step_type).items() if k != "input"}
    saved = api.post("/workflows", workflow)
    assert saved.status == 201, saved.body
    path = f"/workflows/{saved.body['workflow_id']}/execute"
    assert api.execute({"input": {"n": 1}}, path)["step_results"]["one"]["output_data"] == {"doubled": 2}
    body = {"step_type": step_type, "execution_type": "http", "endpoint_config": {"url": f"{peer.url}/csv"}}
    assert api.post("/steps/register", body).status == 200
    output = api.execute({"input": {"n": 1}}, path)["step_results"]["one"]["output_data"]
    assert output == {"content_type": "text/csv", "text": "a,b\n"}


def test_the_registration_is_shown_with_the_name_of_its_secret_alone(api: ApiClient) -> None:
    auth = {"type": "bearer", "secret": "STEP_SECRET_JOURNEY"}
    step_type = registered(api, "https://crm.example.com/score", auth=auth, method="put")
    shown = api.get(f"/steps/{step_type}").body
    assert shown["execution_type"] == "http"
    assert shown["function_reference"] == "numbers.double"
    assert shown["endpoint_config"] == {
        "url": "https://crm.example.com/score",
        "method": "PUT",
        "headers": {},
        "auth": auth,
        "timeout_seconds": 10,
    }
    assert api.call("DELETE", f"/steps/{step_type}").status == 204


@pytest.mark.parametrize(
    ("endpoint", "pointer", "says"),
    [
        ({}, "/endpoint_config", "url"),
        ({"url": "ftp://a.example/"}, "/endpoint_config/url", "http:// or https://"),
        ({"url": "http://169.254.169.254/latest"}, "/endpoint_config/url", "link-local"),
        ({"url": "https://ann:pw@a.example/"}, "/endpoint_config/url", "user or password"),
        ({"url": "https://a.example/", "uri": 1}, "/endpoint_config/uri", "url"),
        ({"url": "https://a.example/", "headers": {"Host": "b"}}, "/endpoint_config/headers/Host", "cannot be set"),
        ({"url": "https://a.example/", "headers": {"X-A": "1\r\nX-B: 2"}}, "/endpoint_config/headers/X-A", "ASCII"),
        ({"url": "https://a.example/", "timeout": 9000}, "/endpoint_config/timeout", "1 to 890"),
    ],
)
def test_a_wrong_endpoint_is_refused_with_its_place(
    api: ApiClient, endpoint: dict[str, Any], pointer: str, says: str
) -> None:
    refused = api.post("/steps/register", {"step_type": "x", "execution_type": "api", "endpoint_config": endpoint})
    assert refused.status == 422, refused.body
    assert refused.body["errors"][0]["pointer"] == pointer
    assert says in refused.body["errors"][0]["detail"]
    assert api.get("/steps/x").status == 404
