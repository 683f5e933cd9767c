"""Machines are made once a shape; Step Functions' refusals become the errors of the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.support.backend_cloud import backend, counted
from workflow_engine.errors import MisconfiguredError, ThrottledError, UnavailableError
from workflow_engine.http.problem import problem_of
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.machines.naming import MachineSettings, execution_arn, machine_hash, machine_name
from workflow_engine.machines.port import ExecutionGoneError, MachineGoneError
from workflow_engine.store import keys
from workflow_engine.usecases.engine import Engine

DEFINITION = json.dumps({"QueryLanguage": "JSONata", "StartAt": "a", "States": {"a": {"Type": "Succeed"}}})


@pytest.fixture
def engine() -> Iterator[Engine]:
    with backend() as made:
        yield made


class Refusals:
    """Stands in for one operation of a client: raises these error codes in turn, then does the real thing."""

    def __init__(self, client: Any, operation: str, codes: list[str]) -> None:
        self._real = getattr(client, operation)
        self._operation = operation
        self._codes = codes
        self.calls: list[dict[str, Any]] = []

    def __call__(self, **arguments: Any) -> Any:
        self.calls.append(arguments)
        if self._codes:
            raise ClientError({"Error": {"Code": self._codes.pop(0), "Message": "refused"}}, self._operation)
        return self._real(**arguments)


def refuse(monkeypatch: pytest.MonkeyPatch, engine: Engine, operation: str, *codes: str) -> Refusals:
    refusals = Refusals(engine.stepfunctions, operation, list(codes))
    monkeypatch.setattr(engine.stepfunctions, operation, refusals)
    return refusals


def test_an_equal_definition_makes_no_second_machine_and_a_warm_start_no_call(engine: Engine) -> None:
    first = engine.machines.ensure(DEFINITION)
    with counted(engine.stepfunctions) as calls:
        assert engine.machines.ensure(DEFINITION) == first
    assert calls == []
    assert first.machine_arn.endswith(f"workflow-test-{first.machine_hash}-g1")
    assert len(engine.stepfunctions.list_state_machines()["stateMachines"]) == 1


def test_the_name_fits_and_depends_on_all_that_the_machine_has() -> None:
    base = MachineSettings("workflow", "prod", "arn:role")
    others = [
        MachineSettings("workflow", "dev", "arn:role"),
        MachineSettings("workflow", "prod", "arn:other"),
        MachineSettings("workflow", "prod", "arn:role", "arn:logs"),
    ]
    hashes = {machine_hash(s, DEFINITION) for s in [base, *others]} | {machine_hash(base, DEFINITION + " ")}
    assert len(hashes) == 5
    assert len(machine_name(base, machine_hash(base, DEFINITION), 999)) <= 80


@pytest.mark.parametrize("code", ["StateMachineDeleting", "StateMachineAlreadyExists"])
def test_a_name_that_is_not_free_gives_the_next_generation(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    refuse(monkeypatch, engine, "create_state_machine", code, code)
    machine = engine.machines.ensure(DEFINITION)
    assert (machine.generation, machine.machine_arn[-3:]) == (3, "-g3")


def test_throttling_is_waited_out_and_then_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = refuse(monkeypatch, engine, "create_state_machine", "ThrottlingException", "TooManyRequestsException")
    engine.machines.ensure(DEFINITION)
    assert len(refusals.calls) == 3
    refuse(monkeypatch, engine, "create_state_machine", *["ThrottlingException"] * 10)
    with pytest.raises(ThrottledError) as raised:
        engine.machines.ensure(DEFINITION + " ")
    assert raised.value.retry_after_seconds >= 1


LOG_DESTINATION = "The state machine IAM Role is not authorized to access the Log Destination"


def deny(monkeypatch: pytest.MonkeyPatch, engine: Engine, code: str, message: str, times: int) -> list[str]:
    """Let CreateStateMachine be refused some times; gives the names that it was asked for."""
    real, asked = engine.stepfunctions.create_state_machine, list[str]()

    def create(**arguments: Any) -> Any:
        asked.append(arguments["name"])
        if len(asked) <= times:
            raise ClientError({"Error": {"Code": code, "Message": message}}, "CreateStateMachine")
        return real(**arguments)

    monkeypatch.setattr(engine.stepfunctions, "create_state_machine", create)
    return asked


def test_policies_that_have_not_arrived_everywhere_are_waited_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = deny(monkeypatch, engine, "AccessDeniedException", LOG_DESTINATION, 2)
    assert engine.machines.ensure(DEFINITION).generation == 1
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("code", "message", "attempts"),
    [
        ("AccessDeniedException", LOG_DESTINATION, 4),
        ("AccessDeniedException", "User is not authorized to perform: iam:PassRole", 1),
        ("InvalidLoggingConfiguration", "no", 1),
        ("StateMachineLimitExceeded", "no", 1),
        ("KmsAccessDeniedException", "no", 1),
        ("InvalidArn", "no", 1),
    ],
)
def test_a_refusal_that_only_ops_can_end_names_its_cause_to_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, code: str, message: str, attempts: int
) -> None:
    asked = deny(monkeypatch, engine, code, message, 99)
    with pytest.raises(MisconfiguredError) as raised:
        engine.machines.ensure(DEFINITION)
    assert (raised.value.aws_code, raised.value.aws_message, len(asked)) == (code, message, attempts)
    assert problem_of(raised.value).status == 503


@pytest.mark.parametrize("code", ["ConflictException", "KmsThrottlingException"])
def test_what_passes_at_creation_is_waited_out_like_throttling(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    refusals = refuse(monkeypatch, engine, "create_state_machine", code, code)
    engine.machines.ensure(DEFINITION)
    assert len(refusals.calls) == 3


def test_a_creation_that_gets_no_answer_is_tried_again_and_then_told_as_that(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lost = engine.stepfunctions.create_state_machine, [True, True]

    def create(**arguments: Any) -> Any:
        if lost and lost.pop():
            raise ReadTimeoutError(endpoint_url="https://states")
        return real(**arguments)

    monkeypatch.setattr(engine.stepfunctions, "create_state_machine", create)
    assert engine.machines.ensure(DEFINITION).generation == 1
    lost.extend([True] * 9)
    with pytest.raises(UnavailableError):
        engine.machines.ensure(DEFINITION + " ")


def test_no_attempt_at_creation_begins_when_the_request_would_end_before_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = refuse(monkeypatch, engine, "create_state_machine", *["ThrottlingException"] * 10)
    seconds = iter((0.0, 9.9, 99.0))
    with pytest.raises(ThrottledError):
        replace(engine.machines, clock=lambda: next(seconds)).ensure(DEFINITION)
    assert len(refusals.calls) == 1


def test_a_refused_definition_is_a_diagnostic(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, engine, "create_state_machine", "InvalidDefinition")
    with pytest.raises(InvalidWorkflowError) as raised:
        engine.machines.ensure(DEFINITION)
    assert raised.value.diagnostics[0].code == "WFE-E900"


def test_a_retired_machine_is_made_anew(engine: Engine) -> None:
    first = engine.machines.ensure(DEFINITION)
    machine = engine.machine_records.generation((keys.machine(first.machine_hash), keys.META))
    assert machine is not None
    assert engine.machine_records.retire(machine, "now", "later")
    second = engine.machines.ensure(DEFINITION)
    assert second.generation == 2
    assert engine.machines.ensure(DEFINITION) == second


def test_a_machine_is_renewed_once_by_however_many(engine: Engine) -> None:
    first = engine.machines.ensure(DEFINITION)
    second = engine.machines.renew(first.machine_hash, first.machine_arn)
    assert second is not None
    assert second.generation == 2
    assert engine.machines.renew(first.machine_hash, first.machine_arn) == second
    assert engine.machines.renew("unknown", "arn") is None


def test_a_machine_of_text_that_is_written_otherwise_today_is_renewed_as_it_was(engine: Engine) -> None:
    today = DEFINITION.replace('"Succeed"', '"Succeed", "Output": "{% 1 %}"')
    older = today.replace("{% 1 %}", "{%1%}")
    first = engine.machines.ensure(older)
    assert engine.machines.ensure(today).machine_hash != first.machine_hash
    renewed = engine.machines.renew(first.machine_hash, first.machine_arn)
    assert renewed is not None
    machine = engine.stepfunctions.describe_state_machine(stateMachineArn=renewed.machine_arn)
    assert machine["definition"] == older


def test_the_arn_of_an_execution_is_known_before_it_starts(engine: Engine) -> None:
    machine = engine.machines.ensure(DEFINITION)
    started = engine.runs.start(machine.machine_arn, "run-1", "{}")
    assert started == execution_arn(machine.machine_arn, "run-1")


def test_what_is_gone_says_so(engine: Engine) -> None:
    machine = engine.machines.ensure(DEFINITION)
    engine.stepfunctions.delete_state_machine(stateMachineArn=machine.machine_arn)
    with pytest.raises(MachineGoneError):
        engine.runs.start(machine.machine_arn, "run-1", "{}")
    missing = execution_arn(machine.machine_arn, "never")
    with pytest.raises(ExecutionGoneError):
        next(engine.history.read(missing))
    with pytest.raises(ExecutionGoneError):
        engine.runs.stop(missing, "because")


def test_history_is_read_page_by_page(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[dict[str, Any]] = [
        {"events": [{"id": 1}], "nextToken": "two"},
        {"events": [{"id": 2}], "nextToken": "three"},
        {"events": [{"id": 3}]},
    ]
    asked: list[Any] = []

    def answer(**arguments: Any) -> dict[str, Any]:
        asked.append(arguments.get("nextToken"))
        return pages[len(asked) - 1]

    monkeypatch.setattr(engine.stepfunctions, "get_execution_history", answer)
    assert [e["id"] for e in engine.history.read("arn")] == [1, 2, 3]
    assert asked == [None, "two", "three"]
