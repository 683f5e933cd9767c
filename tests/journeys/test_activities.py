"""Steps that workers do, wherever they run: they ask for tasks over HTTP and answer them."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.support.http_client import ApiClient
from tests.support.looking import awaited

pytestmark = pytest.mark.xdist_group("journeys")

MOST_POLLS: Final = 20


@pytest.fixture
def activity(api: ApiClient) -> str:
    """A step type that workers do; its name is the activity's."""
    name = f"scan_{uuid.uuid4().hex[:12]}"
    answer = api.post("/steps/register", {"step_type": name, "execution_type": "activity"})
    assert answer.status == 201, answer.body
    return name


def start(api: ApiClient, activity: str, **fields: Any) -> str:
    step = {"step_id": "scan", "step_type": activity, "input_mapping": {"page": "input.page"}, **fields}
    answer = api.post(
        "/workflows/execute", {"name": "Scan", "steps": [step], "input": {"page": 7, "pages": [1, 2, 3, 4]}}
    )
    assert answer.status == 202, answer.body
    return str(answer.body["execution_id"])


def task(api: ApiClient, activity: str, worker: str = "w") -> dict[str, Any]:
    for _ in range(MOST_POLLS):
        answer = api.post(f"/activities/{activity}/poll?wait=10&worker={worker}")
        if answer.status == 200:
            found: dict[str, Any] = answer.body
            return found
        assert (answer.status, answer.body) == (204, None)
    raise AssertionError(f"{activity} gets no task")


def test_a_worker_is_given_a_task_and_its_answer_is_the_steps_output(api: ApiClient, activity: str) -> None:
    execution_id = start(api, activity)
    found = task(api, activity)
    assert found["input"]["input_data"] == {"page": 7}
    assert found["input"]["execution_context"]["place"] == "scan"
    path = f"/activities/{activity}/tasks/{found['task_id']}"
    assert api.post(f"{path}/heartbeat").status == 200
    done = {"output": {"text": ["Invoice"]}}
    assert api.post(f"{path}/success", done).status == 200
    assert api.results(execution_id)["step_results"]["scan"]["output_data"] == {"text": ["Invoice"]}
    # A worker that did not hear that it was taken may say it again.
    assert api.post(f"{path}/success", done).status == 200
    for verb, body in (("success", {"output": 1}), ("failure", {"error": "No"})):
        answer = api.post(f"{path}/{verb}", body)
        assert (answer.status, answer.body["code"]) == (409, "already_decided")
    assert api.post(f"{path}/heartbeat").status == 409


def test_a_failure_of_the_worker_is_the_steps_and_is_retried_as_it_says(api: ApiClient, activity: str) -> None:
    execution_id = start(api, activity, max_retries=1, retry_delay_seconds=1)
    for attempt in (1, 2):
        found = task(api, activity)
        assert found["input"]["execution_context"]["attempt"] == attempt
        failure = {"error": "UnreadablePage", "message": f"blank {attempt}"}
        assert api.post(f"/activities/{activity}/tasks/{found['task_id']}/failure", failure).status == 200
    result = api.results(execution_id)["step_results"]["scan"]
    assert (result["error_type"], result["error_message"]) == ("UnreadablePage", "blank 2")
    assert (result["status"], result["retry_count"]) == ("failed", 1)


def test_workers_side_by_side_get_each_task_once(api: ApiClient, activity: str) -> None:
    execution_id = start(api, activity, for_each="input.pages", max_items=4, input_mapping={"page": "item"})

    def work(worker: str) -> int:
        found = task(api, activity, worker)
        page: int = found["input"]["input_data"]["page"]
        done = api.post(f"/activities/{activity}/tasks/{found['task_id']}/success", {"output": page * 10})
        assert done.status == 200
        return page

    with ThreadPoolExecutor(4) as pool:
        pages = sorted(pool.map(work, ("a", "b", "c", "d")))
    assert pages == [1, 2, 3, 4]
    assert api.results(execution_id)["step_results"]["scan"]["output_data"] == [10, 20, 30, 40]


def test_a_task_of_a_run_that_has_ended_is_not_given_and_takes_no_answer(api: ApiClient, activity: str) -> None:
    execution_id = start(api, activity)
    found = task(api, activity)
    assert api.post(f"/executions/{execution_id}/cancel").status == 200
    for verb, body in (("heartbeat", None), ("success", {"output": 1})):
        answer = api.post(f"/activities/{activity}/tasks/{found['task_id']}/{verb}", body)
        assert (answer.status, answer.body["code"]) == (409, "too_late")
    assert api.post(f"/activities/{activity}/poll").status == 204


