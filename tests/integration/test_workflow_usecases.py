"""Use cases of workflows on the local runtime: checked, compiled, saved, read, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.support import HELLO, ME, OTHER, nothing_written, run
from tests.support.backend_cloud import counted
from workflow_engine.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    ThrottledError,
)
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.store import keys
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import cancel_run, find_runs, read_results, start_run
from workflow_engine.usecases.steps import register_step, remove_step
from workflow_engine.usecases.workflows import compile_workflow, read_workflows, save_workflow, validate_workflow


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


def test_what_an_earlier_version_of_the_service_saved_stays_the_version_that_it_is(engine: Engine) -> None:
    """Such a version tells no memory of functions: to price the runs is no reason for another."""
    counts = {"step_id": "count", "step_type": "data_processing", "config": {"processing_type": "word_count"}}
    document = {"name": "Count", "steps": [counts | {"input_mapping": {"input": {"value": "a b"}}}]}
    id_ = save_workflow.create(engine, ME, document | {"workflow_id": "count"})["workflow_id"]
    saved = engine.workflows.newest(ME.tenant_id, id_)
    assert saved.compiled.outline["steps"][0]["memory_mb"] == 512
    outline = {"steps": [{"id": "count", "type": "data_processing"}], "sinks": saved.compiled.outline["sinks"]}
    compiled = replace(saved.compiled, outline=outline, compiler="that of the version before")
    engine.workflows.add_version(replace(saved, version=2, compiled=compiled))
    same, is_new = save_workflow.update(engine, ME, id_, document | {"workflow_id": "count"})
    assert (same["version"], is_new) == (2, False)


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


def test_a_deletion_that_leaves_figures_is_ended_by_its_repetition(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]
    pk = keys.run_figures(ME.tenant_id, workflow_id)
    for hour in range(30):
        engine.executions.table.add(pk, keys.figures("hour", f"{hour:02}", "0.0"), {"completed": 1}, {})
    monkeypatch.setattr(save_workflow, "DELETING_SECONDS", 0)
    with pytest.raises(ThrottledError, match="some of its figures are left"):
        save_workflow.delete(engine, ME, workflow_id)
    assert engine.workflows.find(ME.tenant_id, workflow_id) is None
    monkeypatch.undo()
    save_workflow.delete(engine, ME, workflow_id)
    assert engine.executions.table.count(pk) == 0


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
    assert find_runs.list_executions(engine, OTHER, RunFilter(), limit=10)["items"] == []


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
