"""`@step(...)`: models, errors by stable names, what is told, work that is done once, and how a test calls a step."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, computed_field, field_serializer

from workflow_engine.endpoint_errors import SecretNotSetError
from workflow_engine.sdk import (
    InvalidStepInput,
    StepContext,
    StepInputError,
    StepOutputError,
    StepTransientError,
    definition_of,
    idempotency,
    step,
)
from workflow_engine.sdk.testing import FakeLambdaContext, StepCall, call_step


class Config(BaseModel):
    language: str = Field(min_length=2)


class Text(BaseModel):
    text: str


class Translation(BaseModel):
    text: str
    words: int


@pytest.fixture(autouse=True)
def no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = idempotency.InProcess()
    monkeypatch.setattr(idempotency, "records", lambda: kept)


@step(config=Config, input=Text, output=Translation)
def translate(config: Config, input: Text, context: StepContext) -> Any:  # the word that authors know
    """Translates a text."""
    return {"text": f"{config.language}:{input.text}:{context.tenant_id}", "words": len(input.text.split())}


def test_models_parse_what_comes_in_and_check_what_goes_out() -> None:
    called = call_step(translate, config={"language": "fr"}, input={"text": "good day", "more": 1})
    assert called.output == {"text": "fr:good day:tenant", "words": 2}


@pytest.mark.parametrize(
    ("config", "given", "says"),
    [
        ({"language": "f"}, {"text": "x"}, "config.language"),
        ({"language": "fr"}, {"text": 5}, "input.text"),
        ({}, {}, "config.language"),
    ],
)
def test_what_does_not_fit_a_model_is_an_error_of_a_stable_name(config: Any, given: Any, says: str) -> None:
    with pytest.raises(StepInputError, match=says) as raised:
        call_step(translate, config=config, input=given)
    assert type(raised.value).__name__ == "StepInputError"
    with pytest.raises(StepInputError):
        translate("no event", None)


@pytest.mark.parametrize("result", [{"text": "x"}, None, Text(text="x"), {"text": 1, "words": 1}])
def test_an_output_that_does_not_fit_is_an_error_of_a_stable_name(result: Any) -> None:
    @step(output=Translation)
    def wrong() -> Any:
        return result

    with pytest.raises(StepOutputError, match="output"):
        call_step(wrong)


class Total(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    day: date = Field(alias="theDay")
    amount: Decimal = Field(validation_alias="sum", serialization_alias="total")
    parts: list[Part]
    kept: str = Field(default="inside", exclude=True)

    @field_serializer("amount")
    def _in_euro(self, amount: Decimal) -> str:
        return f"{amount} EUR"

    @computed_field
    def count(self) -> int:
        return len(self.parts)


class Part(BaseModel):
    n: int = Field(alias="N", ge=0)


MADE: Final[Mapping[str, Any]] = {"theDay": date(2026, 1, 2), "sum": Decimal("1.5"), "parts": [Part(N=1)]}


@pytest.mark.parametrize("made", [lambda: Total(**MADE), lambda: MADE], ids=["model", "object"])
def test_an_output_is_as_its_schema_has_it_whatever_its_model_makes_of_names_and_values(made: Any) -> None:
    @step(output=Total)
    def total() -> Any:
        return made()

    output = call_step(total).output
    assert output == {"theDay": "2026-01-02", "total": "1.5 EUR", "parts": [{"N": 1}], "count": 1}
    definition = definition_of(total)
    assert definition is not None
    assert set(definition.registration()["output_schema"]["required"]) == set(output)


def test_a_list_as_a_model_is_an_output() -> None:
    class Parts(RootModel[list[Part]]): ...

    @step(output=Parts)
    def parts() -> Any:
        return Parts([Part(N=1)])

    assert call_step(parts).output == [{"N": 1}]


def test_a_model_that_was_changed_is_checked_at_every_depth() -> None:
    @step(output=Total)
    def changed() -> Total:
        made = Total(**MADE)
        made.parts[0].n = -1
        return made

    with pytest.raises(StepOutputError, match=r"output\.parts\.0\.n|output\.parts\.0\.N"):
        call_step(changed)


def test_annotations_are_models_too_and_a_model_without_output_is_dumped() -> None:
    @step()
    def shout(input_data: Text) -> Translation:
        return Translation(text=input_data.text.upper(), words=1)

    assert call_step(shout, input={"text": "hi"}).output == {"text": "HI", "words": 1}
    definition = definition_of(shout)
    assert definition is not None
    assert definition.registration()["output_schema"]["required"] == ["text", "words"]


def test_without_parentheses_all_is_as_it_was() -> None:
    @step
    def plain(input_data: Text) -> dict[str, Any]:
        if input_data.text == "time":
            raise TimeoutError
        return {"a": input_data.text}

    assert call_step(plain, input={"text": "x"}).output == {"a": "x"}
    with pytest.raises(InvalidStepInput) as raised:
        call_step(plain, input={})
    assert type(raised.value).__name__ == "InvalidStepInput"
    with pytest.raises(TimeoutError):
        call_step(plain, input={"text": "time"})


class LockedError(Exception):
    """Of the author."""


@pytest.mark.parametrize("error", [TimeoutError("slow"), ConnectionResetError("gone"), LockedError("row 7")])
def test_what_passes_by_itself_has_a_stable_name(error: Exception) -> None:
    @step(transient=(LockedError,))
    def busy() -> None:
        raise error

    with pytest.raises(StepTransientError, match=f"{type(error).__name__}: {error}") as raised:
        call_step(busy)
    assert raised.value.__cause__ is error


def test_other_exceptions_keep_their_names() -> None:
    @step()
    def broken() -> None:
        raise ZeroDivisionError("x")

    with pytest.raises(ZeroDivisionError):
        call_step(broken)


# --- what is told ---


def test_lines_of_the_log_carry_the_ids_of_run_and_step(caplog: pytest.LogCaptureFixture) -> None:
    @step()
    def noisy(context: StepContext) -> None:
        context.logger.info("asking")
        raise LockedError("secret detail")

    caplog.set_level(logging.INFO, logger="workflow_engine.step")
    with pytest.raises(LockedError):
        call_step(noisy, call=StepCall(execution_id="e-7", place="outer[3].noisy", attempt=2))
    assert [record.message for record in caplog.records] == ["step began", "asking", "step failed: LockedError"]
    for record in caplog.records:
        told = vars(record)
        assert (told["execution_id"], told["place"], told["attempt"]) == ("e-7", "outer[3].noisy", "2")
    assert "secret detail" not in caplog.text


def test_in_lambda_powertools_writes_json_lines_and_data_points() -> None:
    """In a process of its own: loggers are made once."""
    program = """
