"""The actions of the API, from another thread."""

from __future__ import annotations

import contextlib
import gc
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import Head, JournalError
from infra.local.stepfunctions.lambdas import LambdaFunctions
from infra.local.stepfunctions.service import ClosedError, StepFunctions, sqlite_in
from infra.local.stepfunctions.sqlite_journal import SqliteJournal
from tests.local.stepfunctions.support import ACCOUNT, ACTIVITY, CALLBACK, PATIENCE_SECONDS, REGION, single, task

PASS = {"Type": "Pass", "End": True}


def functions() -> LambdaFunctions:
    return LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"f": lambda event, context: event})


def definition(state: dict[str, Any], **more: Any) -> str:
    return json.dumps({"QueryLanguage": "JSONata", **single(state), **more})


@pytest.fixture
def client() -> Iterator[StepFunctions]:
    with StepFunctions(functions(), skips_time=True) as opened:
        yield opened


def machine(client: StepFunctions, state: dict[str, Any], name: str = "m", **more: Any) -> str:
    arn: str = client.create_state_machine(name=name, definition=definition(state), roleArn="r", **more)[
        "stateMachineArn"
    ]
    return arn


def refusal(call: Any, **request: Any) -> str:
    with pytest.raises(ServiceError) as refused:
        call(**request)
    return refused.value.code


def test_an_execution_is_started_described_and_listed(client: StepFunctions) -> None:
    arn = machine(client, {**PASS, "Output": {"x": 1}})
    started = client.start_execution(stateMachineArn=arn, name="run", input='{"a":1}')
    client.wait_for_end(started["executionArn"])
    described = client.describe_execution(executionArn=started["executionArn"])
    assert described["executionArn"] == f"arn:aws:states:us-east-1:{ACCOUNT}:execution:m:run"
    assert (described["status"], described["input"], described["output"]) == ("SUCCEEDED", '{"a":1}', '{"x":1}')
    assert described["startDate"] == started["startDate"]
    [first] = client.get_execution_history(executionArn=started["executionArn"], maxResults=1)["events"]
    assert (first["timestamp"], first["previousEventId"]) == (started["startDate"], 0)
    assert timedelta() <= described["stopDate"] - started["startDate"] < timedelta(minutes=1)
    assert described["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    [listed] = client.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"]
    assert listed["name"] == "run"
    assert client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"] == []


def test_a_name_is_taken_once(client: StepFunctions) -> None:
    arn = machine(client, {"Type": "Wait", "Seconds": 1, "End": True})
    waiting = machine(client, {**task("f", 1), "Resource": CALLBACK}, "waiting")
    first = client.start_execution(stateMachineArn=waiting, name="n", input="1")
    assert client.start_execution(stateMachineArn=waiting, name="n", input="1") == first
    assert refusal(client.start_execution, stateMachineArn=waiting, name="n", input="2") == "ExecutionAlreadyExists"
    ended = client.start_execution(stateMachineArn=arn, name="n")["executionArn"]
    client.wait_for_end(ended)
    assert refusal(client.start_execution, stateMachineArn=arn, name="n") == "ExecutionAlreadyExists"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"input": "{"}, "InvalidExecutionInput"),
        ({"input": "NaN"}, "InvalidExecutionInput"),
        ({"input": "[" * 100_000}, "InvalidExecutionInput"),
        ({"name": "\ud800"}, "InvalidName"),
        ({"input": json.dumps("x" * 262_143)}, "ValidationException"),
        ({"name": "a b"}, "InvalidName"),
        ({"name": "x" * 81}, "InvalidName"),
        ({"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:nobody"}, "StateMachineDoesNotExist"),
    ],
)
def test_a_start_that_aws_refuses_is_refused(client: StepFunctions, request_: dict[str, Any], code: str) -> None:
    assert refusal(client.start_execution, **({"stateMachineArn": machine(client, PASS)} | request_)) == code


