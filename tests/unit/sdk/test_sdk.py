"""`@step`: what authors of step Lambdas write, and what their Lambda then does."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from pydantic import BaseModel, Field

from workflow_engine.sdk import InvalidStepInput, StepContext, StepReportedFailure, step

EVENT: dict[str, Any] = {
    "step_config": {"step_id": "translate", "step_type": "translation", "config": {"language": "fr"}},
    "input_data": {"text": "hello"},
    "execution_context": {
        "execution_id": "exec-1",
        "workflow_id": "wf-1",
        "workflow_version": 3,
        "step_id": "translate",
        "index": 2,
        "attempt": 1,
        "user_context": {"user_id": "u", "principal": "p", "session_id": "s", "tenant_id": "t"},
    },
}


class Config(BaseModel):
    language: str = Field(min_length=2)


class Input(BaseModel):
    text: str


class Translation(BaseModel):
    text: str
    language: str


def test_a_step_gets_config_input_and_context_and_its_result_is_the_output() -> None:
    @step
    def handler(config: dict[str, Any], input_data: dict[str, Any], context: StepContext) -> Any:
        return {"config": config, "input": input_data, "by": context.user_id}

    assert handler(EVENT, object()) == {"config": {"language": "fr"}, "input": {"text": "hello"}, "by": "u"}


def test_the_context_says_which_step_of_which_run_it_is() -> None:
    context = StepContext.from_event(EVENT)

    assert context == StepContext(
        execution_id="exec-1",
        workflow_id="wf-1",
        workflow_version=3,
        step_id="translate",
        step_type="translation",
        index=2,
        attempt=1,
        user_id="u",
        principal="p",
        session_id="s",
        tenant_id="t",
    )
    with pytest.raises(FrozenInstanceError):
        context.attempt = 2  # type: ignore[misc]  # that it cannot be assigned is under test


def test_models_are_made_of_annotations() -> None:
    @step
    def handler(config: Config, input_data: Input) -> Translation:
        return Translation(text=input_data.text.upper(), language=config.language)

    assert handler(EVENT, None) == {"text": "HELLO", "language": "fr"}


def test_what_does_not_fit_a_model_is_invalid_input_that_says_where() -> None:
    @step
    def handler(config: Config, input_data: Input) -> None:
        raise AssertionError("is not reached")

    bad_config = {**EVENT, "step_config": {"config": {"language": "f"}}}
    with pytest.raises(InvalidStepInput, match=r"config\.language: String should have at least 2 characters"):
        handler(bad_config, None)
    with pytest.raises(InvalidStepInput, match=r"input_data\.text: Field required"):
        handler({**EVENT, "input_data": {}}, None)


def test_a_step_takes_only_what_it_names() -> None:
    @step
    def handler(input_data: dict[str, Any], *, suffix: str = "!") -> str:
        return str(input_data["text"]) + suffix

    assert handler(EVENT, None) == "hello!"


def test_a_parameter_that_no_event_can_fill_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="'event' is none of them"):

        @step
        def handler(event: Any) -> None: ...


def test_a_step_reports_its_failure_by_raising() -> None:
    @step
    def handler() -> None:
        raise StepReportedFailure("The document has no text.")

    with pytest.raises(StepReportedFailure, match="no text"):
        handler(EVENT, None)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {"step_config": []},
        {"step_config": {"config": 1}},
        {"step_config": None},
        {"input_data": [1]},
        {"input_data": None},
    ],
)
def test_an_event_that_the_engine_does_not_send_is_invalid_input(event: object) -> None:
    @step
    def handler(config: dict[str, Any], input_data: dict[str, Any]) -> None:
        raise AssertionError("is not reached")

    with pytest.raises(InvalidStepInput):
        handler(event, None)


@pytest.mark.parametrize("context", [None, [], {"user_context": 1}])
def test_a_direct_call_needs_no_context(context: object) -> None:
    @step
    def handler(context: StepContext) -> StepContext:
        return context

    assert handler({"execution_context": context}, None) == StepContext()


def test_the_handler_has_lambdas_signature_and_the_authors_name() -> None:
    @step
    def handler(config: dict[str, Any]) -> None:
        """Translates."""

    assert list(inspect.signature(handler).parameters) == ["event", "lambda_context"]
    assert handler.__doc__ == "Translates."
