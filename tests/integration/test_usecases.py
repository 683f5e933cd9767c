"""The use cases on the local runtime: saved, started, run, recorded, read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from tests.support.backend_cloud import counted
from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    ThrottledError,
    WorkflowEngineError,
)
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.machines.port import MachineGoneError
from workflow_engine.usecases.answers import ExecutionSummary, Results
from workflow_engine.usecases.engine import Caller, Engine, Laptop
from workflow_engine.usecases.runs import cancel_run, read_results, record_execution, start_run
from workflow_engine.usecases.runs.record_execution import RunEnd
from workflow_engine.usecases.steps import read_steps, register_step, remove_step
from workflow_engine.usecases.workflows import compile_workflow, read_workflows, save_workflow, validate_workflow

ME = Caller("default", "me")
OTHER = Caller("other")

HELLO: dict[str, Any] = {
    "name": "Hello",
    "steps": [
        {"step_id": "words", "step_type": "data_input", "config": {"data": {"message": "Hello, World!"}}},
        {
            "step_id": "loud",
            "step_type": "data_processing",
            "input_mapping": {"input": "words.data"},
            "config": {"processing_type": "uppercase"},
        },
    ],
}
WAITING: dict[str, Any] = {
    "name": "Waiting",
    "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 60}}],
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with MotoCloud():
        yield Engine.from_environment()


def run(engine: Engine, body: dict[str, Any]) -> Results:
    started = start_run.start(engine, ME, body)
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    return read_results.results(engine, ME, started["execution_id"])


@contextmanager
def nothing_written(engine: Engine) -> Iterator[None]:
    """Fails if anything is created meanwhile, in whatever store."""
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        yield
    assert {c for c in calls if not c.startswith(("Get", "BatchGet", "Query"))} == set()


def executions_of(engine: Engine, workflow_id: str) -> list[ExecutionSummary]:
    return read_results.list_executions(engine, ME, workflow_id=workflow_id, limit=10)["items"]


def test_a_posted_workflow_runs_and_tells_what_its_steps_gave(engine: Engine) -> None:
    results = run(engine, {**HELLO, "session_id": "s1", "tags": ["a"]})
    assert results["status"] == "completed"
    assert results["step_results"]["loud"]["output_data"]["result"] == {"message": "HELLO, WORLD!"}
    assert results["output"]["loud"]["result"] == {"message": "HELLO, WORLD!"}
    assert results["metadata"]["session_id"] == "s1"
    assert results["metadata"]["user_id"] == "me"
    found = read_results.get_execution(engine, ME, results["execution_id"])
    assert (found["status"], found["error"], found["tags"]) == ("completed", None, ["a"])


@pytest.mark.parametrize(("named", "user"), [("someone", "someone"), (None, "me")])
def test_whom_a_run_is_for_does_not_hide_who_started_it(engine: Engine, named: str | None, user: str) -> None:
    started = start_run.start(engine, ME, HELLO if named is None else {**HELLO, "user_id": named})
    record = read_results.get_execution(engine, ME, started["execution_id"])
    assert (record["user_id"], record["started_by"]) == (user, "me")
    arn = engine.executions.get(ME.tenant_id, started["execution_id"]).execution_arn
    told = json.loads(engine.stepfunctions.describe_execution(executionArn=arn)["input"])
    assert told["context"]["user_context"] == {
        "user_id": user,
        "principal": "me",
        "session_id": None,
        "tenant_id": ME.tenant_id,
    }
    assert (told["run"]["user_id"], told["run"]["principal"]) == (user, "me")


def test_the_same_post_again_compiles_nothing_and_makes_no_machine(engine: Engine) -> None:
    body = {**HELLO, "name": "Hello again"}
    start_run.start(engine, ME, body)
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        start_run.start(engine, ME, {"workflow": body, "input": {"n": 1}})
    assert calls == ["GetItem", "PutItem", "StartExecution"]


def test_workflows_of_one_shape_share_one_machine(engine: Engine) -> None:
    one = save_workflow.create(engine, ME, HELLO)
    with counted(engine.stepfunctions) as calls:
        other = json.loads(json.dumps(HELLO).replace("Hello, World!", "Good bye"))
        two = save_workflow.create(engine, ME, other)
    assert calls == []
    assert one["workflow_id"] != two["workflow_id"]


def test_a_warm_start_of_a_stored_workflow_makes_three_calls(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        started = start_run.start_stored(engine, ME, workflow_id, {"input": {"x": 1.5}})
    assert calls == ["GetItem", "PutItem", "StartExecution"]
    assert started["status"] == "running"
    assert started["workflow_id"] == workflow_id
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)


def test_a_warm_start_with_a_registered_step_makes_four_calls(engine: Engine) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-ocr"
    register_step.register(engine, ME, {"step_type": "ocr", "function_arn": arn})
    body = {"name": "Ocr", "steps": [{"step_id": "a", "step_type": "ocr"}]}
    workflow_id = save_workflow.create(engine, ME, body)["workflow_id"]
    with counted(engine.dynamodb, engine.stepfunctions) as calls:
        start_run.start_stored(engine, ME, workflow_id, {})
    assert calls == ["GetItem", "BatchGetItem", "PutItem", "StartExecution"]
    save_workflow.update(engine, ME, workflow_id, HELLO)
    remove_step.delete(engine, ME, "ocr")
    with pytest.raises(ConflictError, match="no longer registered"):
        start_run.start_stored(engine, ME, workflow_id, {"version": 1})


def test_saving_equal_content_makes_no_new_version(engine: Engine) -> None:
    first = save_workflow.create(engine, ME, HELLO)
    same = save_workflow.update(engine, ME, first["workflow_id"], HELLO)[0]
    assert (same["version"], same["updated_at"]) == (1, first["updated_at"])
    second = save_workflow.update(engine, ME, first["workflow_id"], {**HELLO, "name": "New"})[0]
    assert (second["version"], second["created_at"]) == (2, first["created_at"])
    assert read_workflows.get(engine, ME, first["workflow_id"])["name"] == "New"
    assert read_workflows.get(engine, ME, first["workflow_id"], 1)["workflow"] == HELLO
    listed = read_workflows.list_versions(engine, ME, first["workflow_id"], 10)["items"]
    assert [(v["version"], v["name"]) for v in listed] == [(2, "New"), (1, "Hello")]
    started = start_run.start_stored(engine, ME, first["workflow_id"], {"version": 1})
    assert (started["workflow_version"], started["workflow_name"]) == (1, "Hello")


NAMED: dict[str, Any] = {**HELLO, "workflow_id": "7-days"}


def test_a_workflow_is_stored_under_the_id_that_it_asks_for(engine: Engine) -> None:
    made = save_workflow.create(engine, ME, {"workflow_config": NAMED})
    assert (made["workflow_id"], made["id"], made["version"]) == ("7-days", "7-days", 1)
    assert made["configuration"] == made["workflow"] == NAMED
    with pytest.raises(ConflictError, match="already"):
        save_workflow.create(engine, ME, NAMED)
    assert start_run.start_stored(engine, ME, "7-days", {})["workflow_id"] == "7-days"


def test_a_request_that_is_repeated_with_its_key_finds_the_workflow_that_it_made(engine: Engine) -> None:
    body = {**HELLO, "workflow_id": "repeated"}
    made = save_workflow.create(engine, ME, body, "k")
    assert save_workflow.create(engine, ME, body, "k") == made
    with pytest.raises(ConflictError, match="already"):
        save_workflow.create(engine, ME, body, "another")


def test_a_put_creates_under_an_id_that_no_workflow_has(engine: Engine) -> None:
    made, is_new = save_workflow.update(engine, ME, "mine", HELLO)
    assert (made["workflow_id"], made["version"], is_new) == ("mine", 1, True)
    assert save_workflow.update(engine, ME, "mine", HELLO) == (made, False)


def test_the_id_of_a_deleted_workflow_may_be_used_again_and_its_versions_go_on(engine: Engine) -> None:
    someone = Caller("again")
    body = {**HELLO, "workflow_id": "w"}
    save_workflow.create(engine, someone, body)
    save_workflow.delete(engine, someone, "w")
    again = save_workflow.create(engine, someone, {**body, "name": "Again"})
    assert (again["version"], read_workflows.get(engine, someone, "w")["name"]) == (2, "Again")
    assert read_workflows.get(engine, someone, "w", 1)["name"] == "Hello"
    assert [w["id"] for w in read_workflows.list_workflows(engine, someone, 10)["items"]] == ["w"]
    save_workflow.delete(engine, someone, "w")
    assert save_workflow.update(engine, someone, "w", HELLO)[0]["version"] == 3


@pytest.mark.parametrize("workflow_id", ["execute", "adhoc-1", "-a", "a b", "x" * 65])
def test_an_id_that_cannot_be_one_is_refused(engine: Engine, workflow_id: str) -> None:
    with pytest.raises((InvalidRequestError, InvalidWorkflowError)):
        save_workflow.create(engine, ME, {**HELLO, "workflow_id": workflow_id})
    with pytest.raises(InvalidRequestError):
        save_workflow.update(engine, ME, workflow_id, HELLO)


def test_the_id_of_path_and_body_must_be_the_same(engine: Engine) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        save_workflow.update(engine, ME, "other", {"workflow": NAMED})
    assert raised.value.errors[0]["pointer"] == "/workflow/workflow_id"


def test_a_deleted_workflow_leaves_its_executions_readable(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]
    started = start_run.start_stored(engine, ME, workflow_id, {})
    save_workflow.delete(engine, ME, workflow_id)
    uses: tuple[Callable[[], Any], ...] = (
        lambda: read_workflows.get(engine, ME, workflow_id),
        lambda: start_run.start_stored(engine, ME, workflow_id, {}),
    )
    for use in uses:
        with pytest.raises(NotFoundError):
            use()
    save_workflow.delete(engine, ME, workflow_id)  # a client whose answer was lost
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    assert read_results.results(engine, ME, started["execution_id"])["status"] == "completed"


def test_posted_workflows_are_not_listed(engine: Engine) -> None:
    started = start_run.start(engine, ME, {**HELLO, "name": "Unlisted"})
    names = [w["name"] for w in read_workflows.list_workflows(engine, ME, 100)["items"]]
    assert "Unlisted" not in names
    with pytest.raises(NotFoundError):
        save_workflow.update(engine, ME, started["workflow_id"], HELLO)


def test_another_tenant_sees_nothing(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]
    started = start_run.start_stored(engine, ME, workflow_id, {})
    for use in (
        lambda: read_workflows.get(engine, OTHER, workflow_id),
        lambda: start_run.start_stored(engine, OTHER, workflow_id, {}),
        lambda: read_results.results(engine, OTHER, started["execution_id"]),
        lambda: read_results.wait_for_end(engine, OTHER, started["execution_id"], 1),
        lambda: read_results.events(engine, OTHER, started["execution_id"], 10),
        lambda: cancel_run.cancel(engine, OTHER, started["execution_id"]),
    ):
        with pytest.raises(NotFoundError):
            use()
    assert read_results.list_executions(engine, OTHER, limit=10)["items"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "x", "steps": [{"step_id": "a", "step_type": "nope"}]}, "/steps/0/step_type"),
        ({"workflow": {"name": "x", "steps": [{"step_id": "a", "step_type": "nope"}]}}, "/workflow/steps/0/step_type"),
        ({"workflow": 3}, "/workflow"),
        ([], ""),
        ({"name": "x", "steps": [{"step_id": "a", "step_type": "output", "dependencies": ["a"]}]}, "/steps/0"),
        (
            {
                "workflow": {
                    "name": "x",
                    "steps": [
                        {"step_id": "a", "step_type": "output", "dependencies": ["b"]},
                        {"step_id": "b", "step_type": "output", "dependencies": ["a"]},
                    ],
                }
            },
            "/workflow/steps",
        ),
    ],
)
def test_an_invalid_workflow_leaves_nothing_behind_and_points_into_the_body(
    engine: Engine, body: Any, pointer: str
) -> None:
    for use in (start_run.start, save_workflow.create, compile_workflow.compile_body):
        with nothing_written(engine), pytest.raises(InvalidWorkflowError) as raised:
            use(engine, ME, body)
        assert raised.value.diagnostics[0].pointer.startswith(pointer)
    report = validate_workflow.validate(engine, ME, body)
    assert not report["is_valid"]
    assert report["errors"][0]["pointer"].startswith(pointer)
    assert report["plan"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"workflow": HELLO, "inputs": {}}, "/inputs"),
        ({**HELLO, "session_id": 5}, "/session_id"),
        ({"workflow": HELLO, "user_id": ""}, "/user_id"),
    ],
)
def test_what_stands_beside_the_workflow_is_checked_too(engine: Engine, body: Any, pointer: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        start_run.start(engine, ME, body)
    assert raised.value.errors[0]["pointer"] == pointer


def test_validation_tells_of_each_step(engine: Engine) -> None:
    body = {
        "name": "x",
        "steps": [
            {"step_id": "good", "step_type": "data_input", "config": {"data": 1}},
            {"step_id": "bad", "step_type": "data_input", "config": {"nonsense": 1}},
        ],
    }
    steps = validate_workflow.validate(engine, ME, {"workflow": body})["step_validation"]
    assert steps["good"] == {"is_valid": True, "errors": []}
    assert not steps["bad"]["is_valid"]
    assert steps["bad"]["errors"][0]["pointer"].startswith("/workflow/steps/1/config")
    plan = validate_workflow.validate(engine, ME, HELLO)["plan"]
    assert plan is not None
    assert plan["states"] >= 1


def test_compiling_shows_the_machine(engine: Engine) -> None:
    compiled = compile_workflow.compile_body(engine, ME, HELLO)
    assert set(compiled) == {"asl", "plan", "diagram", "bindings"}
    assert "words" in compiled["asl"]["States"]
    json.dumps(compiled)


def test_the_input_is_checked_before_anything_is_written(engine: Engine) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    workflow_id = save_workflow.create(engine, ME, {**HELLO, "input_schema": schema})["workflow_id"]
    with nothing_written(engine), pytest.raises(InvalidRequestError) as raised:
        start_run.start_stored(engine, ME, workflow_id, {"input": {"n": "one"}})
    assert raised.value.errors[0]["pointer"] == "/input/n"
    with nothing_written(engine), pytest.raises(InvalidRequestError):
        start_run.start_stored(engine, ME, workflow_id, {})
    start_run.start_stored(engine, ME, workflow_id, {"input": {"n": 1}})


def test_too_large_an_input_is_refused_before_anything_is_written(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]
    with nothing_written(engine), pytest.raises(PayloadTooLargeError):
        start_run.start_stored(engine, ME, workflow_id, {"input": "é" * 131_072})


@pytest.mark.parametrize("code", ["ThrottlingException", "ExecutionLimitExceeded", "InvalidArn"])
def test_a_refused_start_leaves_no_record(engine: Engine, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "StartExecution")

    monkeypatch.setattr(engine.stepfunctions, "start_execution", refuse)
    with pytest.raises((ThrottledError, ClientError)):
        start_run.start_stored(engine, ME, workflow_id, {})
    assert executions_of(engine, workflow_id) == []


def test_a_deleted_machine_is_replaced_by_its_next_generation(engine: Engine) -> None:
    body = {**HELLO, "timeout_seconds": 12_345}
    workflow_id = save_workflow.create(engine, ME, body)["workflow_id"]
    arn = engine.workflows.newest("default", workflow_id).compiled.machine_arn
    engine.stepfunctions.delete_state_machine(stateMachineArn=arn)
    started = start_run.start_stored(engine, ME, workflow_id, {})
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    renewed = engine.workflows.newest("default", workflow_id).compiled.machine_arn
    assert (arn[-3:], renewed[-3:]) == ("-g1", "-g2")
    with counted(engine.dynamodb, engine.stepfunctions) as calls:
        start_run.start_stored(engine, ME, workflow_id, {})
    assert calls == ["GetItem", "PutItem", "StartExecution"]


def test_a_machine_that_stays_gone_is_an_answer_to_try_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id = save_workflow.create(engine, ME, {**HELLO, "timeout_seconds": 777})["workflow_id"]

    def gone(*_: Any) -> Any:
        raise MachineGoneError

    monkeypatch.setattr(type(engine.runs), "start", gone)
    with pytest.raises(ThrottledError):
        start_run.start_stored(engine, ME, workflow_id, {})
    assert executions_of(engine, workflow_id) == []


def test_an_idempotency_key_starts_one_run(engine: Engine) -> None:
    first = start_run.start(engine, ME, HELLO, "key-1")
    assert start_run.start(engine, ME, HELLO, "key-1") == first
    with pytest.raises(ConflictError):
        start_run.start(engine, ME, {**HELLO, "name": "other"}, "key-1")
    saved = save_workflow.create(engine, ME, HELLO, "key-1")
    assert save_workflow.create(engine, ME, HELLO, "key-1") == saved


def until_entered(engine: Engine, execution_id: str, step_id: str) -> None:
    """Wait, for a bounded time, until the run has come to the step."""
    for _ in range(400):
        if read_results.results(engine, ME, execution_id)["step_results"][step_id]["status"] == "running":
            return
        time.sleep(0.05)
    raise AssertionError(f"{step_id} was never entered")


def test_a_run_is_cancelled_once(engine: Engine) -> None:
    started = start_run.start(engine, ME, WAITING)
    until_entered(engine, started["execution_id"], "pause")
    found = cancel_run.cancel(engine, ME, started["execution_id"])
    assert found["status"] == "cancelled"
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    results = read_results.results(engine, ME, started["execution_id"])
    assert (results["status"], results["step_results"]["pause"]["status"]) == ("cancelled", "aborted")
    assert cancel_run.cancel(engine, ME, started["execution_id"])["status"] == "cancelled"


def test_a_run_that_has_ended_cannot_be_cancelled(engine: Engine) -> None:
    results = run(engine, HELLO)
    with pytest.raises(ConflictError, match="completed"):
        cancel_run.cancel(engine, ME, results["execution_id"])


def test_waiting_for_a_long_run_gives_up(engine: Engine) -> None:
    started = start_run.start(engine, ME, WAITING)
    with counted(engine.stepfunctions) as calls:
        assert not read_results.wait_for_end(engine, ME, started["execution_id"], 0.2)
    assert calls == []
    live = read_results.results(engine, ME, started["execution_id"])
    assert (live["status"], live["completed_at"]) == ("running", None)
    cancel_run.cancel(engine, ME, started["execution_id"])


def test_a_lost_event_is_made_good_when_results_are_read(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as lost:
        lost.setattr(record_execution, "record", lambda *_: None)
        started = start_run.start(engine, ME, {**HELLO, "name": "Lost"})
        while read_results.results(engine, ME, started["execution_id"])["status"] == "running":
            engine.sleep(0.05)
    assert read_results.get_execution(engine, ME, started["execution_id"])["status"] == "completed"
    execution = engine.executions.get("default", started["execution_id"])
    record_execution.record(engine, RunEnd(execution.execution_arn, engine.now()))
    assert engine.results.find("default", started["execution_id"]) is not None


def test_an_end_that_the_history_does_not_show_yet_is_not_taken_for_recorded(engine: Engine) -> None:
    started = start_run.start(engine, ME, {**WAITING, "name": "Lagging"})
    execution = engine.executions.get("default", started["execution_id"])
    before, now = execution.started_at, engine.now()
    for end in (RunEnd(execution.execution_arn, now), RunEnd(execution.execution_arn, now, redrive_count=0)):
        with pytest.raises(record_execution.EndNotShownError):
            record_execution.record(engine, end)
    unchanged = engine.executions.get("default", started["execution_id"])
    assert (unchanged.status, unchanged.started_at) == ("running", before)
    cancel_run.cancel(engine, ME, started["execution_id"])


def test_recording_an_unknown_execution_asks_to_be_tried_again(engine: Engine) -> None:
    unknown = "arn:aws:states:us-east-1:123456789012:execution:m:unknown"
    with pytest.raises(NotFoundError):
        record_execution.record(engine, RunEnd(unknown, engine.now()))


def test_events_hide_parameters_and_name_their_step(engine: Engine) -> None:
    results = run(engine, {**HELLO, "input": {"n": 1}})
    page = read_results.events(engine, ME, results["execution_id"], 100)
    assert page["items"][0]["details"]["input"] == {"n": 1}
    scheduled = next(e for e in page["items"] if e["type"] == "TaskScheduled")
    assert scheduled["step_id"] == "loud"
    assert "parameters" not in json.dumps(page)
    assert "arn:aws:lambda" not in json.dumps([e["details"] for e in page["items"]])


def test_executions_are_listed_with_their_filters(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]
    started = [start_run.start_stored(engine, ME, workflow_id, {})["execution_id"] for _ in range(3)]
    for execution_id in started:
        assert read_results.wait_for_end(engine, ME, execution_id, 20)
    page = read_results.list_executions(engine, ME, workflow_id=workflow_id, status="completed", limit=2)
    rest = read_results.list_executions(
        engine, ME, workflow_id=workflow_id, status="completed", limit=2, cursor=page["next_cursor"]
    )
    assert sorted(e["execution_id"] for e in page["items"] + rest["items"]) == sorted(started)
    with pytest.raises(InvalidRequestError, match="Did you mean 'completed'"):
        read_results.list_executions(engine, ME, status="complete", limit=2)


def test_a_registered_lambda_is_listed_replaced_and_removed(engine: Engine) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-x"
    record, created = register_step.register(engine, ME, {"step_type": "translate", "function_reference": arn})
    assert created
    assert record["function_arn"] == arn
    replaced, created = register_step.register(
        engine, ME, {"step_type": "translate", "function_arn": arn, "timeout_seconds": 5}
    )
    assert not created
    assert replaced["created_at"] == record["created_at"]
    assert read_steps.get(engine, ME, "translate")["timeout_seconds"] == 5
    assert read_steps.get(engine, ME, "data_input")["kind"] == "builtin"
    names: list[str] = []
    cursor = None
    while True:
        page = read_steps.list_steps(engine, ME, 4, cursor)
        names += [s["step_type"] for s in page["steps"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert "translate" in names
    assert len(names) == len(set(names))
    remove_step.delete(engine, ME, "translate")
    with pytest.raises(NotFoundError):
        read_steps.get(engine, ME, "translate")


@pytest.mark.parametrize(
    ("body", "error", "pointer"),
    [
        ({"step_type": "data_input", "function_arn": "x"}, ConflictError, None),
        ({"step_type": "step_data", "function_arn": "x"}, ConflictError, None),
        ({"step_type": "x", "function_arn": "x"}, InvalidRequestError, "/function_arn"),
        ({"step_type": "x"}, InvalidRequestError, ""),
        ({"step_type": "a b", "function_arn": "x"}, InvalidRequestError, "/step_type"),
        (
            {"step_type": "x", "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:payroll"},
            InvalidRequestError,
            "/function_arn",
        ),
        ({"step_type": "x", "execution_type": "activity", "activity": "a b"}, InvalidRequestError, "/activity"),
        ({"step_type": "x", "execution_type": "daemon"}, InvalidRequestError, "/execution_type"),
        ({"step_type": "x", "execution_type": "local", "handler": "m:f"}, InvalidRequestError, "/handler"),
        (
            {
                "step_type": "x",
                "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-x",
                "config_schema": {"type": "nonsense"},
            },
            InvalidRequestError,
            "/config_schema/type",
        ),
        ({"step_type": "x", "functionarn": "x"}, InvalidRequestError, "/functionarn"),
    ],
)
def test_a_wrong_registration_is_refused(
    engine: Engine, body: Any, error: type[WorkflowEngineError], pointer: str | None
) -> None:
    with pytest.raises(error) as raised:
        register_step.register(engine, ME, body)
    if pointer is not None:
        assert raised.value.errors[0]["pointer"] == pointer


HTTP_STEP: dict[str, Any] = {
    "step_type": "scored",
    "execution_type": "http",
    "endpoint_config": {"url": "https://crm.example.com/"},
}


def test_the_bodys_place_must_be_that_of_its_execution_type(engine: Engine) -> None:
    for body, place in (
        ({**HTTP_STEP, "execution_type": "lambda"}, "/endpoint_config"),
        ({**HTTP_STEP, "handler": "m:f"}, "/handler"),
        ({**HTTP_STEP, "function_arn": "arn"}, "/function_arn"),
        ({"step_type": "scored", "execution_type": "rpc", "function_reference": "m.f"}, ""),
    ):
        with pytest.raises(InvalidRequestError) as raised:
            register_step.register(engine, ME, body)
        assert [e["pointer"] for e in raised.value.errors] == [place]
    with pytest.raises(InvalidRequestError, match="'function_reference' is a field of execution_type 'lambda'"):
        register_step.register(
            engine, ME, {"step_type": "x", "execution_type": "activity", "function_reference": "m.f"}
        )


def test_a_type_that_turned_from_a_lambda_into_an_endpoint_asks_for_the_workflow_to_be_saved_again(
    engine: Engine,
) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-scored"
    register_step.register(engine, ME, {"step_type": "scored", "function_arn": arn})
    workflow = {"name": "Scored", "steps": [{"step_id": "one", "step_type": "scored"}]}
    saved = save_workflow.create(engine, ME, workflow)
    register_step.register(engine, ME, HTTP_STEP)
    with pytest.raises(ConflictError, match=r"'scored' was registered anew .* Save the workflow again"):
        start_run.start_stored(engine, ME, saved["workflow_id"], {})
    save_workflow.update(engine, ME, saved["workflow_id"], workflow)
    assert engine.workflows.newest("default", saved["workflow_id"]).compiled.bindings["endpoints"] == ["scored"]
    save_workflow.delete(engine, ME, saved["workflow_id"])
    remove_step.delete(engine, ME, "scored")


def test_a_local_step_is_loaded_by_the_local_runtime(engine: Engine) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:local-default-shout"
    loaded: list[str] = []

    def load(handler: str) -> str:
        loaded.append(handler)
        if handler == "steps:missing":
            raise LookupError("no function 'missing'")
        return arn

    laptop = Laptop(engine._table, cast(Any, None), engine.runs, cast(Any, None), cast(Any, None), load)
    local = replace(engine, laptop=laptop)
    body = {"step_type": "shout", "execution_type": "local", "handler": "steps:shout"}
    record, _ = register_step.register(local, ME, body)
    with pytest.raises(InvalidRequestError, match="missing"):
        register_step.register(local, ME, {**body, "handler": "steps:missing"})
    assert record["function_arn"] == arn
    assert loaded[0] == "steps:shout"


def test_an_expression_that_fails_is_told_with_its_step_and_its_entry(engine: Engine) -> None:
    step: dict[str, Any] = {
        "step_id": "total",
        "step_type": "merge",
        "input_mapping": {"n": "input.n", "sum": {"expression": '$ref("input.n") + 1'}, "x.$": {"value": 1}},
    }
    named = {**step, "input_mapping": {k: v for k, v in step["input_mapping"].items() if k != "x.$"}}
    good = run(engine, {"workflow": {"name": "Sum", "steps": [named]}, "input": {"n": 2}})
    assert good["output"]["total"]["data"] == {"n": 2, "sum": 3}
    failed = run(engine, {"workflow": {"name": "Sum", "steps": [named]}, "input": {"n": "two"}})
    message = failed["step_results"]["total"]["error_message"]
    assert message is not None
    assert message.startswith("The expression of 'sum' in the input_mapping of step 'total' failed. T2001")
    assert message.endswith(" It read input.n (a text).")
    assert failed["error"] is not None
    assert failed["error"]["message"] == message
    odd = run(engine, {"workflow": {"name": "Sum", "steps": [step]}, "input": {"n": 2}})
    assert odd["output"]["total"]["data"] == {"n": 2, "sum": 3, "x.$": 1}


def test_what_is_kept_of_a_failed_expression_is_what_its_history_tells(engine: Engine) -> None:
    bad = {"step_id": "bad", "step_type": "merge", "critical": False}
    steps: list[dict[str, Any]] = [
        {"step_id": "words", "step_type": "data_input", "config": {"data": {"rows": [{"n": 1}, {"n": "x"}]}}},
        {
            **bad,
            "for_each": "words.data.rows",
            "input_mapping": {"sum": {"expression": "$ref('item.n') + $ref('index')"}},
        },
    ]
    workflow_id = save_workflow.create(engine, ME, {"name": "Sums", "steps": steps})["workflow_id"]
    execution_id = start_run.start_stored(engine, ME, workflow_id, {})["execution_id"]
    assert read_results.wait_for_end(engine, ME, execution_id, 20)
    kept = read_results.results(engine, ME, execution_id)["step_results"]
    execution = engine.executions.get("default", execution_id)
    live = record_execution.reported_results(engine, execution, record_execution.read_report(engine, execution))
    told = {key: step.result["error_message"] for key in kept if (step := live.step(key)) is not None}
    assert told == {key: result["error_message"] for key, result in kept.items()}
    assert told["bad"] == told["bad[1]"]
    assert told["bad[0]"] is None
    assert str(told["bad"]).endswith(" It read item.n (a text), index (a number).")


def test_a_delay_that_may_fail_fails_alone_when_its_expression_does(engine: Engine) -> None:
    delay = {
        "step_id": "pause",
        "step_type": "delay",
        "critical": False,
        "input_mapping": {"delay_seconds": {"expression": "$ref('input.n') = null ? 'soon' : $ref('input.n') * 0.001"}},
    }
    after = {
        "step_id": "after",
        "step_type": "merge",
        "trigger_rule": "all_done",
        "input_mapping": {"how": "pause.status", "asked": "pause.delay_requested", "why": "pause.error.type"},
    }
    told = {}
    for value in (1, None, "x"):
        results = run(engine, {"workflow": {"name": "Pause", "steps": [delay, after]}, "input": {"n": value}})
        assert results["status"] == "completed"
        told[value] = (results["output"]["after"]["data"], results["step_results"]["pause"]["error_message"])
    assert told[1] == ({"how": "completed", "asked": 0.001}, None)
    assert told[None][0] == {"how": "failed", "why": "InvalidDelay"}
    assert str(told[None][1]).endswith(" It read input.n (null).")
    assert told["x"][0] == {"how": "failed", "why": "States.QueryEvaluationError"}
    assert str(told["x"][1]).startswith(
        "The expression of 'delay_seconds' in the input_mapping of step 'pause' failed."
    )


# --- lists that are too long for one run ---


def fan_out(items: str, *before: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A workflow that counts the words of each element of a list: seven history events each."""
    each = {"step_id": "words", "step_type": "data_processing", "for_each": items, "input_mapping": {"input": "item"}}
    return {"name": "List", "steps": [*before, {**each, "config": {"processing_type": "word_count"}, **fields}]}