def test_a_machine_is_created_once_updated_and_deleted(client: StepFunctions) -> None:
    arn = machine(client, PASS)
    assert machine(client, PASS) == arn
    other = definition({"Type": "Succeed"})
    assert refusal(client.create_state_machine, name="m", definition=other) == "StateMachineAlreadyExists"
    client.update_state_machine(stateMachineArn=arn, definition=other)
    assert client.describe_state_machine(stateMachineArn=arn)["definition"] == other
    assert [m["name"] for m in client.list_state_machines()["stateMachines"]] == ["m"]
    client.delete_state_machine(stateMachineArn=arn)
    assert refusal(client.describe_state_machine, stateMachineArn=arn) == "StateMachineDoesNotExist"


def test_a_run_keeps_the_definition_that_it_began_with(client: StepFunctions) -> None:
    arn = machine(client, {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK, "Output": "old"})
    started = client.start_execution(stateMachineArn=arn)["executionArn"]
    client.update_state_machine(stateMachineArn=arn, definition=definition({**PASS, "Output": "new"}))
    client.delete_state_machine(stateMachineArn=arn)
    tokens = tokens_of(client, started)
    client.send_task_success(taskToken=tokens[0], output="1")
    assert client.wait_for_end(started).output == '"old"'


def tokens_of(client: StepFunctions, execution: str) -> list[str]:
    """The tokens of a run's tasks, once the first of them waits for its answer."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        events = client.get_execution_history(executionArn=execution)["events"]
        if "TaskSubmitted" in [event["type"] for event in events]:
            scheduled = [e["taskScheduledEventDetails"] for e in events if e["type"] == "TaskScheduled"]
            return [json.loads(details["parameters"])["Payload"] for details in scheduled]
        time.sleep(0.01)
    raise AssertionError("No task waits for an answer.")


@pytest.mark.parametrize(
    "wrong",
    [
        "{",
        definition({"Type": "Pass", "Next": "nowhere"}),
        definition({**PASS, "Output": "{% $a ?? 1 %}"}),
        definition({**PASS, "Output": "{% a ?: 1 %}"}),
        definition({**PASS, "InputPath": "$.x"}),
        definition({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}),
    ],
)
def test_a_definition_that_cannot_run_is_refused(client: StepFunctions, wrong: str) -> None:
    assert refusal(client.create_state_machine, name="m", definition=wrong) == "InvalidDefinition"
    validated = client.validate_state_machine_definition(definition=wrong)
    assert (validated["result"], validated["diagnostics"][0]["severity"]) == ("FAIL", "ERROR")


def test_histories_are_read_in_pages_backwards_and_without_data(client: StepFunctions) -> None:
    arn = client.start_execution(stateMachineArn=machine(client, PASS), input='{"a":1}')["executionArn"]
    client.wait_for_end(arn)
    first = client.get_execution_history(executionArn=arn, maxResults=3)
    rest = client.get_execution_history(executionArn=arn, maxResults=3, nextToken=first["nextToken"])
    assert [e["id"] for e in first["events"] + rest["events"]] == [1, 2, 3, 4]
    assert "nextToken" not in rest
    [last] = client.get_execution_history(executionArn=arn, maxResults=1, reverseOrder=True)["events"]
    assert (last["type"], last["timestamp"].tzinfo) == ("ExecutionSucceeded", UTC)
    bare = client.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    assert bare[1]["stateEnteredEventDetails"] == {"name": "S"}
    assert refusal(client.get_execution_history, executionArn=arn, nextToken="x") == "InvalidToken"


def test_executions_are_listed_in_pages_newest_first(client: StepFunctions) -> None:
    arn = machine(client, PASS)
    for number in range(5):
        client.start_execution(stateMachineArn=arn, name=f"run-{number}")
    first = client.list_executions(stateMachineArn=arn, maxResults=3)
    rest = client.list_executions(stateMachineArn=arn, maxResults=3, nextToken=first["nextToken"])
    assert [e["name"] for e in first["executions"] + rest["executions"]] == [f"run-{n}" for n in (4, 3, 2, 1, 0)]


def test_an_express_machine_answers_at_once(client: StepFunctions) -> None:
    arn = machine(
        client, {**task("f", "{% $states.input.n * 2 %}"), "Output": "{% $states.result.Payload %}"}, type="EXPRESS"
    )
    answer = client.start_sync_execution(stateMachineArn=arn, input='{"n":21}')
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "42")
    assert answer["billingDetails"]["billedDurationInMilliseconds"] >= 100
    standard = machine(client, PASS, "standard")
    assert refusal(client.start_sync_execution, stateMachineArn=standard) == "StateMachineTypeNotSupported"


def test_a_failed_run_is_redriven(client: StepFunctions) -> None:
    condition = "{% $states.context.Execution.RedriveCount = 1 %}"
    more = {
        "States": {
            "S": {"Type": "Choice", "Choices": [{"Condition": condition, "Next": "T"}]},
            "T": {"Type": "Succeed"},
        }
    }
    arn = client.create_state_machine(name="m", definition=definition({}, **more))["stateMachineArn"]
    run = client.start_execution(stateMachineArn=arn)["executionArn"]
    assert client.wait_for_end(run).status == "FAILED"
    assert client.describe_execution(executionArn=run)["redriveStatus"] == "REDRIVABLE"
    redriven = client.redrive_execution(executionArn=run)["redriveDate"]
    assert client.wait_for_end(run).status == "SUCCEEDED"
    described = client.describe_execution(executionArn=run)
    assert (described["redriveCount"], described["redriveDate"]) == (1, redriven)
    assert refusal(client.redrive_execution, executionArn=run) == "ExecutionNotRedrivable"


def test_an_activity_is_served_to_a_worker(client: StepFunctions) -> None:
    assert client.create_activity(name="review")["activityArn"] == ACTIVITY
    arn = machine(client, {"Type": "Task", "Resource": ACTIVITY, "End": True})
    run = client.start_execution(stateMachineArn=arn, input='{"doc":1}')["executionArn"]
    got = client.get_activity_task(activityArn=ACTIVITY, workerName="me")
    assert got["input"] == '{"doc":1}'
    client.send_task_failure(taskToken=got["taskToken"], error="Rejected", cause="no")
    assert client.wait_for_end(run).error == "Rejected"
    assert client.get_activity_task(activityArn=ACTIVITY) == {}
    client.delete_activity(activityArn=ACTIVITY)
    assert refusal(client.get_activity_task, activityArn=ACTIVITY) == "ActivityDoesNotExist"


def test_what_was_answered_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    state = {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK}
    with StepFunctions(functions(), journal=sqlite_in(tmp_path)) as client:
        run = client.start_execution(stateMachineArn=machine(client, state), name="run")["executionArn"]
        tokens = tokens_of(client, run)
    with StepFunctions(functions(), journal=sqlite_in(tmp_path)) as client:
        client.send_task_success(taskToken=tokens[0], output='"yes"')
        assert client.wait_for_end(run).output == '"yes"'


def test_a_folder_in_use_is_refused_where_it_is_opened(tmp_path: Path) -> None:
    with StepFunctions(functions(), journal=sqlite_in(tmp_path)), pytest.raises(JournalError, match="uses the data"):
        StepFunctions(functions(), journal=sqlite_in(tmp_path))


def test_that_nothing_can_be_kept_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hearing, release = threading.Event(), threading.Event()

    def hear(_: Head) -> None:
        hearing.set()
        release.wait(30)

    with StepFunctions(functions(), journal=sqlite_in(tmp_path), on_end=hear) as client:
        arn = machine(client, {"Type": "Succeed"})
        client.start_execution(stateMachineArn=arn)
        assert hearing.wait(30)
        with contextlib.closing(sqlite3.connect(tmp_path / "stepfunctions.db")) as other:
            other.execute("DROP TABLE entry")
        with pytest.raises(JournalError, match="cannot be written"):
            client.start_execution(stateMachineArn=arn)
        release.set()
    del client
    gc.collect()
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


def test_when_nothing_can_be_kept_whoever_asks_is_told_so(tmp_path: Path) -> None:
    with StepFunctions(functions(), journal=sqlite_in(tmp_path)) as client:
        state = {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK}
        arn = machine(client, state)
        run = client.start_execution(stateMachineArn=arn)["executionArn"]
        waiting: list[BaseException] = []

        def wait() -> None:
            try:
                client.wait_for_end(run)
            except JournalError as error:
                waiting.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        other = sqlite3.connect(tmp_path / "stepfunctions.db")
        other.execute("DROP TABLE entry")
        other.commit()
        other.close()
        with pytest.raises(JournalError, match="cannot be written"):
            client.start_execution(stateMachineArn=arn)
        with pytest.raises(JournalError, match="cannot be written"):
            client.describe_execution(executionArn=run)
        waiter.join(30)
        assert [type(error) for error in waiting] == [JournalError]


@pytest.mark.filterwarnings("error")
def test_it_ends_where_the_last_that_was_written_cannot_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = SqliteJournal.close

    def full(journal: SqliteJournal) -> None:
        close(journal)
        failure = JournalError("The journal cannot be written: database or disk is full")
        assert journal.on_failure is not None
        journal.on_failure(failure)
        raise failure

    with StepFunctions(functions(), journal=sqlite_in(tmp_path)) as client:
        machine(client, PASS)
        monkeypatch.setattr(SqliteJournal, "close", full)
    assert not client._thread.is_alive()
    assert "disk is full" in caplog.text


@pytest.mark.filterwarnings("error")
def test_who_asks_what_is_closed_is_told_so() -> None:
    with StepFunctions(functions()) as client:
        run = client.start_execution(stateMachineArn=machine(client, {**task(), "Resource": CALLBACK}))["executionArn"]
        waiting: list[BaseException] = []
        asks = [
            lambda: client.wait_for_end(run),
            lambda: client.get_activity_task(activityArn=client.create_activity(name="a")["activityArn"]),
        ]
        waiters = [threading.Thread(target=lambda ask=ask: waiting.append(error_of(ask))) for ask in asks]
        for waiter in waiters:
            waiter.start()
        tokens_of(client, run)
    for waiter in waiters:
        waiter.join(30)
    assert [type(error) for error in waiting] == [ClosedError, ClosedError]
    for _ in range(2):
        assert isinstance(error_of(lambda: client.describe_execution(executionArn=run)), ClosedError)
    gc.collect()  # a request that nobody awaited is told of now


def error_of(ask: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what the caller wants to know
        ask()
    return raised.value


@pytest.mark.filterwarnings("error")
def test_what_is_answered_while_it_closes_is_kept_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    answered: list[str] = []
    refused: list[BaseException] = []
    begun = threading.Barrier(9)

    def ask() -> None:
        begun.wait(30)
        while not refused:
            try:
                answered.append(client.start_execution(stateMachineArn=arn)["executionArn"])
            except ClosedError as error:
                refused.append(error)

    with StepFunctions(functions(), journal=sqlite_in(tmp_path)) as client:
        arn = machine(client, PASS)
        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        begun.wait(30)
        while len(answered) < 50:
            time.sleep(0.001)
    for asker in askers:
        asker.join(30)
    assert not any(asker.is_alive() for asker in askers)
    with StepFunctions(functions(), journal=sqlite_in(tmp_path)) as client:
        assert {client.wait_for_end(run).status for run in answered} == {"SUCCEEDED"}
    gc.collect()


def test_it_ends_at_once_while_a_function_hangs() -> None:
    working, release = threading.Event(), threading.Event()

    def hang(event: Any, context: Any) -> None:
        working.set()
        release.wait(60)

    hanging = LambdaFunctions(region=REGION, account=ACCOUNT, handlers={"f": hang})
    before = datetime.now(UTC)
    with StepFunctions(hanging) as client:
        client.start_execution(stateMachineArn=machine(client, task()))
        assert working.wait(30)
    release.set()
    assert datetime.now(UTC) - before < timedelta(seconds=30)


def test_it_needs_neither_boto3_nor_moto() -> None:
    heavy = ("boto3", "botocore", "moto", "pydantic", "sqlite3")
    code = f"import sys, infra.local.stepfunctions.service; print([m for m in {heavy} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert told == "[]\n"