import os
os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "workflow-step-x"
from workflow_engine.sdk import step, StepContext
from workflow_engine.sdk.testing import StepCall, call_step

@step()
def noisy(context: StepContext):
    context.logger.warning("asking")
    context.metric("Pages", 3)

call_step(noisy, call=StepCall(execution_id="e-9", step_type="noisy"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (asking,) = [line for line in lines if line.get("message") == "asking"]
    assert (asking["execution_id"], asking["step_id"]) == ("e-9", "step")
    points = {name: line for line in lines for name in ("Pages", "Completed", "Duration") if name in line}
    assert points["Pages"]["Pages"] == [3]
    assert points["Completed"]["StepType"] == "noisy"
    assert points["Duration"]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "WorkflowEngine/Steps"


# --- done once ---


def test_work_is_done_once_for_a_place_of_a_run() -> None:
    calls: list[str] = []

    @step(idempotent=True)
    def charge(context: StepContext) -> dict[str, Any]:
        calls.append(context.place)
        return {"charge": len(calls)}

    first = StepCall(place="outer[3].charge")
    assert call_step(charge, call=first).output == {"charge": 1}
    assert call_step(charge, call=StepCall(place="outer[3].charge", attempt=2)).output == {"charge": 1}
    assert call_step(charge, call=StepCall(place="outer[4].charge")).output == {"charge": 2}
    assert call_step(charge, call=StepCall(place="outer[3].charge", execution_id="other")).output == {"charge": 3}
    assert calls == ["outer[3].charge", "outer[4].charge", "outer[3].charge"]


def test_an_attempt_that_failed_is_done_again() -> None:
    outcomes: list[Any] = [LockedError("no"), {"done": True}]

    @step(idempotent=True, transient=(LockedError,))
    def charge() -> Any:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(StepTransientError):
        call_step(charge)
    assert call_step(charge).output == {"done": True}
    assert call_step(charge).output == {"done": True}


def test_a_second_attempt_waits_for_the_first() -> None:
    @step(idempotent=True)
    def again() -> Any:
        with pytest.raises(StepTransientError, match="still at work"):
            call_step(again)
        return 1

    assert call_step(again).output == 1


@pytest.mark.parametrize("output", [None, 0, False, "", [], {}, [{}]])
def test_an_output_that_is_empty_is_given_again_as_it_was(output: Any) -> None:
    calls: list[int] = []

    @step(idempotent=True)
    def empty() -> Any:
        calls.append(1)
        return output

    assert [call_step(empty).output for _ in range(2)] == [output, output]
    assert len(calls) == 1


@pytest.mark.parametrize("tells_time", [True, False])
def test_an_attempt_whose_time_is_over_keeps_no_other_from_the_work(
    tells_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LEASE_SECONDS", -1)
    calls: list[int] = []

    @step(idempotent=True)
    def cut_off() -> Any:
        calls.append(1)
        return call_step(cut_off).output if len(calls) == 1 else len(calls)

    event = StepCall().event({}, {})
    assert cut_off(event, FakeLambdaContext(seconds_left=-1) if tells_time else None) == 2
    assert call_step(cut_off).output == 2


def test_without_a_place_elements_are_told_apart_by_what_they_are_given() -> None:
    keys = {
        StepContext.from_event(StepCall(place="", index=index).event({}, given)).idempotency_key
        for index in (0, 1)
        for given in ({"n": 1}, {"n": 2})
    }
    assert len(keys) == 4


# --- secrets and heartbeats ---


def test_a_secret_is_that_of_the_tenant_or_is_not_set() -> None:
    @step()
    def ask(context: StepContext) -> str:
        context.heartbeat()
        return context.secret("STEP_SECRET_CRM")[:2]

    called = call_step(ask, secrets={"STEP_SECRET_CRM": "key"})
    assert (called.output, called.heartbeats) == ("ke", 1)
    with pytest.raises(SecretNotSetError, match="STEP_SECRET_CRM"):
        call_step(ask)


def test_a_secret_of_a_laptop_is_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_OWNER_TENANT", "default")
    monkeypatch.setenv("STEP_SECRET_CRM", "from the environment")
    assert StepContext(tenant_id="default").secret("STEP_SECRET_CRM") == "from the environment"
    with pytest.raises(SecretNotSetError):
        StepContext(tenant_id="other").secret("STEP_SECRET_CRM")
    StepContext().heartbeat()  # nobody waits for it


def test_a_test_gives_and_takes_json_alone() -> None:
    @step
    def odd() -> Any:
        return {1, 2}

    with pytest.raises(TypeError):
        call_step(odd)
    with pytest.raises(ValueError, match="JSON"):
        call_step(odd, input={"n": float("nan")})


def test_importing_the_sdk_loads_neither_powertools_nor_pydantic() -> None:
    program = (
        "import sys, workflow_engine.sdk\n"
        "print([m for m in ('aws_lambda_powertools', 'pydantic', 'botocore') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
