"""What the client does, in process and over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.local.client.support import FOREVER, HELLO, PAUSE
from tests.support.looking import awaited
from workflow_engine.client import (
    ApiProblem,
    Client,
)
from workflow_engine.client.calls import new_key

pytestmark = pytest.mark.xdist_group("client")


def test_a_workflow_is_deployed_run_and_read(client: Client) -> None:
    saved = client.workflows.deploy(HELLO, "hello")
    assert client.workflows.deploy(HELLO, "hello")["version"] == saved["version"]
    results = client.runs.execute("hello", {"name": "x"}, timeout=60, tags=["daily"])
    assert results["status"] == "completed"
    assert results["step_results"].keys() == client.runs.get(results["execution_id"])["step_statuses"].keys()  # type: ignore[union-attr]  # it has ended here
    assert client.runs.workflow(results["execution_id"])["workflow"] == HELLO
    assert [build["number"] for build in client.workflows.builds("hello")] == [1]
    found = [run["execution_id"] for run in client.runs.list(workflow_id="hello", tag="daily")]
    assert found[0] == results["execution_id"]
    assert "hello" in [workflow["workflow_id"] for workflow in client.workflows.list()]


def test_a_change_of_what_somebody_else_has_changed_is_refused(client: Client) -> None:
    client.workflows.deploy(HELLO, "shared")
    etag = client.workflows.etag("shared")
    client.workflows.deploy(HELLO | {"description": "another"}, "shared", if_match=etag)
    with pytest.raises(ApiProblem) as raised:
        client.workflows.deploy(HELLO | {"description": "mine"}, "shared", if_match=etag)
    assert (raised.value.status, raised.value.code) == (412, "precondition_failed")
    client.workflows.delete("shared")


def test_events_come_while_the_run_goes_on_and_end_with_it(client: Client) -> None:
    started = client.runs.start(PAUSE)
    types = [event["type"] for event in client.runs.events(started["execution_id"])]
    assert types == ["run.started", "step.started", "step.waiting", "step.completed", "run.completed"]
    assert [event["type"] for event in client.runs.events(started["execution_id"], follow=False)] == types


def test_a_stream_goes_on_from_a_place(client: Client) -> None:
    started = client.runs.start(PAUSE)
    events = list(client.runs.stream(started["execution_id"]))
    rest = list(client.runs.stream(started["execution_id"], last_event_id=events[1].last_event_id))
    assert rest == events[2:]


def test_a_run_is_waited_for_and_cancelled(client: Client) -> None:
    execution_id = client.runs.start(FOREVER)["execution_id"]
    waiting = ThreadPoolExecutor(1).submit(client.runs.wait, execution_id, 60)
    assert client.runs.cancel(execution_id, "enough")["cancel_cause"] == "enough"
    assert waiting.result(timeout=60)["status"] == "cancelled"
    assert client.runs.cancel(execution_id)["cancel_cause"] == "enough"


def test_a_question_is_found_and_answered(client: Client) -> None:
    asks = {"steps": [{"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Well?"}}]}
    execution_id = client.runs.start(asks)["execution_id"]
    open_ones = awaited(lambda: list(client.approvals.list(execution_id=execution_id)))
    assert open_ones[0]["prompt"] == "Well?"
    assert client.approvals.approve(execution_id, "ask", comment="yes")["decision"] == "approved"
    assert client.runs.wait(execution_id, 20)["status"] == "completed"


def test_more_runs_than_a_page_holds_are_listed(client: Client) -> None:
    several = new_key()
    for _ in range(5):
        client.runs.start(HELLO, {"name": "x"}, correlation_id=several)
    assert len(list(client.runs.list(correlation_id=several, page_size=2))) == 5


def test_runs_are_counted_and_summed(client: Client) -> None:
    client.workflows.deploy(HELLO, "counted")
    client.runs.execute("counted", {"name": "x"}, timeout=60)
    assert client.runs.count(workflow_id="counted")["counts"]["completed"] >= 1
    since = datetime.now(UTC) - timedelta(hours=2)
    assert client.workflows.stats("counted", since, bucket="hour")["bucket"] == "hour"
    assert client.stats(since, bucket="hour")["total"].keys() == client.stats()["total"].keys()


def test_prompts_agents_and_step_types_are_reached(client: Client) -> None:
    prompt = client.prompts.create({"name": "Greeting", "query_template": "Hello {{ name }}"})
    rendered = client.prompts.render(prompt["prompt_id"], {"name": "you"})
    assert rendered["query"] == "Hello you"
    assert prompt["prompt_id"] in [listed["prompt_id"] for listed in client.prompts.list()]
    assert {"delay", "merge"} <= {step["step_type"] for step in client.steps.list()}
    assert client.steps.schema("delay")["config_schema"]["type"] == "object"
    assert client.call("health") == {"status": "healthy", "service": "unified-workflow-execution-engine"}