def test_a_posted_list_that_is_too_long_for_a_run_is_refused_before_anything_is_created(engine: Engine) -> None:
    body = {"workflow": fan_out("input.rows"), "input": {"rows": ["a"] * 5000}}
    with nothing_written(engine), pytest.raises(InvalidRequestError) as error:
        start_run.start(engine, ME, body)
    [found] = error.value.errors
    assert (found["code"], found["pointer"]) == ("WFE-E501", "/input/rows")
    assert "35,006 history events" in found["detail"]
    report = validate_workflow.validate(engine, ME, body)
    assert (report["is_valid"], report["errors"]) == (False, [found])


def test_a_stored_workflow_refuses_such_a_list_too_and_takes_one_that_fits(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, fan_out("input.rows"))["workflow_id"]
    with nothing_written(engine), pytest.raises(InvalidRequestError, match="history events"):
        start_run.start_stored(engine, ME, workflow_id, {"input": {"rows": ["a"] * 5000}})
    assert start_run.start_stored(engine, ME, workflow_id, {"input": {"rows": ["a"]}})["status"] == "running"


def test_a_list_that_a_step_makes_too_long_fails_the_step_before_its_first_element(engine: Engine) -> None:
    keep = {
        "step_id": "keep",
        "step_type": "data_processing",
        "input_mapping": {"input": "input.rows"},
        "config": {"processing_type": "filter", "options": {"filter_key": "k"}},
    }
    rows = [{"k": 1}] * 4000
    failed = run(engine, {"workflow": fan_out("keep.result", keep), "input": {"rows": rows}})
    assert failed["error"] is not None
    assert (failed["status"], failed["error"]["step_id"]) == ("failed", "words")
    assert failed["error"]["message"] == (
        "The for_each of step 'words' failed. The list has 4000 items; the 25,000 history events of a run have room for 3,570 "
        "of them. Run over parts of the list, in several runs. It read keep.result (a list of 4,000 elements)."
    )
    assert "words[0]" not in failed["step_results"]
    after = {"step_id": "after", "step_type": "output", "dependencies": ["words"], "trigger_rule": "all_done"}
    tolerant = fan_out("keep.result", keep, critical=False)
    tolerant["steps"].append(after)
    went_on = run(engine, {"workflow": tolerant, "input": {"rows": rows}})
    assert went_on["status"] == "completed"
    assert {key: result["status"] for key, result in went_on["step_results"].items()} == {
        "keep": "completed",
        "words": "failed",
        "after": "completed",
    }
