"""Use cases of registered steps on the local runtime."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from tests.integration.support import ME
from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError, WorkflowEngineError
from workflow_engine.usecases.engine import Engine, Laptop
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.steps import read_steps, register_step, remove_step
from workflow_engine.usecases.workflows import save_workflow


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