def test_a_task_that_comes_while_nobody_asks_waits_for_the_next_who_does(api: ApiClient, activity: str) -> None:
    assert api.post(f"/activities/{activity}/poll").status == 204
    execution_id = start(api, activity)
    time.sleep(0.5)
    found = task(api, activity, "another")
    api.post(f"/activities/{activity}/tasks/{found['task_id']}/success", {})
    assert api.results(execution_id)["status"] == "completed"


def test_what_no_activity_has_is_not_found_and_wrong_answers_are_refused(api: ApiClient, activity: str) -> None:
    assert api.post("/activities/none/poll").status == 404
    assert api.post(f"/activities/{activity}/tasks/none/success", {}).status == 404
    assert api.post(f"/activities/{activity}/poll?wait=26").status == 422
    assert api.post(f"/activities/{activity}/poll?worker=two%20words").status == 422
    execution_id = start(api, activity)
    path = f"/activities/{activity}/tasks/{task(api, activity)['task_id']}"
    for body, pointer in (
        ({}, ""),
        ({"error": "States.Timeout"}, "/error"),
        ({"error": "A", "cause": "b"}, "/cause"),
    ):
        answer = api.post(f"{path}/failure", body)
        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, pointer)
    assert api.post(f"{path}/success", {"output": "x" * 300_000}).status == 413
    assert api.post(f"{path}/success", {"output": None}).status == 200
    assert api.results(execution_id)["status"] == "completed"


@pytest.mark.parametrize(
    ("output", "error"),
    [({"text": "Invoice"}, None), ({"text": 5}, "StepOutputError"), (None, "StepOutputError")],
)
def test_a_workers_output_is_held_to_the_schema_of_its_step_type(
    api: ApiClient, output: Any, error: str | None
) -> None:
    name = f"held_{uuid.uuid4().hex[:12]}"
    schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    registration = {"step_type": name, "execution_type": "activity", "output_schema": schema, "validate_output": True}
    assert api.post("/steps/register", registration).status == 201
    execution_id = start(api, name, max_retries=2, retry_delay_seconds=1)
    path = f"/activities/{name}/tasks/{task(api, name)['task_id']}/success"
    assert api.post(path, {"output": output}).status == 200
    assert api.post(path, {"output": output}).status == 200
    result = api.results(execution_id)["step_results"]["scan"]
    if error is None:
        assert (result["status"], result["output_data"]) == ("completed", output)
    else:
        assert (result["error_type"], result["retry_count"]) == (error, 0)
        assert "output_schema" in result["error_message"]


def test_a_run_is_held_to_the_schema_that_it_was_started_with(api: ApiClient) -> None:
    name = f"held_{uuid.uuid4().hex[:12]}"
    registration = {"step_type": name, "execution_type": "activity", "output_schema": {"type": "object"}}
    assert api.post("/steps/register", registration).status == 201
    before = start(api, name)
    first = task(api, name)
    stricter = {**registration, "output_schema": {"type": "object", "required": ["text"]}, "validate_output": True}
    assert api.post("/steps/register", stricter).status == 200
    after = start(api, name)
    second = task(api, name)
    for found in (first, second):
        assert api.post(f"/activities/{name}/tasks/{found['task_id']}/success", {"output": {}}).status == 200
    assert api.results(before)["status"] == "completed"
    assert api.results(after)["error"]["type"] == "StepOutputError"


def test_a_subflow_is_held_to_the_schema_that_the_run_above_was_started_with(api: ApiClient) -> None:
    name = f"held_{uuid.uuid4().hex[:12]}"
    registration = {"step_type": name, "execution_type": "activity", "output_schema": {"type": "object"}}
    assert api.post("/steps/register", registration).status == 201
    scan = {"step_id": "scan", "step_type": name}
    child = api.post("/workflows", {"name": "Child", "steps": [scan]})
    assert child.status == 201, child.body
    below = {
        "step_id": "below",
        "step_type": "subflow",
        "config": {"workflow_id": child.body["id"]},
        "input_mapping": {},
    }
    above = {"name": "Above", "steps": [scan, {**below, "dependencies": ["scan"]}]}
    started = api.post("/workflows/execute", above)
    assert started.status == 202, started.body
    first = task(api, name)
    stricter = {**registration, "output_schema": {"type": "object", "required": ["text"]}, "validate_output": True}
    assert api.post("/steps/register", stricter).status == 200
    assert api.post(f"/activities/{name}/tasks/{first['task_id']}/success", {"output": {}}).status == 200
    second = task(api, name)
    child_run = second["input"]["execution_context"]["execution_id"]
    awaited(lambda: api.get(f"/executions/{child_run}").status == 200)
    assert api.post(f"/activities/{name}/tasks/{second['task_id']}/success", {"output": {}}).status == 200
    assert api.results(started.body["execution_id"])["status"] == "completed"
