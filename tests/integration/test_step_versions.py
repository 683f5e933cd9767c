"""Step types are registered in versions, pinned, listed, tried and removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.backend_cloud import counted
from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.machines.naming import activity_name
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.steps import read_steps, register_step, remove_step, try_step
from workflow_engine.usecases.steps.read_steps import Filters
from workflow_engine.usecases.workflows import compile_workflow, save_workflow, validate_workflow

ME = Caller("default", "me")
OTHER = Caller("other")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-score"


@pytest.fixture
def engine() -> Iterator[Engine]:
    with MotoCloud():
        yield Engine.from_environment()


def register(engine: Engine, name: str = "score", caller: Caller = ME, **fields: Any) -> dict[str, Any]:
    body = {"step_type": name, **({} if "execution_type" in fields else {"function_arn": ARN}), **fields}
    return dict(register_step.register(engine, caller, body)[0])


def workflow(step_type: str = "score", **fields: Any) -> dict[str, Any]:
    return {"name": "Scores", "steps": [{"step_id": "one", "step_type": step_type, **fields}]}


def started_with(engine: Engine, workflow_id: str) -> Any:
    """The functions in the input of a new run."""
    run = start_run.start_stored(engine, ME, workflow_id, {})
    execution = engine.executions.get("default", run["execution_id"])
    described = engine.stepfunctions.describe_execution(executionArn=execution.execution_arn)
    return json.loads(described["input"])["functions"]


def test_registering_again_makes_a_version_and_none_changes(engine: Engine) -> None:
    assert register(engine, description="first")["version"] == 1
    second = register(engine, description="second")
    assert (second["version"], second["message"]) == (2, "Step type 'score' is replaced.")
    assert read_steps.get(engine, ME, "score")["version"] == 2
    assert read_steps.get(engine, ME, "score", 1)["description"] == "first"
    page = read_steps.list_versions(engine, ME, "score", 1)
    assert [v["version"] for v in page["items"]] == [2]
    rest = read_steps.list_versions(engine, ME, "score", 5, page["next_cursor"])
    assert [(v["version"], v["description"]) for v in rest["items"]] == [(1, "first")]
    with pytest.raises(NotFoundError, match="no version 3 of step type 'score'"):
        read_steps.get(engine, ME, "score", 3)
    with pytest.raises(NotFoundError):
        read_steps.list_versions(engine, OTHER, "score", 5)


def test_a_type_that_is_registered_after_its_removal_counts_on(engine: Engine) -> None:
    register(engine)
    register(engine)
    remove_step.delete(engine, ME, "score")
    record, is_new = register_step.register(engine, ME, {"step_type": "score", "function_arn": ARN})
    assert (record["version"], is_new) == (3, True)


def test_a_registration_of_an_earlier_version_of_the_service_is_the_first_version(engine: Engine) -> None:
    register(engine, description="old")
    record = engine.steps.find("default", "score")
    assert record is not None
    del record["version"]
    engine._table.update("T#default#STEPS", "STEP#score", {"registration": json.dumps(record)})
    engine._table.delete("T#default#STEP#score", "VERSION#00000001")
    assert read_steps.get(engine, ME, "score", 1)["description"] == "old"
    assert register(engine, description="new")["version"] == 2
    assert read_steps.get(engine, ME, "score", 1)["description"] == "old"


def test_a_repeated_registration_makes_no_second_version_though_others_followed(engine: Engine) -> None:
    body = {"step_type": "score", "function_arn": ARN, "description": "mine"}
    first = register_step.register(engine, ME, body, "key")
    register(engine, description="theirs")
    assert register_step.register(engine, ME, body, "key") == first
    assert engine.steps.made_by_request("default", "score", "unknown") is None
    assert read_steps.get(engine, ME, "score")["description"] == "theirs"


def test_new_runs_take_the_new_version_and_a_pinned_one_stays(engine: Engine) -> None:
    register(engine)
    free = save_workflow.create(engine, ME, workflow())["workflow_id"]
    pinned = save_workflow.create(engine, ME, workflow("score@1"))["workflow_id"]
    register(engine, function_arn=f"{ARN}-2")
    assert started_with(engine, free) == {"score": f"{ARN}-2"}
    assert started_with(engine, pinned) == {"score@1": ARN}
    asl = compile_workflow.compile_body(engine, ME, workflow("score@1"))["asl"]
    assert '\\"step_type\\":\\"score\\"' in json.dumps(asl).replace(" ", "")


def test_a_pinned_start_makes_no_further_call(engine: Engine) -> None:
    register(engine)
    pinned = save_workflow.create(engine, ME, workflow("score@1"))["workflow_id"]
    start_run.start_stored(engine, ME, pinned, {})  # once a minute a process asks for the tenant's quota
    with counted(engine.dynamodb, engine.stepfunctions) as calls:
        start_run.start_stored(engine, ME, pinned, {})
    assert calls == ["GetItem", "BatchGetItem", "PutItem", "StartExecution"]


def test_the_schema_of_the_pinned_version_counts(engine: Engine) -> None:
    register(engine, config_schema={"type": "object", "required": ["old"]})
    register(engine, config_schema={"type": "object", "required": ["new"]})
    report = validate_workflow.validate(engine, ME, workflow("score@1", config={"new": 1}))
    assert "needs 'old'" in report["errors"][0]["detail"]
    assert validate_workflow.validate(engine, ME, workflow("score", config={"new": 1}))["is_valid"]


@pytest.mark.parametrize(
    ("step_type", "says"),
    [
        ("score@9", "Step type 'score' has no version '9'. A version is written score@3"),
        ("score@0", "There is no step type 'score@0'"),
        ("data_input@1", "a built-in type has none"),
        ("nothing@1", "There is no step type 'nothing@1'"),
    ],
)
def test_a_version_that_is_not_there_is_said_with_its_place(engine: Engine, step_type: str, says: str) -> None:
    register(engine)
    with pytest.raises(InvalidWorkflowError) as refused:
        save_workflow.create(engine, ME, workflow(step_type))
    (found,) = refused.value.diagnostics
    assert found.pointer == "/steps/0/step_type"
    assert says in found.detail


def test_a_type_in_use_is_not_removed_and_who_uses_it_is_said(engine: Engine) -> None:
    register(engine)
    register(engine, caller=OTHER)
    nested = workflow("score@1")["steps"]
    inside = {"step_id": "all", "step_type": "map", "config": {"items": "input.list", "steps": nested}}
    tool = {"step_id": "t", "step_type": "tool_execution", "config": {"tool_name": "step:score"}}
    first = save_workflow.create(engine, ME, {"name": "Nested", "steps": [inside]})["workflow_id"]
    second = save_workflow.create(engine, ME, {"name": "Tooled", "steps": [tool]})["workflow_id"]
    with pytest.raises(ConflictError) as refused:
        remove_step.delete(engine, ME, "score")
    assert f"'Nested' ({first})" in refused.value.detail
    assert f"'Tooled' ({second})" in refused.value.detail
    assert len(refused.value.errors) == 2
    remove_step.delete(engine, OTHER, "score")
    save_workflow.delete(engine, ME, first)
    save_workflow.update(engine, ME, second, workflow("data_input", config={"data": 1}))
    remove_step.delete(engine, ME, "score")
    remove_step.delete(engine, ME, "score")  # a client whose answer was lost
    with pytest.raises(NotFoundError):
        read_steps.get(engine, ME, "score", 1)


def test_a_type_that_only_steps_of_failures_have_is_in_use(engine: Engine) -> None:
    register(engine)
    undo = {"step_id": "undo", "step_type": "score"}
    plain = {"step_id": "one", "step_type": "data_input", "config": {"data": 1}}
    task = {"step_id": "two", "step_type": "data_processing", "config": {"processing_type": "uppercase"}}
    documents: list[dict[str, Any]] = [
        {"name": "On failure", "steps": [plain], "on_failure": [undo]},
        {"name": "Undone", "steps": [plain, {**task, "input_mapping": {"input": "one.data"}, "compensate": [undo]}]},
    ]
    for document in documents:
        saved = save_workflow.create(engine, ME, document)["workflow_id"]
        with pytest.raises(ConflictError, match=document["name"]):
            remove_step.delete(engine, ME, "score")
        save_workflow.delete(engine, ME, saved)
    remove_step.delete(engine, ME, "score")


def test_a_run_that_was_posted_to_run_once_does_not_keep_its_types(engine: Engine) -> None:
    register(engine)
    start_run.start(engine, ME, workflow())
    remove_step.delete(engine, ME, "score")


def test_lists_are_narrowed_page_by_page(engine: Engine) -> None:
    for name, tags in (("a1", ["x"]), ("a2", ["y"]), ("a3", ["x"]), ("a4", ["x"])):
        register(engine, name, tags=tags)
    names, cursor = [], None
    while True:
        page = read_steps.list_steps(engine, ME, 2, cursor, Filters(tag="x"))
        assert page["total"] == 3
        names += [step["step_type"] for step in page["steps"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == ["a1", "a3", "a4"]
    with counted(engine.dynamodb) as calls:
        page = read_steps.list_steps(engine, ME, 3, None, Filters(tag="x"))
    assert calls == ["Query"]
    assert page["next_cursor"] is None
    builtin = read_steps.list_steps(engine, ME, 100, None, Filters(kind="builtin"))
    assert {step["kind"] for step in builtin["steps"]} == {"builtin"}
    assert builtin["total"] == len(builtin["steps"])
    assert read_steps.list_steps(engine, ME, 100, None, Filters(execution_type="rpc"))["steps"] == []
    with pytest.raises(InvalidRequestError, match="'kind' must be one of"):
        read_steps.list_steps(engine, ME, 5, None, Filters(kind="builtins"))


# --- what a registration may say ---


def test_defaults_of_a_type_become_those_of_its_steps(engine: Engine) -> None:
    register(
        engine,
        timeout_seconds=7,
        max_retries=3,
        retry_delay_seconds=2,
        retry_strategy="fixed_delay",
        final_errors=["NoSuchCustomer"],
        estimated_seconds=40,
    )
    compiled = compile_workflow.compile_body(engine, ME, workflow())
    state = compiled["asl"]["States"]["one"]
    assert state["Retry"][1]["ErrorEquals"][0] == "NoSuchCustomer"
    assert {"StepInputError", "States.DataLimitExceeded"} <= set(state["Retry"][1]["ErrorEquals"])
    assert state["Retry"][1]["MaxAttempts"] == 0
    assert state["Retry"][2] == {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "MaxAttempts": 3,
        "BackoffRate": 1,
    }
    assert compiled["bindings"]["timeouts"] == {"one": 7}
    assert compiled["plan"]["critical_path_seconds"] == 40
    own = compile_workflow.compile_body(engine, ME, workflow(max_retries=0))["asl"]["States"]["one"]
    assert [r["ErrorEquals"][0] for r in own["Retry"][1:]] == ["StepTransientError"]


def test_transient_errors_are_retried_where_nobody_says_how(engine: Engine) -> None:
    register(engine, transient_errors=["Busy"])
    state = compile_workflow.compile_body(engine, ME, workflow())["asl"]["States"]["one"]
    assert (state["Retry"][1]["ErrorEquals"], state["Retry"][1]["MaxAttempts"]) == (["Busy", "StepTransientError"], 2)


def test_what_a_client_says_of_an_endpoints_errors_counts_more(engine: Engine) -> None:
    register(
        engine,
        execution_type="http",
        endpoint_config={"url": "https://crm.example.com/"},
        transient_errors=["HttpClientError"],
        final_errors=["HttpTimeoutError"],
    )
    state = compile_workflow.compile_body(engine, ME, workflow(max_retries=1))["asl"]["States"]["one"]
    final = state["Retry"][1]["ErrorEquals"]
    assert "HttpTimeoutError" in final
    assert "HttpClientError" not in final


def test_an_activity_is_a_task_of_its_own(engine: Engine) -> None:
    told = register(engine, execution_type="activity", activity="scorers", timeout_seconds=86_400)
    name = activity_name(engine.settings.activity_prefix, "default", "scorers")
    assert told["activity_arn"] == f"arn:aws:states:us-east-1:123456789012:activity:{name}"
    document = workflow(input_mapping={"n": "input.n"})
    compiled = compile_workflow.compile_body(engine, ME, {**document, "output": {"n": "one.n"}})
    state = compiled["asl"]["States"]["one"]
    assert state["Resource"] == told["activity_arn"]
    assert [r["ErrorEquals"] for r in state["Retry"]] == [["StepTransientError"]]
    assert "Payload" not in json.dumps(compiled["asl"])
    saved = save_workflow.create(engine, ME, document)["workflow_id"]
    register(engine)
    with pytest.raises(ConflictError, match="another execution_type"):
        start_run.start_stored(engine, ME, saved, {})


def test_names_of_activities_fit_and_are_a_tenants_own() -> None:
    long = activity_name("p" * 20, "t", "n" * 64)
    assert len(long) == 80
    assert len({activity_name("p", tenant, name) for tenant in "ab" for name in "xy"}) == 4


def test_a_qualifier_is_part_of_the_function(engine: Engine) -> None:
    assert register(engine, qualifier="live")["function_arn"] == f"{ARN}:live"
    assert register(engine, function_arn=f"{ARN}:live", qualifier="live")["function_arn"] == f"{ARN}:live"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"qualifier": "a b"}, "/qualifier"),
        ({"function_arn": f"{ARN}:1", "qualifier": "2"}, "/qualifier"),
        ({"timeout_seconds": 901}, "/timeout_seconds"),
        ({"retry_delay_seconds": 3}, "/retry_delay_seconds"),
        ({"max_retries": 1, "retry_delay_seconds": 30, "max_retry_delay_seconds": 3}, "/max_retry_delay_seconds"),
        ({"transient_errors": ["A", "States.ALL"]}, "/transient_errors/1"),
        ({"transient_errors": ["A"], "final_errors": ["B", "A"]}, "/final_errors/1"),
        ({"final_errors": ["not a name"]}, "/final_errors/0"),
        ({"validate_output": True}, "/validate_output"),
        ({"activity": "scorers"}, "/activity"),
        ({"estimated_seconds": -1}, "/estimated_seconds"),
    ],
)
def test_a_wrong_field_is_refused_with_its_place_and_nothing_is_registered(
    engine: Engine, fields: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        register(engine, **fields)
    assert refused.value.errors[0]["pointer"] == pointer
    assert engine.steps.find("default", "score") is None


# --- trying a type ---


def test_a_test_starts_a_run_of_one_step(engine: Engine) -> None:
    register(engine, config_schema={"type": "object", "properties": {"n": {"type": "integer"}}})
    body = {"config": {"n": 1}, "input_data": {"a": 1, "odd name": 2}, "version": 1}
    run = try_step.try_out(engine, ME, "score", body)
    execution = engine.executions.get("default", run["execution_id"])
    sent = json.loads(engine.stepfunctions.describe_execution(executionArn=execution.execution_arn)["input"])
    assert sent["input"] == {"a": 1, "odd name": 2}
    assert sent["functions"] == {"score@1": ARN}
    assert sent["config"] == {"step": {"n": 1}}
    remove_step.delete(engine, ME, "score")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"config": {"n": "x"}}, "/config/n"),
        ({"parameters": {"n": "x"}}, "/parameters/n"),
        ({"input": [1]}, "/input"),
        ({"input": {"a": 1}, "input_data": {"a": 2}}, "/input"),
        ({"confg": {}}, "/confg"),
    ],
)
def test_a_wrong_test_is_refused_with_its_place(engine: Engine, body: dict[str, Any], pointer: str) -> None:
    register(engine, config_schema={"type": "object", "properties": {"n": {"type": "integer"}}})
    with pytest.raises(InvalidRequestError) as refused:
        try_step.try_out(engine, ME, "score", body)
    assert refused.value.errors[0]["pointer"] == pointer


def test_what_is_not_registered_cannot_be_tried(engine: Engine) -> None:
    with pytest.raises(NotFoundError):
        try_step.try_out(engine, ME, "score", {})
